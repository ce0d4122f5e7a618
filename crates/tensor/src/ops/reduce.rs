//! Sums over axes, and their adjoint: stretching.

use ndarray::ArrayView1;

use crate::engine::{apply_own, own};
use crate::ops::runs::{Along, Parts, Run, array, runs};
use crate::ops::total::{PART, SPAN, room, total};
use crate::ops::{Outcome, broadcast_shape, one};
use crate::{Float, Primitive, SharedArray, Tensor, TensorError, dense};

pub(super) const NAMES: &[&str] = &["sum_to", "broadcast_to"];

own!(SumTo, BroadcastTo);

/// Sums the axes along which `shape` was stretched to that of `x`.
fn shrink<F: Float>(x: &SharedArray<F>, shape: &[usize]) -> Outcome<SharedArray<F>> {
    let fits = broadcast_shape("sum_to", x.shape(), shape).is_ok_and(|s| s == x.shape());
    if !fits {
        return Err(TensorError::shape(
            "sum_to",
            &[x.shape(), shape],
            "a shape that stretches to the operand's",
        ));
    }
    let (mut sums, count) = room("sum_to", shape)?;
    sums.resize(count, F::zero());
    if !x.is_empty() {
        add_up(&runs(x.shape(), shape), &dense(x), &mut sums);
    }
    array("sum_to", shape, sums)
}

/// Adds `x` to `sums`, which lacks the runs that go along the first operand alone.
fn add_up<F: Float>(runs: &[Run], x: &[F], sums: &mut [F]) {
    match *runs {
        [] => sums[0] += x[0],
        [(_, Along::First)] => sums[0] += total(x, |x| ArrayView1::from(x).sum()),
        [(_, _)] => sums.iter_mut().zip(x).for_each(|(sum, &x)| *sum += x),
        [(extent, Along::First), ref inner @ ..] if extent > SPAN => {
            let row = x.len() / extent;
            let mut totals = vec![0.0; sums.len()];
            let mut of_part = vec![F::zero(); sums.len()];
            for x in x.chunks(PART * row) {
                let rows = x.len() / row;
                of_part.fill(F::zero());
                add_up(&[&[(rows, Along::First)], inner].concat(), x, &mut of_part);
                let pairs = totals.iter_mut().zip(&of_part);
                pairs.for_each(|(total, sum)| *total += sum.as_f64());
            }
            let pairs = sums.iter_mut().zip(totals);
            pairs.for_each(|(sum, total)| *sum += F::of(total));
        }
        [(extent, along), ref inner @ ..] => {
            let parts = Parts::of(x, extent, true);
            let (stride, length) = match along {
                Along::First => (0, sums.len()),
                _ => (sums.len() / extent, sums.len() / extent),
            };
            for i in 0..extent {
                add_up(inner, parts.at(i), &mut sums[i * stride..][..length]);
            }
        }
    }
}

/// `x` stretched to `shape`, in row-major order.
fn stretch<F: Float>(x: &SharedArray<F>, shape: &[usize]) -> Outcome<SharedArray<F>> {
    let fits = broadcast_shape("broadcast_to", x.shape(), shape).is_ok_and(|s| s == shape);
    if !fits {
        return Err(TensorError::shape(
            "broadcast_to",
            &[x.shape(), shape],
            "a shape that the operand stretches to",
        ));
    }
    let (mut out, count) = room("broadcast_to", shape)?;
    if count > 0 {
        repeat(&runs(shape, x.shape()), &dense(x), &mut out);
    }
    array("broadcast_to", shape, out)
}

/// Appends `x`, the same again along the runs that go along the first operand alone.
fn repeat<F: Float>(runs: &[Run], x: &[F], out: &mut Vec<F>) {
    match *runs {
        [] => out.push(x[0]),
        [(extent, Along::First)] => out.extend(std::iter::repeat_n(x[0], extent)),
        [(_, _)] => out.extend_from_slice(x),
        [(extent, along), ref inner @ ..] => {
            let parts = Parts::of(x, extent, along != Along::First);
            for i in 0..extent {
                repeat(inner, parts.at(i), out);
            }
        }
    }
}

/// Sums the operand down to a shape that broadcasts to it.
#[derive(Debug)]
struct SumTo(Vec<usize>);

impl<F: Float> Primitive<F> for SumTo {
    fn name(&self) -> &'static str {
        "sum_to"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        shrink(one("sum_to", operands)?, &self.0)
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        g.broadcast_to(operands[0].shape())
    }
}

/// Stretches the operand to a shape.
#[derive(Debug)]
struct BroadcastTo(Vec<usize>);

impl<F: Float> Primitive<F> for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        stretch(one("broadcast_to", operands)?, &self.0)
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        g.sum_to(operands[0].shape())
    }
}

impl<F: Float> Tensor<F> {
    /// The sum over the axes along which `shape` would be stretched to this tensor's; the tensor itself if none.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if `shape` does not broadcast to this tensor's.
    pub fn sum_to(&self, shape: &[usize]) -> Outcome<Tensor<F>> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        apply_own(SumTo(shape.to_vec()), &[self])
    }

    /// This tensor stretched to `shape`; the tensor itself if it has that shape.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if this tensor does not broadcast to `shape`.
    pub fn broadcast_to(&self, shape: &[usize]) -> Outcome<Tensor<F>> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        apply_own(BroadcastTo(shape.to_vec()), &[self])
    }

    /// The sum of all elements, of no dimensions.
    ///
    /// # Errors
    /// None for a tensor of any shape.
    pub fn sum_all(&self) -> Outcome<Tensor<F>> {
        self.sum_to(&[])
    }

    /// The sum over `axis`, which keeps extent 1.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis.
    pub fn sum_keep(&self, axis: usize) -> Outcome<Tensor<F>> {
        let mut shape = self.shape().to_vec();
        match shape.get_mut(axis) {
            Some(extent) => *extent = 1,
            None => {
                return Err(TensorError::shape(
                    "sum_keep",
                    &[self.shape()],
                    format!("an axis below the rank, not {axis}"),
                ));
            }
        }
        self.sum_to(&shape)
    }

    /// The sum over `axis`, which goes away.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis.
    pub fn sum(&self, axis: usize) -> Outcome<Tensor<F>> {
        let kept = self.sum_keep(axis)?;
        let mut shape = kept.shape().to_vec();
        shape.remove(axis);
        kept.reshape(&shape)
    }

    /// The mean over `axis`, which goes away.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no such axis or its extent is zero.
    pub fn mean(&self, axis: usize) -> Outcome<Tensor<F>> {
        match self.shape().get(axis) {
            Some(&extent) if extent > 0 => self.sum(axis)?.scale(1.0 / extent as f64),
            _ => Err(TensorError::shape(
                "mean",
                &[self.shape()],
                format!("axis {axis} with at least one element"),
            )),
        }
    }
}
