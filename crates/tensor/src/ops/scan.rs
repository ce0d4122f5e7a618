//! Running sums along an axis.

use ndarray::Axis;

use crate::engine::{apply_own, own};
use crate::ops::total::SPAN;
use crate::ops::{Outcome, check_axis, one};
use crate::{Float, Primitive, SharedArray, Tensor};

pub(super) const NAMES: &[&str] = &["cumsum"];

own!(CumSum);

/// Which way a running sum goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

#[derive(Debug)]
struct CumSum {
    axis: usize,
    direction: Direction,
}

impl<F: Float> Primitive<F> for CumSum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("cumsum", operands)?;
        check_axis("cumsum", x.shape(), self.axis)?;
        if x.is_empty() {
            return Ok(x.clone());
        }
        let mut out = x.to_owned();
        let accumulate = |&previous: &F, current: &mut F| *current += previous;
        if self.direction == Direction::Backward {
            out.invert_axis(Axis(self.axis));
        }
        if x.shape()[self.axis] > SPAN {
            // What has been added up stays in double precision, so that it does not drift.
            for mut lane in out.lanes_mut(Axis(self.axis)) {
                let mut sum = 0.0;
                for element in &mut lane {
                    sum += element.as_f64();
                    *element = F::of(sum);
                }
            }
        } else {
            out.accumulate_axis_inplace(Axis(self.axis), accumulate);
        }
        if self.direction == Direction::Backward {
            out.invert_axis(Axis(self.axis));
        }
        Ok(out.into_shared())
    }

    fn vjp(&self, _: usize, _: &[Tensor<F>], _: &Tensor<F>, g: &Tensor<F>) -> Outcome<Tensor<F>> {
        let direction = match self.direction {
            Direction::Forward => Direction::Backward,
            Direction::Backward => Direction::Forward,
        };
        apply_own(
            CumSum {
                axis: self.axis,
                direction,
            },
            &[g],
        )
    }
}

impl<F: Float> Tensor<F> {
    /// The running sum along `axis`: entry `i` is the sum of entries `0..=i`.
    ///
    /// # Errors
    /// [`TensorError::Shape`](crate::TensorError::Shape) if there is no such axis.
    pub fn cumsum(&self, axis: usize) -> Outcome<Tensor<F>> {
        apply_own(
            CumSum {
                axis,
                direction: Direction::Forward,
            },
            &[self],
        )
    }

    /// The running sum from the end of `axis`: entry `i` is the sum of entries `i..`.
    ///
    /// # Errors
    /// [`TensorError::Shape`](crate::TensorError::Shape) if there is no such axis.
    pub fn cumsum_back(&self, axis: usize) -> Outcome<Tensor<F>> {
        apply_own(
            CumSum {
                axis,
                direction: Direction::Backward,
            },
            &[self],
        )
    }
}
