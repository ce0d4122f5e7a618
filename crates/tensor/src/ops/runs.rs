//! Broadcast operands as runs of neighbouring elements: what lets an op over two shapes be a plain loop over slices.

use ndarray::IxDyn;

use crate::ops::Outcome;
use crate::{Float, SharedArray, TensorError};

/// Whose elements change along a run; those of the other operand stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    Both,
    First,
    Second,
}

/// A run: its extent, and along which operands it goes.
pub(super) type Run = (usize, Along);

/// Two shapes that broadcast to one, outermost run first. Neighbouring axes of one kind are one run, and axes of extent 1
/// are none: `[B, N, W]` with `[B, N, 1]` is a run of `B N` along both and a run of `W` along the first.
pub(super) fn runs(first: &[usize], second: &[usize]) -> Vec<Run> {
    let rank = first.len().max(second.len());
    let extent = |shape: &[usize], axis: usize| match (axis + shape.len()).checked_sub(rank) {
        Some(inner) => shape[inner],
        None => 1,
    };
    let mut runs: Vec<Run> = Vec::with_capacity(rank);
    for axis in 0..rank {
        let (a, b) = (extent(first, axis), extent(second, axis));
        let along = match (a, b) {
            (1, 1) => continue,
            (_, 1) => Along::First,
            (1, _) => Along::Second,
            _ => Along::Both,
        };
        match runs.last_mut() {
            Some((length, kind)) if *kind == along => *length *= a.max(b),
            _ => runs.push((a.max(b), along)),
        }
    }
    runs
}

/// The parts of an operand along a run: equal ones if the run goes along it, otherwise the whole each time.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a, F> {
    elements: &'a [F],
    stride: usize,
    length: usize,
}

impl<'a, F> Parts<'a, F> {
    /// The parts of `elements` along a run of this extent, above 0, that `goes` along them or not.
    pub(super) fn of(elements: &'a [F], extent: usize, goes: bool) -> Self {
        let length = elements.len() / if goes { extent } else { 1 };
        Parts {
            elements,
            stride: if goes { length } else { 0 },
            length,
        }
    }

    /// The part at place `index` of the run.
    pub(super) fn at(&self, index: usize) -> &'a [F] {
        &self.elements[index * self.stride..][..self.length]
    }
}

/// The array of these elements in row-major order.
pub(super) fn array<F: Float>(
    op: &'static str,
    shape: &[usize],
    elements: Vec<F>,
) -> Outcome<SharedArray<F>> {
    let count = elements.len();
    SharedArray::from_shape_vec(IxDyn(shape), elements).map_err(|_| {
        TensorError::shape(
            op,
            &[shape],
            format!("as many elements as the {count} found"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_axes_of_one_kind_are_one_run() {
        use Along::{Both, First, Second};
        let cases: [(&[usize], &[usize], &[Run]); 7] = [
            (&[2, 3, 4], &[2, 3, 4], &[(24, Both)]),
            (&[2, 3, 4], &[2, 3, 1], &[(6, Both), (4, First)]),
            (&[2, 1, 4], &[2, 3, 4], &[(2, Both), (3, Second), (4, Both)]),
            (&[2, 1], &[1, 3], &[(2, First), (3, Second)]),
            (&[5, 6], &[], &[(30, First)]),
            (&[6], &[5, 1, 6], &[(5, Second), (6, Both)]),
            (&[1, 1], &[1], &[]),
        ];
        for (a, b, expected) in cases {
            assert_eq!(runs(a, b), expected, "{a:?} {b:?}");
        }
    }
}
