//! First values of parameters, and their gains.

use mnm_tensor::ndarray::Axis;
use mnm_tensor::{Init, ParameterSpec, SharedArray};
use rand::{SeedableRng, rngs::StdRng};

#[test]
fn gains_multiply_all_values_and_those_of_the_last_columns() {
    let spec = ParameterSpec::new("weight", &[2, 3], Init::Constant { value: 1.0 })
        .with_gain(2.0)
        .with_tail_gain(1, 5.0);
    let ones = || SharedArray::<f64>::ones(vec![2, 3]);
    let rows: Vec<f64> = spec.scaled(ones()).iter().copied().collect();
    assert_eq!(rows, [2.0, 10.0, 10.0, 2.0, 10.0, 10.0]);
    let past_the_end = spec.with_tail_gain(3, 5.0).scaled(ones());
    assert!(past_the_end.iter().all(|&x| x == 2.0));
}

#[test]
fn first_values_are_drawn_with_the_gains_and_gains_multiply() {
    let spec = ParameterSpec::new("weight", &[2, 3], Init::Uniform { bound: 1.0 })
        .with_gain(0.1)
        .with_gain(3.0);
    let mut generators = [0, 0].map(|_| StdRng::seed_from_u64(2));
    let plain: SharedArray<f64> = spec.init.draw(&spec.shape, &mut generators[0]);
    let drawn: SharedArray<f64> = spec.draw(&mut generators[1]);
    let largest = (drawn - plain * 0.3).fold(0.0_f64, |m, x| m.max(x.abs()));
    assert!(largest < 1e-15, "{largest}");
}

#[test]
fn signs_stand_in_their_columns_and_ones_around_them() {
    let mut generator = StdRng::seed_from_u64(1);
    let drawn: SharedArray<f64> = Init::Signs { from: 2, to: 4 }.draw(&[50, 5], &mut generator);
    let sum = |column| drawn.index_axis(Axis(1), column).sum();
    assert!(drawn.iter().all(|x| x.abs() == 1.0));
    assert_eq!((sum(0), sum(1), sum(4)), (50.0, 50.0, 50.0));
    // Fifty fair signs: five deviations are 35.
    assert!((2..4).all(|column| sum(column).abs() < 35.0), "{drawn}");
}
