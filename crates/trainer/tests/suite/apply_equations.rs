//! `apply` against the equations written out once more, in plain loops over f64, from the names in a checkpoint alone.

use mnm_controller::{
    GateName, GateSetting, InnerLossSetting, Kernel, KeySetting, ModelConfig, Recurrence,
};
use mnm_memory::{Gate, Gates, InnerLoss, RuleOptions, rule_names};
use mnm_tensor::{Parameters, SharedArray};
use mnm_trainer::apply::{Precision, apply};
use ndarray::IxDyn;

use crate::checkpoint_apply::{OUTPUTS, WIDTH, checkpoint, config, input};
use crate::plain::{Choice, Given, Matrix, Plain};

/// `W x + b`.
fn linear(weight: &Matrix, bias: Option<&[f64]>, x: &[f64]) -> Vec<f64> {
    let rows = weight.iter().enumerate();
    rows.map(|(i, row)| {
        let sum: f64 = row.iter().zip(x).map(|(w, x)| w * x).sum();
        sum + bias.map_or(0.0, |b| b[i])
    })
    .collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// What MNM-g writes is also found in another way than by the plain loops of every rule.
#[derive(Clone, Copy, PartialEq)]
enum Writes {
    Plainly,
    ByDifferences,
}

/// Sequence `b` of a batch, by the equations.
struct Reference {
    parameters: Parameters<SharedArray<f64>>,
    model: ModelConfig,
    writes: Writes,
}

#[derive(Default)]
struct Traced {
    logits: Matrix,
    reads: Matrix,
    rates: Vec<f64>,
    meta: Vec<f64>,
    memory: Vec<Matrix>,
    /// What the rule keeps beside the weights, by the names of results.
    slots: Vec<(String, Matrix)>,
}

impl Reference {
    fn matrix(&self, name: &str) -> Matrix {
        let value = self.parameters.get(name).unwrap();
        let rows = value.rows();
        rows.into_iter()
            .map(|row| row.iter().copied().collect())
            .collect()
    }

    fn vector(&self, name: &str) -> Vec<f64> {
        self.parameters.get(name).unwrap().iter().copied().collect()
    }

    /// dL_up/dW of every layer, in central differences.
    fn gradient(&self, memory: &Plain, given: &Given) -> Vec<Matrix> {
        const STEP: f64 = 1e-5;
        let rule = self.choice();
        let mut gradient = memory.weights.clone();
        for (layer, rows) in gradient.iter_mut().enumerate() {
            for (i, row) in rows.iter_mut().enumerate() {
                for (j, slope) in row.iter_mut().enumerate() {
                    let lost = |by: f64| {
                        let mut moved = memory.clone();
                        moved.weights[layer][i][j] += by;
                        moved.discrepancy(&rule, given)
                    };
                    *slope = (lost(STEP) - lost(-STEP)) / (2.0 * STEP);
                }
            }
        }
        gradient
    }

    /// Whether the rule writes to this layer.
    fn writes_to(&self, layer: usize) -> bool {
        let deep = ["mnm-p", "mnm-g", "titans", "dfa"].contains(&self.model.rule.as_str());
        deep || layer + 1 == self.model.layers
    }

    /// The rule by the table of the family: which gates are learned, and whether keys have norm one, unless the config says otherwise.
    fn choice(&self) -> Choice<'_> {
        let name = self.model.rule.as_str();
        let gate = |setting: GateSetting, own: bool| match setting {
            GateSetting::Fixed(value) => Gate::Fixed(value),
            GateSetting::Named(GateName::Gate) => Gate::Learned,
            GateSetting::Named(GateName::Auto) if own => Gate::Learned,
            GateSetting::Named(_) => Gate::None,
        };
        let forgets = ["titans", "gated-delta", "hebbian", "rls"].contains(&name);
        Choice {
            name,
            options: RuleOptions {
                inner_steps: self.model.inner_steps,
                inner_loss: match self.model.inner_loss {
                    InnerLossSetting::L2 => InnerLoss::L2,
                    InnerLossSetting::Huber => InnerLoss::Huber,
                },
                huber: self.model.huber,
                ..RuleOptions::default()
            },
            gates: Gates {
                forget: gate(self.model.forget, forgets),
                momentum: gate(self.model.momentum, name == "titans"),
            },
            unit_keys: match self.model.unit_keys {
                KeySetting::Always(unit) => unit,
                KeySetting::Named(_) => name == "titans",
            },
            parameters: &self.parameters,
        }
    }

    /// The slots of the memory, by the names of results.
    fn slots(&self, plain: &Plain) -> Vec<(String, Matrix)> {
        let rule = self.choice();
        match rule.name {
            "plastic" => vec![("memory.slot.trace".to_owned(), plain.trace.clone())],
            "rls" => vec![("memory.slot.inverse".to_owned(), plain.inverse.clone())],
            _ if rule.gates.momentum == Gate::None => Vec::new(),
            _ => {
                let momentum = plain.momentum.iter().enumerate();
                let written = momentum.filter(|(layer, _)| self.writes_to(*layer));
                let named = |(layer, s): (usize, &Matrix)| {
                    (format!("memory.slot.momentum.{layer}"), s.clone())
                };
                written.map(named).collect()
            }
        }
    }

    /// The state of the controller ends where a line begins.
    fn run(&self, x: &SharedArray<f32>, starts: &SharedArray<f32>, b: usize) -> Traced {
        let (m, heads, rule) = (5, self.model.heads, self.choice());
        let (mut hidden, mut cell, mut read) = (vec![0.0; 9], vec![0.0; 9], vec![0.0; m]);
        let weights = (0..self.model.layers)
            .map(|layer| self.matrix(&format!("memory.{layer}.weight")))
            .collect();
        let mut memory = Plain::new(weights, self.model.ridge);
        let mut traced = Traced::default();
        for t in 0..x.shape()[0] {
            let mut seen: Vec<f64> = (0..WIDTH).map(|i| f64::from(x[[t, b, i]])).collect();
            seen.extend(&read);
            if starts[[t, b]] == 1.0 {
                (hidden, cell) = (vec![0.0; 9], vec![0.0; 9]);
            }
            let bias_ih = self.vector("controller.bias_ih");
            let from_input = linear(&self.matrix("controller.weight_ih"), Some(&bias_ih), &seen);
            let bias_hh = self.vector("controller.bias_hh");
            let from_hidden = linear(
                &self.matrix("controller.weight_hh"),
                Some(&bias_hh),
                &hidden,
            );
            let gate = |gate: usize, unit: usize| {
                from_input[gate * 9 + unit] + from_hidden[gate * 9 + unit]
            };
            for unit in 0..9 {
                let [i, f, g, o] = [0, 1, 2, 3].map(|n| gate(n, unit));
                cell[unit] = sigmoid(f) * cell[unit] + sigmoid(i) * g.tanh();
                hidden[unit] = sigmoid(o) * cell[unit].tanh();
            }
            let bias = self.vector("interaction.bias");
            let mut z = linear(&self.matrix("interaction.weight"), Some(&bias), &hidden);
            z.iter_mut().for_each(|z| *z = z.tanh());
            let bias = self.vector("rate.bias");
            let rate = sigmoid(linear(&self.matrix("rate.weight"), Some(&bias), &z[..m])[0]);
            let part = |head: usize, n: usize| {
                let start = m + (3 * head + n) * m;
                z[start..start + m].to_vec()
            };
            let [write_keys, values, read_keys] =
                [0, 1, 2].map(|n| (0..heads).map(|head| part(head, n)).collect::<Matrix>());
            let gates = match rule.gates.learned().len() {
                0 => Vec::new(),
                _ => {
                    let bias = self.vector("gates.bias");
                    linear(&self.matrix("gates.weight"), Some(&bias), &z[..m])
                }
            };
            let mut gates = gates.into_iter().map(sigmoid);
            let mut filled = |gate| match gate {
                Gate::Learned => gates.next().unwrap(),
                _ => 0.0,
            };
            let given = Given {
                keys: write_keys,
                values,
                rate,
                forget: filled(rule.gates.forget),
                momentum: filled(rule.gates.momentum),
            };
            match self.writes {
                Writes::Plainly => memory.write(&rule, &given),
                Writes::ByDifferences => {
                    let update = self.gradient(&memory, &given);
                    for (weight, update) in memory.weights.iter_mut().zip(&update) {
                        for (w, u) in weight.iter_mut().flatten().zip(update.iter().flatten()) {
                            *w -= rate * u;
                        }
                    }
                }
            }
            let found: Matrix = read_keys
                .iter()
                .map(|key| memory.read(&rule, key))
                .collect();
            read = (0..m)
                .map(|i| found.iter().map(|f| f[i]).sum::<f64>() / heads as f64)
                .collect();
            let bias = self.vector("output.bias");
            let both = [hidden.clone(), read.clone()].concat();
            traced
                .logits
                .push(linear(&self.matrix("output.weight"), Some(&bias), &both));
            traced.reads.push(read.clone());
            traced.rates.push(rate);
            traced.meta.push(memory.discrepancy(&rule, &given));
        }
        traced.slots = self.slots(&memory);
        traced.memory = memory.weights;
        traced
    }
}

#[track_caller]
fn close(name: &str, found: f32, expected: f64, tolerance: f64) {
    let difference = (f64::from(found) - expected).abs();
    assert!(
        difference < tolerance * (1.0 + expected.abs()),
        "{name}: {found} against {expected}"
    );
}

fn agrees(
    model: &ModelConfig,
    writes: Writes,
    lines: bool,
    (precision, tolerance): (Precision, f64),
    kernel: Kernel,
) {
    let close = |name: &str, found, expected| close(name, found, expected, tolerance);
    let (steps, batch) = (6, 3);
    let (mut model, x) = (model.clone(), input(steps, batch));
    let mut starts = SharedArray::zeros(IxDyn(&[steps, batch]));
    if lines {
        model.recurrence = Recurrence::Line;
        for place in [[0, 0], [2, 0], [3, 0], [4, 1]] {
            starts[place] = 1.0;
        }
    }
    let checkpoint = checkpoint(&model);
    let given = lines.then_some(&starts);
    let results = apply(&checkpoint, &x, given, Some(kernel), precision).unwrap();
    let get = |name: &str| results.get(name).unwrap();
    assert_eq!(get("logits").shape(), [steps, batch, OUTPUTS]);
    assert_eq!(get("reads").shape(), [steps, batch, 5]);
    assert_eq!(get("rates").shape(), [steps, batch]);
    assert_eq!(get("meta").shape(), [steps]);
    let wide = |x: SharedArray<f32>| x.mapv(f64::from).into_shared();
    let parameters = checkpoint.parameters.into_iter();
    let reference = Reference {
        parameters: parameters.map(|(name, x)| (name, wide(x))).collect(),
        model,
        writes,
    };
    let all: Vec<Traced> = (0..batch).map(|b| reference.run(&x, &starts, b)).collect();
    for (b, one) in all.iter().enumerate() {
        for t in 0..steps {
            close("rates", get("rates")[[t, b]], one.rates[t]);
            for (i, &expected) in one.logits[t].iter().enumerate() {
                close("logits", get("logits")[[t, b, i]], expected);
            }
            for (i, &expected) in one.reads[t].iter().enumerate() {
                close("reads", get("reads")[[t, b, i]], expected);
            }
        }
        let layers = one.memory.iter().enumerate();
        let weights = layers.map(|(layer, weight)| (format!("memory.{layer}"), weight));
        let slots = one.slots.iter().map(|(name, slot)| (name.clone(), slot));
        assert_eq!(results.len(), 4 + one.memory.len() + one.slots.len());
        for (name, weight) in weights.chain(slots) {
            let found = get(&name);
            assert_eq!(found.shape(), [batch, weight.len(), weight[0].len()]);
            // What is left of large numbers that cancel is off by what they are rounded by: an inverse grows as it forgets.
            let scale = match name.strip_prefix("memory.slot.") {
                Some(_) => weight
                    .iter()
                    .flatten()
                    .fold(1.0_f64, |most, x| most.max(x.abs())),
                None => 1.0,
            };
            for (i, row) in weight.iter().enumerate() {
                for (j, &expected) in row.iter().enumerate() {
                    close(&name, found[[b, i, j]] / scale as f32, expected / scale);
                }
            }
        }
    }
    for t in 0..steps {
        let mean = all.iter().map(|one| one.meta[t]).sum::<f64>() / batch as f64;
        close("meta", get("meta")[[t]], mean);
    }
    for layer in (0..reference.model.layers).filter(|layer| reference.writes_to(*layer)) {
        let first = reference.matrix(&format!("memory.{layer}.weight"));
        let entries = all[0].memory[layer]
            .iter()
            .flatten()
            .zip(first.iter().flatten());
        let moved = entries.map(|(now, before)| (now - before).abs());
        assert!(
            moved.fold(0.0, f64::max) > 1e-2,
            "{:?}: the writes to layer {layer} do nothing, so this proves nothing",
            reference.model
        );
    }
}

fn shapes() -> impl Iterator<Item = (usize, usize)> {
    [1, 3]
        .into_iter()
        .flat_map(|heads| [1, 2, 3].map(|layers| (heads, layers)))
}

#[test]
fn both_rules_and_kernels_follow_the_equations() {
    let rules = [("mnm-p", Writes::Plainly), ("mnm-g", Writes::ByDifferences)];
    for (rule, writes) in rules {
        for (heads, layers) in shapes() {
            for kernel in [Kernel::Reference, Kernel::Fused] {
                let model = config(rule, heads, layers);
                let agrees = |lines, how| agrees(&model, writes, lines, how, kernel);
                agrees(false, (Precision::Single, 2e-5));
                agrees(false, (Precision::Double, 2e-7)); // what is left is the rounding of the file
                agrees(true, (Precision::Double, 2e-7));
            }
        }
    }
}

/// Every rule as it is, and with what can be chosen about it.
fn models(heads: usize, layers: usize) -> Vec<ModelConfig> {
    let of = |rule: &str| config(rule, heads, layers);
    let [gate, fixed] = [GateSetting::Named(GateName::Gate), GateSetting::Fixed(0.3)];
    let mut models: Vec<ModelConfig> = rule_names().iter().map(|rule| of(rule)).collect();
    models.extend([
        ModelConfig {
            forget: gate,
            unit_keys: KeySetting::Always(true),
            ..of("mnm-p")
        },
        ModelConfig {
            forget: fixed,
            momentum: gate,
            inner_steps: 2,
            ..of("mnm-g")
        },
        ModelConfig {
            inner_loss: InnerLossSetting::Huber,
            huber: 0.3,
            momentum: fixed,
            ..of("mnm-g")
        },
        ModelConfig {
            unit_keys: KeySetting::Always(false),
            forget: fixed,
            ..of("titans")
        },
        ModelConfig {
            momentum: gate,
            unit_keys: KeySetting::Always(true),
            ..of("delta")
        },
        ModelConfig {
            forget: fixed,
            ..of("gated-delta")
        },
        ModelConfig {
            forget: GateSetting::Named(GateName::None),
            momentum: fixed,
            ..of("hebbian")
        },
        ModelConfig {
            forget: gate,
            ..of("oja")
        },
        ModelConfig {
            unit_keys: KeySetting::Always(true),
            ..of("plastic")
        },
        ModelConfig {
            forget: gate,
            momentum: gate,
            ..of("dfa")
        },
        ModelConfig {
            forget: fixed,
            ridge: 0.5,
            ..of("rls")
        },
    ]);
    models
}

#[test]
fn every_rule_follows_its_equation_from_names_alone() {
    for (heads, layers) in shapes() {
        for model in models(heads, layers) {
            for kernel in [Kernel::Reference, Kernel::Fused] {
                agrees(
                    &model,
                    Writes::Plainly,
                    false,
                    (Precision::Double, 2e-7),
                    kernel,
                );
                agrees(
                    &model,
                    Writes::Plainly,
                    true,
                    (Precision::Single, 1e-4),
                    kernel,
                );
            }
        }
    }
}
