//! The cell forward: a block of sequences through all steps.

use mnm_memory::fused::{
    Initial, MemoryForward, MemoryOptions, MemorySaved, MemorySizes, MemoryStart, StepForward,
};
use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Scratch, Store, matmul_nt};

use super::count::count_forward;
use super::error::{LengthError, fits};
use super::lstm;
use super::prepared::{Prepared, PreparedGate};
use super::states::States;

/// What goes into a block of sequences.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, F> {
    /// Steps T.
    pub steps: usize,
    /// Sequences S of the block.
    pub samples: usize,
    /// `[T, S, X]`.
    pub inputs: &'a [F],
    /// `[T, S, C]`: multiplies h_{t-1} before it enters the LSTM at step t.
    pub hidden_mask: Option<&'a [F]>,
    /// `[T, S]`: multiplies c_{t-1} before it enters the LSTM at step t.
    pub cell_mask: Option<&'a [F]>,
}

/// The state before the first step.
#[derive(Clone, Copy, Debug)]
pub struct InitialState<'a, F> {
    /// h_0 `[S, C]`.
    pub hidden: &'a [F],
    /// c_0 `[S, C]`.
    pub cell: &'a [F],
    /// v_0 `[S, M]`.
    pub read: &'a [F],
    /// The fast weights, layer by layer.
    pub memory: &'a [Initial<'a, F>],
    /// The momentum of each layer that the rule writes to, if it carries any.
    pub momentum: &'a [Initial<'a, F>],
}

/// What is wanted of a forward pass beside its outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// What [`Saved::adjoint`] needs.
    pub save: bool,
    /// The fast weights after the last step.
    pub memory: bool,
    /// What the adjoint needs for the cotangents of the initial momentum too.
    pub momentum: bool,
}

/// What comes out of a block of sequences.
#[derive(Debug)]
pub struct Forward<F> {
    /// `[h_t ; v_t]`, `[T, S, C+M]`.
    pub outputs: Vec<F>,
    /// The meta losses `[T, S]`.
    pub meta: Vec<F>,
    /// beta `[T, S]`.
    pub rates: Vec<F>,
    /// phi and eta `[T, S]`, empty for those that there are not.
    pub rule_gates: [Vec<F>; 2],
    /// h_T `[S, C]`.
    pub hidden: Vec<F>,
    /// c_T `[S, C]`.
    pub cell: Vec<F>,
    /// v_T `[S, M]`.
    pub read: Vec<F>,
    /// The fast weights after the last step, of each layer that the rule writes to `[S, out, in]`; each empty if not asked for. The
    /// other layers are what they were.
    pub memory: Vec<Vec<F>>,
    /// The momentum likewise, if the rule carries any.
    pub momentum: Vec<Vec<F>>,
    /// What the adjoint needs, if it was to be saved.
    pub saved: Option<Saved<F>>,
}

/// What the adjoint of a block needs.
#[derive(Debug)]
pub struct Saved<F> {
    pub(super) steps: usize,
    pub(super) samples: usize,
    /// `[h_{t-1} ; v_{t-1}]`, without h if it is not carried, where it is not to be found in the outputs.
    pub(super) states: States<F>,
    /// The gates, activated `[T, S, 4C]`.
    pub(super) gates: Scratch<F>,
    /// c_0 .. c_T `[T+1, S, C]`.
    pub(super) cells: Scratch<F>,
    /// z_t `[T, S, M+3HM]`.
    pub(super) interactions: Scratch<F>,
    pub(super) rates: Vec<F>,
    /// phi and eta `[T, S]`, empty for those that there are not.
    pub(super) rule_gates: [Vec<F>; 2],
    pub(super) memory: MemorySaved<F>,
}

impl<F: Kernels> Prepared<F> {
    fn check(
        &self,
        inputs: &Inputs<'_, F>,
        initial: &InitialState<'_, F>,
    ) -> Result<(), LengthError> {
        let (t, s, sizes) = (inputs.steps, inputs.samples, self.sizes);
        fits("inputs", &[t, s, sizes.input], inputs.inputs)?;
        if let Some(mask) = inputs.hidden_mask {
            fits("hidden mask", &[t, s, sizes.controller], mask)?;
        }
        if let Some(mask) = inputs.cell_mask {
            fits("cell mask", &[t, s], mask)?;
        }
        fits("initial hidden", &[s, sizes.controller], initial.hidden)?;
        fits("initial cell", &[s, sizes.controller], initial.cell)?;
        fits("initial read", &[s, sizes.value()], initial.read)?;
        let layers = sizes.memory.layers();
        fits("layers of the initial memory", &[layers], initial.memory)?;
        for (layer, memory) in initial.memory.iter().enumerate() {
            let [out, input] = sizes.memory.weight(layer);
            match memory {
                Initial::Shared(w) => fits("initial memory", &[out, input], w)?,
                Initial::Each(w) => fits("initial memory of each sequence", &[s, out, input], w)?,
            }
        }
        let carried = self.carried_layers();
        fits(
            "layers of the initial momentum",
            &[carried.len()],
            initial.momentum,
        )?;
        for (layer, momentum) in carried.iter().zip(initial.momentum) {
            let [out, input] = sizes.memory.weight(*layer);
            match momentum {
                Initial::Shared(w) => fits("initial momentum", &[out, input], w)?,
                Initial::Each(w) => fits("initial momentum of each sequence", &[s, out, input], w)?,
            }
        }
        Ok(())
    }

    /// The layers that the rule writes to.
    pub(super) fn written_layers(&self) -> Vec<usize> {
        self.rule.program.written()
    }

    /// Those whose momentum is carried.
    pub(super) fn carried_layers(&self) -> Vec<usize> {
        match self.rule.momentum {
            true => self.written_layers(),
            false => Vec::new(),
        }
    }

    /// Runs a block of sequences.
    ///
    /// # Errors
    /// [`LengthError`] if an argument does not fill its shape.
    pub fn forward(
        &self,
        inputs: &Inputs<'_, F>,
        initial: &InitialState<'_, F>,
        keep: Keep,
    ) -> Result<Forward<F>, LengthError> {
        self.check(inputs, initial)?;
        count_forward();
        let save = keep.save;
        let (steps, samples, sizes) = (inputs.steps, inputs.samples, self.sizes);
        let (c, m, x) = (sizes.controller, sizes.value(), sizes.input);
        let (gate_width, z_width, out_width) = (4 * c, sizes.interaction(), sizes.output());
        let rows = steps * samples;
        let mask = (inputs.hidden_mask, c);
        let mut states = States::new(
            initial.hidden,
            initial.read,
            mask,
            sizes,
            samples,
            if save { steps.max(1) } else { 1 },
        );
        let mut gates = Scratch::new(rows * gate_width);
        self.from_input.forward.multiply_plus(
            Matrix::dense(inputs.inputs, rows, x),
            &self.gates_bias,
            MatrixMut::dense(&mut gates, rows, gate_width),
        );
        let kept = if save { rows } else { samples };
        let mut cells = Scratch::new(kept * c + samples * c);
        cells[..samples * c].copy_from_slice(initial.cell);
        // What a step finds that begins with an empty cell.
        let no_cells = vec![F::zero(); if sizes.recurrent { 0 } else { samples * c }];
        let mut masked_cell = vec![F::zero(); c];
        let mut interactions = Scratch::new(kept * z_width);
        let mut outputs = vec![F::nan(); rows * out_width];
        let (mut rates, mut meta) = (vec![F::nan(); rows], vec![F::nan(); rows]);
        let memory_sizes = MemorySizes {
            shape: sizes.memory,
            heads: sizes.heads,
            samples,
            steps,
        };
        let start = MemoryStart {
            weights: initial.memory,
            momentum: initial.momentum,
            with_momentum: keep.momentum,
        };
        let options = MemoryOptions {
            save,
            chunk: self.chunk,
        };
        let mut memory = MemoryForward::new(self.rule.clone(), memory_sizes, start, options);
        let mut rule_gates = [&self.rule_gates[0], &self.rule_gates[1]].map(|gate| match gate {
            PreparedGate::None => Vec::new(),
            PreparedGate::Fixed(value) => vec![*value; rows],
            PreparedGate::Learned { .. } => vec![F::nan(); rows],
        });
        for t in 0..steps {
            let first = t * samples;
            let gates = &mut gates[first * gate_width..][..samples * gate_width];
            self.from_state.forward.multiply(
                states.before(t, &outputs, mask),
                MatrixMut::dense(gates, samples, gate_width),
                Store::Add,
            );
            let (cells_before, cells_after) = if save {
                let (before, after) = cells[first * c..].split_at_mut(samples * c);
                (before, &mut after[..samples * c])
            } else {
                let (now, next) = cells.split_at_mut(samples * c);
                if t > 0 {
                    now.copy_from_slice(next);
                }
                (now, next)
            };
            let cells_before = if sizes.recurrent {
                &*cells_before
            } else {
                &no_cells
            };
            let outputs = &mut outputs[first * out_width..][..samples * out_width];
            for s in 0..samples {
                let before = &cells_before[s * c..][..c];
                lstm::step(
                    &mut gates[s * gate_width..][..gate_width],
                    match inputs.cell_mask {
                        Some(mask) => lstm::scaled(before, mask[first + s], &mut masked_cell),
                        None => before,
                    },
                    &mut cells_after[s * c..][..c],
                    &mut outputs[s * out_width..][..c],
                );
            }
            let z =
                &mut interactions[if save { first } else { 0 } * z_width..][..samples * z_width];
            let rates = &mut rates[first..][..samples];
            self.interact(Matrix::new(outputs, samples, c, out_width), z, rates);
            for (gate, values) in self.rule_gates.iter().zip(&mut rule_gates) {
                if let PreparedGate::Learned { weight, bias, .. } = gate {
                    self.gate(weight, *bias, z, &mut values[first..][..samples]);
                }
            }
            let [forget, momentum] =
                [&rule_gates[0], &rule_gates[1]].map(|gate| match gate.is_empty() {
                    true => &[][..],
                    false => &gate[first..][..samples],
                });
            memory.step(StepForward {
                step: t,
                interactions: &z[m..],
                interaction_stride: z_width,
                rates,
                forget,
                momentum,
                reads: &mut outputs[c..],
                read_stride: out_width,
                meta: &mut meta[first..][..samples],
            });
        }
        let last = |from: usize, count: usize, initial: &[F]| {
            let Some(first) = rows.checked_sub(samples) else {
                return initial.to_vec();
            };
            let mut part = Vec::with_capacity(samples * count);
            let rows = outputs[first * out_width..].chunks_exact(out_width);
            rows.for_each(|row| part.extend_from_slice(&row[from..from + count]));
            part
        };
        Ok(Forward {
            hidden: last(0, c, initial.hidden),
            read: last(c, m, initial.read),
            cell: cells[if steps == 0 {
                0
            } else {
                cells.len() - samples * c
            }..][..samples * c]
                .to_vec(),
            memory: (self.written_layers().into_iter())
                .map(|layer| match keep.memory {
                    true => memory.weights(layer, steps),
                    false => Vec::new(),
                })
                .collect(),
            momentum: (self.carried_layers().into_iter())
                .map(|layer| match keep.memory {
                    true => memory.momentum(layer, steps),
                    false => Vec::new(),
                })
                .collect(),
            saved: memory.into_saved().map(|memory| Saved {
                steps,
                samples,
                states,
                gates,
                cells,
                interactions,
                rates: rates.clone(),
                rule_gates: rule_gates.clone(),
                memory,
            }),
            outputs,
            meta,
            rates,
            rule_gates,
        })
    }

    /// z = tanh(W_z h + b_z), beta = sigmoid(W_b b + c_b) with b the first M of z.
    fn interact(&self, hidden: Matrix<'_, F>, z: &mut [F], rates: &mut [F]) {
        let (samples, z_width) = (rates.len(), self.sizes.interaction());
        let out = MatrixMut::dense(z, samples, z_width);
        self.interaction
            .forward
            .multiply_plus(hidden, &self.interaction_bias, out);
        F::tanh_slice(z);
        self.gate(&self.rate_weight, self.rate_bias, z, rates);
    }

    /// sigmoid(w b + c) with b the first M of z.
    fn gate(&self, weight: &[F], bias: F, z: &[F], values: &mut [F]) {
        let (samples, m, z_width) = (values.len(), self.sizes.value(), self.sizes.interaction());
        values.fill(bias);
        matmul_nt(
            Matrix::new(z, samples, m, z_width),
            Matrix::dense(weight, 1, m),
            MatrixMut::dense(values, samples, 1),
            Store::Add,
        );
        F::sigmoid_slice(values);
    }
}
