//! Packed weights for as long as the parameters stay the same.

use std::sync::{Arc, Mutex, PoisonError};

use mnm_tensor::SharedArray;
use mnm_tensor::kernels::Kernels;

use super::error::LengthError;
use super::prepared::Prepared;

/// The packed weights of a cell, shared by all blocks and threads that run it with the same parameters.
///
/// The parameters are known again by the memory that they share, not by their values. The cache holds on to that memory, so that
/// nothing else can come to lie there, and a change in place makes a copy elsewhere.
#[derive(Debug)]
pub struct PreparedCache<F>(Mutex<Option<Known<F>>>);

#[derive(Debug)]
struct Known<F> {
    parameters: Vec<SharedArray<F>>,
    prepared: Arc<Prepared<F>>,
}

impl<F> Default for PreparedCache<F> {
    fn default() -> Self {
        PreparedCache(Mutex::new(None))
    }
}

fn same<F>(left: &SharedArray<F>, right: &SharedArray<F>) -> bool {
    left.as_ptr() == right.as_ptr()
        && left.shape() == right.shape()
        && left.strides() == right.strides()
}

impl<F: Kernels> PreparedCache<F> {
    /// What was prepared from these parameters, or else what `prepare` makes of them.
    ///
    /// # Errors
    /// Those of `prepare`.
    pub fn get(
        &self,
        parameters: &[&SharedArray<F>],
        prepare: impl FnOnce() -> Result<Prepared<F>, LengthError>,
    ) -> Result<Arc<Prepared<F>>, LengthError> {
        // A panic of another thread cannot leave the cache half changed.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref()
            && known.parameters.len() == parameters.len()
            && known
                .parameters
                .iter()
                .zip(parameters)
                .all(|(a, b)| same(a, b))
        {
            return Ok(Arc::clone(&known.prepared));
        }
        let prepared = Arc::new(prepare()?);
        *known = Some(Known {
            parameters: parameters.iter().map(|p| (*p).clone()).collect(),
            prepared: Arc::clone(&prepared),
        });
        Ok(prepared)
    }
}

#[cfg(test)]
mod tests {
    use mnm_memory::{GradientRule, MemoryShape};
    use ndarray::IxDyn;

    use super::super::{CellSizes, RuleForm, Weights};
    use super::*;

    fn prepare(bias: f64) -> Result<Prepared<f64>, LengthError> {
        let memory = MemoryShape::new(1, 1, 1).map_err(|_| LengthError {
            name: "shape",
            shape: Vec::new(),
            expected: 0,
            found: 0,
        })?;
        let sizes = CellSizes {
            input: 1,
            controller: 1,
            heads: 1,
            memory,
            recurrent: true,
        };
        let weights = Weights {
            weight_ih: &[0.0; 8],
            weight_hh: &[0.0; 4],
            bias_ih: &[bias; 4],
            bias_hh: &[0.0; 4],
            interaction_weight: &[0.0; 4],
            interaction_bias: &[0.0; 4],
            rate_weight: &[0.0],
            rate_bias: &[0.0],
            gates_weight: &[],
            gates_bias: &[],
            rule: &[],
        };
        let rule = GradientRule::default();
        let form = RuleForm::of::<f64>(&rule, &memory, 1).expect("a fused rule");
        Prepared::new(&form, sizes, &weights)
    }

    #[test]
    fn the_same_memory_is_packed_once_and_a_change_is_seen() {
        let cache = PreparedCache::default();
        let mut bias: SharedArray<f64> = SharedArray::from_elem(IxDyn(&[4]), 1.0);
        let first = cache.get(&[&bias], || prepare(1.0)).unwrap();
        let again = cache
            .get(&[&bias.clone()], || panic!("packed again"))
            .unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        bias[[0]] = 2.0;
        let changed = cache.get(&[&bias], || prepare(2.0)).unwrap();
        assert!(!Arc::ptr_eq(&first, &changed));
    }

    #[test]
    fn what_cannot_be_prepared_is_not_kept() {
        let cache = PreparedCache::<f64>::default();
        let bias: SharedArray<f64> = SharedArray::zeros(IxDyn(&[4]));
        let error = LengthError {
            name: "bias",
            shape: vec![4],
            expected: 4,
            found: 3,
        };
        assert_eq!(
            cache.get(&[&bias], || Err(error.clone())).unwrap_err(),
            error
        );
        assert!(cache.get(&[&bias], || prepare(0.0)).is_ok());
    }
}
