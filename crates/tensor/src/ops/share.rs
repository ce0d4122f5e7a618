//! The way back through an op that passes on what it chose: every element's share of the cotangent.

use crate::engine::{apply_own, own};
use crate::ops::Outcome;
use crate::ops::arithmetic::zip;
use crate::{Float, Primitive, SharedArray, Tensor};

pub(super) const NAMES: &[&str] = &["share"];

/// The product with shares, zero where the share is zero: unlike in a product, also of an infinity or NaN. So a slope without bound does
/// not reach what was not chosen, as in PyTorch.
#[derive(Debug)]
struct Share;

own!(Share);

impl<F: Float> Primitive<F> for Share {
    fn name(&self) -> &'static str {
        "share"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let of = |g: F, share: F| {
            if share == F::zero() { share } else { g * share }
        };
        zip("share", operands, of)
    }

    fn vjp(
        &self,
        argument: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        apply_own(Share, &[g, &operands[1 - argument]])
    }
}

/// `g` times `share` of the elements of `x`; see [`Share`].
pub(super) fn share<F: Float>(
    g: &Tensor<F>,
    x: &Tensor<F>,
    share: impl FnMut(F) -> F,
) -> Outcome<Tensor<F>> {
    shared_out(g, x.value().mapv(share).into_shared())
}

/// `g` times `shares`; see [`Share`].
pub(super) fn shared_out<F: Float>(g: &Tensor<F>, shares: SharedArray<F>) -> Outcome<Tensor<F>> {
    apply_own(Share, &[g, &Tensor::shared(shares)])
}
