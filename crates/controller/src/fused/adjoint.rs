//! The adjoint of the cell: a block of sequences back through all steps.

use mnm_memory::fused::{MemoryAdjoint, MemoryEnd, SharedGradient, StepAdjoint};
use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Scratch, Store, matmul_tn, vectorised};

use super::count::count_adjoint;
use super::error::{LengthError, fits, fits_or_empty};
use super::forward::{Inputs, Saved};
use super::lstm;
use super::prepared::{Prepared, PreparedGate};

/// Cotangents of what the forward pass gave; an empty slice stands for zeros.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cotangents<'a, F> {
    /// Of the outputs `[T, S, C+M]`.
    pub outputs: &'a [F],
    /// Of the meta losses `[T, S]`.
    pub meta: &'a [F],
    /// Of the last hidden state `[S, C]`.
    pub hidden: &'a [F],
    /// Of the last cell state `[S, C]`.
    pub cell: &'a [F],
    /// Of the last read `[S, M]`.
    pub read: &'a [F],
    /// Of the last fast weights, of each layer that the rule writes to `[S, out, in]`; no layers, or empty ones, stand for zeros.
    pub memory: &'a [&'a [F]],
    /// Of the last momentum likewise.
    pub momentum: &'a [&'a [F]],
}

/// What went into the forward pass and came out of it, as far as the adjoint looks at it again.
#[derive(Clone, Copy, Debug)]
pub struct Ran<'a, F> {
    /// What went in.
    pub inputs: Inputs<'a, F>,
    /// [`Forward::outputs`](super::Forward::outputs) `[T, S, C+M]`.
    pub outputs: &'a [F],
}

/// The block's share of every gradient, laid out as the parameters and states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradients<F> {
    /// Of the inputs `[T, S, X]`; empty if not asked for.
    pub inputs: Vec<F>,
    /// Of `controller.weight_ih` `[4C, X+M]`.
    pub weight_ih: Vec<F>,
    /// Of `controller.weight_hh` `[4C, C]`.
    pub weight_hh: Vec<F>,
    /// Of `controller.bias_ih`, and equally of `controller.bias_hh` `[4C]`.
    pub bias: Vec<F>,
    /// Of `interaction.weight` `[M+3HM, C]`.
    pub interaction_weight: Vec<F>,
    /// Of `interaction.bias` `[M+3HM]`.
    pub interaction_bias: Vec<F>,
    /// Of `rate.weight` `[1, M]`.
    pub rate_weight: Vec<F>,
    /// Of `rate.bias` `[1]`.
    pub rate_bias: Vec<F>,
    /// Of `gates.weight` `[G, M]`.
    pub gates_weight: Vec<F>,
    /// Of `gates.bias` `[G]`.
    pub gates_bias: Vec<F>,
    /// Of the matrices that the rule shares, in the order of its program.
    pub rule: Vec<SharedGradient<F>>,
    /// Of the initial hidden state `[S, C]`.
    pub hidden: Vec<F>,
    /// Of the initial cell state `[S, C]`.
    pub cell: Vec<F>,
    /// Of the initial read `[S, M]`.
    pub read: Vec<F>,
    /// Of the initial fast weights, layer by layer: `[out, in]` if they were shared, else `[S, out, in]`; each empty
    /// if not asked for.
    pub memory: Vec<Vec<F>>,
    /// Of the initial momentum likewise.
    pub momentum: Vec<Vec<F>>,
}

/// Gradients that are not always needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those of the inputs.
    pub inputs: bool,
    /// Those of the initial fast weights.
    pub memory: bool,
    /// Those of the initial momentum.
    pub momentum: bool,
}

/// `[S, width]` of zeros, or what is given.
fn start<F: Kernels>(given: &[F], length: usize) -> Vec<F> {
    if given.is_empty() {
        vec![F::zero(); length]
    } else {
        given.to_vec()
    }
}

/// The sum of the rows of a dense matrix of `width` columns.
fn column_sums<F: Kernels>(data: &[F], width: usize) -> Vec<F> {
    let mut sums = vec![F::zero(); width];
    for row in data.chunks_exact(width) {
        vectorised(|| sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += *x));
    }
    sums
}

impl<F: Kernels> Saved<F> {
    fn check(
        &self,
        cell: &Prepared<F>,
        ran: &Ran<'_, F>,
        of: &Cotangents<'_, F>,
    ) -> Result<(), LengthError> {
        let (t, s, sizes) = (self.steps, self.samples, cell.sizes);
        fits("inputs", &[t, s, sizes.input], ran.inputs.inputs)?;
        fits("outputs", &[t, s, sizes.output()], ran.outputs)?;
        if let Some(mask) = ran.inputs.hidden_mask {
            fits("hidden mask", &[t, s, sizes.controller], mask)?;
        }
        if let Some(mask) = ran.inputs.cell_mask {
            fits("cell mask", &[t, s], mask)?;
        }
        fits_or_empty(
            "cotangent of the outputs",
            &[t, s, sizes.output()],
            of.outputs,
        )?;
        fits_or_empty("cotangent of the meta losses", &[t, s], of.meta)?;
        fits_or_empty(
            "cotangent of the hidden state",
            &[s, sizes.controller],
            of.hidden,
        )?;
        fits_or_empty(
            "cotangent of the cell state",
            &[s, sizes.controller],
            of.cell,
        )?;
        fits_or_empty("cotangent of the read", &[s, sizes.value()], of.read)?;
        let written = cell.written_layers();
        fits_or_empty("cotangents of the memory", &[written.len()], of.memory)?;
        for (layer, memory) in written.into_iter().zip(of.memory) {
            let [out, input] = sizes.memory.weight(layer);
            fits_or_empty("cotangent of the memory", &[s, out, input], memory)?;
        }
        for (layer, momentum) in cell.carried_layers().into_iter().zip(of.momentum) {
            let [out, input] = sizes.memory.weight(layer);
            fits_or_empty("cotangent of the momentum", &[s, out, input], momentum)?;
        }
        Ok(())
    }

    /// Takes the block back to its inputs, parameters and initial state. `cell` must be what ran it forward, and `ran` what went
    /// in and came out then; of the gradients that are not always needed, those that are `wanted` are computed.
    ///
    /// # Errors
    /// [`LengthError`] if a cotangent does not fill its shape.
    pub fn adjoint(
        mut self,
        cell: &Prepared<F>,
        ran: &Ran<'_, F>,
        of: &Cotangents<'_, F>,
        wanted: Wanted,
    ) -> Result<Gradients<F>, LengthError> {
        self.check(cell, ran, of)?;
        count_adjoint();
        let (steps, samples, sizes) = (self.steps, self.samples, cell.sizes);
        let (c, m, x) = (sizes.controller, sizes.value(), sizes.input);
        let carried = sizes.carried();
        let (gate_width, z_width, out_width) = (4 * c, sizes.interaction(), sizes.output());
        let rows = steps * samples;
        let end = MemoryEnd {
            d_weights: of.memory,
            d_momentum: of.momentum,
            with_weights: wanted.memory,
            with_momentum: wanted.momentum,
        };
        let mut memory = MemoryAdjoint::new(self.memory, end);
        let mut d_gates_of_rule = [0, 1].map(|n| {
            vec![
                F::zero();
                if self.rule_gates[n].is_empty() {
                    0
                } else {
                    samples
                }
            ]
        });
        let learned = cell
            .rule_gates
            .iter()
            .filter(|g| matches!(g, PreparedGate::Learned { .. }));
        let learned = learned.count();
        let mut gates_weight = vec![F::zero(); learned * m];
        let mut gates_bias = vec![F::zero(); learned];
        // Cotangents of h_t and of v_t without what the outputs of step t add, and of c_t.
        let mut d_hidden = start(of.hidden, samples * c);
        let mut d_read = start(of.read, samples * m);
        let mut d_cell = start(of.cell, samples * c);
        let mut d_state = Scratch::new(samples * (m + carried));
        let mut d_z = Scratch::new(samples * z_width);
        let mut d_rates = Scratch::new(samples);
        let mut tanh_cell = Scratch::new(c);
        let mut masked_cell = vec![F::zero(); c];
        // The cell that a step began with where none is carried.
        let no_cell = vec![F::zero(); if sizes.recurrent { 0 } else { c }];
        let no_meta = vec![F::zero(); samples];
        let mut rate_weight = vec![F::zero(); m];
        let mut rate_bias = F::zero();
        for t in (0..steps).rev() {
            let first = t * samples;
            if !of.outputs.is_empty() {
                let outputs = of.outputs[first * out_width..].chunks_exact(out_width);
                let states = d_hidden.chunks_exact_mut(c).zip(d_read.chunks_exact_mut(m));
                for ((hidden, read), outputs) in states.zip(outputs) {
                    hidden
                        .iter_mut()
                        .zip(&outputs[..c])
                        .for_each(|(d, of)| *d += *of);
                    read.iter_mut()
                        .zip(&outputs[c..])
                        .for_each(|(d, of)| *d += *of);
                }
            }
            let [d_forget, d_momentum] = &mut d_gates_of_rule;
            memory.step(StepAdjoint {
                step: t,
                d_reads: Matrix::dense(&d_read, samples, m),
                d_meta: if of.meta.is_empty() {
                    &no_meta
                } else {
                    &of.meta[first..][..samples]
                },
                d_interactions: &mut d_z[m..],
                interaction_stride: z_width,
                d_rates: &mut d_rates,
                d_forget,
                d_momentum,
            });
            // Through beta to b, then through the tanh of all of z, which its cotangent replaces.
            let z = &mut self.interactions[first * z_width..][..samples * z_width];
            for s in 0..samples {
                let rate = self.rates[first + s];
                let d = d_rates[s] * rate * (F::one() - rate);
                rate_bias += d;
                let (z, d_z) = (
                    &mut z[s * z_width..][..z_width],
                    &mut d_z[s * z_width..][..z_width],
                );
                vectorised(|| {
                    for (sum, z) in rate_weight.iter_mut().zip(z.iter()) {
                        *sum += d * *z;
                    }
                    d_z.iter_mut()
                        .zip(&cell.rate_weight)
                        .for_each(|(d_z, w)| *d_z = d * *w);
                });
                for (n, gate) in cell.rule_gates.iter().enumerate() {
                    let PreparedGate::Learned { row, weight, .. } = gate else {
                        continue;
                    };
                    let value = self.rule_gates[n][first + s];
                    let d = d_gates_of_rule[n][s] * value * (F::one() - value);
                    gates_bias[*row] += d;
                    let sums = gates_weight[row * m..][..m].iter_mut().zip(z.iter());
                    sums.for_each(|(sum, z)| *sum += d * *z);
                    let back = d_z.iter_mut().zip(weight);
                    back.for_each(|(d_z, w)| *d_z += d * *w);
                }
                vectorised(|| {
                    z.iter_mut()
                        .zip(d_z.iter())
                        .for_each(|(z, d_z)| *z = *d_z * (F::one() - *z * *z));
                });
            }
            let d_sums = Matrix::dense(z, samples, z_width);
            cell.interaction.backward.multiply(
                d_sums,
                MatrixMut::dense(&mut d_hidden, samples, c),
                Store::Add,
            );
            let gates = &mut self.gates[first * gate_width..][..samples * gate_width];
            for s in 0..samples {
                let before = match sizes.recurrent {
                    true => &self.cells[(first + s) * c..][..c],
                    false => &no_cell,
                };
                let mask = ran.inputs.cell_mask.map(|mask| mask[first + s]);
                let before = match mask {
                    Some(mask) => lstm::scaled(before, mask, &mut masked_cell),
                    None => before,
                };
                lstm::adjoint(
                    &mut gates[s * gate_width..][..gate_width],
                    before,
                    &self.cells[(first + samples + s) * c..][..c],
                    &d_hidden[s * c..][..c],
                    &mut d_cell[s * c..][..c],
                    &mut tanh_cell,
                );
                if let Some(mask) = mask {
                    d_cell[s * c..][..c].iter_mut().for_each(|d| *d *= mask);
                }
            }
            let d_gates = Matrix::dense(gates, samples, gate_width);
            cell.from_state.backward.multiply(
                d_gates,
                MatrixMut::dense(&mut d_state, samples, m + carried),
                Store::Overwrite,
            );
            if !sizes.recurrent {
                d_hidden.fill(F::zero());
                d_cell.fill(F::zero());
            }
            for (s, d_state) in d_state.chunks_exact(carried + m).enumerate() {
                d_read[s * m..][..m].copy_from_slice(&d_state[carried..]);
                let hidden = &mut d_hidden[s * c..][..carried];
                hidden.copy_from_slice(&d_state[..carried]);
                if let Some(mask) = ran.inputs.hidden_mask {
                    let mask = &mask[(first + s) * c..][..c];
                    hidden
                        .iter_mut()
                        .zip(mask)
                        .for_each(|(d, mask)| *d *= *mask);
                }
            }
        }
        let initial = memory.finish();
        // All that waited for the last step: d_gates lie where the gates were, d_z where z was.
        let d_gates = Matrix::dense(&self.gates, rows, gate_width);
        let mut from_input = Scratch::new(gate_width * x);
        matmul_tn(
            d_gates,
            Matrix::dense(ran.inputs.inputs, rows, x),
            MatrixMut::dense(&mut from_input, gate_width, x),
            Store::Overwrite,
        );
        let mut from_state = Scratch::new(gate_width * (carried + m));
        self.states.weight_gradient(
            &self.gates,
            steps,
            ran.outputs,
            MatrixMut::dense(&mut from_state, gate_width, carried + m),
        );
        let mut interaction_weight = vec![F::nan(); z_width * c];
        matmul_tn(
            Matrix::dense(&self.interactions, rows, z_width),
            Matrix::new(ran.outputs, rows, c, out_width),
            MatrixMut::dense(&mut interaction_weight, z_width, c),
            Store::Overwrite,
        );
        let mut inputs = vec![F::nan(); if wanted.inputs { rows * x } else { 0 }];
        if wanted.inputs {
            cell.from_input.backward.multiply(
                d_gates,
                MatrixMut::dense(&mut inputs, rows, x),
                Store::Overwrite,
            );
        }
        // [h ; v] is of W_hh and of the columns of W_ih behind those of the inputs; W_hh has no part where h is not carried.
        let mut weight_ih = Vec::with_capacity(gate_width * (x + m));
        let mut weight_hh = vec![F::zero(); gate_width * c];
        for (gate, from_state) in from_state.chunks_exact(carried + m).enumerate() {
            let (hidden, read) = from_state.split_at(carried);
            weight_ih.extend_from_slice(&from_input[gate * x..][..x]);
            weight_ih.extend_from_slice(read);
            weight_hh[gate * c..][..carried].copy_from_slice(hidden);
        }
        Ok(Gradients {
            inputs,
            weight_ih,
            weight_hh,
            bias: column_sums(&self.gates, gate_width),
            interaction_weight,
            interaction_bias: column_sums(&self.interactions, z_width),
            rate_weight,
            rate_bias: vec![rate_bias],
            gates_weight,
            gates_bias,
            rule: initial.matrices,
            hidden: d_hidden,
            cell: d_cell,
            read: d_read,
            memory: initial.weights,
            momentum: initial.momentum,
        })
    }
}
