//! Tensors or references to them, as they come: what callers write has to compile.

use mnm_tensor::{Float, Parameters, Tensor, TensorError};
use ndarray::array;

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
    Ok(Tensor::stack(&[flat])?.linear(&Tensor::ones(&[1, 6]), None)?)
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
