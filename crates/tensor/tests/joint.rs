//! Ops with several results.

use mnm_tensor::{Joint, Order, SharedArray, Tape, Tensor, TensorError, apply_joint, gradient};
use ndarray::{IxDyn, array};

/// Sum and product of two arrays of one shape.
#[derive(Debug)]
struct SumAndProduct;

impl Joint<f64> for SumAndProduct {
    /// Whether a cotangent of each result arrived is told by the gradient; nothing is saved.
    type Saved = ();

    fn name(&self) -> &'static str {
        "sum and product"
    }

    fn forward(
        &self,
        operands: &[&SharedArray<f64>],
        recorded: &[bool],
    ) -> Result<(Vec<SharedArray<f64>>, Option<()>), TensorError> {
        let [x, y] = [operands[0], operands[1]];
        let both = vec![(x + y).into_shared(), (x * y).into_shared()];
        Ok((both, recorded.contains(&true).then_some(())))
    }

    fn backward(
        &self,
        (): (),
        operands: &[&SharedArray<f64>],
        wanted: &[bool],
        cotangents: &[Option<SharedArray<f64>>],
    ) -> Result<Vec<Option<Vec<f64>>>, TensorError> {
        let zeros = SharedArray::zeros(IxDyn(operands[0].shape()));
        let of = |n: usize| cotangents[n].as_ref().unwrap_or(&zeros);
        let with = |other: usize| (of(0) + &(of(1) * operands[other])).into_iter().collect();
        Ok(vec![wanted[0].then(|| with(1)), wanted[1].then(|| with(0))])
    }
}

fn operands(tape: &Tape<f64>) -> [Tensor<f64>; 2] {
    [array![1.0, 2.0, 3.0], array![5.0, -1.0, 0.5]].map(|x| tape.variable(x))
}

fn elements(tensor: &Tensor<f64>) -> Vec<f64> {
    tensor.value().iter().copied().collect()
}

#[test]
fn cotangents_of_all_results_meet() -> Result<(), TensorError> {
    let tape = Tape::new();
    let [x, y] = operands(&tape);
    let results = apply_joint(SumAndProduct, &[&x, &y])?;
    assert_eq!(elements(&results[0]), [6.0, 1.0, 3.5]);
    assert_eq!(elements(&results[1]), [5.0, -2.0, 1.5]);
    // The product is used twice: (x + y) + 2 x y.
    let loss = results[0].add(&results[1])?.add(&results[1])?.sum_all()?;
    let found = gradient(&loss, &[&x, &y], Order::First)?;
    assert_eq!(elements(&found[0]), [11.0, -1.0, 2.0]);
    assert_eq!(elements(&found[1]), [3.0, 5.0, 7.0]);
    Ok(())
}

#[test]
fn a_result_on_which_nothing_depends_has_no_cotangent() -> Result<(), TensorError> {
    let tape = Tape::new();
    let [x, y] = operands(&tape);
    for (result, expected) in [(0, [1.0, 1.0, 1.0]), (1, [5.0, -1.0, 0.5])] {
        let results = apply_joint(SumAndProduct, &[&x, &y])?;
        let found = gradient(&results[result].sum_all()?, &[&x], Order::First)?;
        assert_eq!(elements(&found[0]), expected);
    }
    Ok(())
}

#[test]
fn without_a_tape_nothing_is_recorded() -> Result<(), TensorError> {
    let [x, y] = operands(&Tape::new()).map(|t| t.detach());
    let results = apply_joint(SumAndProduct, &[&x, &y])?;
    assert!(results.iter().all(|result| !result.is_recorded()));
    Ok(())
}

#[test]
fn a_second_gradient_and_a_second_derivative_are_refused() -> Result<(), TensorError> {
    let tape = Tape::new();
    let [x, y] = operands(&tape);
    let product = apply_joint(SumAndProduct, &[&x, &y])?.remove(1).sum_all()?;
    let higher = gradient(&product, &[&x], Order::Higher);
    assert!(
        matches!(higher, Err(TensorError::NoSecondDerivative { op }) if op == "sum and product")
    );
    // What the refused one left behind is in no later one.
    let found = gradient(&product.scale(3.0)?, &[&x], Order::First)?;
    assert_eq!(elements(&found[0]), [15.0, -3.0, 1.5]);
    let again = gradient(&product, &[&x], Order::First).expect_err("it was taken");
    assert!(again.to_string().contains("taken before"), "{again}");
    Ok(())
}

#[test]
fn operands_of_two_tapes_are_refused() {
    let [x, _] = operands(&Tape::new());
    let [_, y] = operands(&Tape::new());
    let refused = apply_joint(SumAndProduct, &[&x, &y]);
    assert!(matches!(refused, Err(TensorError::DifferentTapes { .. })));
}
