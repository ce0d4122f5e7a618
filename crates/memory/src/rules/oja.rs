//! Oja's rule of the last layer: Hebbian learning whose weights stay bounded.

use mnm_tensor::Float;

use crate::{MemoryShape, Program, WriteRule};

/// What a weight gains by a value, it loses in proportion to itself by the value's square:
///
/// ```text
/// W_ji += beta / H sum over heads h of v_hj (a_hi - v_hj W_ji)
/// E^L = -v / H;   A^L = a^{L-1};   W_ji first keeps the part 1 - beta / H sum over h of v_hj^2
/// ```
///
/// Sources: Oja 1982; as a plastic connection, Miconi et al. 2018 (arXiv 1804.02464).
#[derive(Clone, Copy, Debug, Default)]
pub struct OjaRule;

impl<F: Float> WriteRule<F> for OjaRule {
    fn name(&self) -> &str {
        "oja"
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let mut p = Program::new(shape, heads);
        let (last, values) = (shape.layers() - 1, p.values());
        let squares = p.product(values, values);
        let lost = p.scale(1.0 / heads as f64, squares);
        p.decay(last, lost);
        let features = p.features();
        let gained = p.scale(-1.0 / heads as f64, values);
        p.update(last, gained, features);
        Some(p)
    }
}
