//! A test kit: gradients against central differences along random directions, to second order.
//!
//! For f: arrays -> array, a random cotangent u and random directions d, first order holds `<u, J d>` (central
//! difference of `<u, f>`) against `<J^T u, d>`; second order does the same to `J^T u` as a function.
//!
//! The differences take four points, so that their error falls with the fourth power of the step: a step long enough to
//! keep rounding small then serves wide arrays too.

use std::fmt::Display;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{Float, Order, SharedArray, Tape, Tensor, TensorError, pull_back};

/// How closely, and how far, [`gradcheck`] looks.
#[derive(Clone, Copy, Debug)]
pub struct Gradcheck {
    /// Names the random directions; printed on failure.
    pub seed: u64,
    /// The difference step: `f` is asked at one and two of them to either side.
    pub epsilon: f64,
    /// The largest relative error, against the larger of both figures and `floor`.
    pub tolerance: f64,
    /// Figures below this are compared absolutely.
    pub floor: f64,
    /// Whether the gradient of the gradient is checked too.
    pub second_order: bool,
}

impl Default for Gradcheck {
    fn default() -> Self {
        Self {
            seed: 0,
            epsilon: 1e-4,
            tolerance: 1e-6,
            floor: 1e-2,
            second_order: true,
        }
    }
}

/// A random array of `shape`, uniform in `[-1, 1]`.
pub fn random_array(shape: &[usize], generator: &mut StdRng) -> SharedArray<f64> {
    SharedArray::from_shape_simple_fn(shape, || 2.0 * generator.random::<f64>() - 1.0)
}

/// The sum of the products of corresponding elements.
pub fn inner(a: &SharedArray<f64>, b: &SharedArray<f64>) -> f64 {
    a.iter().zip(b.iter()).map(|(x, y)| x * y).sum()
}

/// Checks the gradient of `f` at `at` against central differences.
///
/// # Errors
/// A sentence that names the order, the argument, both figures and the seed; or what `f` itself failed with.
pub fn gradcheck<E: Display>(
    f: impl Fn(&[Tensor<f64>]) -> Result<Tensor<f64>, E>,
    at: &[SharedArray<f64>],
    how: Gradcheck,
) -> Result<(), String> {
    let f = |arguments: &[Tensor<f64>]| f(arguments).map_err(|e| e.to_string());
    check_order("first", &f, at, how)?;
    if !how.second_order {
        return Ok(());
    }
    let mut generator = StdRng::seed_from_u64(how.seed ^ 0x5eed);
    let plain: Vec<_> = at.iter().cloned().map(Tensor::shared).collect();
    let output = f(&plain)?;
    let cotangent = random_array(output.shape(), &mut generator);
    let gradient = |arguments: &[Tensor<f64>]| -> Result<Tensor<f64>, String> {
        // Arguments off the tape (the difference quotient) get a tape of their own for the inner gradient.
        let tape = arguments.iter().find_map(Tensor::tape).unwrap_or_default();
        let on_tape: Vec<Tensor<f64>> = arguments
            .iter()
            .map(|t| {
                if t.is_recorded() {
                    t.clone()
                } else {
                    tape.shared_variable(t.value().clone())
                }
            })
            .collect();
        let output = f(&on_tape)?;
        let wrt: Vec<&Tensor<f64>> = on_tape.iter().collect();
        let cotangent = Tensor::shared(cotangent.clone());
        flat_gradient(&output, &cotangent, &wrt).map_err(|e| e.to_string())
    };
    check_order("second", &gradient, at, how)
}

/// The gradients to all of `wrt`, recorded, as one flat tensor.
fn flat_gradient(
    output: &Tensor<f64>,
    cotangent: &Tensor<f64>,
    wrt: &[&Tensor<f64>],
) -> Result<Tensor<f64>, TensorError> {
    let parts = pull_back(output, cotangent, wrt, Order::Higher)?;
    let flat: Vec<Tensor<f64>> = parts
        .iter()
        .map(|g| g.reshape(&[g.value().len()]))
        .collect::<Result<_, _>>()?;
    Tensor::concat(&flat.iter().collect::<Vec<_>>(), 0)
}

fn check_order(
    order: &str,
    f: &impl Fn(&[Tensor<f64>]) -> Result<Tensor<f64>, String>,
    at: &[SharedArray<f64>],
    how: Gradcheck,
) -> Result<(), String> {
    let fail = |e: String| format!("{order} order, seed {}: {e}", how.seed);
    let mut generator = StdRng::seed_from_u64(how.seed);
    let tape = Tape::new();
    let variables: Vec<_> = at.iter().map(|a| tape.shared_variable(a.clone())).collect();
    let output = f(&variables).map_err(fail)?;
    let cotangent = random_array(output.shape(), &mut generator);
    let wrt: Vec<&Tensor<f64>> = variables.iter().collect();
    let gradients = pull_back(
        &output,
        &Tensor::shared(cotangent.clone()),
        &wrt,
        Order::First,
    )
    .map_err(|e| fail(e.to_string()))?;
    for (argument, gradient) in gradients.iter().enumerate() {
        let direction = random_array(at[argument].shape(), &mut generator);
        let shifted = |steps: f64| -> Result<f64, String> {
            let mut moved: Vec<_> = at.iter().cloned().map(Tensor::shared).collect();
            let step = direction.mapv(|d| steps * how.epsilon * d);
            moved[argument] = Tensor::shared((&at[argument] + &step).into_shared());
            Ok(inner(&cotangent, f(&moved).map_err(fail)?.value()))
        };
        let near = shifted(1.0)? - shifted(-1.0)?;
        let far = shifted(2.0)? - shifted(-2.0)?;
        let numeric = (8.0 * near - far) / (12.0 * how.epsilon);
        let analytic = inner(gradient.value(), &direction);
        let scale = numeric.abs().max(analytic.abs()).max(how.floor);
        let error = (numeric - analytic).abs() / scale;
        // Written so that NaN fails.
        if !matches!(
            error.partial_cmp(&how.tolerance),
            Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal)
        ) {
            return Err(format!(
                "{order} order, argument {argument}: central difference {numeric:.12e}, gradient {analytic:.12e}, \
                 relative error {error:.2e} above {:.0e}; seed {}",
                how.tolerance, how.seed
            ));
        }
    }
    Ok(())
}

/// The largest difference between corresponding elements, relative to the largest magnitude of `b` (at least
/// `f64::MIN_POSITIVE`).
pub fn relative_difference<F: Float>(a: &SharedArray<F>, b: &SharedArray<F>) -> f64 {
    if a.shape() != b.shape() {
        return f64::INFINITY;
    }
    let scale = b
        .iter()
        .fold(f64::MIN_POSITIVE, |m, x| m.max(x.as_f64().abs()));
    let worst = a.iter().zip(b.iter()).fold(0.0_f64, |m, (x, y)| {
        let difference = (x.as_f64() - y.as_f64()).abs();
        if difference.is_nan() {
            f64::INFINITY
        } else {
            m.max(difference)
        }
    });
    worst / scale
}
