//! Small models of every kind with random parameters and inputs.

use mnm_controller::encoder::{Input, Tokens, Word};
use mnm_controller::{
    ControllerError, InputSpec, Kernel, Masks, Model, ModelConfig, ModelKind, State, Unrolled,
};
use mnm_tensor::kernels::Kernels;
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Float, Parameters, SharedArray, Tensor, TensorError};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

pub const WIDTH: usize = 3;
pub const VOCABULARY: usize = 6;
pub const POSITIONS: usize = 3;
pub const OUTPUTS: usize = 4;

/// A model and how it is run.
#[derive(Clone, Debug)]
pub struct Case {
    pub seed: u64,
    pub config: ModelConfig,
    pub words: bool,
    pub masked: bool,
    pub batch: usize,
    pub steps: usize,
}

/// A case of the middle size: every extent another, so that no two can be mistaken for each other.
pub fn middle(rule: Option<&str>) -> Case {
    Case {
        seed: 11,
        config: config(rule, 6, 4, 5, 3, 2),
        words: false,
        masked: false,
        batch: 2,
        steps: 7,
    }
}

/// A reference model; without a rule the LSTM alone.
pub fn config(
    rule: Option<&str>,
    controller: usize,
    value: usize,
    hidden: usize,
    layers: usize,
    heads: usize,
) -> ModelConfig {
    ModelConfig {
        kind: if rule.is_some() {
            ModelKind::Mnm
        } else {
            ModelKind::Lstm
        },
        rule: rule.unwrap_or("mnm-p").to_owned(),
        controller,
        value,
        hidden,
        layers,
        heads,
        embedding: 5,
        kernel: Kernel::Reference,
        train_memory: true,
        ..ModelConfig::default()
    }
}

/// Rules without and with state beside the weights, and the LSTM.
pub const KINDS: [Option<&str>; 4] = [Some("mnm-p"), Some("mnm-g"), Some("plastic"), None];

/// Any small case of one of [`KINDS`].
pub fn any_case() -> impl Strategy<Value = Case> {
    let width = || proptest::sample::select(&[1_usize, 3, 5][..]);
    let extents = (width(), width(), width(), 1..5_usize, 1..4_usize);
    let kind = proptest::sample::select(&KINDS[..]);
    let run = (any::<bool>(), any::<bool>(), 1..4_usize, 5..7_usize);
    (any::<u64>(), kind, extents, run).prop_map(|(seed, kind, e, run)| Case {
        seed,
        config: config(kind, e.0, e.1, e.2, e.3, e.4),
        words: run.0,
        masked: run.1,
        batch: run.2,
        steps: run.3,
    })
}

impl Case {
    pub fn model<F: Kernels>(&self) -> Model<F> {
        let input = if self.words {
            InputSpec::Tokens {
                vocabulary: VOCABULARY,
                positions: POSITIONS,
            }
        } else {
            InputSpec::Dense { width: WIDTH }
        };
        Model::new(&self.config, input, OUTPUTS).unwrap()
    }

    /// Every parameter, uniform and wide enough that gates and keys differ from step to step.
    pub fn parameters(&self) -> Parameters<SharedArray<f64>> {
        let generator = &mut StdRng::seed_from_u64(self.seed);
        self.model::<f64>()
            .parameters()
            .into_iter()
            .map(|spec| {
                let unit = match spec.shape[..] {
                    [_, fan_in] => 1.5 / (fan_in as f64).sqrt(),
                    _ => 0.5,
                };
                let drawn = random_array(&spec.shape, generator);
                (spec.name, drawn.mapv(|x| unit * x).into_shared())
            })
            .collect()
    }

    /// Vectors `[T, B, X]`, for models that take them.
    pub fn vectors(&self) -> SharedArray<f64> {
        let generator = &mut StdRng::seed_from_u64(self.seed ^ 1);
        random_array(&[self.steps, self.batch, WIDTH], generator)
    }

    /// Sentences of one to four words.
    pub fn tokens(&self) -> Tokens {
        let generator = &mut StdRng::seed_from_u64(self.seed ^ 2);
        let mut words = Vec::new();
        for sentence in 0..self.steps * self.batch {
            let count = generator.random_range(1..5);
            for position in 0..count {
                words.push(Word {
                    token: generator.random_range(0..VOCABULARY),
                    position,
                    following: count - 1 - position,
                    sentence,
                });
            }
        }
        Tokens {
            steps: self.steps,
            batch: self.batch,
            words,
            starts: Vec::new(),
        }
    }

    pub fn input<F: Kernels>(&self) -> Input<F> {
        if self.words {
            Input::Tokens(self.tokens())
        } else {
            Input::Dense(cast(&self.vectors()))
        }
    }

    /// Dropout masks if the case is masked.
    pub fn masks<F: Kernels>(&self) -> Masks<F> {
        let generator = &mut StdRng::seed_from_u64(self.seed ^ 3);
        let mut mask = |shape: &[usize]| {
            let drawn = random_array(shape, generator);
            let mask = drawn.mapv(|x| if x < -0.5 { 0.0 } else { 4.0 / 3.0 });
            self.masked.then(|| cast(&mask.into_shared()))
        };
        let input = if self.words {
            self.config.embedding
        } else {
            WIDTH
        };
        Masks {
            hidden: mask(&[self.steps, self.batch, self.config.controller]),
            input: mask(&[self.steps, self.batch, input]),
            word: match self.words {
                true => mask(&[self.batch * VOCABULARY, input]),
                false => None,
            },
        }
    }

    /// Runs the case from the initial state.
    pub fn run<F: Kernels>(
        &self,
        parameters: &Parameters<Tensor<F>>,
        input: &Input<F>,
    ) -> Result<Unrolled<F>, ControllerError> {
        let model = self.model();
        let state = model.initial_state(parameters, self.batch)?;
        model.run(parameters, input, &state, &self.masks())
    }

    /// The logits of all steps.
    pub fn logits<F: Kernels>(
        &self,
        parameters: &Parameters<Tensor<F>>,
        unrolled: &Unrolled<F>,
    ) -> Result<Tensor<F>, ControllerError> {
        let rows: Vec<usize> = (0..self.steps * self.batch).collect();
        self.model().logits(parameters, &unrolled.outputs, &rows)
    }
}

pub fn cast<F: Float>(array: &SharedArray<f64>) -> Tensor<F> {
    Tensor::shared(array.mapv(F::of).into_shared())
}

pub fn constants<F: Float>(parameters: &Parameters<SharedArray<f64>>) -> Parameters<Tensor<F>> {
    parameters.map(|_, array| cast(array))
}

/// What a model failed with, in the words of the tensor core, as the test kit takes it.
pub fn in_ops(error: ControllerError) -> TensorError {
    match error {
        ControllerError::Tensor(error) => error,
        other => TensorError::Op {
            op: "model",
            reason: other.to_string(),
        },
    }
}

/// Everything one after the other as one flat tensor.
pub fn flat<'a>(
    parts: impl IntoIterator<Item = &'a Tensor<f64>>,
) -> Result<Tensor<f64>, TensorError> {
    let parts = parts
        .into_iter()
        .map(|t| t.reshape(&[t.value().len()]))
        .collect::<Result<Vec<_>, _>>()?;
    Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0)
}

pub fn same_bits(a: &Tensor<f64>, b: &Tensor<f64>) -> bool {
    let pairs = a.value().iter().zip(b.value().iter());
    a.shape() == b.shape() && pairs.into_iter().all(|(x, y)| x.to_bits() == y.to_bits())
}

pub fn same_states(a: &State<f64>, b: &State<f64>) -> bool {
    let names = |s: &State<f64>| s.iter().map(|(n, _)| n.to_owned()).collect::<Vec<_>>();
    names(a) == names(b)
        && a.iter()
            .zip(b.iter())
            .all(|((_, x), (_, y))| same_bits(x, y))
}

#[track_caller]
pub fn names<T>(result: Result<T, impl ToString>, parts: &[&str]) {
    let message = match result {
        Ok(_) => panic!("no error, expected one with {parts:?}"),
        Err(error) => error.to_string(),
    };
    for part in parts {
        assert!(message.contains(part), "`{message}` does not name `{part}`");
    }
}
