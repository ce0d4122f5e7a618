//! What the benches measure: the standard shapes of docs/performance.md, and the fused cell on one block of sequences; and
//! the picture of a comparison.

pub mod bars;

pub mod plain;

use std::time::{Duration, Instant};

use mnm_controller::fused::{
    CellSizes, Cotangents, Initial, InitialState, Inputs, Keep, Prepared, Ran, RuleForm, Wanted,
    Weights,
};
use mnm_memory::{Gate, MemoryShape, rule_named};

/// Sizes of a training step.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Sequences B.
    pub batch: usize,
    /// Steps T.
    pub steps: usize,
    /// Classes K.
    pub classes: usize,
    /// Everything else.
    pub cell: CellSizes,
}

impl Shape {
    /// B,T,X,C,M,U,H,K.
    pub fn sizes(&self) -> [usize; 8] {
        let cell = &self.cell;
        [
            self.batch,
            self.steps,
            cell.input,
            cell.controller,
            cell.value(),
            cell.memory.hidden(),
            cell.heads,
            self.classes,
        ]
    }
}

/// The shape called `name`, of those that docs/performance.md speaks of.
pub fn shape(name: &str) -> Option<Shape> {
    let [batch, steps, input, controller, value, hidden, heads] = match name {
        "S" => [32, 50, 100, 100, 100, 100, 1],
        "L" => [64, 100, 128, 256, 100, 100, 4],
        "L10" => [64, 10, 128, 256, 100, 100, 4],
        "S200" => [32, 200, 100, 100, 100, 100, 1],
        "T1000" => [32, 1000, 100, 100, 100, 100, 1],
        _ => return None,
    };
    let memory = MemoryShape::new(value, hidden, 3).ok()?;
    Some(Shape {
        batch,
        steps,
        classes: 177,
        cell: CellSizes {
            input,
            controller,
            heads,
            memory,
            recurrent: true,
        },
    })
}

/// The rule called `name` as the fused kernel takes it, if it is one that it knows.
pub fn fused_rule(name: &str, shape: &Shape) -> Option<RuleForm> {
    let rule = rule_named::<f32>(name).ok()?;
    RuleForm::of(rule.as_ref(), &shape.cell.memory, shape.cell.heads)
}

/// Numbers between -scale and scale, the same for the same seed.
pub fn numbers(length: usize, scale: f32, seed: &mut u64) -> Vec<f32> {
    let next = || {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        scale * ((*seed >> 40) as f32 / (1_u64 << 23) as f32 - 1.0)
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A fused cell with random weights, and a block of random sequences for it.
#[derive(Debug)]
pub struct CellProblem {
    rule: RuleForm,
    shape: Shape,
    block: usize,
    weight_ih: Vec<f32>,
    weight_hh: Vec<f32>,
    bias: Vec<f32>,
    interaction: [Vec<f32>; 2],
    rate: [Vec<f32>; 2],
    /// `gates.weight` and `gates.bias`.
    gates: [Vec<f32>; 2],
    /// The parameters of the rule's shared matrices.
    own: Vec<Vec<f32>>,
    memory: Vec<Vec<f32>>,
    inputs: Vec<f32>,
    d_outputs: Vec<f32>,
    d_meta: Vec<f32>,
    zeros: Vec<f32>,
}

impl CellProblem {
    /// For blocks of `block` sequences.
    pub fn new(rule: RuleForm, shape: Shape, block: usize) -> Self {
        let (steps, cell) = (shape.steps, shape.cell);
        let (c, m, x) = (cell.controller, cell.value(), cell.input);
        let (z, learned) = (cell.interaction(), rule.gates.learned().len());
        let own = rule.parameters();
        let seed = &mut 1;
        let mut weight = |rows: usize, columns: usize| {
            numbers(rows * columns, 1.0 / (columns as f32).sqrt(), seed)
        };
        let layers = (0..cell.memory.layers()).map(|l| cell.memory.weight(l));
        CellProblem {
            shape,
            block,
            weight_ih: weight(4 * c, x + m),
            weight_hh: weight(4 * c, c),
            bias: weight(1, 4 * c),
            interaction: [weight(z, c), weight(1, z)],
            rate: [weight(1, m), weight(1, 1)],
            gates: [
                weight(learned, m),
                weight(1, learned.max(1))[..learned].to_vec(),
            ],
            own: (own.iter())
                .map(|(_, shape)| weight(shape[0], shape.get(1).copied().unwrap_or(1)))
                .collect(),
            rule,
            memory: layers.map(|[out, input]| weight(out, input)).collect(),
            inputs: numbers(steps * block * x, 1.0, seed),
            d_outputs: numbers(steps * block * (c + m), 1e-3, seed),
            d_meta: vec![1.0 / (shape.batch * steps) as f32; steps * block],
            zeros: vec![0.0; block * c.max(m)],
        }
    }

    /// The weights, packed as once a training step.
    ///
    /// # Panics
    /// Never: the weights fill their shapes.
    pub fn prepared(&self) -> Prepared<f32> {
        let own: Vec<&[f32]> = self.own.iter().map(Vec::as_slice).collect();
        let weights = Weights {
            weight_ih: &self.weight_ih,
            weight_hh: &self.weight_hh,
            bias_ih: &self.bias,
            bias_hh: &self.bias,
            interaction_weight: &self.interaction[0],
            interaction_bias: &self.interaction[1],
            rate_weight: &self.rate[0],
            rate_bias: &self.rate[1],
            gates_weight: &self.gates[0],
            gates_bias: &self.gates[1],
            rule: &own,
        };
        Prepared::new(&self.rule, self.shape.cell, &weights).expect("weights fill their shapes")
    }

    /// The block forward and back; how long either took.
    ///
    /// # Panics
    /// Never: everything fills its shape.
    pub fn pass(&self, prepared: &Prepared<f32>) -> [Duration; 2] {
        let (steps, block, cell) = (self.shape.steps, self.block, self.shape.cell);
        let memory: Vec<Initial<'_, f32>> =
            self.memory.iter().map(|w| Initial::Shared(w)).collect();
        let area = self.memory.iter().map(Vec::len).max().unwrap_or(0);
        let nothing = vec![0.0; area];
        let momentum: Vec<Initial<'_, f32>> = match self.rule.gates.momentum {
            Gate::None => Vec::new(),
            _ => (self.rule.program.written().into_iter())
                .map(|l| Initial::Shared(&nothing[..self.memory[l].len()]))
                .collect(),
        };
        let state = InitialState {
            hidden: &self.zeros[..block * cell.controller],
            cell: &self.zeros[..block * cell.controller],
            read: &self.zeros[..block * cell.value()],
            memory: &memory,
            momentum: &momentum,
        };
        let inputs = Inputs {
            steps,
            samples: block,
            inputs: &self.inputs,
            hidden_mask: None,
            cell_mask: None,
        };
        let keep = Keep {
            save: true,
            memory: false,
            momentum: false,
        };
        let start = Instant::now();
        let forward = prepared
            .forward(&inputs, &state, keep)
            .expect("inputs fill their shapes");
        let middle = Instant::now();
        let cotangents = Cotangents {
            outputs: &self.d_outputs,
            meta: &self.d_meta,
            ..Cotangents::default()
        };
        let ran = Ran {
            inputs,
            outputs: &forward.outputs,
        };
        let wanted = Wanted {
            inputs: true,
            memory: false,
            momentum: false,
        };
        let saved = forward.saved.expect("recorded");
        let gradients = saved.adjoint(prepared, &ran, &cotangents, wanted);
        std::hint::black_box(gradients.expect("cotangents fill their shapes"));
        [middle - start, middle.elapsed()]
    }
}
