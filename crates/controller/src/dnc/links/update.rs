//! The links after a write as one primitive: they are the largest thing in a DNC, and every op over them is another pass.

use mnm_tensor::{Float, Primitive, SharedArray, Tensor, TensorError, dense, one_by_one};
use ndarray::{ArrayView1, IxDyn};

const OP: &str = "links";

/// `L`, `p`, `w` to the links after the write; the diagonal of `L` is zero from the start, so that it is enough to keep
/// what is new off it.
#[derive(Debug)]
pub(super) struct Links;

/// The extents `(B, N)` of `L` `[B, N, N]`, `p` and `w` `[B, N]`.
fn extents(links: &[usize], precedence: &[usize], write: &[usize]) -> Option<(usize, usize)> {
    let &[batch, slots] = write else { return None };
    (links == [batch, slots, slots] && precedence == write).then_some((batch, slots))
}

fn misfit(shapes: &[&[usize]]) -> TensorError {
    TensorError::shape(OP, shapes, "[B, N, N], [B, N] and [B, N]")
}

/// Ones `[N, N]` with a diagonal of zeros.
fn off_diagonal<F: Float>(slots: usize) -> Result<Tensor<F>, TensorError> {
    let mut elements = vec![F::one(); slots * slots];
    elements
        .iter_mut()
        .step_by(slots + 1)
        .for_each(|diagonal| *diagonal = F::zero());
    Tensor::from_vec(&[slots, slots], elements)
}

/// The cotangents of `L`, `p` and `w`, in one pass over `L` and `cotangent`.
fn adjoint<F: Float>(
    (batch, slots): (usize, usize),
    [links, precedence, write]: [&[F]; 3],
    cotangent: &[F],
) -> [Vec<F>; 3] {
    let mut to_links = Vec::with_capacity(links.len());
    let mut to_precedence = vec![F::zero(); precedence.len()];
    let mut to_write = vec![F::zero(); write.len()];
    let mut new = vec![F::zero(); slots];
    for sequence in 0..batch {
        let all = sequence * slots..(sequence + 1) * slots;
        let (p, w) = (&precedence[all.clone()], &write[all.clone()]);
        let (to_p, to_w) = (&mut to_precedence[all.clone()], &mut to_write[all.clone()]);
        for (i, row) in all.enumerate() {
            let [l, g] = [links, cotangent].map(|x| &x[row * slots..][..slots]);
            // The diagonal takes nothing new.
            new.copy_from_slice(g);
            new[i] = F::zero();
            let kept = F::one() - w[i];
            to_links.extend(g.iter().zip(w).map(|(&g, &w)| g * (kept - w)));
            for (sum, &g) in to_p.iter_mut().zip(&new) {
                *sum += g * w[i];
            }
            for ((sum, &g), &l) in to_w.iter_mut().zip(g).zip(l) {
                *sum -= g * l;
            }
            let [l, g, p, new] = [l, g, p, &new].map(ArrayView1::from);
            to_w[i] += new.dot(&p) - g.dot(&l);
        }
    }
    [to_links, to_precedence, to_write]
}

impl<F: Float> Primitive<F> for Links {
    fn name(&self) -> &'static str {
        OP
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Result<SharedArray<F>, TensorError> {
        let shapes: Vec<&[usize]> = operands.iter().map(|o| o.shape()).collect();
        let &[links, precedence, write] = operands else {
            return Err(misfit(&shapes));
        };
        let (batch, slots) = extents(links.shape(), precedence.shape(), write.shape())
            .ok_or_else(|| misfit(&shapes))?;
        let [l, p, w] = [links, precedence, write].map(dense);
        let mut after = Vec::with_capacity(l.len());
        for row in 0..batch * slots {
            let (i, first) = (row % slots, row - row % slots);
            let [p, w] = [&p, &w].map(|x| &x[first..][..slots]);
            let l = &l[row * slots..][..slots];
            let (written, kept) = (w[i], F::one() - w[i]);
            let elements = l.iter().zip(p).zip(w);
            after.extend(elements.map(|((&l, &p), &w)| l * (kept - w) + written * p));
            after[row * slots + i] = l[i] * (kept - written);
        }
        SharedArray::from_shape_vec(IxDyn(links.shape()), after).map_err(|_| misfit(&shapes))
    }

    fn vjp(
        &self,
        argument: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        cotangent: &Tensor<F>,
    ) -> Result<Tensor<F>, TensorError> {
        let [links, precedence, write] = operands else {
            return Err(misfit(&[]));
        };
        let &[batch, slots] = write.shape() else {
            return Err(misfit(&[write.shape()]));
        };
        let (to, from) = ([batch, slots, 1], [batch, 1, slots]);
        let new = || cotangent.mul(&off_diagonal(slots)?);
        match argument {
            0 => {
                let kept = write.reshape(&to)?.affine(-1.0, 1.0)?;
                cotangent.mul(&kept.sub(&write.reshape(&from)?)?)
            }
            1 => new()?.mul(&write.reshape(&to)?)?.sum(1),
            _ => {
                let lost = cotangent.mul(links)?;
                let written = new()?.mul(&precedence.reshape(&from)?)?.sub(&lost)?;
                written.sum(2)?.sub(&lost.sum(1)?)
            }
        }
    }

    fn cotangents(
        &self,
        wanted: &[bool],
        operands: &[Tensor<F>],
        output: &Tensor<F>,
        cotangent: &Tensor<F>,
    ) -> Result<Vec<Option<Tensor<F>>>, TensorError> {
        // A gradient that is itself recorded is made of ops.
        if operands.iter().chain([cotangent]).any(Tensor::is_recorded) {
            return one_by_one(self, wanted, operands, output, cotangent);
        }
        let ([links, precedence, write], &[batch, slots, _]) = (operands, cotangent.shape()) else {
            return Err(misfit(&[cotangent.shape()]));
        };
        let [l, p, w, g] = [links, precedence, write, cotangent].map(|t| dense(t.value()));
        let found = adjoint((batch, slots), [&l, &p, &w], &g);
        found
            .into_iter()
            .zip(operands)
            .zip(wanted)
            .map(|((found, operand), &wanted)| {
                wanted.then(|| Tensor::from_vec(operand.shape(), found))
            })
            .map(Option::transpose)
            .collect()
    }
}
