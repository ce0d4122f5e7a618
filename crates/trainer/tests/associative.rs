//! The least-squares memory of a program against LAPACK's solution of the same problem.

use mnm_memory::{AssociativeMemory, Method};
use mnm_trainer::linalg::least_squares_memory;
use ndarray::{Array2, Axis, concatenate};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Ten thousand pairs written one after another are the ridge solution of all of them at once, with forgetting the weighted one. Ridge and
/// weights enter LAPACK's plain least squares as rows: sqrt(weight) times each pair, and sqrt(weight of the ridge) times each axis with a
/// value of zero.
#[test]
fn ten_thousand_writes_are_the_ridge_solution() {
    const PAIRS: usize = 10_000;
    let (width, out) = (48, 5);
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    let mut draw = |columns| {
        Array2::from_shape_simple_fn((PAIRS, columns), || generator.random_range(-1.0..1.0_f64))
    };
    let (keys, values) = (draw(width), draw(out));
    for (ridge, forgetting) in [
        (1e-3, 0.0),
        (10.0, 0.0),
        (1e-3, 1e-4),
        (1.0, 1e-3),
        (1e-2, 0.02),
    ] {
        let method = Method::LeastSquares { ridge, forgetting };
        let mut memory = AssociativeMemory::<f64>::new(width, out, method).unwrap();
        memory.write_batch(&keys, &values).unwrap();

        let keep: f64 = 1.0 - forgetting;
        let root = |age: usize| keep.powf(age as f64 / 2.0);
        let weighted = |rows: &Array2<f64>| {
            let mut rows = rows.clone();
            for (place, mut row) in rows.axis_iter_mut(Axis(0)).enumerate() {
                row *= root(PAIRS - 1 - place);
            }
            rows
        };
        let axes = Array2::<f64>::eye(width) * (ridge.sqrt() * root(PAIRS));
        let all_keys = concatenate![Axis(0), weighted(&keys), axes];
        let all_values = concatenate![Axis(0), weighted(&values), Array2::zeros((width, out))];
        let expected = least_squares_memory(&all_keys, &all_values).unwrap();

        let found = memory.read_batch(&Array2::eye(width)).unwrap();
        let off = (found - expected.t()).mapv(f64::abs);
        let off = off.iter().copied().fold(0.0, f64::max);
        assert!(
            off < 1e-6,
            "ridge {ridge}, forgetting {forgetting}: {off:e}"
        );
        assert!(
            expected.iter().any(|w| w.abs() > 1e-3),
            "the memory holds something"
        );
    }
}
