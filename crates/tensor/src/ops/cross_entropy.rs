//! Cross-entropy of logits with the classes that are right, summed over the rows.
//!
//! ```text
//! l = sum over rows r of (ln sum_j e^{x_rj} - x_{r c(r)});      dl/dx_r = softmax(x_r) - onehot(c(r))
//! ```
//!
//! Made of `log_softmax`, a table of ones and zeros, a product and a sum, the same takes a dozen arrays of the size of the logits,
//! forward and back; as one primitive it reads the logits twice and writes one array.

use std::sync::Arc;

use crate::engine::{apply_own, own};
use crate::kernels::{Kernels, vectorised};
use crate::ops::runs::array;
use crate::ops::single::in_place;
use crate::ops::total::total;
use crate::ops::{Outcome, one, two};
use crate::{Float, Primitive, SharedArray, Tensor, TensorError, dense};

pub(super) const NAMES: &[&str] = &["cross_entropy", "cross_entropy_slope"];

own!(CrossEntropy, CrossEntropySlope);

/// The right class of every row; a row without one counts nothing.
type Classes = Arc<[Option<usize>]>;

/// l of logits `[rows, K]`.
#[derive(Clone, Debug)]
struct CrossEntropy(Classes);

/// `g dl/dx` of logits `[rows, K]` and a scalar g.
#[derive(Clone, Debug)]
struct CrossEntropySlope(Classes);

/// The width K of logits that have a row for each class.
fn check(op: &'static str, logits: &[usize], classes: &[Option<usize>]) -> Outcome<usize> {
    match *logits {
        [rows, width]
            if rows == classes.len() && classes.iter().flatten().all(|&class| class < width) =>
        {
            Ok(width)
        }
        _ => Err(TensorError::shape(
            op,
            &[logits],
            format!("{} rows, and more columns than any class", classes.len()),
        )),
    }
}

/// How many sums run side by side: an addition takes some four times as long as the next one has to wait for it.
const LANES: usize = 16;

fn largest<F: Float>(row: &[F]) -> F {
    let larger = |a: F, b: F| if b > a { b } else { a };
    vectorised(|| {
        let mut lanes = [F::neg_infinity(); LANES];
        let chunks = row.chunks_exact(LANES);
        let rest = chunks.remainder().iter();
        chunks.for_each(|chunk| {
            lanes
                .iter_mut()
                .zip(chunk)
                .for_each(|(m, &x)| *m = larger(*m, x));
        });
        rest.chain(&lanes)
            .fold(F::neg_infinity(), |m, &x| larger(m, x))
    })
}

fn sum<F: Float>(row: &[F]) -> F {
    vectorised(|| {
        let mut lanes = [F::zero(); LANES];
        let chunks = row.chunks_exact(LANES);
        let rest = chunks.remainder().iter().copied().sum::<F>();
        chunks.for_each(|chunk| {
            lanes.iter_mut().zip(chunk).for_each(|(sum, &x)| *sum += x);
        });
        rest + lanes.iter().copied().sum::<F>()
    })
}

/// Puts `e^(x - max x)` of a row into `powers`; gives `max x` and the sum of the powers.
fn powers<F: Float>(row: &[F], powers: &mut Vec<F>) -> (F, F) {
    let largest = largest(row);
    powers.clear();
    powers.extend(row.iter().map(|&x| x - largest));
    if !in_place(powers, f32::exp_slice) {
        powers.iter_mut().for_each(|x| *x = x.exp());
    }
    (largest, total(powers, sum))
}

impl<F: Float> Primitive<F> for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("cross_entropy", operands)?;
        let width = check("cross_entropy", x.shape(), &self.0)?;
        let (x, mut spare) = (dense(x), Vec::new());
        let mut losses = Vec::with_capacity(self.0.len());
        for (row, class) in x.chunks_exact(width.max(1)).zip(self.0.iter()) {
            if let Some(class) = *class {
                let (largest, total) = powers(row, &mut spare);
                losses.push(total.ln() - (row[class] - largest));
            }
        }
        let sum = total(&losses, |losses| {
            losses.iter().fold(F::zero(), |sum, &loss| sum + loss)
        });
        array("cross_entropy", &[], vec![sum])
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        apply_own(CrossEntropySlope(Arc::clone(&self.0)), &[&operands[0], g])
    }
}

impl<F: Float> Primitive<F> for CrossEntropySlope {
    fn name(&self) -> &'static str {
        "cross_entropy_slope"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let (x, g) = two("cross_entropy_slope", operands)?;
        let width = check("cross_entropy_slope", x.shape(), &self.0)?;
        let (Some(&g), 1) = (g.first(), g.len()) else {
            let shapes = [x.shape(), g.shape()];
            return Err(TensorError::shape(
                "cross_entropy_slope",
                &shapes,
                "a scalar factor",
            ));
        };
        let (rows, mut spare) = (dense(x), Vec::new());
        let mut slope = Vec::with_capacity(rows.len());
        for (row, class) in rows.chunks_exact(width.max(1)).zip(self.0.iter()) {
            let start = slope.len();
            match *class {
                None => slope.resize(start + width, F::zero()),
                Some(class) => {
                    let (_, total) = powers(row, &mut spare);
                    let factor = g / total;
                    slope.extend(spare.iter().map(|&p| factor * p));
                    slope[start + class] -= g;
                }
            }
        }
        array("cross_entropy_slope", x.shape(), slope)
    }

    fn vjp(
        &self,
        argument: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        d: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        let (x, g) = (&operands[0], &operands[1]);
        if argument == 1 {
            let slope = apply_own(self.clone(), &[x, &Tensor::scalar(F::one())])?;
            return d.mul(&slope)?.sum_all()?.reshape(g.shape());
        }
        // g dp = g p (d - sum_j d_j p_j), in the rows that count.
        let counts = self.0.iter().map(|class| match class {
            Some(_) => F::one(),
            None => F::zero(),
        });
        let counts = Tensor::from_vec(&[self.0.len(), 1], counts.collect())?;
        let p = x.softmax()?.mul(&counts)?;
        let pulled = d.mul(&p)?;
        let along = p.mul(&pulled.sum_keep(1)?)?;
        pulled.sub(&along)?.mul(g)
    }
}

impl<F: Float> Tensor<F> {
    /// The cross-entropy of logits `[rows, K]` with the right class of every row, summed over the rows, in nats; a row without
    /// a class counts nothing.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is not a row for each class, or a class is not below K.
    pub fn cross_entropy(&self, classes: &[Option<usize>]) -> Outcome<Tensor<F>> {
        apply_own(CrossEntropy(classes.into()), &[self])
    }
}
