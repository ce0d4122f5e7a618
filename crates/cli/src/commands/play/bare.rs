//! A memory by itself: a matrix of a few units, pairs written to it in one shot each.

use mnm_memory::{Memory, Write, WriteRule, rule_named};
use mnm_tensor::{Parameters, Tensor};
use serde::Deserialize;
use serde_json::{Value, json};

/// Units of a key and of a value.
pub const UNITS: usize = 8;

/// The rules that store something without having been trained.
pub const RULES: [&str; 5] = ["delta", "hebbian", "mnm-g", "oja", "rls"];

/// The most pairs.
const MOST_PAIRS: usize = 64;

/// What the page asks: pairs to write, one after the other, and with which rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bare {
    rule: String,
    pairs: Vec<Pair>,
    /// How far every write goes, 0 to 1.
    #[serde(default = "whole")]
    rate: f64,
    /// What is added to the units of the keys that are read with; key by key, each of any number.
    #[serde(default)]
    noise: Vec<[f64; UNITS]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    key: [f64; UNITS],
    value: [f64; UNITS],
}

fn whole() -> f64 {
    1.0
}

impl Bare {
    /// Writes all pairs; gives the weights before and after the last write, and what every key reads at the end.
    pub fn run(&self) -> Result<Value, String> {
        if !RULES.contains(&self.rule.as_str()) {
            return Err(format!(
                "no rule {:?}; there are: {}",
                self.rule,
                RULES.join(", ")
            ));
        }
        if self.pairs.len() > MOST_PAIRS {
            return Err(format!("{} pairs; at most {MOST_PAIRS}", self.pairs.len()));
        }
        if !(0.0..=1.0).contains(&self.rate) {
            return Err(format!("a rate of {}; expected 0 to 1", self.rate));
        }
        let numbers = self
            .pairs
            .iter()
            .flat_map(|pair| pair.key.iter().chain(&pair.value));
        if !numbers
            .chain(self.noise.iter().flatten())
            .all(|x| x.abs() <= 1e6)
        {
            return Err("numbers from -1000000 to 1000000 only".to_owned());
        }
        self.written().map_err(|error| error.to_string())
    }

    fn written(&self) -> Result<Value, mnm_memory::MemoryError> {
        let rule: Box<dyn WriteRule<f64>> = rule_named(&self.rule)?;
        let zeros = Tensor::zeros(&[1, UNITS, UNITS]);
        let mut memory = Memory::new(vec![zeros])?.with_unit_keys(rule.unit_keys());
        for slot in rule.slots(&memory.shape()?, 1) {
            memory = memory.with_slot(&slot.name, slot.initial(1)?);
        }
        let mut before = memory.clone();
        for pair in &self.pairs {
            let rate = Tensor::full(&[1], self.scaled());
            let mut write = Write::new(row(&unit(&pair.key))?, row(&pair.value)?, rate);
            // What a controller would have a say in: nothing is forgotten but by what is written.
            for gate in rule.gates().learned() {
                let shut = Tensor::zeros(&[1]);
                write = match gate {
                    "forget" => write.with_forget(shut),
                    _ => write.with_momentum(shut),
                };
            }
            before = memory;
            memory = rule.write(&Parameters::new(), &before, &write)?;
        }
        let mut reads = Vec::with_capacity(self.pairs.len());
        for (number, pair) in self.pairs.iter().enumerate() {
            let mut key = pair.key;
            for (unit, noise) in key
                .iter_mut()
                .zip(self.noise.get(number).unwrap_or(&[0.0; UNITS]))
            {
                *unit += noise;
            }
            reads.push(numbers(&memory.read(&row(&unit(&key))?)?));
        }
        let weights = |memory: &Memory<f64>| numbers(&memory.weights()[0]);
        Ok(json!({
            "before": weights(&before),
            "weights": weights(&memory),
            "reads": reads,
        }))
    }

    /// The write rate at which the rule stores a pair whole, times what part of it is asked for: MNM-g descends the mean over the value's
    /// entries, so that a step of M / 2 takes a unit key all the way.
    fn scaled(&self) -> f64 {
        match self.rule.as_str() {
            "mnm-g" => self.rate * UNITS as f64 / 2.0,
            _ => self.rate,
        }
    }
}

/// The key at length one; zeros stay zeros.
fn unit(key: &[f64; UNITS]) -> [f64; UNITS] {
    let length = key.iter().map(|x| x * x).sum::<f64>().sqrt();
    key.map(|x| if length > 0.0 { x / length } else { 0.0 })
}

/// `[1, 1, UNITS]`.
fn row(entries: &[f64; UNITS]) -> Result<Tensor<f64>, mnm_tensor::TensorError> {
    Tensor::from_vec(&[1, 1, UNITS], entries.to_vec())
}

fn numbers(tensor: &Tensor<f64>) -> Vec<f64> {
    tensor.value().iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis(unit: usize) -> [f64; UNITS] {
        std::array::from_fn(|at| if at == unit { 1.0 } else { 0.0 })
    }

    fn bare(rule: &str, pairs: Vec<Pair>) -> Bare {
        Bare {
            rule: rule.to_owned(),
            pairs,
            rate: 1.0,
            noise: Vec::new(),
        }
    }

    /// The reads, pair by pair.
    fn reads(bare: &Bare) -> Vec<Vec<f64>> {
        let value = bare.run().unwrap();
        serde_json::from_value(value["reads"].clone()).unwrap()
    }

    #[test]
    fn orthogonal_keys_are_recalled_by_rules_that_store_whole_pairs() {
        let value: [f64; UNITS] = std::array::from_fn(|at| if at % 2 == 0 { 1.0 } else { -1.0 });
        for rule in ["delta", "hebbian", "mnm-g"] {
            let pairs = (0..3)
                .map(|unit| Pair {
                    key: basis(unit),
                    value,
                })
                .collect();
            for read in reads(&bare(rule, pairs)) {
                for (found, expected) in read.iter().zip(value) {
                    assert!((found - expected).abs() < 1e-9, "{rule}: {read:?}");
                }
            }
        }
        for rule in RULES {
            let pair = Pair {
                key: basis(0),
                value,
            };
            assert!(
                reads(&bare(rule, vec![pair]))[0][0] > 0.2,
                "{rule} stores nothing"
            );
        }
    }

    #[test]
    fn a_key_written_again_is_overwritten_by_delta_and_added_to_by_hebb() {
        let pairs = || {
            vec![
                Pair {
                    key: basis(1),
                    value: basis(0),
                },
                Pair {
                    key: basis(1),
                    value: basis(5),
                },
            ]
        };
        let delta = reads(&bare("delta", pairs()));
        assert!(
            delta[0][0].abs() < 1e-9 && (delta[0][5] - 1.0).abs() < 1e-9,
            "{delta:?}"
        );
        let hebbian = reads(&bare("hebbian", pairs()));
        assert!((hebbian[0][0] - 1.0).abs() < 1e-9 && (hebbian[0][5] - 1.0).abs() < 1e-9);
    }

    #[test]
    fn noise_moves_what_is_read() {
        let pair = || {
            vec![Pair {
                key: basis(1),
                value: basis(0),
            }]
        };
        let noisy = Bare {
            noise: vec![basis(2)],
            ..bare("delta", pair())
        };
        assert!((reads(&noisy)[0][0] - 0.5_f64.sqrt()).abs() < 1e-9);
        let mut wrong = bare("delta", pair());
        wrong.rate = f64::NAN;
        assert!(wrong.run().is_err());
    }
}
