//! The larger and the smaller: of two operands, of an operand and bounds, along an axis; and the choice by a mask. At ties and bounds
//! the derivatives are PyTorch's.

use std::borrow::Borrow;

use ndarray::{ArrayD, Axis};

use crate::engine::{apply_own, own};
use crate::ops::arithmetic::zip;
use crate::ops::runs::array;
use crate::ops::share::{share, shared_out};
use crate::ops::total::room;
use crate::ops::{Outcome, broadcast_shape, check_axis, one, two};
use crate::{Float, Primitive, SharedArray, Tensor, TensorError, dense};

pub(super) const NAMES: &[&str] = &["maximum", "clamp", "choose", "max_keep"];

/// Truth values under a tensor's shape, shared.
pub type Mask = ndarray::ArcArray<bool, ndarray::IxDyn>;

/// The larger of two operands; NaN if one is.
#[derive(Debug)]
struct Maximum;

/// The operand held to bounds; NaN stays.
#[derive(Debug)]
struct Clamp {
    low: f64,
    high: f64,
}

/// The first operand where the mask says so, else the second.
#[derive(Clone, Debug)]
struct Choose(Mask);

/// The largest element along an axis, which keeps extent 1; NaN if one is.
#[derive(Debug)]
struct MaxKeep(usize);

own!(Maximum, Clamp, Choose, MaxKeep);

/// The larger, or NaN if one of them is.
fn larger<F: Float>(p: F, q: F) -> F {
    if p > q || p.is_nan() { p } else { q }
}

impl<F: Float> Primitive<F> for Maximum {
    fn name(&self) -> &'static str {
        "maximum"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        zip("maximum", operands, larger)
    }

    fn vjp(
        &self,
        argument: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        // At a tie each gets half.
        let half = F::of(0.5);
        let share = |mine: F, other: F| match mine.partial_cmp(&other) {
            Some(std::cmp::Ordering::Equal) => half,
            Some(std::cmp::Ordering::Less) => F::zero(),
            // NaN spreads.
            _ => F::one(),
        };
        let (mine, other) = (&operands[argument], &operands[1 - argument]);
        shared_out(g, zip("maximum", &[mine.value(), other.value()], share)?)
    }
}

impl<F: Float> Primitive<F> for Clamp {
    fn name(&self) -> &'static str {
        "clamp"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let (low, high) = (F::of(self.low), F::of(self.high));
        let x = one("clamp", operands)?;
        let clamp = |x: F| {
            if x < low {
                low
            } else if x > high {
                high
            } else {
                x
            }
        };
        array(
            "clamp",
            x.shape(),
            dense(x).iter().map(|&x| clamp(x)).collect(),
        )
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        let (low, high) = (F::of(self.low), F::of(self.high));
        let within = |x: F| {
            if low < x && x < high {
                F::one()
            } else {
                F::zero()
            }
        };
        share(g, &operands[0], within)
    }
}

impl<F: Float> Primitive<F> for Choose {
    fn name(&self) -> &'static str {
        "choose"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let (a, b) = two("choose", operands)?;
        let shape = broadcast_shape("choose", a.shape(), b.shape())
            .and_then(|both| broadcast_shape("choose", self.0.shape(), &both))
            .map_err(|_| {
                TensorError::shape(
                    "choose",
                    &[self.0.shape(), a.shape(), b.shape()],
                    "mask and operands that broadcast to one shape",
                )
            })?;
        let (mut out, _) = room("choose", &shape)?;
        let stretched = (
            self.0.broadcast(shape.as_slice()),
            a.broadcast(shape.as_slice()),
            b.broadcast(shape.as_slice()),
        );
        let (Some(mask), Some(a), Some(b)) = stretched else {
            return Err(TensorError::shape("choose", &[&shape], "a smaller shape"));
        };
        let rows = mask.iter().zip(a.iter()).zip(b.iter());
        out.extend(rows.map(|((&mask, &a), &b)| if mask { a } else { b }));
        array("choose", &shape, out)
    }

    fn vjp(
        &self,
        argument: usize,
        _: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        let zero = Tensor::scalar(F::zero());
        match argument {
            0 => apply_own(self.clone(), &[g, &zero]),
            _ => apply_own(self.clone(), &[&zero, g]),
        }
    }
}

impl<F: Float> Primitive<F> for MaxKeep {
    fn name(&self) -> &'static str {
        "max_keep"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("max_keep", operands)?;
        check_axis("max_keep", x.shape(), self.0)?;
        if x.shape()[self.0] == 0 {
            return Err(TensorError::shape(
                "max_keep",
                &[x.shape()],
                format!("axis {} with at least one element", self.0),
            ));
        }
        // A walk along an axis of entries without elements could take days.
        if x.is_empty() {
            let mut shape = x.shape().to_vec();
            shape[self.0] = 1;
            return array("max_keep", &shape, Vec::new());
        }
        let axis = Axis(self.0);
        let largest = x.fold_axis(axis, F::neg_infinity(), |&m, &x| larger(x, m));
        Ok(largest.insert_axis(axis).into_shared())
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        y: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        // Elements that tie share evenly, as in PyTorch's `amax`; NaN ties with nothing, so that all becomes NaN.
        let equal = |x: F, y: F| if x == y { F::one() } else { F::zero() };
        let ties = zip("max_keep", &[operands[0].value(), y.value()], equal)?;
        let counts = ties.sum_axis(Axis(self.0)).insert_axis(Axis(self.0));
        g.mul(Tensor::shared((ties / counts).into_shared()))
    }
}

/// The place along `axis` of the element that `better` prefers to every one before it.
fn places<F: Float>(
    op: &'static str,
    x: &Tensor<F>,
    axis: usize,
    better: fn(F, F) -> bool,
) -> Outcome<ArrayD<usize>> {
    check_axis(op, x.shape(), axis)?;
    if x.shape()[axis] == 0 {
        return Err(TensorError::shape(
            op,
            &[x.shape()],
            format!("axis {axis} with at least one element"),
        ));
    }
    Ok(x.value().map_axis(Axis(axis), |lane| {
        let mut best = 0;
        for (i, &x) in lane.iter().enumerate() {
            // NaN comes before everything, as in PyTorch and NumPy.
            if !lane[best].is_nan() && (x.is_nan() || better(x, lane[best])) {
                best = i;
            }
        }
        best
    }))
}

impl<F: Float> Tensor<F> {
    /// The larger of two operands, element by element, broadcast; NaN if one is. At a tie the gradient is shared.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the shapes do not broadcast.
    pub fn maximum(&self, other: impl Borrow<Tensor<F>>) -> Outcome<Tensor<F>> {
        apply_own(Maximum, &[self, other.borrow()])
    }

    /// The smaller of two operands; see [`maximum`](Self::maximum).
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the shapes do not broadcast.
    pub fn minimum(&self, other: impl Borrow<Tensor<F>>) -> Outcome<Tensor<F>> {
        self.neg()?.maximum(other.borrow().neg()?)?.neg()
    }

    /// Every element held to `low..=high`; NaN stays. The gradient passes between the bounds and not on them, as in `torch.clamp` of
    /// PyTorch 2.15; earlier ones let it pass on them.
    ///
    /// # Errors
    /// [`TensorError::Op`] if `low` is not at most `high`.
    pub fn clamp(&self, low: f64, high: f64) -> Outcome<Tensor<F>> {
        if !matches!(
            low.partial_cmp(&high),
            Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal)
        ) {
            return Err(TensorError::Op {
                op: "clamp",
                reason: format!("the lower bound {low} is above the upper one {high}"),
            });
        }
        apply_own(Clamp { low, high }, &[self])
    }

    /// This tensor's element where `mask` says so, else `other`'s; all three are broadcast. What is not chosen has no
    /// influence, NaN or not.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the shapes do not broadcast.
    #[doc(alias = "where")]
    pub fn choose(&self, mask: &Mask, other: impl Borrow<Tensor<F>>) -> Outcome<Tensor<F>> {
        apply_own(Choose(mask.clone()), &[self, other.borrow()])
    }

    /// The largest element along `axis`, which keeps extent 1; NaN if one is. Elements that tie share the gradient evenly, as in
    /// `torch.amax`; `torch.max` along an axis gives all of it to one of them.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis or it is empty.
    pub fn max_keep(&self, axis: usize) -> Outcome<Tensor<F>> {
        apply_own(MaxKeep(axis), &[self])
    }

    /// The largest element along `axis`, which goes away; see [`max_keep`](Self::max_keep).
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis or it is empty.
    pub fn max(&self, axis: usize) -> Outcome<Tensor<F>> {
        self.max_keep(axis)?.squeeze(axis)
    }

    /// The smallest element along `axis`, which goes away; see [`max_keep`](Self::max_keep).
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis or it is empty.
    pub fn min(&self, axis: usize) -> Outcome<Tensor<F>> {
        self.neg()?.max(axis)?.neg()
    }

    /// The place of the largest element along `axis`, the first of those that tie; that of a NaN if there is one.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis or it is empty.
    pub fn argmax(&self, axis: usize) -> Outcome<ArrayD<usize>> {
        places("argmax", self, axis, |x, best| x > best)
    }

    /// The place of the smallest element along `axis`; see [`argmax`](Self::argmax).
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis or it is empty.
    pub fn argmin(&self, axis: usize) -> Outcome<ArrayD<usize>> {
        places("argmin", self, axis, |x, best| x < best)
    }
}
