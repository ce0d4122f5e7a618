//! What the engine promises beyond derivatives: recording, sharing, errors, and what it takes as an argument.

use mnm_tensor::{
    Float, Order, Parameters, Primitive, SharedArray, Tape, Tensor, TensorError, apply, gradient,
    pull_back,
};
use ndarray::array;

#[test]
fn values_without_a_tape_record_nothing() {
    let tape = Tape::<f64>::new();
    let a = Tensor::constant(array![1.0, 2.0]);
    let b = a.mul(&a).unwrap().tanh().unwrap();
    assert!(!b.is_recorded() && tape.is_empty());
    let x = tape.variable(array![1.0, 2.0]);
    let before = tape.len();
    let _ = x.detach().mul(&a).unwrap();
    assert_eq!(tape.len(), before);
}

#[test]
fn a_first_order_gradient_records_nothing() {
    let tape = Tape::<f64>::new();
    let x = tape.variable(array![1.0, 2.0]);
    let y = x.exp().unwrap().sum_all().unwrap();
    let before = tape.len();
    let g = gradient(&y, &[&x], Order::First).unwrap();
    assert!(tape.len() == before && !g[0].is_recorded());
    let g = gradient(&y, &[&x], Order::Higher).unwrap();
    assert!(tape.len() > before && g[0].is_recorded());
    // A cotangent that hangs on the tape is taken as a value too, or a part of a second derivative would be recorded.
    let y = x.exp().unwrap();
    let before = tape.len();
    let g = pull_back(&y, &x, &[&x], Order::First).unwrap();
    assert!(tape.len() == before && !g[0].is_recorded());
}

#[test]
fn a_tape_is_freed_with_its_last_handle() {
    let value = ndarray::ArcArray::<f64, _>::zeros(ndarray::IxDyn(&[4]));
    let pointer = value.as_ptr();
    let tape = Tape::new();
    let x = tape.shared_variable(value.clone());
    let y = x.mul(&x).unwrap();
    drop((tape, x, y));
    // The array is unshared again: writing to it does not copy it.
    let mut value = value;
    value[[0]] = 1.0;
    assert_eq!(value.as_ptr(), pointer);
}

#[test]
fn a_variable_used_twice_gathers_both_gradients() {
    let tape = Tape::new();
    let x = tape.variable(array![3.0_f64]);
    let y = x.mul(&x).unwrap().add(&x).unwrap().sum_all().unwrap();
    let g = gradient(&y, &[&x], Order::First).unwrap();
    assert_eq!(g[0].value()[[0]], 7.0);
}

#[test]
fn what_the_output_does_not_depend_on_has_gradient_zero() {
    let tape = Tape::new();
    let (x, y) = (
        tape.variable(array![3.0_f64]),
        tape.variable(array![1.0, 2.0]),
    );
    let out = x.sum_all().unwrap();
    let g = gradient(&out, &[&x, &y], Order::First).unwrap();
    assert_eq!(g[0].value()[[0]], 1.0);
    assert_eq!(g[1].value().as_slice(), Some(&[0.0, 0.0][..]));
}

#[test]
fn the_gradient_of_an_intermediate_value() {
    let tape = Tape::new();
    let x = tape.variable(array![2.0_f64]);
    let y = x.mul(&x).unwrap();
    let z = y.mul(&y).unwrap().sum_all().unwrap();
    let g = gradient(&z, &[&y, &x], Order::First).unwrap();
    assert_eq!((g[0].value()[[0]], g[1].value()[[0]]), (8.0, 32.0));
}

#[test]
fn errors_name_the_op_and_the_shapes() {
    let a = Tensor::<f64>::zeros(&[2, 3]);
    let b = Tensor::<f64>::zeros(&[4, 5]);
    let message = a.matmul(&b).unwrap_err().to_string();
    assert!(
        message.contains("matmul") && message.contains("[2, 3]") && message.contains("[4, 5]"),
        "{message}"
    );
    assert!(matches!(
        a.add(&b),
        Err(TensorError::Shape { op: "add", .. })
    ));
    assert!(a.reshape(&[5]).is_err());
    assert!(a.slice(1, 2, 2).is_err());
    assert!(a.slice(1, usize::MAX, 2).is_err());
    assert!(a.pad(1, usize::MAX, 2).is_err());
    assert!(a.slice(2, 0, 1).is_err());
    assert!(a.permute(&[0, 0]).is_err());
    assert!(a.gather(&[2]).is_err());
    assert!(a.scatter(&[0, 3], 3).is_err());
    assert!(a.scatter(&[0], 3).is_err());
    assert!(a.index_add(&[2], &[0], 3).is_err());
    assert!(a.index_add(&[1, 1], &[0], 3).is_err());
    assert!(Tensor::<f64>::scalar(1.0).scatter(&[], 3).is_err());
    assert!(a.sum_to(&[2, 2]).is_err());
    assert!(a.broadcast_to(&[3]).is_err());
    assert!(a.sum(2).is_err());
    assert!(a.item().is_err());
    let none: [Tensor<f64>; 0] = [];
    assert!(Tensor::concat(&none, 0).is_err());
    assert!(Tensor::stack(&none).is_err());
    assert!(Tensor::from_vec(&[2], vec![1.0_f64]).is_err());
    assert!(Tensor::<f64>::scalar(1.0).log_softmax().is_err());
}

#[test]
fn two_tapes_do_not_mix() {
    let (a, b) = (Tape::<f64>::new(), Tape::<f64>::new());
    let (x, y) = (a.variable(array![1.0]), b.variable(array![1.0]));
    assert_eq!(
        x.add(&y).unwrap_err(),
        TensorError::DifferentTapes { op: "add" }
    );
    let z = x.sum_all().unwrap();
    assert!(gradient(&z, &[&y], Order::First).is_err());
    assert!(gradient(&z, &[&x, &y], Order::First).is_err());
}

#[test]
fn gradients_are_asked_of_recorded_tensors_and_scalars() {
    let tape = Tape::<f64>::new();
    let x = tape.variable(array![1.0, 2.0]);
    let c = Tensor::constant(array![1.0]);
    assert!(gradient(&x, &[&x], Order::First).is_err());
    let y = x.sum_all().unwrap();
    assert_eq!(
        gradient(&y, &[&x, &c], Order::First).unwrap_err(),
        TensorError::NotRecorded { argument: 1 }
    );
    assert!(pull_back(&x, &Tensor::zeros(&[3]), &[&x], Order::First).is_err());
}

#[test]
fn softmax_survives_large_logits() {
    let x = Tensor::constant(array![[1000.0_f32, 0.0], [-1000.0, -1000.0]]);
    let y = x.softmax().unwrap();
    assert_eq!(y.value().as_slice(), Some(&[1.0, 0.0, 0.5, 0.5][..]));
    let z = Tensor::constant(array![1000.0_f32, -1000.0])
        .softplus()
        .unwrap();
    assert_eq!(z.value().as_slice(), Some(&[1000.0, 0.0][..]));
}

/// A sum of two operands that gives a cotangent for the wanted operand alone.
#[derive(Debug)]
struct OneCotangent;

impl Primitive<f64> for OneCotangent {
    fn name(&self) -> &'static str {
        "one cotangent"
    }

    fn forward(&self, operands: &[&SharedArray<f64>]) -> Result<SharedArray<f64>, TensorError> {
        Ok((operands[0] + operands[1]).into_shared())
    }

    fn vjp(
        &self,
        _: usize,
        _: &[Tensor<f64>],
        _: &Tensor<f64>,
        cotangent: &Tensor<f64>,
    ) -> Result<Tensor<f64>, TensorError> {
        Ok(cotangent.clone())
    }

    fn cotangents(
        &self,
        _: &[bool],
        _: &[Tensor<f64>],
        _: &Tensor<f64>,
        cotangent: &Tensor<f64>,
    ) -> Result<Vec<Option<Tensor<f64>>>, TensorError> {
        Ok(vec![Some(cotangent.clone())])
    }
}

#[test]
fn a_primitive_that_gives_too_few_cotangents_is_named() {
    let tape = Tape::new();
    let (x, y) = (tape.variable(array![1.0]), tape.variable(array![2.0]));
    let sum = apply(OneCotangent, &[&x, &y]).unwrap();
    let error = gradient(&sum, &[&y], Order::First).unwrap_err().to_string();
    assert!(
        error.contains("one cotangent: gave 1 cotangents for 2"),
        "{error}"
    );
}

/// An identity whose cotangent has a row too many.
#[derive(Debug)]
struct LongCotangent;

impl Primitive<f64> for LongCotangent {
    fn name(&self) -> &'static str {
        "long cotangent"
    }

    fn forward(&self, operands: &[&SharedArray<f64>]) -> Result<SharedArray<f64>, TensorError> {
        Ok(operands[0].clone())
    }

    fn vjp(
        &self,
        _: usize,
        _: &[Tensor<f64>],
        _: &Tensor<f64>,
        _: &Tensor<f64>,
    ) -> Result<Tensor<f64>, TensorError> {
        Ok(Tensor::ones(&[3]))
    }
}

#[test]
fn a_primitive_whose_cotangent_does_not_fit_is_named() {
    let tape = Tape::new();
    let x = tape.variable(array![1.0, 2.0]);
    let y = apply(LongCotangent, &[&x]).unwrap().sum_all().unwrap();
    let error = gradient(&y, &[&x], Order::First).unwrap_err().to_string();
    for part in ["long cotangent: gave operand 0", "[2]", "[3]"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_tensor_prints_itself_and_not_its_tape() {
    let tape = Tape::new();
    let x = tape.variable(array![1.0]);
    let before = format!("{x:?}").len();
    let mut y = x.clone();
    for _ in 0..100 {
        y = y.tanh().unwrap();
    }
    let after = format!("{x:?}");
    assert!(after.len() <= before + 2, "{after}");
    assert!(after.contains("Tape { len: Some(101) }"), "{after}");
}

#[test]
fn relu_keeps_what_is_not_a_number() {
    let x = Tensor::constant(array![f64::NAN, -1.0, 2.0]);
    let y = x.relu().unwrap();
    assert!(y.value()[[0]].is_nan());
    assert_eq!(y.value().as_slice().map(|y| &y[1..]), Some(&[0.0, 2.0][..]));
}

#[test]
fn tensors_and_what_hangs_on_a_tape_cross_threads() {
    let tape = Tape::new();
    let x = tape.variable(array![1.0_f64, 2.0]);
    let factor = Tensor::constant(array![3.0_f64, 5.0]);
    let (x_too, factor_too) = (x.clone(), factor.clone());
    let y = std::thread::spawn(move || x_too.mul(&x_too)?.mul(&factor_too)?.sum_all())
        .join()
        .expect("no panic")
        .expect("one shape");
    let found = gradient(&y, &[&x], Order::First).expect("y hangs on the tape");
    assert_eq!(found[0].value().as_slice(), Some(&[6.0, 20.0][..]));
    assert_eq!(factor.value().as_slice(), Some(&[3.0, 5.0][..]));
}

fn pair() -> (Tensor<f64>, Tensor<f64>) {
    (
        Tensor::constant(array![[1.0, 2.0]]),
        Tensor::constant(array![[3.0, 5.0]]),
    )
}

fn elements(t: &Tensor<f64>) -> Vec<f64> {
    t.value().iter().copied().collect()
}

#[test]
fn parts_are_tensors_or_references() -> Result<(), TensorError> {
    let (a, b) = pair();
    let (first, second) = (&a, &b);
    let owned = vec![a.clone(), b.clone()];
    let joined = [
        Tensor::concat(&[&a, &b], 0)?,
        Tensor::concat(&[first, &b], 0)?,
        Tensor::concat(&[first, second], 0)?,
        Tensor::concat(&owned, 0)?,
        Tensor::concat(&owned.iter().collect::<Vec<_>>(), 0)?,
        Tensor::concat(&[a.clone(), b.clone()], 0)?,
        Tensor::stack(&owned)?.squeeze(1)?,
        Tensor::stack(&[a.clone(), b.clone()])?.squeeze(1)?,
        Tensor::stack(&[&a, second])?.squeeze(1)?,
        Tensor::stack(&owned.iter().collect::<Vec<_>>())?.squeeze(1)?,
    ];
    for found in joined {
        assert_eq!(found.shape(), [2, 2]);
        assert_eq!(elements(&found), [1.0, 2.0, 3.0, 5.0]);
    }
    Ok(())
}

/// With a type parameter, and errors that are converted on the way.
fn flat<F: Float>(
    x: &Tensor<F>,
    named: &Parameters<Tensor<F>>,
) -> Result<Tensor<F>, Box<dyn std::error::Error>> {
    let both = Tensor::concat(&[x, named.get("weight")?], 1)?;
    let parts = [x, &both].map(|t| t.reshape(&[t.value().len()]));
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let flat = Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0)?;
    Ok(Tensor::stack(&[flat])?.linear(Tensor::ones(&[1, 6]), None)?)
}

#[test]
fn parts_of_a_type_that_is_a_parameter() {
    let (x, weight) = pair();
    let named: Parameters<Tensor<f64>> = [("weight".to_owned(), weight)].into_iter().collect();
    assert_eq!(elements(&flat(&x, &named).unwrap()), [14.0]);
}

#[test]
fn a_weight_is_a_tensor_or_a_reference() -> Result<(), TensorError> {
    let (x, weight) = pair();
    let bias = Tensor::constant(array![0.5]);
    let named: Parameters<Tensor<f64>> = [("weight".to_owned(), weight.clone())]
        .into_iter()
        .collect();
    let without = [
        x.linear(&weight, None)?,
        x.linear(named.get("weight")?, None)?,
        x.linear(weight.clone(), None)?,
        // The type of what is joined is known in time for the next op.
        Tensor::concat(&[&x, &x], 0)?
            .linear(&weight, None)?
            .slice(0, 0, 1)?,
    ];
    for found in without {
        assert_eq!(elements(&found), [13.0]);
    }
    assert_eq!(elements(&x.linear(&weight, Some(&bias))?), [13.5]);
    assert_eq!(elements(&x.linear(weight * 2.0, Some(&bias))?), [26.5]);
    Ok(())
}
