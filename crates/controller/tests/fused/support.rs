//! One random problem, solved by both implementations, as flat lists of numbers by name.

use std::collections::BTreeMap;

use mnm_controller::fused::{
    CellSizes, ChunkSteps, Cotangents, Forward, Gradients, Initial, InitialState, Inputs, Keep,
    Prepared, Ran, RuleForm, Wanted, Weights,
};
use mnm_controller::{Cell, Kernel, MnmCell, StateMasks, memory_part, slot_part};
use mnm_memory::{
    Gate, MemoryShape, RuleOptions, WriteRule, momentum_name, rule_with, weight_name,
};
use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Order, Parameters, Tape, Tensor, gradient};
use ndarray::{ArrayD, Axis};

use crate::numbers::{Numbers, flat, flat64, outcome, parts, to};

/// The sizes of a problem, and its choices.
#[derive(Clone, Debug)]
pub struct Case {
    pub rule: &'static str,
    /// What is chosen about the rule.
    pub options: RuleOptions,
    pub steps: usize,
    pub samples: usize,
    pub input: usize,
    pub controller: usize,
    pub value: usize,
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    /// Whether the LSTM hands its state to its next step.
    pub recurrent: bool,
    /// Whether masks lie on hidden and cell state.
    pub masked: bool,
    /// Whether the memory starts as W_0 for all, or as each sequence's own.
    pub shared: bool,
    /// How many steps a chunk has.
    pub chunk: usize,
    pub seed: u64,
}

/// Every gradient.
pub const ALL: Wanted = Wanted {
    inputs: true,
    memory: true,
    momentum: true,
};

impl Case {
    pub fn shape(&self) -> MemoryShape {
        MemoryShape::new(self.value, self.hidden, self.layers).unwrap()
    }

    pub fn sizes(&self) -> CellSizes {
        CellSizes {
            input: self.input,
            controller: self.controller,
            heads: self.heads,
            memory: self.shape(),
            recurrent: self.recurrent,
        }
    }

    fn rule(&self) -> Box<dyn WriteRule<f64>> {
        rule_with(self.rule, &self.options).unwrap()
    }

    /// The rule as the kernel takes it.
    pub fn form(&self) -> RuleForm {
        RuleForm::of(self.rule().as_ref(), &self.shape(), self.heads).unwrap()
    }

    /// The layers that the rule writes to.
    pub fn written(&self) -> Vec<usize> {
        self.form().program.written()
    }

    /// Those whose momentum is carried.
    pub fn carried(&self) -> Vec<usize> {
        match self.form().gates.momentum {
            Gate::None => Vec::new(),
            _ => self.written(),
        }
    }

    fn cell(&self) -> MnmCell<f64> {
        self.plain_cell().with_kernel(Kernel::Reference)
    }

    fn plain_cell(&self) -> MnmCell<f64> {
        let cell = MnmCell::new(
            self.input,
            self.controller,
            self.heads,
            self.shape(),
            self.rule(),
        )
        .with_trained_memory();
        if self.recurrent {
            cell
        } else {
            cell.without_recurrence()
        }
    }
}

/// Everything that goes into a problem: values by name, and their shapes.
#[derive(Clone, Debug)]
pub struct Problem {
    pub case: Case,
    pub parameters: BTreeMap<String, ArrayD<f64>>,
    pub inputs: ArrayD<f64>,
    pub mask: Option<ArrayD<f64>>,
    pub cell_mask: Option<ArrayD<f64>>,
    pub state: BTreeMap<String, ArrayD<f64>>,
    /// Cotangents of "outputs", "meta" and the parts of the last state.
    pub cotangents: BTreeMap<String, ArrayD<f64>>,
}

fn random(shape: &[usize], scale: f64, state: &mut u64) -> ArrayD<f64> {
    ArrayD::from_shape_simple_fn(shape.to_vec(), || {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        scale * ((*state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
    })
}

/// What weights of this shape begin with at most, but for a factor: one over the root of their inputs, in the memory of
/// the longer of inputs and outputs. There a layer of one input and 63 outputs would else begin with a norm of
/// 7 and six writes would multiply it: gradients of 1e17, which tell of rounding and not of mistakes.
fn scale(name: &str, shape: &[usize]) -> f64 {
    let longest = || shape.iter().copied().max();
    let extent = if name.starts_with("memory.") {
        longest()
    } else {
        shape.last().copied()
    };
    1.0 / (extent.unwrap_or(1) as f64).sqrt()
}

impl Problem {
    pub fn new(case: &Case) -> Problem {
        let seed = &mut (case.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (t, s) = (case.steps, case.samples);
        let mut parameters: BTreeMap<String, ArrayD<f64>> = case
            .cell()
            .parameters()
            .iter()
            .map(|spec| {
                (
                    spec.name.clone(),
                    random(&spec.shape, 1.5 * scale(&spec.name, &spec.shape), seed),
                )
            })
            .collect();
        if case.rule.contains("delta") {
            // Its errors are not divided by their width: at such a rate, wide keys do not run away.
            parameters
                .entry("rate.bias".to_owned())
                .and_modify(|bias| *bias -= 3.0);
        }
        let mut state = BTreeMap::new();
        for (name, width) in [
            ("hidden", case.controller),
            ("cell", case.controller),
            ("read", case.value),
        ] {
            state.insert(name.to_owned(), random(&[s, width], 0.7, seed));
        }
        let mut cotangents = state
            .iter()
            .map(|(n, x)| (n.clone(), random(x.shape(), 1.0, seed)))
            .collect::<BTreeMap<_, _>>();
        let written = case.written();
        for layer in 0..case.layers {
            let [out, input] = case.shape().weight(layer);
            if !case.shared {
                let scale = scale(&weight_name(layer), &[out, input]);
                let own = random(&[s, out, input], scale, seed);
                state.insert(memory_part(layer), own);
            }
            let cotangent = random(&[s, out, input], 0.3, seed);
            if written.contains(&layer) {
                cotangents.insert(memory_part(layer), cotangent);
            }
        }
        for layer in case.carried() {
            let [out, input] = case.shape().weight(layer);
            let name = slot_part(&momentum_name(layer));
            state.insert(name.clone(), random(&[s, out, input], 0.1, seed));
            cotangents.insert(name, random(&[s, out, input], 0.3, seed));
        }
        cotangents.insert(
            "outputs".to_owned(),
            random(&[t, s, case.controller + case.value], 1.0, seed),
        );
        cotangents.insert("meta".to_owned(), random(&[t, s], 1.0, seed));
        let mask = case.masked.then(|| {
            random(&[t, s, case.controller], 1.0, seed).mapv(|x| if x > 0.2 { 0.0 } else { 1.7 })
        });
        let cell_mask = case
            .masked
            .then(|| random(&[t, s], 1.0, seed).mapv(|x| if x > 0.2 { 0.0 } else { 1.3 }));
        Problem {
            parameters,
            inputs: random(&[t, s, case.input], 1.0, seed),
            mask,
            cell_mask,
            state,
            cotangents,
            case: case.clone(),
        }
    }

    /// The weights of a layer before the first step, `[S, out, in]`.
    pub fn initial_weights(&self, layer: usize) -> ArrayD<f64> {
        let (own, shared) = (memory_part(layer), weight_name(layer));
        let [out, input] = self.case.shape().weight(layer);
        let all = [self.case.samples, out, input];
        let first = self
            .state
            .get(&own)
            .unwrap_or_else(|| &self.parameters[&shared]);
        first.broadcast(&all[..]).unwrap().to_owned()
    }

    /// One of its sequences alone.
    pub fn single(&self, s: usize) -> Problem {
        let row = |x: &ArrayD<f64>, axis: usize| x.select(Axis(axis), &[s]);
        let axis = |name: &str| usize::from(["outputs", "meta"].contains(&name));
        Problem {
            case: Case {
                samples: 1,
                ..self.case.clone()
            },
            parameters: self.parameters.clone(),
            inputs: row(&self.inputs, 1),
            mask: self.mask.as_ref().map(|m| row(m, 1)),
            cell_mask: self.cell_mask.as_ref().map(|m| row(m, 1)),
            state: self
                .state
                .iter()
                .map(|(n, x)| (n.clone(), row(x, 0)))
                .collect(),
            cotangents: self
                .cotangents
                .iter()
                .map(|(n, x)| (n.clone(), row(x, axis(n))))
                .collect(),
        }
    }

    /// The steps `from..to` alone, from a state that was carried there.
    pub fn part(&self, from: usize, to: usize, carried: Option<&Numbers>) -> Problem {
        let steps: Vec<usize> = (from..to).collect();
        let mut part = self.clone();
        part.case.steps = to - from;
        part.inputs = self.inputs.select(Axis(0), &steps);
        part.mask = self.mask.as_ref().map(|m| m.select(Axis(0), &steps));
        part.cell_mask = self.cell_mask.as_ref().map(|m| m.select(Axis(0), &steps));
        if let Some(carried) = carried {
            part.case.shared = false;
            let s = self.case.samples;
            for layer in 0..self.case.layers {
                let [out, input] = self.case.shape().weight(layer);
                part.state
                    .insert(memory_part(layer), ArrayD::zeros(vec![s, out, input]));
            }
            for (name, x) in &mut part.state {
                *x = ArrayD::from_shape_vec(x.shape(), carried[name].clone()).unwrap();
            }
        }
        part
    }

    /// Runs the cell with `kernel`, or with whatever it has of itself, and takes the gradient of the sum of its outputs.
    pub fn gradient_of_a_sum(&self, kernel: Option<Kernel>) {
        let mut cell = self.case.plain_cell();
        if let Some(kernel) = kernel {
            cell = cell.with_kernel(kernel);
        }
        let tape = Tape::new();
        let parameters: Parameters<Tensor<f64>> = self
            .parameters
            .iter()
            .map(|(name, x)| (name.clone(), tape.variable(x.clone())))
            .collect();
        let state = cell.initial_state(&parameters, self.case.samples).unwrap();
        let inputs = Tensor::constant(self.inputs.clone());
        let unrolled = cell
            .unroll(&parameters, &inputs, &state, &StateMasks::default())
            .unwrap();
        let sum = unrolled.outputs.sum_all().unwrap();
        let weight = parameters.get("controller.weight_ih").unwrap();
        gradient(&sum, &[weight], Order::First).unwrap();
    }

    /// The definition: tensor ops, step after step.
    pub fn reference(&self) -> Numbers {
        let tape = Tape::new();
        let cell = self.case.cell();
        let parameters: Parameters<Tensor<f64>> = self
            .parameters
            .iter()
            .map(|(name, x)| (name.clone(), tape.variable(x.clone())))
            .collect();
        let inputs = tape.variable(self.inputs.clone());
        let variables: BTreeMap<_, _> = self
            .state
            .iter()
            .map(|(n, x)| (n.clone(), tape.variable(x.clone())))
            .collect();
        let mut state = cell.initial_state(&parameters, self.case.samples).unwrap();
        for (name, x) in &variables {
            state = state.with(name, x.clone());
        }
        let constant = |m: &ArrayD<f64>| Tensor::constant(m.clone());
        let masks = StateMasks {
            hidden: self.mask.as_ref().map(constant),
            cell: self.cell_mask.as_ref().map(constant),
        };
        let unrolled = cell.unroll(&parameters, &inputs, &state, &masks).unwrap();
        let mut found = BTreeMap::from([
            ("outputs".to_owned(), unrolled.outputs),
            ("meta".to_owned(), unrolled.meta),
        ]);
        found.extend(parts(&unrolled.state));
        let mut scalar = Tensor::scalar(0.0);
        for (name, cotangent) in &self.cotangents {
            let term = found[name]
                .mul(Tensor::constant(cotangent.clone()))
                .unwrap()
                .sum_all()
                .unwrap();
            scalar = scalar.add(&term).unwrap();
        }
        let named: Vec<(String, &Tensor<f64>)> = parameters
            .iter()
            .map(|(n, x)| (n.to_owned(), x))
            .chain(variables.iter().map(|(n, x)| (n.clone(), x)))
            .chain([("inputs".to_owned(), &inputs)])
            .collect();
        let wrt: Vec<&Tensor<f64>> = named.iter().map(|(_, x)| *x).collect();
        let gradients = gradient(&scalar, &wrt, Order::First).unwrap();
        let mut numbers: Numbers = found
            .into_iter()
            .map(|(n, x)| (n, flat(x.value().iter())))
            .collect();
        numbers.insert(
            "rates".to_owned(),
            flat(unrolled.trace["rate"].value().iter()),
        );
        for ((name, _), d) in named.iter().zip(&gradients) {
            // With their own initial weights, the sequences do not use W_0.
            let unused =
                !self.case.shared && name.ends_with(".weight") && name.starts_with("memory.");
            if !unused {
                numbers.insert(format!("d {name}"), flat(d.value().iter()));
            }
        }
        numbers
    }

    /// The fused cell, in F.
    pub fn fused<F: Kernels>(&self) -> Numbers {
        let prepared = self.prepared::<F>();
        let forward = self.forward(&prepared, true);
        let mut numbers = outcome(self, &forward);
        let gradients = self.adjoint(&prepared, forward, ALL);
        self.add_gradients(&gradients, &mut numbers);
        numbers
    }

    pub fn prepared<F: Kernels>(&self) -> Prepared<F> {
        let p: BTreeMap<&str, Vec<F>> = self
            .parameters
            .iter()
            .map(|(n, x)| (n.as_str(), to(x)))
            .collect();
        let form = self.case.form();
        let own: Vec<&[F]> = (form.parameters().iter())
            .map(|(name, _)| p[name.as_str()].as_slice())
            .collect();
        let gates = |name: &str| p.get(name).map_or(&[][..], Vec::as_slice);
        let weights = Weights {
            weight_ih: &p["controller.weight_ih"],
            weight_hh: &p["controller.weight_hh"],
            bias_ih: &p["controller.bias_ih"],
            bias_hh: &p["controller.bias_hh"],
            interaction_weight: &p["interaction.weight"],
            interaction_bias: &p["interaction.bias"],
            rate_weight: &p["rate.weight"],
            rate_bias: &p["rate.bias"],
            gates_weight: gates("gates.weight"),
            gates_bias: gates("gates.bias"),
            rule: &own,
        };
        let chunk = ChunkSteps {
            shared: self.case.chunk,
            own: self.case.chunk,
        };
        let prepared = Prepared::new(&form, self.case.sizes(), &weights).unwrap();
        prepared.with_chunk(chunk)
    }

    pub fn forward<F: Kernels>(&self, prepared: &Prepared<F>, save: bool) -> Forward<F> {
        let state: BTreeMap<&str, Vec<F>> = self
            .state
            .iter()
            .map(|(n, x)| (n.as_str(), to(x)))
            .collect();
        let shared: Vec<Vec<F>> = (0..self.case.layers)
            .map(|l| to(&self.parameters[&weight_name(l)]))
            .collect();
        let memory: Vec<Initial<'_, F>> = (0..self.case.layers)
            .map(|l| match state.get(memory_part(l).as_str()) {
                Some(own) => Initial::Each(own),
                None => Initial::Shared(&shared[l]),
            })
            .collect();
        let names: Vec<String> = self.case.carried().into_iter().map(momentum_name).collect();
        let momentum: Vec<Initial<'_, F>> = (names.iter())
            .map(|name| Initial::Each(&state[slot_part(name).as_str()]))
            .collect();
        let initial = InitialState {
            hidden: &state["hidden"],
            cell: &state["cell"],
            read: &state["read"],
            memory: &memory,
            momentum: &momentum,
        };
        let (inputs, masks) = (to(&self.inputs), self.masks());
        let inputs = self.inputs(&inputs, &masks);
        let keep = Keep {
            save,
            memory: true,
            momentum: true,
        };
        prepared.forward(&inputs, &initial, keep).unwrap()
    }

    /// The masks of hidden and cell state.
    fn masks<F: Kernels>(&self) -> [Option<Vec<F>>; 2] {
        [&self.mask, &self.cell_mask].map(|mask| mask.as_ref().map(to))
    }

    fn inputs<'a, F>(&self, inputs: &'a [F], masks: &'a [Option<Vec<F>>; 2]) -> Inputs<'a, F> {
        Inputs {
            steps: self.case.steps,
            samples: self.case.samples,
            inputs,
            hidden_mask: masks[0].as_deref(),
            cell_mask: masks[1].as_deref(),
        }
    }

    pub fn adjoint<F: Kernels>(
        &self,
        prepared: &Prepared<F>,
        forward: Forward<F>,
        wanted: Wanted,
    ) -> Gradients<F> {
        let d: BTreeMap<&str, Vec<F>> = self
            .cotangents
            .iter()
            .map(|(n, x)| (n.as_str(), to(x)))
            .collect();
        let memory: Vec<Vec<F>> = (self.case.written().into_iter())
            .map(|l| to(&self.cotangents[&memory_part(l)]))
            .collect();
        let memory: Vec<&[F]> = memory.iter().map(Vec::as_slice).collect();
        let names: Vec<String> = self.case.carried().into_iter().map(momentum_name).collect();
        let momentum: Vec<&[F]> = (names.iter())
            .map(|name| d[slot_part(name).as_str()].as_slice())
            .collect();
        let cotangents = Cotangents {
            outputs: &d["outputs"],
            meta: &d["meta"],
            hidden: &d["hidden"],
            cell: &d["cell"],
            read: &d["read"],
            memory: &memory,
            momentum: &momentum,
        };
        let (inputs, masks) = (to(&self.inputs), self.masks());
        let ran = Ran {
            inputs: self.inputs(&inputs, &masks),
            outputs: &forward.outputs,
        };
        forward
            .saved
            .unwrap()
            .adjoint(prepared, &ran, &cotangents, wanted)
            .unwrap()
    }

    fn add_gradients<F: Kernels>(&self, gradients: &Gradients<F>, numbers: &mut Numbers) {
        let mut put =
            |name: &str, values: &[F]| numbers.insert(format!("d {name}"), flat64(values));
        put("inputs", &gradients.inputs);
        put("controller.weight_ih", &gradients.weight_ih);
        put("controller.weight_hh", &gradients.weight_hh);
        put("controller.bias_ih", &gradients.bias);
        put("controller.bias_hh", &gradients.bias);
        put("interaction.weight", &gradients.interaction_weight);
        put("interaction.bias", &gradients.interaction_bias);
        put("rate.weight", &gradients.rate_weight);
        put("rate.bias", &gradients.rate_bias);
        put("hidden", &gradients.hidden);
        put("cell", &gradients.cell);
        put("read", &gradients.read);
        if !gradients.gates_bias.is_empty() {
            put("gates.weight", &gradients.gates_weight);
            put("gates.bias", &gradients.gates_bias);
        }
        let form = self.case.form();
        let mut names = form.parameters().into_iter().map(|(name, _)| name);
        for shared in &gradients.rule {
            put(&names.next().unwrap(), &shared.weight);
            if let Some(bias) = &shared.bias {
                put(&names.next().unwrap(), bias);
            }
        }
        for (layer, d) in self.case.carried().into_iter().zip(&gradients.momentum) {
            put(&slot_part(&momentum_name(layer)), d);
        }
        for (layer, d) in gradients.memory.iter().enumerate() {
            let name = if self.case.shared {
                weight_name(layer)
            } else {
                memory_part(layer)
            };
            put(&name, d);
        }
    }
}
