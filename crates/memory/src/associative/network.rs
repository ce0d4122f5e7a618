//! From a memory of tensors to one in a program, and back.

use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Tensor, dense};
use ndarray::Axis;

use super::features::FeatureMap;
use super::reservoir::Reservoir;
use super::weights::Weights;
use super::{AssociativeError, AssociativeMemory, Features, Method, SAMPLE, check_widths, state};
use crate::Memory;

impl<F: Kernels> AssociativeMemory<F> {
    /// The memory of one sequence of a batch, such as a trained model's, taken out to be used by itself. What the model has written can be
    /// read, and from now on `method` writes.
    ///
    /// A memory of several layers takes [`Method::Deep`] with its hidden widths, one of a single layer takes any. `features` say how the model used
    /// its keys: [`Features::Raw`], or [`Features::Unit`] where it divides them by their length. The count of writes starts at zero. The example
    /// `take_out_a_memory` of `mnm-trainer` does it with a model that it trains.
    ///
    /// # Errors
    /// A sequence that is not there, a method of other layers, features of another kind, settings out of range, weights that are not finite, or of a
    /// norm that nothing could be written to.
    pub fn from_memory(
        memory: &Memory<F>,
        sequence: usize,
        method: Method,
        features: Features,
    ) -> Result<Self, AssociativeError> {
        let misfit = |reason| Err(AssociativeError::Conversion { reason });
        let [batch, key, value] = memory.extents();
        check_widths(key, value)?;
        method.check::<F>()?;
        if !matches!(features, Features::Raw | Features::Unit) {
            return misfit(
                "a memory of tensors is read with its keys or their directions: take Features::Raw or Unit".to_owned(),
            );
        }
        if sequence >= batch {
            return misfit(format!(
                "no sequence {sequence}: the memory has {batch}, counted from 0"
            ));
        }
        let found: Vec<[usize; 2]> = memory
            .weights()
            .iter()
            .map(|weight| [weight.shape()[1], weight.shape()[2]])
            .collect();
        if state::shapes(&method, key, value) != found {
            let hidden: Vec<usize> = found
                .iter()
                .take(found.len() - 1)
                .map(|[out, _]| *out)
                .collect();
            return misfit(format!(
                "the memory's layers [out, in] are {found:?}: they take Method::Deep with hidden widths {hidden:?}{}",
                if hidden.is_empty() {
                    ", or any other method"
                } else {
                    ""
                }
            ));
        }
        let mut layers = Vec::with_capacity(found.len());
        for (layer, (weight, [out, input])) in memory.weights().iter().zip(found).enumerate() {
            let weight = weight
                .value()
                .index_axis(Axis(0), sequence)
                .to_owned()
                .into_shared();
            let entries = dense(&weight);
            if let Some(place) = entries.iter().position(|w| !w.is_finite()) {
                return misfit(format!(
                    "layer {layer} has {} in row {}: expected finite weights",
                    entries[place],
                    place / input
                ));
            }
            let mut weights = Weights::dense(out, input, &entries);
            if let Err(reason) = weights.writable(layer) {
                return misfit(reason);
            }
            layers.push(weights);
        }
        let state = state::with_weights(&method, layers, None);
        let map = FeatureMap::drawn(&features, key);
        let sample = Reservoir::new([key, value], SAMPLE);
        Ok(Self::assemble(
            [key, value],
            (method, state),
            (features, map),
            sample,
        ))
    }

    /// The weights as a memory of tensors with one sequence, to be read and written by rules, on a tape or off it.
    ///
    /// With [`Features::Unit`] the keys of that memory must be divided by their lengths.
    ///
    /// # Errors
    /// A memory with a feature map: a memory of tensors has none.
    pub fn to_memory(&self) -> Result<Memory<F>, AssociativeError> {
        if !matches!(self.features, Features::Raw | Features::Unit) {
            return Err(AssociativeError::Conversion {
                reason: "a memory of tensors has no feature map: only those with Features::Raw or Unit become one".to_owned(),
            });
        }
        let weights = self.state.layers().iter().map(|layer| {
            let [out, input] = layer.shape();
            Tensor::from_vec(&[1, out, input], layer.entries())
        });
        let weights = weights.collect::<Result<Vec<_>, _>>();
        Ok(Memory::new(weights.map_err(crate::MemoryError::from)?)?)
    }
}

const _: fn() = || {
    fn anywhere<T: Send + Sync>() {}
    anywhere::<Memory<f32>>();
    anywhere::<Memory<f64>>();
    anywhere::<AssociativeMemory<f32>>();
    anywhere::<AssociativeMemory<f64>>();
};
