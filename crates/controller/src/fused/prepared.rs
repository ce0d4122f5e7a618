//! The weights of a cell, packed for the products of every step.

use mnm_memory::fused::{ChunkSteps, PreparedRule, RuleForm};
use mnm_memory::{Gate, Gates, MemoryShape};
use mnm_tensor::kernels::{Kernels, Matrix, Packed};

use super::error::{LengthError, fits};

/// The extents of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellSizes {
    /// Input width X.
    pub input: usize,
    /// Controller width C.
    pub controller: usize,
    /// Heads H.
    pub heads: usize,
    /// The memory network: widths M and U, layers L.
    pub memory: MemoryShape,
    /// Whether the LSTM hands h and c to its next step. Where it does not, every step begins with zeros.
    pub recurrent: bool,
}

impl CellSizes {
    /// The width M of keys and values.
    pub fn value(&self) -> usize {
        self.memory.value()
    }

    /// The number of hidden units that the LSTM hands to its next step: C or none.
    pub fn carried(&self) -> usize {
        if self.recurrent { self.controller } else { 0 }
    }

    /// The width of the interaction vector, M + 3HM.
    pub fn interaction(&self) -> usize {
        self.value() * (1 + 3 * self.heads)
    }

    /// The width of the output, C + M.
    pub fn output(&self) -> usize {
        self.controller + self.value()
    }
}

/// The parameters of a cell, row-major, in the layout of a checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a, F> {
    /// `controller.weight_ih` `[4C, X+M]`.
    pub weight_ih: &'a [F],
    /// `controller.weight_hh` `[4C, C]`.
    pub weight_hh: &'a [F],
    /// `controller.bias_ih` `[4C]`.
    pub bias_ih: &'a [F],
    /// `controller.bias_hh` `[4C]`.
    pub bias_hh: &'a [F],
    /// `interaction.weight` `[M+3HM, C]`.
    pub interaction_weight: &'a [F],
    /// `interaction.bias` `[M+3HM]`.
    pub interaction_bias: &'a [F],
    /// `rate.weight` `[1, M]`.
    pub rate_weight: &'a [F],
    /// `rate.bias` `[1]`.
    pub rate_bias: &'a [F],
    /// `gates.weight` `[G, M]`, a row for each gate that the controller fills; empty without one.
    pub gates_weight: &'a [F],
    /// `gates.bias` `[G]`.
    pub gates_bias: &'a [F],
    /// The parameters of the rule's shared matrices, as [`RuleForm::parameters`] lists them.
    pub rule: &'a [&'a [F]],
}

/// A gate of the rule: a number for every step, or what the controller says.
#[derive(Clone, Debug)]
pub(super) enum PreparedGate<F> {
    None,
    Fixed(F),
    Learned {
        /// Its row of `gates.weight` and `gates.bias`.
        row: usize,
        weight: Vec<F>,
        bias: F,
    },
}

/// A product in both directions.
#[derive(Clone, Debug)]
pub(super) struct Linear<F> {
    /// W^T, for y = x W^T.
    pub forward: Packed<F>,
    /// W, for dx = dy W.
    pub backward: Packed<F>,
}

impl<F: Kernels> Linear<F> {
    fn new(weight: Matrix<'_, F>) -> Self {
        Linear {
            forward: Packed::transposed(weight),
            backward: Packed::new(weight),
        }
    }
}

/// The weights of a cell, packed; made once a training step, shared by all blocks and threads.
#[derive(Clone, Debug)]
pub struct Prepared<F> {
    pub(super) rule: PreparedRule<F>,
    pub(super) sizes: CellSizes,
    /// From x to the gates.
    pub(super) from_input: Linear<F>,
    /// From `[h ; v]` to the gates, without h if it is not carried.
    pub(super) from_state: Linear<F>,
    pub(super) gates_bias: Vec<F>,
    pub(super) interaction: Linear<F>,
    pub(super) interaction_bias: Vec<F>,
    pub(super) rate_weight: Vec<F>,
    pub(super) rate_bias: F,
    /// phi and eta.
    pub(super) rule_gates: [PreparedGate<F>; 2],
    pub(super) chunk: ChunkSteps,
}

/// phi and eta of a rule, from the rows of `gates.weight` and `gates.bias`.
fn prepared_gates<F: Kernels>(
    gates: Gates,
    weight: &[F],
    bias: &[F],
    m: usize,
) -> [PreparedGate<F>; 2] {
    let mut row = 0;
    [gates.forget, gates.momentum].map(|gate| match gate {
        Gate::None => PreparedGate::None,
        Gate::Fixed(value) => PreparedGate::Fixed(F::of(value)),
        Gate::Learned => {
            row += 1;
            PreparedGate::Learned {
                row: row - 1,
                weight: weight[(row - 1) * m..row * m].to_vec(),
                bias: bias[row - 1],
            }
        }
    })
}

impl<F: Kernels> Prepared<F> {
    /// Packs the weights of a cell that writes by `rule`.
    ///
    /// # Errors
    /// [`LengthError`] if a weight does not fill its shape.
    pub fn new(
        rule: &RuleForm,
        sizes: CellSizes,
        weights: &Weights<'_, F>,
    ) -> Result<Self, LengthError> {
        let (c, m, input) = (sizes.controller, sizes.value(), sizes.input);
        let carried = sizes.carried();
        let (gates, z, joint) = (4 * c, sizes.interaction(), input + m);
        fits("controller.weight_ih", &[gates, joint], weights.weight_ih)?;
        fits("controller.weight_hh", &[gates, c], weights.weight_hh)?;
        fits("controller.bias_ih", &[gates], weights.bias_ih)?;
        fits("controller.bias_hh", &[gates], weights.bias_hh)?;
        fits("interaction.weight", &[z, c], weights.interaction_weight)?;
        fits("interaction.bias", &[z], weights.interaction_bias)?;
        fits("rate.weight", &[1, m], weights.rate_weight)?;
        fits("rate.bias", &[1], weights.rate_bias)?;
        let learned = rule.gates.learned().len();
        fits("gates.weight", &[learned, m], weights.gates_weight)?;
        fits("gates.bias", &[learned], weights.gates_bias)?;
        let parameters = rule.parameters();
        fits("parameters of the rule", &[parameters.len()], weights.rule)?;
        for ((_, shape), given) in parameters.iter().zip(weights.rule) {
            fits("a parameter of the rule", shape, given)?;
        }
        let mut state = Vec::with_capacity(gates * (m + carried));
        for (from_input, from_hidden) in weights
            .weight_ih
            .chunks_exact(joint)
            .zip(weights.weight_hh.chunks_exact(c))
        {
            state.extend_from_slice(&from_hidden[..carried]);
            state.extend_from_slice(&from_input[input..]);
        }
        Ok(Prepared {
            rule: rule.prepare(weights.rule),
            rule_gates: prepared_gates(rule.gates, weights.gates_weight, weights.gates_bias, m),
            sizes,
            from_input: Linear::new(Matrix::new(weights.weight_ih, gates, input, joint)),
            from_state: Linear::new(Matrix::dense(&state, gates, m + carried)),
            gates_bias: weights
                .bias_ih
                .iter()
                .zip(weights.bias_hh)
                .map(|(a, b)| *a + *b)
                .collect(),
            interaction: Linear::new(Matrix::dense(weights.interaction_weight, z, c)),
            interaction_bias: weights.interaction_bias.to_vec(),
            rate_weight: weights.rate_weight.to_vec(),
            rate_bias: weights.rate_bias[0],
            chunk: rule.chunk_steps(sizes.heads),
        })
    }

    /// The same with chunks of another length than [`RuleForm::chunk_steps`], at least 1. Changes the speed, and results only by rounding.
    pub fn with_chunk(self, chunk: ChunkSteps) -> Self {
        let at_least = |steps: usize| steps.max(1);
        Prepared {
            chunk: ChunkSteps {
                shared: at_least(chunk.shared),
                own: at_least(chunk.own),
            },
            ..self
        }
    }

    /// The extents of the cell.
    pub fn sizes(&self) -> CellSizes {
        self.sizes
    }
}
