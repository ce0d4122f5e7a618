//! The primitives, family by family; each is a method of [`Tensor`](crate::Tensor).

mod arithmetic;
mod cross_entropy;
mod einsum;
mod elementwise;
mod extrema;
mod index;
mod join;
mod linear;
mod matmul;
mod operators;
mod order;
mod reduce;
mod runs;
mod scan;
mod shape;
mod share;
mod single;
mod softmax;
mod statistics;
mod total;

pub use extrema::Mask;
pub(crate) use total::room;

use crate::{Float, SharedArray, TensorError};

type Outcome<T> = Result<T, TensorError>;

/// The names of all primitives, as errors give them.
pub fn primitives() -> Vec<&'static str> {
    let families: [&[&str]; 13] = [
        arithmetic::NAMES,
        cross_entropy::NAMES,
        elementwise::NAMES,
        extrema::NAMES,
        index::NAMES,
        linear::NAMES,
        join::NAMES,
        matmul::NAMES,
        reduce::NAMES,
        scan::NAMES,
        shape::NAMES,
        share::NAMES,
        softmax::NAMES,
    ];
    families.concat()
}

/// The common shape of two broadcast operands (NumPy's rule: align on the right, 1 stretches).
pub(crate) fn broadcast_shape(op: &'static str, a: &[usize], b: &[usize]) -> Outcome<Vec<usize>> {
    let rank = a.len().max(b.len());
    let extent = |s: &[usize], axis: usize| {
        (axis + s.len())
            .checked_sub(rank)
            .map_or(1, |inner| s[inner])
    };
    (0..rank)
        .map(|axis| match (extent(a, axis), extent(b, axis)) {
            (n, m) if n == m => Ok(n),
            (1, n) | (n, 1) => Ok(n),
            _ => Err(TensorError::shape(
                op,
                &[a, b],
                "extents that are equal or 1, aligned on the right",
            )),
        })
        .collect()
}

/// The operand whose shape the primitive knows to be there.
fn one<'a, F: Float>(
    op: &'static str,
    operands: &[&'a SharedArray<F>],
) -> Outcome<&'a SharedArray<F>> {
    match operands {
        [x] => Ok(x),
        _ => Err(arity(op, operands, 1)),
    }
}

fn two<'a, F: Float>(
    op: &'static str,
    operands: &[&'a SharedArray<F>],
) -> Outcome<(&'a SharedArray<F>, &'a SharedArray<F>)> {
    match operands {
        [a, b] => Ok((a, b)),
        _ => Err(arity(op, operands, 2)),
    }
}

fn arity<F: Float>(op: &'static str, operands: &[&SharedArray<F>], expected: usize) -> TensorError {
    let shapes: Vec<&[usize]> = operands.iter().map(|o| o.shape()).collect();
    TensorError::shape(op, &shapes, format!("{expected} operands"))
}

fn check_axis(op: &'static str, shape: &[usize], axis: usize) -> Outcome<()> {
    if axis < shape.len() {
        Ok(())
    } else {
        Err(TensorError::shape(
            op,
            &[shape],
            format!("an axis below the rank, not {axis}"),
        ))
    }
}
