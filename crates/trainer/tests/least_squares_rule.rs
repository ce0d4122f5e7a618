//! The rule `rls` against LAPACK's solution of the same problem.

use mnm_memory::{Gate, Memory, RuleOptions, Write, rule_with};
use mnm_tensor::{Parameters, Tensor};
use mnm_trainer::linalg::least_squares_memory;
use ndarray::{Array2, Axis, concatenate};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// At rate 1 without forgetting, the memory after every write is the ridge solution of all pairs so far, towards where it began. The ridge
/// enters LAPACK's plain least squares as rows: its root times each axis, with a value of zero.
#[test]
fn every_write_leaves_the_ridge_solution_of_all_pairs_so_far() {
    let (width, out, heads, writes) = (13, 5, 3, 30);
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    for ridge in [1e-2, 1.0, 30.0] {
        let mut draw = |rows, columns| {
            Array2::from_shape_simple_fn((rows, columns), || generator.random_range(-1.0..1.0_f64))
        };
        let (keys, values) = (draw(writes * heads, width), draw(writes * heads, out));
        let first = draw(out, width);
        let missed = &values - &keys.dot(&first.t());
        let options = RuleOptions {
            ridge,
            forget: Some(Gate::None),
            ..RuleOptions::default()
        };
        let rule = rule_with::<f64>("rls", &options).unwrap();
        let tensor = |x: Array2<f64>| {
            let shape = [1, x.nrows(), x.ncols()];
            Tensor::from_vec(&shape, x.into_iter().collect()).unwrap()
        };
        let mut memory = Memory::new(vec![tensor(first.clone())]).unwrap();
        for write in 0..writes {
            let rows = |x: &Array2<f64>, from: usize| {
                x.slice_axis(Axis(0), (from..(write + 1) * heads).into())
                    .to_owned()
            };
            let pairs = [&keys, &values].map(|x| tensor(rows(x, write * heads)));
            let [keys_now, values_now] = pairs;
            let rate = Tensor::ones(&[1]);
            let now = Write::new(keys_now, values_now, rate);
            memory = rule.write(&Parameters::new(), &memory, &now).unwrap();

            let axes = Array2::<f64>::eye(width) * ridge.sqrt();
            let all_keys = concatenate![Axis(0), rows(&keys, 0), axes];
            let all_values = concatenate![Axis(0), rows(&missed, 0), Array2::zeros((width, out))];
            let expected = &first + &least_squares_memory(&all_keys, &all_values).unwrap();
            let found = memory.weights()[0].value().index_axis(Axis(0), 0);
            let off = found
                .iter()
                .zip(&expected)
                .fold(0.0_f64, |off, (f, e)| off.max((f - e).abs()));
            assert!(off < 1e-8, "ridge {ridge}, write {write}: {off:e}");
        }
    }
}
