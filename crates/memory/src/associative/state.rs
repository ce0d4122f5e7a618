//! What every method has in common.

use std::fmt::Debug;

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, dot, padded};

use super::deep::Deep;
use super::delta::Delta;
use super::hebbian::Hebbian;
use super::least_squares::{Evidence, LeastSquares};
use super::weights::Weights;
use super::{AssociativeError, Features, Method};

/// A method with what it has stored. Keys are features here; all are as wide as the weights.
pub(super) trait State<F: Kernels>: Debug + Send + Sync {
    /// Reads a row for every row.
    fn read(&self, x: Matrix<'_, F>, y: MatrixMut<'_, F>);

    /// Stores a pair; how far from `v` the memory was before. On an error nothing has changed. A key of zeros is an error, and so are a key and
    /// a distance that are not finite: keys and values which are not can come as far as this.
    fn write(&mut self, x: &[F], v: &[F]) -> Result<F, AssociativeError>;

    /// Makes the memory read `nothing`, zeros, for the key; how far from it it was before. On an error nothing has changed.
    fn forget(&mut self, x: &[F], nothing: &[F]) -> Result<F, AssociativeError>;

    /// The weights, from the key to the value.
    fn layers(&self) -> &[Weights<F>];

    /// What least squares knows beside them.
    fn evidence(&self) -> Option<&Evidence<F>> {
        None
    }

    /// The part of its error that the next write under this key would take away, where the method knows it. `work` is as wide as the key.
    fn novelty(&self, _x: &[F], _work: &mut [F]) -> Option<F> {
        None
    }

    /// A copy.
    fn boxed(&self) -> Box<dyn State<F>>;
}

impl<F: Kernels> Clone for Box<dyn State<F>> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// `|x|^2`, finite and so large that it can be divided by.
pub(super) fn square<F: Kernels>(x: &[F]) -> Result<F, AssociativeError> {
    let square = dot(x, x);
    if square < F::min_positive_value() {
        return Err(AssociativeError::ZeroKey);
    }
    if !square.is_finite() {
        return Err(AssociativeError::Overflow {
            what: "the square of the key",
            scalar: F::NAME,
        });
    }
    Ok(square)
}

/// The shapes `[out, in]` of the layers for features and values of these widths.
pub(super) fn shapes(method: &Method, features: usize, value: usize) -> Vec<[usize; 2]> {
    let hidden = match method {
        Method::Deep { hidden, .. } => hidden.as_slice(),
        _ => &[],
    };
    let inputs = [features].into_iter().chain(hidden.iter().copied());
    let outs = hidden.iter().copied().chain([value]);
    inputs.zip(outs).map(|(input, out)| [out, input]).collect()
}

/// Refuses what no machine has room for before anything is allocated: the weights, what least squares keeps beside them, and drawn features.
pub(super) fn check_room<F: Kernels>(
    [key, value]: [usize; 2],
    method: &Method,
    features: &Features,
) -> Result<(), AssociativeError> {
    let count = features.count(key);
    let mut matrices = shapes(method, count, value);
    if let Method::LeastSquares { .. } = method {
        matrices.push([count, count]);
    }
    if let Features::Tanh { .. } | Features::Nearest { .. } = features {
        matrices.push([count, key]);
    }
    let entries = matrices
        .iter()
        // Rows are on whole cache lines. The widest that can be counted has no room either, padded or not.
        .map(|[out, input]| {
            let row = padded((*input).min(usize::MAX / 2));
            (*out as u128).saturating_mul(row as u128)
        });
    let bytes = entries
        .fold(0, u128::saturating_add)
        .saturating_mul(size_of::<F>() as u128);
    let room = usize::try_from(bytes).is_ok_and(|b| Vec::<u8>::new().try_reserve_exact(b).is_ok());
    match room {
        true => Ok(()),
        false => Err(AssociativeError::setting(
            "the size of the memory",
            format!("{bytes} bytes (keys {key}, features {count}, values {value} wide)"),
            "as much as this machine can give",
        )),
    }
}

/// The weights of an empty memory, which reads zeros: the last layer is zero, those below are drawn.
pub(super) fn empty<F: Kernels>(method: &Method, features: usize, value: usize) -> Vec<Weights<F>> {
    let shapes = shapes(method, features, value);
    let last = shapes.len() - 1;
    let layer = |(place, [out, input]): (usize, [usize; 2])| match method {
        Method::Deep { seed, .. } if place < last => super::deep::drawn(*seed, place, [out, input]),
        _ => Weights::zeros(out, input),
    };
    shapes.into_iter().enumerate().map(layer).collect()
}

/// A method with these weights; without evidence, least squares takes them for the empty memory.
pub(super) fn with_weights<F: Kernels>(
    method: &Method,
    mut layers: Vec<Weights<F>>,
    evidence: Option<Evidence<F>>,
) -> Box<dyn State<F>> {
    match *method {
        Method::Deep { steps, rate, .. } => Box::new(Deep::new(layers, steps, rate)),
        Method::Delta { rate } => Box::new(Delta::new(rate, layers.swap_remove(0))),
        Method::Hebbian { rate, forgetting } => {
            Box::new(Hebbian::new(rate, forgetting, layers.swap_remove(0)))
        }
        Method::LeastSquares { ridge, forgetting } => {
            let weights = layers.swap_remove(0);
            let evidence = evidence.unwrap_or_else(|| Evidence::none(weights.shape()[1], ridge));
            Box::new(LeastSquares::new(ridge, forgetting, weights, evidence))
        }
    }
}
