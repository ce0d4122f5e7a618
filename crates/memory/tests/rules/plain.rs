//! Every rule of the table, written once more in plain loops over numbers: one sequence, no tensor, nothing shared with the crate.

use mnm_memory::{Gate, Gates, InnerLoss, RuleOptions};
use mnm_tensor::{Parameters, SharedArray};

/// `matrix[row][column]`.
pub type Matrix = Vec<Vec<f64>>;

/// What a write brings.
pub struct Given {
    pub keys: Matrix,
    pub values: Matrix,
    pub rate: f64,
    pub forget: f64,
    pub momentum: f64,
}

/// A rule, by its name and what is chosen about it.
pub struct Choice<'a> {
    pub name: &'a str,
    pub options: RuleOptions,
    pub gates: Gates,
    pub unit_keys: bool,
    pub parameters: &'a Parameters<SharedArray<f64>>,
}

/// The memory of one sequence.
#[derive(Clone)]
pub struct Plain {
    pub weights: Vec<Matrix>,
    /// S of every layer.
    pub momentum: Vec<Matrix>,
    /// P of a plastic layer.
    pub trace: Matrix,
    /// P of least squares.
    pub inverse: Matrix,
}

/// The errors and inputs of a layer, a row for each head.
type Change = (usize, Matrix, Matrix);

fn zeros_like(matrix: &Matrix) -> Matrix {
    matrix.iter().map(|row| vec![0.0; row.len()]).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (x, y) in a.iter().zip(b) {
        sum += x * y;
    }
    sum
}

/// `M x`.
fn times(matrix: &Matrix, x: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| dot(row, x)).collect()
}

/// `x M`.
fn times_left(x: &[f64], matrix: &Matrix) -> Vec<f64> {
    let mut all = vec![0.0; matrix[0].len()];
    for (e, row) in x.iter().zip(matrix) {
        for (sum, w) in all.iter_mut().zip(row) {
            *sum += e * w;
        }
    }
    all
}

/// Adds `factor * column row^T`.
fn add_outer(matrix: &mut Matrix, factor: f64, column: &[f64], row: &[f64]) {
    for (line, c) in matrix.iter_mut().zip(column) {
        for (w, r) in line.iter_mut().zip(row) {
            *w += factor * c * r;
        }
    }
}

impl Choice<'_> {
    fn matrix(&self, name: &str) -> Matrix {
        let found = self.parameters.get(name).unwrap();
        found
            .outer_iter()
            .map(|row| row.iter().copied().collect())
            .collect()
    }

    fn gate(gate: Gate, given: f64) -> Option<f64> {
        match gate {
            Gate::None => None,
            Gate::Fixed(value) => Some(value),
            Gate::Learned => Some(given),
        }
    }

    /// `x / (|x| + 1e-6)`, in a memory with unit keys.
    fn keyed(&self, key: &[f64]) -> Vec<f64> {
        let norm = if self.unit_keys {
            dot(key, key).sqrt() + 1e-6
        } else {
            1.0
        };
        key.iter().map(|x| x / norm).collect()
    }

    /// What the gradient of the inner loss is to the top: `2 / (H M) (a - v)`, clipped before it is scaled.
    fn top_error(&self, read: &[f64], value: &[f64], heads: usize) -> Vec<f64> {
        let bound = match self.options.inner_loss {
            InnerLoss::L2 => f64::INFINITY,
            InnerLoss::Huber => self.options.huber,
        };
        let factor = 2.0 / (heads * value.len()) as f64;
        let miss = read
            .iter()
            .zip(value)
            .map(|(a, v)| (a - v).clamp(-bound, bound));
        miss.map(|e| factor * e).collect()
    }
}

impl Plain {
    /// The memory that starts with these weights.
    pub fn new(weights: Vec<Matrix>, ridge: f64) -> Self {
        let last = weights.len() - 1;
        let width = weights[last][0].len();
        let diagonal = |i: usize, j: usize| if i == j { 1.0 / ridge } else { 0.0 };
        Self {
            momentum: weights.iter().map(zeros_like).collect(),
            trace: zeros_like(&weights[last]),
            inverse: (0..width)
                .map(|i| (0..width).map(|j| diagonal(i, j)).collect())
                .collect(),
            weights,
        }
    }

    /// `a^0 .. a^L` of one key.
    fn activations(&self, weights: &[Matrix], key: &[f64]) -> Matrix {
        let mut all = vec![key.to_vec()];
        for (layer, weight) in weights.iter().enumerate() {
            let sums = times(weight, &all[layer]);
            let hidden = layer + 1 < weights.len();
            all.push(
                sums.iter()
                    .map(|s| if hidden { s.tanh() } else { *s })
                    .collect(),
            );
        }
        all
    }

    pub fn read(&self, rule: &Choice<'_>, key: &[f64]) -> Vec<f64> {
        let mut all = self.activations(&self.weights, &rule.keyed(key));
        all.pop().unwrap()
    }

    /// The mean over heads and entries of `(f(k) - v)^2`.
    pub fn discrepancy(&self, rule: &Choice<'_>, given: &Given) -> f64 {
        let mut total = 0.0;
        for (key, value) in given.keys.iter().zip(&given.values) {
            for (r, v) in self.read(rule, key).iter().zip(value) {
                total += (r - v).powi(2);
            }
        }
        total / (given.values.len() * given.values[0].len()) as f64
    }

    /// Back-propagation of the inner loss by hand, or with a fixed matrix for each layer in place of the weights.
    fn descend(&self, rule: &Choice<'_>, weights: &[Matrix], given: &Given) -> Vec<Change> {
        let (heads, last) = (given.keys.len(), weights.len() - 1);
        let mut changes: Vec<Change> = (0..=last)
            .map(|l| (l, Matrix::new(), Matrix::new()))
            .collect();
        for (key, value) in given.keys.iter().zip(&given.values) {
            let a = self.activations(weights, &rule.keyed(key));
            let top = rule.top_error(&a[last + 1], value, heads);
            let mut error = top.clone();
            for layer in (0..=last).rev() {
                if layer < last {
                    let down = match rule.name {
                        "dfa" => times(&rule.matrix(&format!("feedback.{layer}.weight")), &top),
                        _ => times_left(&error, &weights[layer + 1]),
                    };
                    let slopes = a[layer + 1].iter().map(|a| 1.0 - a * a);
                    error = down.iter().zip(slopes).map(|(e, s)| e * s).collect();
                }
                changes[layer].1.push(error.clone());
                changes[layer].2.push(a[layer].clone());
            }
        }
        changes
    }

    /// Every layer towards targets that are predicted from the value.
    fn towards_targets(&self, rule: &Choice<'_>, given: &Given) -> Vec<Change> {
        let weight = rule.matrix("targets.weight");
        let bias = rule.parameters.get("targets.bias").unwrap();
        let mut changes: Vec<Change> = (0..self.weights.len())
            .map(|l| (l, Matrix::new(), Matrix::new()))
            .collect();
        for (key, value) in given.keys.iter().zip(&given.values) {
            let sums = times(&weight, value);
            let targets: Vec<f64> = sums.iter().zip(bias.iter()).map(|(s, b)| s + b).collect();
            let a = self.activations(&self.weights, &rule.keyed(key));
            let mut start = 0;
            for (layer, errors, inputs) in &mut changes {
                let above = &a[*layer + 1];
                let factor = 2.0 / (given.keys.len() * above.len()) as f64;
                let missed = above.iter().zip(&targets[start..]);
                errors.push(missed.map(|(a, t)| factor * (a - t)).collect());
                inputs.push(a[*layer].clone());
                start += above.len();
            }
        }
        changes
    }

    /// The last layer alone: of each head, `error` of what is read and the value.
    fn last_layer(
        &self,
        rule: &Choice<'_>,
        given: &Given,
        error: impl Fn(f64, f64) -> f64,
    ) -> Vec<Change> {
        let last = self.weights.len() - 1;
        let (mut errors, mut inputs) = (Matrix::new(), Matrix::new());
        for (key, value) in given.keys.iter().zip(&given.values) {
            let mut a = self.activations(&self.weights, &rule.keyed(key));
            let read = a.pop().unwrap();
            errors.push(read.iter().zip(value).map(|(a, v)| error(*a, *v)).collect());
            inputs.push(a.pop().unwrap());
        }
        vec![(last, errors, inputs)]
    }

    /// `C^l = beta E^T A` of one or more steps, each from the weights that the steps before it have left.
    fn changes(&self, rule: &Choice<'_>, given: &Given, keep: f64) -> Vec<Option<Matrix>> {
        let part = 1.0 / given.keys.len() as f64;
        let mut sums: Vec<Option<Matrix>> = vec![None; self.weights.len()];
        let mut weights = self.weights.clone();
        for _ in 0..rule.options.inner_steps {
            let changes = match rule.name {
                "mnm-p" => self.towards_targets(rule, given),
                "mnm-g" | "titans" | "dfa" => self.descend(rule, &weights, given),
                "delta" => self.last_layer(rule, given, |a, v| part * (a - v)),
                "gated-delta" => self.last_layer(rule, given, |a, v| part * (keep * a - v)),
                "hebbian" | "oja" => self.last_layer(rule, given, |_, v| -part * v),
                other => panic!("no {other} here"),
            };
            for (layer, errors, inputs) in changes {
                let sum = sums[layer].get_or_insert_with(|| zeros_like(&self.weights[layer]));
                for (e, a) in errors.iter().zip(&inputs) {
                    add_outer(sum, given.rate, e, a);
                    add_outer(&mut weights[layer], -given.rate, e, a);
                }
            }
        }
        sums
    }

    pub fn write(&mut self, rule: &Choice<'_>, given: &Given) {
        let forget = Choice::gate(rule.gates.forget, given.forget).unwrap_or(0.0);
        match rule.name {
            "plastic" => return self.write_trace(rule, given),
            "rls" => return self.write_least_squares(rule, given, 1.0 - forget),
            _ => {}
        }
        let keep = 1.0 - forget;
        let momentum = Choice::gate(rule.gates.momentum, given.momentum).unwrap_or(0.0);
        let changes = self.changes(rule, given, keep);
        for (layer, change) in changes.into_iter().enumerate() {
            let Some(change) = change else { continue };
            for (o, row) in change.iter().enumerate() {
                let lost = match rule.name {
                    "oja" => given.values.iter().map(|v| v[o] * v[o]).sum::<f64>(),
                    _ => 0.0,
                };
                let row_keep = 1.0 - given.rate * lost / given.keys.len() as f64;
                for (i, c) in row.iter().enumerate() {
                    let carried = &mut self.momentum[layer][o][i];
                    *carried = momentum * *carried + c;
                    let weight = &mut self.weights[layer][o][i];
                    *weight = keep * row_keep * *weight - *carried;
                }
            }
        }
    }

    /// Differentiable plasticity: `W = W_0 + P o C` with `P <- (1 - beta) P + beta / H sum of v a^T`.
    fn write_trace(&mut self, rule: &Choice<'_>, given: &Given) {
        let last = self.weights.len() - 1;
        let changes = self.last_layer(rule, given, |_, v| v);
        let plasticity = rule.matrix("plasticity.weight");
        let mut gained = zeros_like(&self.trace);
        for (v, a) in changes[0].1.iter().zip(&changes[0].2) {
            add_outer(&mut gained, 1.0 / given.keys.len() as f64, v, a);
        }
        for (o, row) in gained.iter().enumerate() {
            for (i, g) in row.iter().enumerate() {
                let first = self.weights[last][o][i] - self.trace[o][i] * plasticity[o][i];
                let trace = (1.0 - given.rate) * self.trace[o][i] + given.rate * g;
                self.trace[o][i] = trace;
                self.weights[last][o][i] = first + trace * plasticity[o][i];
            }
        }
    }

    /// Recursive least squares, head by head; every head fades what the heads before it have left.
    fn write_least_squares(&mut self, rule: &Choice<'_>, given: &Given, lambda: f64) {
        let last = self.weights.len() - 1;
        let features = self.last_layer(rule, given, |_, v| v).remove(0).2;
        for (a, v) in features.iter().zip(&given.values) {
            let seen = times(&self.inverse, a);
            let size = lambda + given.rate * dot(a, &seen);
            let gain: Vec<f64> = seen.iter().map(|s| given.rate * s / size).collect();
            let read = times(&self.weights[last], a);
            let miss: Vec<f64> = v.iter().zip(&read).map(|(v, r)| v - r).collect();
            add_outer(&mut self.weights[last], 1.0, &miss, &gain);
            add_outer(&mut self.inverse, -1.0, &gain, &seen);
            for x in self.inverse.iter_mut().flatten() {
                *x /= lambda;
            }
        }
    }
}
