//! The LSTM's gates, element by element, for one sequence at one step; gates in the order i, f, g, o.

use mnm_tensor::kernels::{Kernels, vectorised};

/// Applies the gates' activations to `gates` `[4C]` in place, and sets `cell` and `hidden` `[C]` from the cell before.
pub(super) fn step<F: Kernels>(gates: &mut [F], before: &[F], cell: &mut [F], hidden: &mut [F]) {
    let width = cell.len();
    let (input_forget, rest) = gates.split_at_mut(2 * width);
    let (candidate, output) = rest.split_at_mut(width);
    F::sigmoid_slice(input_forget);
    F::tanh_slice(candidate);
    F::sigmoid_slice(output);
    let (input, forget) = input_forget.split_at(width);
    vectorised(|| {
        let parts = input.iter().zip(forget).zip(candidate.iter()).zip(before);
        for (((((i, f), g), before), cell), hidden) in
            parts.zip(cell.iter_mut()).zip(hidden.iter_mut())
        {
            *cell = *f * *before + *i * *g;
            *hidden = *cell;
        }
    });
    F::tanh_slice(hidden);
    vectorised(|| hidden.iter_mut().zip(output).for_each(|(h, o)| *h *= *o));
}

/// The cell state times its mask, in `into`.
pub(super) fn scaled<'a, F: Kernels>(cell: &[F], mask: F, into: &'a mut [F]) -> &'a [F] {
    into.iter_mut()
        .zip(cell)
        .for_each(|(to, from)| *to = mask * *from);
    into
}

/// Replaces the activated gates by the cotangents of what went into them, and `d_cell` by the cotangent of the cell before.
pub(super) fn adjoint<F: Kernels>(
    gates: &mut [F],
    before: &[F],
    cell: &[F],
    d_hidden: &[F],
    d_cell: &mut [F],
    tanh_cell: &mut [F],
) {
    let width = cell.len();
    tanh_cell.copy_from_slice(cell);
    F::tanh_slice(tanh_cell);
    let (input, rest) = gates.split_at_mut(width);
    let (forget, rest) = rest.split_at_mut(width);
    let (candidate, output) = rest.split_at_mut(width);
    let one = F::one();
    vectorised(|| {
        let gates = input.iter_mut().zip(forget).zip(candidate).zip(output);
        let cells = before
            .iter()
            .zip(tanh_cell.iter())
            .zip(d_hidden)
            .zip(d_cell.iter_mut());
        for ((((i, f), g), o), (((before, t), d_hidden), d_cell)) in gates.zip(cells) {
            let d = *d_cell + *d_hidden * *o * (one - *t * *t);
            *o = *d_hidden * *t * *o * (one - *o);
            *d_cell = d * *f;
            *f = d * *before * *f * (one - *f);
            let d_input = d * *g * *i * (one - *i);
            *g = d * *i * (one - *g * *g);
            *i = d_input;
        }
    });
}
