//! Random scenes: a memory, a few writes and reads, everything that goes in as one list of arrays.

use mnm_memory::{Memory, MemoryError, MemoryShape, Write, WriteRule, rules};
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Order, Parameters, SharedArray, Tape, Tensor, TensorError, pull_back};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The extents of a scene.
#[derive(Clone, Copy, Debug)]
pub struct Extents {
    pub seed: u64,
    pub value: usize,
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub batch: usize,
    pub steps: usize,
}

impl Extents {
    pub fn shape(&self) -> MemoryShape {
        MemoryShape::new(self.value, self.hidden, self.layers).unwrap()
    }
}

/// Any extents whose widths are among `widths`.
pub fn extents(widths: &'static [usize]) -> impl Strategy<Value = Extents> {
    let width = || proptest::sample::select(widths);
    (
        any::<u64>(),
        width(),
        width(),
        1..5_usize,
        1..4_usize,
        1..4_usize,
        1..5_usize,
    )
        .prop_map(
            |(seed, value, hidden, layers, heads, batch, steps)| Extents {
                seed,
                value,
                hidden,
                layers,
                heads,
                batch,
                steps,
            },
        )
}

/// What a step brings.
pub const PARTS: usize = 6;

/// Everything that goes into a few writes and reads, as arrays.
#[derive(Clone, Debug)]
pub struct Scene {
    pub extents: Extents,
    /// `W^1 .. W^L`, each `[B, out, in]`.
    pub weights: Vec<SharedArray<f64>>,
    /// The parameters of the rule.
    pub parameters: Parameters<SharedArray<f64>>,
    /// Step by step: `k^w`, `v^w`, `k^r` `[B, H, M]`, and `beta`, `phi` and `eta` `[B]`, of which a rule takes what it asks for.
    pub steps: Vec<[SharedArray<f64>; PARTS]>,
}

/// What comes out of a scene.
#[derive(Debug)]
pub struct Outcome {
    /// `f(k^r)` after the write of each step, `[B, H, M]`.
    pub reads: Vec<Tensor<f64>>,
    /// The update loss `[B]` of each step.
    pub before: Vec<Tensor<f64>>,
    /// The meta loss `[B]` of each step.
    pub meta: Vec<Tensor<f64>>,
    /// The memory after the last step.
    pub memory: Memory<f64>,
}

/// Magnitudes between `low` and `high` with random signs: nothing near zero, where a gradient would prove little.
pub fn away_from_zero(
    shape: &[usize],
    low: f64,
    high: f64,
    generator: &mut StdRng,
) -> SharedArray<f64> {
    random_array(shape, generator)
        .mapv(|x| x.signum() * (low + (high - low) * x.abs()))
        .into_shared()
}

impl Scene {
    pub fn new(extents: Extents, rule: &dyn WriteRule<f64>) -> Self {
        let Extents {
            value,
            layers,
            heads,
            batch,
            ..
        } = extents;
        let generator = &mut StdRng::seed_from_u64(extents.seed);
        let shape = extents.shape();
        let weights = (0..layers)
            .map(|layer| {
                let [out, input] = shape.weight(layer);
                let unit = 1.0 / (input as f64).sqrt();
                away_from_zero(&[batch, out, input], 0.5 * unit, 1.5 * unit, generator)
            })
            .collect();
        let parameters = rule
            .parameters(&shape)
            .into_iter()
            .map(|spec| {
                let fan_in = if spec.shape.len() > 1 { value } else { 1 };
                let unit = 1.0 / (fan_in as f64).sqrt();
                let drawn = away_from_zero(&spec.shape, 0.3 * unit, unit, generator);
                (spec.name, drawn)
            })
            .collect();
        let vectors = [batch, heads, value];
        // A gradient step overshoots, and differences lose their digits, where the rate is large against the width.
        let calm = 4.0 / (4 + value.max(extents.hidden)) as f64;
        let steps = (0..extents.steps)
            .map(|_| {
                [
                    away_from_zero(&vectors, 0.3, 1.0, generator),
                    away_from_zero(&vectors, 0.3, 1.0, generator),
                    away_from_zero(&vectors, 0.3, 1.0, generator),
                    SharedArray::from_shape_simple_fn(vec![batch], || {
                        calm * generator.random_range(0.2..0.9)
                    }),
                    SharedArray::from_shape_simple_fn(vec![batch], || {
                        generator.random_range(0.05..0.4)
                    }),
                    SharedArray::from_shape_simple_fn(vec![batch], || {
                        generator.random_range(0.1..0.8)
                    }),
                ]
            })
            .collect();
        Self {
            extents,
            weights,
            parameters,
            steps,
        }
    }

    /// All arrays in one list: weights, parameters, then step by step keys, values, read keys, rate.
    pub fn arguments(&self) -> Vec<SharedArray<f64>> {
        let parameters = self.parameters.iter().map(|(_, array)| array.clone());
        let steps = self.steps.iter().flatten().cloned();
        self.weights
            .iter()
            .cloned()
            .chain(parameters)
            .chain(steps)
            .collect()
    }

    /// Where the arguments of step `t` start in the list.
    pub fn step_at(&self, t: usize) -> usize {
        self.weights.len() + self.parameters.len() + PARTS * t
    }

    /// Reads the list of [`arguments`](Self::arguments), here as tensors, and runs all steps.
    pub fn run(
        &self,
        rule: &dyn WriteRule<f64>,
        arguments: &[Tensor<f64>],
    ) -> Result<Outcome, MemoryError> {
        let (weights, rest) = arguments.split_at(self.weights.len());
        let (parameters, steps) = rest.split_at(self.parameters.len());
        let parameters = self
            .parameters
            .names()
            .map(str::to_owned)
            .zip(parameters.iter().cloned())
            .collect();
        run_steps(rule, &parameters, Memory::new(weights.to_vec())?, steps)
    }

    /// The same scene of tensors without a tape.
    pub fn run_plain(&self, rule: &dyn WriteRule<f64>) -> Outcome {
        self.run(rule, &constants(&self.arguments())).unwrap()
    }

    /// A random cotangent on all outputs, the same for every run of this scene.
    pub fn cotangent(&self, length: usize) -> Tensor<f64> {
        let generator = &mut StdRng::seed_from_u64(self.extents.seed ^ 1);
        Tensor::shared(random_array(&[length], generator))
    }

    /// The gradients of all outputs, dotted with [`cotangent`](Self::cotangent), with respect to `arguments`.
    pub fn gradients(
        &self,
        rule: &dyn WriteRule<f64>,
        arguments: &[SharedArray<f64>],
    ) -> Vec<SharedArray<f64>> {
        let arguments = variables(arguments, &Tape::new());
        let output = self.run(rule, &arguments).unwrap().flat().unwrap();
        let cotangent = self.cotangent(output.value().len());
        let wrt: Vec<_> = arguments.iter().collect();
        pull_back(&output, &cotangent, &wrt, Order::First)
            .unwrap()
            .iter()
            .map(|g| g.value().clone())
            .collect()
    }

    /// Only sequence `b` of the batch.
    pub fn single(&self, b: usize) -> Self {
        let row = |x: &SharedArray<f64>| {
            x.slice_axis(ndarray::Axis(0), (b..b + 1).into())
                .to_shared()
        };
        Self {
            extents: Extents {
                batch: 1,
                ..self.extents
            },
            weights: self.weights.iter().map(row).collect(),
            parameters: self.parameters.clone(),
            steps: self.steps.iter().map(|s| s.each_ref().map(row)).collect(),
        }
    }
}

/// Writes and reads `steps` ([`PARTS`] tensors each) one after the other.
pub fn run_steps(
    rule: &dyn WriteRule<f64>,
    parameters: &Parameters<Tensor<f64>>,
    mut memory: Memory<f64>,
    steps: &[Tensor<f64>],
) -> Result<Outcome, MemoryError> {
    memory = memory.with_unit_keys(rule.unit_keys());
    let (mut reads, mut before, mut meta) = (Vec::new(), Vec::new(), Vec::new());
    for step in steps.chunks_exact(PARTS) {
        let mut write = Write::new(step[0].clone(), step[1].clone(), step[3].clone());
        for gate in rule.gates().learned() {
            write = match gate {
                "forget" => write.with_forget(step[4].clone()),
                _ => write.with_momentum(step[5].clone()),
            };
        }
        before.push(memory.discrepancy(&write.keys, &write.values)?);
        memory = rule.write(parameters, &memory, &write)?;
        reads.push(memory.read(&step[2])?);
        meta.push(memory.discrepancy(&write.keys, &write.values)?);
    }
    Ok(Outcome {
        reads,
        before,
        meta,
        memory,
    })
}

impl Outcome {
    /// Every output as one flat tensor: a cotangent on it is a cotangent on everything.
    pub fn flat(&self) -> Result<Tensor<f64>, TensorError> {
        let parts = self
            .reads
            .iter()
            .chain(&self.before)
            .chain(&self.meta)
            .chain(self.memory.weights())
            .chain(self.memory.slots().map(|(_, slot)| slot))
            .map(|t| t.reshape(&[t.value().len()]))
            .collect::<Result<Vec<_>, _>>()?;
        Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0)
    }
}

pub fn constants(arrays: &[SharedArray<f64>]) -> Vec<Tensor<f64>> {
    arrays.iter().cloned().map(Tensor::shared).collect()
}

pub fn variables(arrays: &[SharedArray<f64>], tape: &Tape<f64>) -> Vec<Tensor<f64>> {
    arrays
        .iter()
        .map(|a| tape.shared_variable(a.clone()))
        .collect()
}

pub fn norm(array: &SharedArray<f64>) -> f64 {
    array.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The layers that a rule writes to.
pub fn written(rule: &dyn WriteRule<f64>, shape: &MemoryShape) -> Vec<usize> {
    match rule.program(shape, 1) {
        Some(program) => program.written(),
        None => vec![shape.layers() - 1],
    }
}

/// Whether the argument at this place of a step is one that the rule looks at.
pub fn looks_at(rule: &dyn WriteRule<f64>, place: usize) -> bool {
    let learned = rule.gates().learned();
    match place {
        4 => learned.contains(&"forget"),
        5 => learned.contains(&"momentum"),
        _ => true,
    }
}

/// Runs `check` on every rule there is.
pub fn every_rule(
    check: impl Fn(&dyn WriteRule<f64>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    for rule in rules::<f64>() {
        check(rule.as_ref())?;
    }
    Ok(())
}
