//! `apply` against the equations written out once more, in plain loops over f64; and what it refuses.

use std::path::PathBuf;

use mnm_controller::{InputSpec, Kernel, Model, ModelConfig, ModelKind, Recurrence};
use mnm_tensor::{Parameters, SharedArray};
use mnm_trainer::apply::{Precision, apply, apply_file};
use mnm_trainer::checkpoint::{Checkpoint, Container};
use ndarray::IxDyn;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

type Matrix = Vec<Vec<f64>>;

#[derive(Clone, Copy, Debug)]
struct Case {
    rule: &'static str,
    heads: usize,
    layers: usize,
}

const WIDTH: usize = 7;
const OUTPUTS: usize = 5;

fn config(case: Case) -> ModelConfig {
    ModelConfig {
        rule: case.rule.to_owned(),
        controller: 9,
        value: 5,
        hidden: 11,
        layers: case.layers,
        heads: case.heads,
        ..ModelConfig::default()
    }
}

/// A checkpoint with parameters of a size at which every nonlinearity bends, of a task that also has an encoder.
fn checkpoint(model: &ModelConfig) -> Checkpoint {
    let mut generator = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let spec = InputSpec::Lines { width: WIDTH };
    let mut parameters: Parameters<SharedArray<f32>> = Model::<f32>::new(model, spec, OUTPUTS)
        .unwrap()
        .parameters()
        .into_iter()
        .map(|spec| {
            let value = SharedArray::from_shape_simple_fn(IxDyn(&spec.shape), || {
                generator.random_range(-0.9..0.9)
            });
            (spec.name, value)
        })
        .collect();
    parameters.insert(
        "encoder.embedding.weight",
        SharedArray::zeros(IxDyn(&[3, WIDTH])),
    );
    let table =
        toml::Table::from_iter([("model".to_owned(), toml::Value::try_from(model).unwrap())]);
    Checkpoint {
        parameters,
        optimizer: Parameters::new(),
        config: format!("seed = 3\n{table}[data]\ntask = \"any\"\n"),
        vocabulary: None,
        progress: serde_json::Value::Null,
    }
}

fn input(steps: usize, batch: usize) -> SharedArray<f32> {
    let mut generator = rand_chacha::ChaCha8Rng::seed_from_u64(6);
    SharedArray::from_shape_simple_fn(IxDyn(&[steps, batch, WIDTH]), || {
        generator.random_range(-1.5..1.5)
    })
}

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

/// `a^0 .. a^L` of a key.
fn activations(memory: &[Matrix], key: &[f64]) -> Vec<Vec<f64>> {
    let mut all = vec![key.to_vec()];
    for (layer, weight) in memory.iter().enumerate() {
        let mut a = linear(weight, None, &all[layer]);
        if layer + 1 < memory.len() {
            a.iter_mut().for_each(|x| *x = x.tanh());
        }
        all.push(a);
    }
    all
}

/// The mean over heads and entries of `(f(k) - v)^2`.
fn discrepancy(memory: &[Matrix], keys: &[Vec<f64>], values: &[Vec<f64>]) -> f64 {
    let count = (keys.len() * values[0].len()) as f64;
    let pairs = keys.iter().zip(values);
    pairs
        .map(|(key, value)| {
            let f = activations(memory, key);
            let squares = f[memory.len()]
                .iter()
                .zip(value)
                .map(|(f, v)| (f - v).powi(2));
            squares.sum::<f64>() / count
        })
        .sum()
}

/// Sequence `b` of a batch, by the equations.
struct Reference {
    parameters: Parameters<SharedArray<f32>>,
    case: Case,
}

#[derive(Default)]
struct Traced {
    logits: Matrix,
    reads: Matrix,
    rates: Vec<f64>,
    meta: Vec<f64>,
    memory: Vec<Matrix>,
}

impl Reference {
    fn matrix(&self, name: &str) -> Matrix {
        let value = self.parameters.get(name).unwrap();
        let rows = value.rows();
        rows.into_iter()
            .map(|row| row.iter().map(|&x| f64::from(x)).collect())
            .collect()
    }

    fn vector(&self, name: &str) -> Vec<f64> {
        let value = self.parameters.get(name).unwrap();
        value.iter().map(|&x| f64::from(x)).collect()
    }

    /// How far every layer's weights move for a rate of one: by dL_up/dW in central differences for MNM-g, or by the
    /// predicted activations for MNM-p.
    fn update(&self, memory: &[Matrix], keys: &[Vec<f64>], values: &[Vec<f64>]) -> Vec<Matrix> {
        let mut update: Vec<Matrix> = memory.to_vec();
        for (layer, weight) in memory.iter().enumerate() {
            for (i, row) in weight.iter().enumerate() {
                for j in 0..row.len() {
                    update[layer][i][j] = match self.case.rule {
                        "mnm-g" => {
                            let step = 1e-5;
                            let moved = |by: f64| {
                                let mut moved = memory.to_vec();
                                moved[layer][i][j] += by;
                                discrepancy(&moved, keys, values)
                            };
                            (moved(step) - moved(-step)) / (2.0 * step)
                        }
                        _ => {
                            let start: usize = memory[..layer].iter().map(Vec::len).sum();
                            let heads = keys.iter().zip(values);
                            let sum: f64 = heads
                                .map(|(key, value)| {
                                    let a = activations(memory, key);
                                    let bias = self.vector("targets.bias");
                                    let t =
                                        linear(&self.matrix("targets.weight"), Some(&bias), value);
                                    (a[layer + 1][i] - t[start + i]) * a[layer][j]
                                })
                                .sum();
                            2.0 * sum / (keys.len() * weight.len()) as f64
                        }
                    };
                }
            }
        }
        update
    }

    /// The state of the controller ends where a line begins.
    fn run(&self, x: &SharedArray<f32>, starts: &SharedArray<f32>, b: usize) -> Traced {
        let (m, heads) = (5, self.case.heads);
        let (mut hidden, mut cell, mut read) = (vec![0.0; 9], vec![0.0; 9], vec![0.0; m]);
        let mut memory: Vec<Matrix> = (0..self.case.layers)
            .map(|layer| self.matrix(&format!("memory.{layer}.weight")))
            .collect();
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
            let update = self.update(&memory, &write_keys, &values);
            for (weight, update) in memory.iter_mut().zip(&update) {
                for (w, u) in weight.iter_mut().flatten().zip(update.iter().flatten()) {
                    *w -= rate * u;
                }
            }
            let found: Matrix = read_keys
                .iter()
                .map(|key| activations(&memory, key).remove(self.case.layers))
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
            traced.meta.push(discrepancy(&memory, &write_keys, &values));
        }
        traced.memory = memory;
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

fn agrees(precision: Precision, case: Case, lines: bool, kernel: Kernel, tolerance: f64) {
    let close = |name, found, expected| close(name, found, expected, tolerance);
    let (steps, batch) = (6, 3);
    let (mut model, x) = (config(case), input(steps, batch));
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
    assert_eq!(results.len(), 4 + case.layers);
    let reference = Reference {
        parameters: checkpoint.parameters,
        case,
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
        for (layer, weight) in one.memory.iter().enumerate() {
            let found = get(&format!("memory.{layer}"));
            assert_eq!(found.shape(), [batch, weight.len(), weight[0].len()]);
            for (i, row) in weight.iter().enumerate() {
                for (j, &expected) in row.iter().enumerate() {
                    close("memory", found[[b, i, j]], expected);
                }
            }
        }
    }
    for t in 0..steps {
        let mean = all.iter().map(|one| one.meta[t]).sum::<f64>() / batch as f64;
        close("meta", get("meta")[[t]], mean);
    }
    let first = reference.matrix("memory.0.weight");
    let entries = all[0].memory[0]
        .iter()
        .flatten()
        .zip(first.iter().flatten());
    let moved = entries.map(|(now, before)| (now - before).abs());
    assert!(
        moved.fold(0.0, f64::max) > 1e-2,
        "the writes do nothing, so this proves nothing"
    );
}

#[test]
fn both_rules_and_kernels_follow_the_equations() {
    for rule in ["mnm-p", "mnm-g"] {
        for heads in [1, 3] {
            for layers in [1, 2, 3] {
                for kernel in [Kernel::Reference, Kernel::Fused] {
                    let case = Case {
                        rule,
                        heads,
                        layers,
                    };
                    agrees(Precision::Single, case, false, kernel, 2e-5);
                    agrees(Precision::Double, case, false, kernel, 2e-7); // what is left is the rounding of the file
                    agrees(Precision::Double, case, true, kernel, 2e-7);
                }
            }
        }
    }
}

#[test]
fn without_starts_a_sequence_is_one_line_and_wrong_ones_are_refused() {
    let lines = ModelConfig {
        recurrence: Recurrence::Line,
        ..config(SMALL)
    };
    let (always, lines) = (checkpoint(&config(SMALL)), checkpoint(&lines));
    let x = input(4, 2);
    let logits = |checkpoint| {
        let results = apply(checkpoint, &x, None, None, Precision::Double).unwrap();
        results.get("logits").unwrap().clone()
    };
    assert_eq!(logits(&lines), logits(&always));
    let refused = |checkpoint, starts: &SharedArray<f32>, named: &str| {
        let error = apply(checkpoint, &x, Some(starts), None, Precision::Double).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    };
    refused(
        &lines,
        &SharedArray::zeros(IxDyn(&[2, 4])),
        "have shape [2, 4]",
    );
    refused(
        &lines,
        &SharedArray::from_elem(IxDyn(&[4, 2]), 0.5),
        "hold 0.5",
    );
    refused(
        &always,
        &SharedArray::zeros(IxDyn(&[4, 2])),
        "does not end with a line",
    );
}

#[test]
fn a_plain_lstm_gives_logits_alone() {
    let model = ModelConfig {
        kind: ModelKind::Lstm,
        controller: 9,
        ..ModelConfig::default()
    };
    let results = apply(
        &checkpoint(&model),
        &input(4, 2),
        None,
        None,
        Precision::Single,
    )
    .unwrap();
    assert_eq!(results.names().collect::<Vec<_>>(), ["logits"]);
    assert_eq!(results.get("logits").unwrap().shape(), [4, 2, OUTPUTS]);
}

const SMALL: Case = Case {
    rule: "mnm-p",
    heads: 1,
    layers: 2,
};

/// What applying `checkpoint` to `x` says.
fn refusal(checkpoint: &Checkpoint, x: &SharedArray<f32>) -> String {
    apply(checkpoint, x, None, None, Precision::Single)
        .unwrap_err()
        .to_string()
}

#[test]
fn an_input_of_another_shape_is_refused() {
    let checkpoint = checkpoint(&config(SMALL));
    for shape in [
        &[4, 2][..],
        &[4, 2, WIDTH + 1],
        &[0, 2, WIDTH],
        &[4, 0, WIDTH],
    ] {
        let message = refusal(&checkpoint, &SharedArray::zeros(IxDyn(shape)));
        assert!(
            message.contains(&format!("{shape:?}")) && message.contains("[steps, batch, 7]"),
            "{message}"
        );
    }
}

#[test]
fn an_input_that_is_no_number_is_refused() {
    let checkpoint = checkpoint(&config(SMALL));
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = input(3, 2);
        x[[2, 1, 4]] = value;
        let message = refusal(&checkpoint, &x);
        for part in ["`x`", &value.to_string(), "[2, 1, 4]", "finite"] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn a_checkpoint_that_is_not_a_whole_model_is_refused() {
    let x = input(2, 1);
    let whole = checkpoint(&config(SMALL));
    let without = |name: &str| Checkpoint {
        parameters: whole
            .parameters
            .clone()
            .into_iter()
            .filter(|(n, _)| n != name)
            .collect(),
        ..whole.clone()
    };
    assert!(
        refusal(&without("controller.weight_ih"), &x).contains("`controller.weight_ih` is missing")
    );
    assert!(refusal(&without("rate.bias"), &x).contains("`rate.bias` [1] is missing"));

    let mut narrow = whole.clone();
    narrow
        .parameters
        .insert("controller.weight_ih", SharedArray::zeros(IxDyn(&[36, 5])));
    assert!(refusal(&narrow, &x).contains("more than the 5 that the read takes"));

    let with = |from: &str, to: &str| Checkpoint {
        config: whole.config.replace(from, to),
        ..whole.clone()
    };
    assert!(
        refusal(&with("heads = 1", "heads = 2"), &x)
            .contains("`interaction.weight` has shape [20, 9]")
    );
    assert!(refusal(&with("heads = 1", "heads = 0"), &x).contains("model.heads = 0"));
    assert!(refusal(&with("heads = 1", "hats = 1"), &x).contains("unknown field `hats`"));
    assert!(refusal(&with("mnm-p", "hebb"), &x).contains("hebb"));
}

/// A file in `folder` with one tensor of zeros.
fn save(folder: &TempDir, name: &str, dtype: safetensors::Dtype) -> PathBuf {
    let path = folder.path().join("in.safetensors");
    let data = vec![0; 2 * WIDTH * dtype.bitsize() / 8];
    let view = safetensors::tensor::TensorView::new(dtype, vec![2, 1, WIDTH], &data).unwrap();
    safetensors::serialize_to_file([(name, view)], None, &path).unwrap();
    path
}

#[test]
fn from_file_to_file() {
    let folder = TempDir::new().unwrap();
    let (input, output) = (
        save(&folder, "x", safetensors::Dtype::F32),
        folder.path().join("out.safetensors"),
    );
    let checkpoint = checkpoint(&config(SMALL));
    let results = apply_file(&checkpoint, &input, &output, None, Precision::Single).unwrap();
    assert_eq!(Container::read(&output).unwrap().tensors, results);
    assert_eq!(results.get("logits").unwrap().shape(), [2, 1, OUTPUTS]);
}

#[test]
fn an_input_file_without_a_usable_x_is_refused_and_nothing_is_written() {
    let folder = TempDir::new().unwrap();
    let checkpoint = checkpoint(&config(SMALL));
    let output = folder.path().join("out.safetensors");
    let message = |name: &str, dtype| {
        let input = save(&folder, name, dtype);
        let error = apply_file(&checkpoint, &input, &output, None, Precision::Single).unwrap_err();
        assert!(!output.exists());
        error.to_string()
    };
    let missing = message("inputs", safetensors::Dtype::F32);
    assert!(
        missing.contains("no tensor `x` (it has: inputs)"),
        "{missing}"
    );
    let double = message("x", safetensors::Dtype::F64);
    assert!(
        double.contains("`x` has element type F64; expected F32"),
        "{double}"
    );
}
