//! Programs drawn at random, fused as by the definition: any instruction behind any other.

use mnm_memory::fused::RuleForm;
use mnm_memory::testkit::{Trial, check_fused};
use mnm_memory::{Gate, Gates, MemoryShape, Program, Rows, Scalar, WriteRule};
use mnm_tensor::{Float, Init, ParameterSpec};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// A rule whose program is a draw.
#[derive(Clone, Debug)]
struct RandomRule {
    seed: u64,
    instructions: usize,
    gates: Gates,
    unit_keys: bool,
    /// The lowest layers that no write touches, through which keys go first of all; at most all but one.
    fixed: usize,
    /// Whether it is of the kind whose products are taken for all steps of a chunk at once: one layer, one write of the keys, and no
    /// matrix or error that goes through.
    linear: bool,
}

/// A program as it grows.
struct Draw {
    program: Program,
    shape: MemoryShape,
    rows: Vec<Rows>,
    parameters: Vec<ParameterSpec>,
    /// Of each layer, whether it is written.
    written: Vec<bool>,
    /// Of each layer, whether it forgets row by row.
    decays: Vec<bool>,
    fixed: usize,
    linear: bool,
    generator: StdRng,
}

impl Draw {
    fn new(rule: &RandomRule, shape: &MemoryShape, heads: usize) -> Self {
        let program = Program::new(shape, heads);
        let rows = vec![program.keys(), program.values()];
        let none = vec![false; shape.layers()];
        Draw {
            program,
            shape: *shape,
            rows,
            parameters: Vec::new(),
            written: none.clone(),
            decays: none,
            fixed: rule.fixed.min(shape.layers() - 1),
            linear: rule.linear,
            generator: StdRng::seed_from_u64(rule.seed),
        }
    }

    fn below(&mut self, most: usize) -> usize {
        self.generator.random_range(0..most)
    }

    fn any(&mut self) -> Rows {
        let place = self.below(self.rows.len());
        self.rows[place]
    }

    /// Rows of this width: some that there are, or what a matrix makes of others, or a part of the keys.
    fn of_width(&mut self, width: usize) -> Rows {
        let fitting: Vec<Rows> = (self.rows.iter().copied())
            .filter(|rows| self.program.width(*rows) == width)
            .collect();
        match fitting.len() {
            0 if self.linear => {
                let keys = self.program.keys();
                self.program.slice(keys, 0, width)
            }
            0 => {
                let from = self.any();
                self.linear(from, width)
            }
            many => fitting[self.below(many)],
        }
    }

    fn linear(&mut self, x: Rows, out: usize) -> Rows {
        let name = |part: &str| format!("matrix.{}.{part}", self.parameters.len());
        let (weight, bias) = (name("weight"), name("bias"));
        let input = self.program.width(x);
        let init = Init::fan_in(input);
        self.parameters
            .push(ParameterSpec::new(weight.clone(), &[out, input], init));
        let biased = self.generator.random::<bool>();
        if biased {
            self.parameters
                .push(ParameterSpec::new(bias.clone(), &[out], init));
        }
        self.program
            .linear(x, out, &weight, biased.then_some(bias.as_str()))
    }

    /// Rows of this width between -1 and 1.
    fn bounded(&mut self, width: usize) -> Rows {
        let x = self.of_width(width);
        self.program.tanh(x)
    }

    fn update(&mut self, layer: usize, heads: usize) {
        let [out, input] = self.shape.weight(layer);
        let e = self.bounded(out);
        let e = self.program.scale(0.5 / heads as f64, e);
        // What is written is bounded, so that no program runs away over many steps.
        let a = match self.below(3) {
            0 if self.program.width(self.program.keys()) == input => self.program.keys(),
            1 if self.program.width(self.program.values()) == input => self.program.values(),
            _ => self.bounded(input),
        };
        self.program.update(layer, e, a);
        self.written[layer] = true;
    }

    /// One more instruction.
    fn grow(&mut self, heads: usize) {
        let layer = self.below(self.shape.layers());
        let [out, input] = self.shape.weight(layer);
        let a = self.any();
        let width = self.program.width(a);
        let which = match self.linear {
            true => 2 + self.below(11),
            false => self.below(14),
        };
        let made = match which {
            0 => {
                let x = self.of_width(input);
                self.program.apply(layer, x)
            }
            // No error goes through a layer that forgets row by row: the kernel leaves that to the definition.
            1 if !self.decays[layer] => {
                let e = self.of_width(out);
                self.program.pull(layer, e)
            }
            2 => self.program.tanh(a),
            3 => {
                let (e, bounded) = (self.of_width(width), self.bounded(width));
                self.program.through_tanh(e, bounded)
            }
            4 => {
                let b = self.of_width(width);
                self.program.difference(0.7, a, b)
            }
            5 => {
                let b = self.of_width(width);
                self.program.sum(a, b)
            }
            6 => {
                let width = if self.generator.random() { width } else { 1 };
                let b = self.bounded(width);
                self.program.product(a, b)
            }
            7 => {
                let b = self.any();
                let square = self.program.dot(b, b);
                let size = self.program.affine(0.5, 1.0, square);
                self.program.quotient(a, size)
            }
            8 => {
                let b = self.bounded(width);
                self.program.dot(a, b)
            }
            9 => self.program.affine(-0.6, 0.2, a),
            10 => {
                let by = [Scalar::Rate, Scalar::Keep, Scalar::Momentum];
                let place = self.below(3);
                self.program.scaled(by[place], a)
            }
            11 => self.program.clip(0.5, a),
            12 => {
                let start = self.below(width);
                let width = 1 + self.below(width - start);
                self.program.slice(a, start, width)
            }
            _ if layer >= self.fixed => return self.update(layer, heads),
            _ => self.program.affine(1.0, 0.0, a),
        };
        self.rows.push(made);
    }

    /// The program: some decays, the instructions, and an update for each layer that has had one, and for one at least.
    fn finish(mut self, rule: &RandomRule, heads: usize) -> (Program, Vec<ParameterSpec>) {
        if self.linear {
            return (self.finish_linear(rule, heads), Vec::new());
        }
        let mut keys = self.program.keys();
        for layer in 0..self.fixed {
            let sums = self.program.apply(layer, keys);
            keys = self.program.tanh(sums);
            self.rows.extend([sums, keys]);
        }
        let last = self.fixed + self.below(self.shape.layers() - self.fixed);
        if rule.gates.momentum == Gate::None && self.generator.random() {
            let x = self.bounded(self.shape.weight(last)[0]);
            let x = self.program.scale(0.3 / heads as f64, x);
            self.program.decay(last, x);
            self.decays[last] = true;
        }
        for _ in 0..rule.instructions {
            self.grow(heads);
        }
        for layer in 0..self.shape.layers() {
            if self.written[layer] || layer == last {
                self.update(layer, heads);
            }
        }
        (self.program, self.parameters)
    }
}

impl Draw {
    /// A program of the linear kind: a product with the keys or none, the instructions, and the write of the keys.
    fn finish_linear(mut self, rule: &RandomRule, heads: usize) -> Program {
        let keys = self.program.keys();
        if self.generator.random() {
            let read = self.program.apply(0, keys);
            self.rows.push(read);
        }
        for _ in 0..rule.instructions {
            self.grow(heads);
        }
        let e = self.bounded(self.shape.value());
        let e = self.program.scale(0.5 / heads as f64, e);
        self.program.update(0, e, keys);
        self.program
    }
}

impl RandomRule {
    fn drawn(&self, shape: &MemoryShape, heads: usize) -> (Program, Vec<ParameterSpec>) {
        Draw::new(self, shape, heads).finish(self, heads)
    }
}

impl<F: Float> WriteRule<F> for RandomRule {
    fn name(&self) -> &str {
        "random"
    }

    fn parameters(&self, shape: &MemoryShape) -> Vec<ParameterSpec> {
        self.drawn(shape, 1).1
    }

    fn gates(&self) -> Gates {
        self.gates
    }

    fn unit_keys(&self) -> bool {
        self.unit_keys
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        Some(self.drawn(shape, heads).0)
    }
}

fn gate() -> impl Strategy<Value = Gate> {
    prop_oneof![
        Just(Gate::None),
        Just(Gate::Fixed(0.3)),
        Just(Gate::Learned)
    ]
}

fn rule() -> impl Strategy<Value = RandomRule> {
    let fixed = prop_oneof![Just(0), 1..3_usize];
    (
        any::<u64>(),
        1..14_usize,
        gate(),
        gate(),
        any::<bool>(),
        fixed,
    )
        .prop_map(
            |(seed, instructions, forget, momentum, unit_keys, fixed)| RandomRule {
                seed,
                instructions,
                gates: Gates { forget, momentum },
                unit_keys,
                fixed,
                linear: false,
            },
        )
}

/// A rule of the linear kind, and a problem of several chunks: those have a quarter of the width's steps at one head.
fn linear() -> impl Strategy<Value = (RandomRule, Trial)> {
    let sizes = (
        proptest::sample::select(vec![8, 17, 33, 63]),
        1..3_usize,
        20..40_usize,
    );
    (rule(), crate::rules::trial(), sizes).prop_map(|(rule, trial, (width, heads, steps))| {
        let gates = Gates {
            momentum: Gate::None,
            ..rule.gates
        };
        let shape = MemoryShape::new(width, width, 1).unwrap();
        (
            RandomRule {
                gates,
                linear: true,
                ..rule
            },
            Trial {
                shape,
                heads,
                steps,
                ..trial
            },
        )
    })
}

fn same(rule: &RandomRule, trial: &Trial) -> Result<(), TestCaseError> {
    let form = RuleForm::of::<f64>(rule, &trial.shape, trial.heads);
    prop_assert!(form.is_some(), "{rule:?} is not fused");
    check_fused(rule, trial, 1e-9).map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_program_is_its_definition(rule in rule(), trial in crate::rules::trial()) {
        same(&rule, &trial)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn so_it_is_over_several_chunks(rule in rule(), trial in crate::rules::trial()) {
        // The first chunk of a single head has five sixths of the width's steps.
        same(&rule, &Trial { steps: 75 + trial.steps, ..trial })?;
    }

    #[test]
    fn so_is_one_whose_steps_are_taken_at_once((rule, trial) in linear()) {
        same(&rule, &trial)?;
    }
}
