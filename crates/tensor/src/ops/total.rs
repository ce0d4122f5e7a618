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
pub(crate) fn room<F>(op: &'static str, shape: &[usize]) -> Outcome<(Vec<F>, usize)> {
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
        // Into two rows in turn, each of which gets half.
        let turns: Vec<usize> = (0..count / 2).map(|row| row % 2).collect();
        let added = rows.scatter(&turns, 3).unwrap();
        near(added.value()[[1, 1]], tenth * (count / 4) as f64);
        assert_eq!(added.value()[[2, 1]], 0.0);
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
        let zeros = |shape: &[usize]| Tensor::<f32>::zeros(shape);
        let (tall, wide) = (zeros(&[1 << 46, 0]), zeros(&[0, 1 << 46]));
        refused(tall.matmul(&wide), "matmul");
        let (few, tail) = (zeros(&[1 << 20, 0]), zeros(&[1 << 20]));
        refused(tall.linear(&few, Some(&tail)), "linear");
        refused(tall.linear(&few, None), "matmul");
        refused(wide.sum(0), "sum_to");
        refused(tall.sum_keep(1), "sum_to");
        refused(tall.norm(1), "sum_to");
        // No address has so many bits as this result has elements.
        let (column, most) = (zeros(&[1 << 23, 1]), 1 << 50);
        let row = column.transpose().unwrap();
        let all = ndarray::arr0(true).into_dyn().into_shared();
        for (found, op) in [
            (column.broadcast_to(&[1 << 23, 1 << 23]), "broadcast_to"),
            (column.add(&row), "add"),
            (column.maximum(&row), "maximum"),
            (column.choose(&all, &row), "choose"),
            (column.matmul(&row), "matmul"),
            (Tensor::einsum("ij,kl->ik", &column, &column), "matmul"),
            (row.gather(&vec![0; 1 << 23]), "gather"),
            (column.pad(1, 0, most), "pad"),
            (column.index_add(&[0], &[0], most), "index_add"),
            (zeros(&[1]).scatter(&[0], most), "index_add"),
        ] {
            refused(found, op);
        }
        // Parts that have no elements, and a whole whose extents cannot be counted.
        let (wide, tall) = (zeros(&[0, 1 << 60]), zeros(&[1 << 60, 0]));
        refused(Tensor::concat(&[&tall, &tall], 0), "concat");
        refused(Tensor::concat(&[&tall; 16], 0), "concat");
        refused(Tensor::stack(&[&wide, &wide]), "concat");
    }

    #[test]
    fn entries_without_elements_take_no_room_and_no_time() {
        let zeros = |shape: &[usize]| Tensor::<f32>::zeros(shape);
        let (tall, wide) = (zeros(&[1 << 40, 0]), zeros(&[0, 1 << 40]));
        let shapes = |x: Result<Tensor<f32>, crate::TensorError>| x.unwrap().shape().to_vec();
        assert_eq!(shapes(tall.sum(0)), [0]);
        assert_eq!(shapes(tall.cumsum(0)), [1 << 40, 0]);
        assert_eq!(shapes(tall.max(0)), [0]);
        assert_eq!(shapes(tall.sort().map(|(x, _)| x)), [1 << 40, 0]);
        assert_eq!(shapes(wide.sort().map(|(x, _)| x)), [0, 1 << 40]);
        assert_eq!(shapes(tall.pad(0, 1, 1 << 41)), [1 << 41, 0]);
        assert_eq!(shapes(wide.cross_entropy(&[])), Vec::<usize>::new());
        assert_eq!(shapes(wide.gather(&[])), [0, 1 << 40]);
        assert_eq!(shapes(Tensor::concat(&[&tall, &tall], 1)), [1 << 40, 0]);
        assert_eq!(shapes(Tensor::concat(&[&tall, &tall], 0)), [1 << 41, 0]);
        let none = zeros(&[0, 0]);
        assert_eq!(shapes(tall.linear(&none, Some(&zeros(&[0])))), [1 << 40, 0]);
        let refused = tall.scatter(&[], 3).expect_err("no place for 2^40 entries");
        assert!(refused.to_string().starts_with("scatter"), "{refused}");
    }

    #[test]
    fn few_entries_of_a_place_are_added_in_their_own_precision() {
        let added = |rows: usize| {
            let x = Tensor::full(&[rows, 1], 0.1_f32);
            // Beside them, a place of few: it is not to be touched by how many there are elsewhere.
            let x = Tensor::concat(&[&x, &x.slice(0, 0, 100).unwrap()], 0).unwrap();
            let to: Vec<usize> = (0..rows + 100)
                .map(|row| usize::from(row >= rows))
                .collect();
            let sums = x.scatter(&to, 2).unwrap();
            let in_turn = |rows| (0..rows).fold(0.0_f32, |sum, _| sum + 0.1);
            assert_eq!(sums.value()[[1, 0]], in_turn(100), "{rows}");
            (sums.value()[[0, 0]], in_turn(rows))
        };
        let (found, in_turn) = added(super::SPAN);
        assert_eq!(found, in_turn);
        let (found, in_turn) = added(super::SPAN + 1);
        assert_ne!(found, in_turn);
        assert_eq!(
            found,
            (f64::from(0.1_f32) * (super::SPAN + 1) as f64) as f32
        );
    }
}
