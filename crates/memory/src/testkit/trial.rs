//! Random problems that rules are checked on.

use mnm_tensor::testkit::random_array;
use mnm_tensor::{Parameters, SharedArray, Tensor};
use ndarray::Axis;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{Memory, MemoryError, MemoryShape, Sequence, Slot, WriteRule};

/// The sizes of a random problem, and its choices.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Names the random numbers.
    pub seed: u64,
    /// Widths and depth of the memory.
    pub shape: MemoryShape,
    /// Heads H.
    pub heads: usize,
    /// Sequences B.
    pub batch: usize,
    /// Steps T.
    pub steps: usize,
    /// Whether all sequences begin with the same weights.
    pub shared: bool,
    /// Whether something is carried in beside the weights.
    pub carried: bool,
    /// How near to their ends the gates are, at most: 0.5 for anywhere, 0 for exactly there. Gates go from 0 to 1; the forgetting of a rule with a
    /// `write` of its own to 0.3; the rate to 1 with unit keys and one layer, and else to 8 / (8 + width), lest writes overshoot.
    pub edge: f64,
}

/// Everything that goes into a trial, by name.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) names: Vec<String>,
    pub(super) arrays: Vec<SharedArray<f64>>,
}

impl Trial {
    pub(super) fn of(
        [value, hidden, layers, heads, batch, steps]: [usize; 6],
        seed: u64,
    ) -> Result<Self, String> {
        Ok(Trial {
            seed,
            shape: MemoryShape::new(value, hidden, layers).map_err(|e| e.to_string())?,
            heads,
            batch,
            steps,
            shared: seed.is_multiple_of(2),
            carried: false,
            edge: 0.5,
        })
    }

    pub(super) fn problem(&self, rule: &dyn WriteRule<f64>) -> Problem {
        let generator = &mut StdRng::seed_from_u64(self.seed);
        let shape = &self.shape;
        let scaled = |shape: &[usize], scale: f64, generator: &mut StdRng| {
            random_array(shape, generator)
                .mapv(|x| scale * x)
                .into_shared()
        };
        let mut problem = Problem {
            names: Vec::new(),
            arrays: Vec::new(),
        };
        let rows = [self.steps, self.batch, self.heads, shape.value()];
        for name in ["keys", "values", "read keys"] {
            problem.add(name, scaled(&rows, 1.0, generator));
        }
        // A step overshoots, and rounding grows, where the rate is large against the width and keys are not of norm one.
        let rate = match rule.unit_keys() && shape.layers() == 1 {
            true => 1.0,
            false => 8.0 / (8 + shape.value().max(shape.hidden())) as f64,
        };
        let mut gate = |scale: f64| {
            SharedArray::from_shape_simple_fn(vec![self.steps, self.batch], || {
                let x = self.edge * generator.random::<f64>();
                scale
                    * if generator.random::<bool>() {
                        x
                    } else {
                        1.0 - x
                    }
            })
        };
        problem.add("rate", gate(rate));
        // A rule with a write of its own may divide by what it keeps.
        let formed = rule.program(shape, self.heads).is_some();
        let most = if formed { 1.0 } else { 0.3 };
        for name in rule.gates().learned() {
            problem.add(name, gate(most));
        }
        for spec in rule.parameters(shape) {
            let unit = 1.0 / (spec.shape.last().copied().unwrap_or(1) as f64).sqrt();
            problem.add(
                &format!("parameter {}", spec.name),
                scaled(&spec.shape, unit, generator),
            );
        }
        let copies = if self.shared { 1 } else { self.batch };
        for layer in 0..shape.layers() {
            let [out, input] = shape.weight(layer);
            let unit = 1.0 / (out.max(input) as f64).sqrt();
            problem.add(
                &format!("weight {layer}"),
                scaled(&[copies, out, input], unit, generator),
            );
        }
        for Slot {
            name,
            shape: [rows, columns],
            ..
        } in rule
            .slots(shape, self.heads)
            .into_iter()
            .filter(|_| self.carried)
        {
            problem.add(
                &format!("slot {name}"),
                scaled(&[copies, rows, columns], 0.1, generator),
            );
        }
        problem
    }
}

/// Parameters, memory and sequence, in tensors.
type Parts = (Parameters<Tensor<f64>>, Memory<f64>, Sequence<f64>);

impl Problem {
    fn add(&mut self, name: &str, array: SharedArray<f64>) {
        self.names.push(name.to_owned());
        self.arrays.push(array);
    }

    fn named(&self, given: &[Tensor<f64>], start: &str) -> Vec<(String, Tensor<f64>)> {
        let all = self.names.iter().zip(given);
        all.filter_map(|(n, x)| n.strip_prefix(start).map(|n| (n.to_owned(), x.clone())))
            .collect()
    }

    /// What a check computes from.
    pub(super) fn parts(&self, given: &[Tensor<f64>]) -> Result<Parts, MemoryError> {
        let get = |wanted: &str| {
            self.names
                .iter()
                .position(|n| n == wanted)
                .map(|n| given[n].clone())
        };
        let need =
            |wanted: &str| get(wanted).ok_or_else(|| MemoryError::Rule(format!("no {wanted}")));
        let weights = self.named(given, "weight ").into_iter().map(|(_, w)| w);
        let mut memory = Memory::new(weights.collect())?;
        for (name, slot) in self.named(given, "slot ") {
            memory = memory.with_slot(&name, slot);
        }
        let sequence = Sequence {
            keys: need("keys")?,
            values: need("values")?,
            read_keys: need("read keys")?,
            rate: need("rate")?,
            forget: get("forget"),
            momentum: get("momentum"),
        };
        Ok((
            self.named(given, "parameter ").into_iter().collect(),
            memory,
            sequence,
        ))
    }

    pub(super) fn constants(&self) -> Vec<Tensor<f64>> {
        self.arrays.iter().cloned().map(Tensor::shared).collect()
    }

    /// The steps `from..to` alone.
    pub(super) fn steps(&self, from: usize, to: usize) -> Problem {
        let cut = |(name, array): (&String, &SharedArray<f64>)| match name.split_once(' ') {
            Some(("parameter" | "weight" | "slot", _)) => array.clone(),
            _ => array.slice_axis(Axis(0), (from..to).into()).to_shared(),
        };
        Problem {
            names: self.names.clone(),
            arrays: self.names.iter().zip(&self.arrays).map(cut).collect(),
        }
    }

    /// One sequence alone.
    pub(super) fn sequence(&self, b: usize) -> Problem {
        let cut = |(name, array): (&String, &SharedArray<f64>)| match name.split_once(' ') {
            Some(("parameter", _)) => array.clone(),
            Some(("weight" | "slot", _)) if array.shape()[0] == 1 => array.clone(),
            Some(("weight" | "slot", _)) => {
                array.slice_axis(Axis(0), (b..b + 1).into()).to_shared()
            }
            _ => array.slice_axis(Axis(1), (b..b + 1).into()).to_shared(),
        };
        Problem {
            names: self.names.clone(),
            arrays: self.names.iter().zip(&self.arrays).map(cut).collect(),
        }
    }
}
