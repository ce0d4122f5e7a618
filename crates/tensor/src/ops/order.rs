//! Elements in order: sorting along the last axis, and the largest of it. A permutation of elements, so its derivative is the way back.

use std::cmp::Ordering;

use ndarray::{ArrayD, IxDyn};

use crate::ops::Outcome;
use crate::ops::total::room;
use crate::{Float, Tensor, TensorError, dense};

/// Ascending, NaN last.
fn ascending<F: Float>(a: F, b: F) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

impl<F: Float> Tensor<F> {
    /// The first `count` elements of each row along the last axis in the order `by`, and their places in it.
    fn ordered(
        &self,
        op: &'static str,
        count: Option<usize>,
        by: fn(F, F) -> Ordering,
    ) -> Outcome<(Tensor<F>, ArrayD<usize>)> {
        let Some((&width, batch)) = self.shape().split_last() else {
            return Err(TensorError::shape(op, &[self.shape()], "at least one axis"));
        };
        let count = count.unwrap_or(width);
        if count > width {
            return Err(TensorError::shape(
                op,
                &[self.shape()],
                format!("a last axis of at least {count}"),
            ));
        }
        let shape = [batch, &[count]].concat();
        let elements = dense(self.value());
        let (mut places, _) = room(op, &shape)?;
        let (mut rows, _) = room(op, &shape)?;
        for (r, row) in elements.chunks_exact(width.max(1)).enumerate() {
            let mut order: Vec<usize> = (0..width).collect();
            order.sort_by(|&i, &j| by(row[i], row[j]));
            order.truncate(count);
            rows.extend(order.iter().map(|i| r * width + i));
            places.extend(order);
        }
        let flat = self.reshape(&[elements.len()])?;
        let places = ArrayD::from_shape_vec(IxDyn(&shape), places)
            .map_err(|_| TensorError::shape(op, &[self.shape()], "a place for every element"))?;
        Ok((flat.gather(&rows)?.reshape(&shape)?, places))
    }

    /// The elements along the last axis from the smallest to the largest (stable, NaN last), and their places.
    ///
    /// # Errors
    /// [`TensorError::Shape`] for a tensor of no axes.
    pub fn sort(&self) -> Outcome<(Tensor<F>, ArrayD<usize>)> {
        self.ordered("sort", None, ascending)
    }

    /// The `count` largest elements along the last axis, the largest first (of those that tie, the first; NaN before all),
    /// and their places. PyTorch does not say which of those that tie it takes.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the last axis has fewer elements, or there is none.
    pub fn topk(&self, count: usize) -> Outcome<(Tensor<F>, ArrayD<usize>)> {
        self.ordered("topk", Some(count), |a, b| ascending(b, a))
    }
}
