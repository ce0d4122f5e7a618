//! Sums of many elements that do not drift, and room for many elements that may not be had.
//!
//! A running sum in single precision loses what is small beside it: the mean of 10^7 elements of 0.1 comes out as 0.0961. So no more
//! than [`SPAN`] elements are added up in their own precision; of more, parts of [`PART`] are, and the sums of the parts in `f64`.

use crate::ops::Outcome;
use crate::{Float, TensorError};

/// As many elements as are added up in their own precision in one go.
pub(super) const SPAN: usize = 4096;

/// The parts of a longer sum: within one, 256 additions err by some 1e-6, at worst 1.5e-5.
pub(super) const PART: usize = 256;

/// The sum of `x`, of which `sum` adds up a span.
pub(super) fn total<F: Float>(x: &[F], sum: impl Fn(&[F]) -> F) -> F {
    if x.len() <= SPAN {
        return sum(x);
    }
    F::of(x.chunks(PART).map(|part| sum(part).as_f64()).sum())
}

/// An empty vector with room for the elements of `shape`, and their number.
///
/// # Errors
/// [`TensorError::Shape`] if there are more than can be counted or than memory has room for.
pub(super) fn room<F>(op: &'static str, shape: &[usize]) -> Outcome<(Vec<F>, usize)> {
    let size = size_of::<F>().max(1);
    let counted = shape
        .iter()
        // ndarray counts the extents that are not zero, also where one is.
        .try_fold(1_usize, |n, &extent| n.checked_mul(extent.max(1)))
        .filter(|n| {
            n.checked_mul(size)
                .is_some_and(|n| n <= isize::MAX as usize)
        });
    let mut elements = Vec::new();
    let count = if shape.contains(&0) {
        0
    } else {
        counted.unwrap_or(0)
    };
    if counted.is_none() || elements.try_reserve_exact(count).is_err() {
        return Err(TensorError::shape(
            op,
            &[shape],
            "a result that memory has room for",
        ));
    }
    Ok((elements, count))
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn sums_over_many_elements_do_not_drift() {
        let count = 10_000_000;
        let x = Tensor::full(&[count], 0.1_f32);
        let near = |found: f32, expected: f64| {
            let relative = (f64::from(found) - expected).abs() / expected;
            // All in one sum would be off by a twentieth.
            assert!(relative < 1e-5, "{found} for {expected}");
        };
        let tenth = f64::from(0.1_f32);
        near(x.mean_all().unwrap().item().unwrap(), tenth);
        // Rows after rows, too.
        let rows = x.reshape(&[count / 2, 2]).unwrap();
        near(rows.mean(0).unwrap().value()[[1]], tenth);
        let last = x.cumsum(0).unwrap().value()[[count - 1]];
        near(last, tenth * count as f64);
        let flat = x.log_softmax().unwrap().value()[[7]];
        near(-flat, (count as f64).ln());
        let classes = vec![Some(0); count / 2];
        near(
            rows.cross_entropy(&classes).unwrap().item().unwrap(),
            (count / 2) as f64 * 2_f64.ln(),
        );
        let wide = x.reshape(&[1, count]).unwrap();
        near(
            wide.cross_entropy(&[Some(3)]).unwrap().item().unwrap(),
            (count as f64).ln(),
        );
    }

    #[test]
    fn a_result_without_room_is_refused_by_name() {
        let (one, huge) = (Tensor::<f32>::zeros(&[1]), usize::MAX / 2);
        let refused = |found: Result<Tensor<f32>, crate::TensorError>, op: &str| {
            let message = found.expect_err("no memory has that room").to_string();
            assert!(message.starts_with(op), "{message}");
            assert!(message.contains("room"), "{message}");
        };
        refused(one.broadcast_to(&[huge]), "broadcast_to");
        refused(one.broadcast_to(&[huge, huge, 4]), "broadcast_to");
        refused(one.broadcast_to(&[0, huge, huge]), "broadcast_to");
        refused(one.pad(0, 0, huge), "pad");
        refused(one.index_add(&[0], &[0], huge), "index_add");
        let (tall, wide) = (
            Tensor::<f32>::zeros(&[1 << 40, 0]),
            Tensor::<f32>::zeros(&[0, 1 << 40]),
        );
        refused(tall.matmul(&wide), "matmul");
    }
}
