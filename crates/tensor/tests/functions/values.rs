//! Values against plain loops, and what functions do with infinities and NaN.

use mnm_tensor::ops::Mask;
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Order, SharedArray, Tape, Tensor, TensorError, gradient};
use ndarray::{Axis, array};
use rand::{SeedableRng, rngs::StdRng};

fn argument(shape: &[usize]) -> SharedArray<f64> {
    random_array(shape, &mut StdRng::seed_from_u64(5))
}

fn close(found: &Tensor<f64>, expected: &SharedArray<f64>) {
    assert_eq!(found.shape(), expected.shape());
    for (a, b) in found.value().iter().zip(expected) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn values_are_those_of_plain_loops() {
    let x = argument(&[3, 4, 5]);
    let t = Tensor::constant(&x);
    let shared = |a: ndarray::ArrayD<f64>| a.into_shared();
    close(
        &t.mean_all().unwrap(),
        &SharedArray::from_elem(vec![], x.mean().unwrap()),
    );
    close(&t.var(1, 1).unwrap(), &shared(x.var_axis(Axis(1), 1.0)));
    close(
        &t.sum_axes(&[2, 0]).unwrap(),
        &shared(x.sum_axis(Axis(2)).sum_axis(Axis(0))),
    );
    close(
        &t.norm(2).unwrap(),
        &shared(x.map_axis(Axis(2), |l| l.dot(&l).sqrt())),
    );
    close(
        &t.logsumexp(0).unwrap(),
        &shared(x.map_axis(Axis(0), |l| l.mapv(f64::exp).sum().ln())),
    );
    let normal = t.layer_norm(0.0).unwrap();
    close(&normal.mean(2).unwrap(), &SharedArray::zeros(vec![3, 4]));
    close(&normal.var(2, 0).unwrap(), &SharedArray::ones(vec![3, 4]));
    close(
        &t.rms_norm(0.0).unwrap().square().unwrap().mean(2).unwrap(),
        &SharedArray::ones(vec![3, 4]),
    );
    // From tables: erf(1), and gelu and silu at 1.
    let one = Tensor::scalar(1.0_f64);
    for (found, expected) in [
        (one.erf(), 0.842_700_792_949_714_9),
        (one.gelu(), 0.841_344_746_068_542_9),
        (one.silu(), 0.731_058_578_630_004_9),
    ] {
        assert!((found.unwrap().item().unwrap() - expected).abs() < 1e-15);
    }
    assert_eq!(
        Tensor::<f64>::eye(2).value(),
        &array![[1.0, 0.0], [0.0, 1.0]].into_dyn()
    );
    assert_eq!(
        Tensor::<f64>::arange(3).value(),
        &array![0.0, 1.0, 2.0].into_dyn()
    );
    assert_eq!(
        Tensor::full(&[1, 2], 7.0).value(),
        &array![[7.0, 7.0]].into_dyn()
    );
}

fn slope(x: &[f64], f: impl Fn(&Tensor<f64>) -> Result<Tensor<f64>, TensorError>) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.variable(ndarray::arr1(x));
    let y = f(&x).unwrap().sum_all().unwrap();
    let found = gradient(&y, &[&x], Order::First).unwrap().remove(0);
    found.value().iter().copied().collect()
}

#[test]
fn what_is_not_chosen_has_no_influence() {
    let mask: Mask = ndarray::ArcArray::from_shape_vec(vec![2], vec![true, false]).unwrap();
    let safe = |x: &Tensor<f64>| x.choose(&mask, Tensor::scalar(7.0));
    let x = Tensor::constant(array![1.0, f64::NAN]);
    assert_eq!(safe(&x).unwrap().value(), &array![1.0, 7.0].into_dyn());
    assert_eq!(slope(&[1.0, f64::NAN], safe), [1.0, 0.0]);
}

#[test]
fn infinities_and_nan_go_where_they_should() {
    let value = |t: Result<Tensor<f64>, TensorError>| t.unwrap().item().unwrap();
    let with = |x: &[f64]| Tensor::constant(ndarray::arr1(x));
    let infinite = f64::INFINITY;
    assert_eq!(
        value(with(&[1e3, 1e3]).logsumexp(0)),
        1e3 + std::f64::consts::LN_2
    );
    assert_eq!(value(with(&[-infinite, -infinite]).logsumexp(0)), -infinite);
    assert_eq!(value(with(&[infinite, 0.0]).logsumexp(0)), infinite);
    assert!(value(with(&[1.0, f64::NAN, 2.0]).max(0)).is_nan());
    assert!(value(with(&[f64::NAN]).clamp(0.0, 1.0)).is_nan());
    let nan = Tensor::scalar(f64::NAN);
    assert!(value(nan.maximum(Tensor::scalar(1.0))).is_nan());
    assert!(value(Tensor::scalar(1.0).maximum(&nan)).is_nan());
    assert!(with(&[1.0]).clamp(1.0, 0.0).is_err());
    assert!(Tensor::<f64>::zeros(&[0]).max(0).is_err());
}

#[test]
fn orders_and_places() {
    let x = Tensor::constant(array![[3.0, 1.0, f64::NAN, 2.0], [0.0, 5.0, 5.0, -1.0]]);
    let (sorted, places) = x.sort().unwrap();
    assert_eq!(places, array![[1, 3, 0, 2], [3, 0, 1, 2]].into_dyn());
    let sorted: Vec<f64> = sorted.value().iter().copied().collect();
    assert_eq!(
        (&sorted[..3], &sorted[4..]),
        (&[1.0, 2.0, 3.0][..], &[-1.0, 0.0, 5.0, 5.0][..])
    );
    let (top, places) = x.topk(2).unwrap();
    assert_eq!(places, array![[2, 0], [1, 2]].into_dyn());
    assert_eq!(top.value()[[1, 1]], 5.0);
    assert_eq!(x.argmax(1).unwrap(), array![2, 1].into_dyn());
    assert_eq!(x.argmin(1).unwrap(), array![2, 3].into_dyn());
    assert!(x.topk(5).is_err());
}

#[test]
fn any_kind_of_array_becomes_a_tensor() {
    let owned = array![[1.0_f64, 2.0], [3.0, 4.0]];
    let expected = owned.clone().into_dyn();
    let tape = Tape::new();
    let found = [
        Tensor::shared(owned.clone()),
        Tensor::constant(&owned),
        Tensor::constant(owned.view()),
        Tensor::constant(owned.clone().into_shared()),
        Tensor::constant(owned.clone().into_shared()),
        Tensor::constant(ndarray::CowArray::from(owned.view())),
        tape.variable(&owned),
    ];
    for tensor in found {
        assert_eq!(tensor.value(), &expected);
    }
}
