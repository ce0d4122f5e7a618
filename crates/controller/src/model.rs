//! The whole model: encoder, cell, output layer.

use std::any::{Any, TypeId};
use std::fmt::{self, Debug, Formatter};

use mnm_memory::MemoryShape;
use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Float, Init, ParameterSpec, Parameters, SharedArray, Tensor, TensorError};
use rand::{Rng, RngExt};

use crate::addressing::SlotMemory;
use crate::cell::BlockCost;
use crate::dnc::DncCell;
use crate::encoder::{Input, SentenceEncoder, carried};
use crate::error::parameter;
use crate::ntm::NtmCell;
use crate::{
    Cell, ControllerError, LstmCell, LstmSaluCell, MnmCell, ModelConfig, ModelKind, PositionInit,
    Recurrence, State, StateMasks, Unrolled,
};

/// What a task shows to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputSpec {
    /// Vectors of this width.
    Dense {
        /// Width X.
        width: usize,
    },
    /// Vectors of this width, in lines: what an encoder makes of sentences.
    Lines {
        /// Width X.
        width: usize,
    },
    /// Sentences of words.
    Tokens {
        /// Words in the vocabulary.
        vocabulary: usize,
        /// Words of the longest sentence.
        positions: usize,
    },
}

/// Dropout masks of one pass, zero or `1 / (1 - p)`.
#[derive(Clone, Debug, Default)]
pub struct Masks<F: Float> {
    /// On the hidden state that enters each step, `[T, B, C]`.
    pub hidden: Option<Tensor<F>>,
    /// On the encoded input, `[T, B, X]`.
    pub input: Option<Tensor<F>>,
    /// On the embedding of each word of the vocabulary, the same wherever it stands in a sequence, `[B * vocabulary, X]`.
    pub word: Option<Tensor<F>>,
}

/// Gates i, f, g, o of which the second is shut: sigmoid(-10^4) is 0. With `weight_hh = 0` beside it, the equations of the LSTM hand on
/// neither hidden nor cell state: a model without recurrence is one with these weights (`weight_hh` and the forget gate's part get no
/// gradient), so that its checkpoint says the same to a reader who knows the equations alone.
const FORGETS_ALL: Init = Init::Quarters {
    values: [0.0, -1e4, 0.0, 0.0],
};

/// The encoder of a config, for sentences of at most `positions` words.
fn encoder_of(config: &ModelConfig, vocabulary: usize, positions: usize) -> SentenceEncoder {
    let width = config.embedding;
    let signs = |from, to| Init::Signs { from, to };
    let (masks, end_masks) = match config.position_init {
        PositionInit::Ones => (Init::Constant { value: 1.0 }, None),
        PositionInit::Signs => (signs(0, width), None),
        PositionInit::Mixed => (signs(width / 2, width), None),
        PositionInit::Both => {
            let (third, rest) = (width / 3, width - width / 3);
            (signs(third, rest), Some(signs(rest, width)))
        }
    };
    SentenceEncoder {
        vocabulary,
        positions,
        width,
        masks,
        end_masks,
    }
}

/// [`cell_in`] for a scalar type, each made by a function without a type parameter: all cells are so compiled once, in this
/// crate, and not again in every crate that makes a model.
fn cell_of<F: Kernels>(
    config: &ModelConfig,
    input: usize,
) -> Result<Box<dyn Cell<F>>, ControllerError> {
    fn single(config: &ModelConfig, input: usize) -> Result<Box<dyn Any>, ControllerError> {
        Ok(Box::new(cell_in::<f32>(config, input)?))
    }
    fn double(config: &ModelConfig, input: usize) -> Result<Box<dyn Any>, ControllerError> {
        Ok(Box::new(cell_in::<f64>(config, input)?))
    }
    let made = if TypeId::of::<F>() == TypeId::of::<f32>() {
        single(config, input)?
    } else {
        double(config, input)?
    };
    match made.downcast::<Box<dyn Cell<F>>>() {
        Ok(cell) => Ok(*cell),
        Err(_) => unreachable!("only f32 and f64 have kernels: the trait is sealed"),
    }
}

/// The cell of a config, for inputs of this width.
fn cell_in<F: Kernels>(
    config: &ModelConfig,
    input: usize,
) -> Result<Box<dyn Cell<F>>, ControllerError> {
    let controller = config.controller;
    let slot_memory = SlotMemory {
        slots: config.slots,
        width: config.slot_width,
        read_heads: config.read_heads,
    };
    Ok(match config.kind {
        ModelKind::Lstm => Box::new(LstmCell::new(input, controller)),
        ModelKind::LstmSalu => {
            let (heads, value) = (config.heads, config.value);
            Box::new(LstmSaluCell::new(input, controller, heads, value))
        }
        ModelKind::Ntm => Box::new(NtmCell::new(input, controller, slot_memory)),
        ModelKind::Dnc => Box::new(DncCell::new(input, controller, slot_memory)),
        ModelKind::Mnm => {
            let shape = MemoryShape::new(config.value, config.hidden, config.layers)?;
            let rule = config.write_rule()?;
            let mut cell = MnmCell::new(input, controller, config.heads, shape, rule)
                .with_kernel(config.kernel);
            if config.train_memory {
                cell = cell.with_trained_memory();
            }
            if config.recurrence == Recurrence::Never {
                cell = cell.without_recurrence();
            }
            Box::new(cell)
        }
    })
}

/// Encoder, recurrent cell and output layer.
pub struct Model<F: Float> {
    encoder: Option<SentenceEncoder>,
    cell: Box<dyn Cell<F>>,
    config: ModelConfig,
    input: usize,
    outputs: usize,
}

impl<F: Float> Debug for Model<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("config", &self.config)
            .field("encoder", &self.encoder)
            .field("input", &self.input)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

impl<F: Kernels> Model<F> {
    /// The model that `config` describes, for a task that shows `input` and asks for `outputs` numbers (K).
    ///
    /// # Errors
    /// A setting out of range.
    pub fn new(
        config: &ModelConfig,
        input: InputSpec,
        outputs: usize,
    ) -> Result<Self, ControllerError> {
        config.validate()?;
        let width = match input {
            InputSpec::Dense { width } | InputSpec::Lines { width } => width,
            InputSpec::Tokens { .. } => config.embedding,
        };
        let cell = cell_of(config, width)?;
        Self::with_cell(config, input, outputs, cell)
    }

    /// The same around a cell that `config` has no name for, such as an [`MnmCell`] with a rule of one's own: encoder, gains, dropout
    /// and lines are the config's, kind, rule and sizes the cell's (with `recurrence = "never"` it is to be one
    /// [`without_recurrence`](MnmCell::without_recurrence)). The cell takes what `input` shows, or `config.embedding` numbers where
    /// that is words.
    ///
    /// # Errors
    /// A setting out of range.
    pub fn with_cell(
        config: &ModelConfig,
        input: InputSpec,
        outputs: usize,
        cell: Box<dyn Cell<F>>,
    ) -> Result<Self, ControllerError> {
        config.validate()?;
        let (encoder, width) = match input {
            InputSpec::Dense { .. } if config.recurrence() == Recurrence::Line => {
                return Err(ControllerError::Config {
                    key: "recurrence",
                    value: "line".to_owned(),
                    allowed:
                        "expected \"always\" or \"never\": the task has no lines, only vectors"
                            .into(),
                });
            }
            InputSpec::Dense { width } | InputSpec::Lines { width } => (None, width),
            InputSpec::Tokens {
                vocabulary,
                positions,
            } => {
                let encoder = encoder_of(config, vocabulary, positions);
                (Some(encoder), encoder.width)
            }
        };
        Ok(Self {
            encoder,
            cell,
            config: config.clone(),
            input: width,
            outputs,
        })
    }

    /// Every parameter: encoder, cell, output layer.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let mut specs = self.encoder.map_or_else(Vec::new, |e| e.parameters());
        specs.extend(self.cell.parameters().into_iter().map(|spec| {
            let gain = match spec.name.as_str() {
                "interaction.weight" => self.config.interaction_gain,
                name if name.starts_with("memory.") => self.config.memory_gain,
                _ => 1.0,
            };
            let init = match (self.config.recurrence(), spec.name.as_str()) {
                (Recurrence::Never, "controller.weight_hh") => Init::Constant { value: 0.0 },
                (Recurrence::Never, "controller.bias_hh") => FORGETS_ALL,
                _ => spec.init,
            };
            let spec = ParameterSpec { init, ..spec }.with_gain(gain);
            match spec.name.as_str() {
                // A gain of 1 leaves a cell what it has of its own.
                "controller.weight_ih" if self.config.read_gain != 1.0 => {
                    spec.with_tail_gain(self.input, self.config.read_gain)
                }
                _ => spec,
            }
        }));
        let seen = self.cell.output_width();
        let init = Init::fan_in(seen);
        specs.push(ParameterSpec::new(
            "output.weight",
            &[self.outputs, seen],
            init,
        ));
        specs.push(ParameterSpec::new("output.bias", &[self.outputs], init));
        specs
    }

    /// The recurrent cell.
    pub fn cell(&self) -> &dyn Cell<F> {
        self.cell.as_ref()
    }

    /// The settings.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// How many sequences of so many steps are at most computed together; see [`Cell::block`].
    pub fn block(&self, steps: usize) -> usize {
        self.cell.block(steps)
    }

    /// What a block costs beside its sequences.
    pub fn block_cost(&self) -> BlockCost {
        self.cell.block_cost()
    }

    /// The width X of what the cell takes.
    pub fn input_width(&self) -> usize {
        self.input
    }

    /// The number K of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The state before the first step.
    ///
    /// # Errors
    /// A parameter that is missing.
    pub fn initial_state(
        &self,
        parameters: &Parameters<Tensor<F>>,
        batch: usize,
    ) -> Result<State<F>, ControllerError> {
        self.cell.initial_state(parameters, batch)
    }

    /// Dropout masks for `steps` steps of `batch` sequences, as the config asks; `None` where it asks for none.
    pub fn masks(
        &self,
        steps: usize,
        batch: usize,
        generator: &mut (impl Rng + ?Sized),
    ) -> Masks<F> {
        let mut mask = |drop: f64, shape: Vec<usize>| {
            (drop > 0.0).then(|| {
                let kept = F::of(1.0 / (1.0 - drop));
                Tensor::shared(SharedArray::from_shape_simple_fn(shape, || {
                    if f64::from(generator.random::<f32>()) < drop {
                        F::zero()
                    } else {
                        kept
                    }
                }))
            })
        };
        let dropout_hidden = match self.config.recurrence() {
            Recurrence::Always => self.config.dropout_hidden,
            // What ends with its line is no way around the memory.
            Recurrence::Line | Recurrence::Never => 0.0,
        };
        Masks {
            hidden: mask(dropout_hidden, vec![steps, batch, self.cell.hidden_width()]),
            input: mask(self.config.dropout_input, vec![steps, batch, self.input]),
            word: self.encoder.as_ref().and_then(|encoder| {
                let words = batch * encoder.vocabulary;
                mask(self.config.dropout_word, vec![words, self.input])
            }),
        }
    }

    /// Runs the encoder and the cell over a batch of sequences.
    ///
    /// With [`Kernel::Fused`](crate::Kernel::Fused) (the default) one run has one gradient, of first order: sum the losses before
    /// taking it, or run again.
    ///
    /// # Errors
    /// An input, state, mask or parameter that does not fit.
    pub fn run(
        &self,
        parameters: &Parameters<Tensor<F>>,
        input: &Input<F>,
        state: &State<F>,
        masks: &Masks<F>,
    ) -> Result<Unrolled<F>, ControllerError> {
        let misfit = |found: &str, expected: String| ControllerError::Input {
            found: found.to_owned(),
            expected,
        };
        let (mut x, starts) = match (input, &self.encoder) {
            (Input::Dense(x), _) => (x.clone(), None),
            (Input::Lines { vectors, starts }, _) => (vectors.clone(), Some(starts)),
            (Input::Tokens(tokens), Some(encoder)) => {
                let x = encoder.encode(parameters, tokens, masks.word.as_ref())?;
                (x, Some(&tokens.starts))
            }
            (Input::Tokens(_), None) => {
                return Err(misfit("words", format!("vectors of width {}", self.input)));
            }
        };
        let (steps, batch) = match *x.shape() {
            [steps, batch, width] if width == self.input => (steps, batch),
            ref shape => {
                let expected = format!("[T, B, {}]", self.input);
                return Err(misfit(&format!("shape {shape:?}"), expected));
            }
        };
        if let Some(mask) = &masks.input {
            if mask.shape() != x.shape() {
                return Err(misfit(
                    &format!("an input mask of shape {:?}", mask.shape()),
                    format!("one of shape {:?}", x.shape()),
                ));
            }
            x = x.mul(mask)?;
        }
        let mut state_masks = StateMasks {
            hidden: masks.hidden.clone(),
            cell: None,
        };
        if self.config.recurrence() == Recurrence::Line {
            let starts = starts.ok_or_else(|| {
                let expected = "lines (Input::Lines or Input::Tokens): its recurrence is \"line\"";
                misfit("vectors without lines", expected.to_owned())
            })?;
            let carried = carried(steps, batch, starts);
            let each = carried.reshape(&[steps, batch, 1])?;
            state_masks.hidden = Some(match masks.hidden.as_ref() {
                Some(mask) => mask.mul(&each)?,
                None => each.broadcast_to(&[steps, batch, self.cell.hidden_width()])?,
            });
            state_masks.cell = Some(carried);
        }
        self.cell.unroll(parameters, &x, state, &state_masks)
    }

    /// The output layer `o = W_o [h ; v] + b_o` at some rows (`step * B + sequence`) of `outputs` `[T, B, O]`:
    /// logits `[rows, K]`.
    ///
    /// # Errors
    /// A row that does not exist, or outputs of another width than the cell's.
    pub fn logits(
        &self,
        parameters: &Parameters<Tensor<F>>,
        outputs: &Tensor<F>,
        rows: &[usize],
    ) -> Result<Tensor<F>, ControllerError> {
        let width = self.cell.output_width();
        let &[steps, batch, _] = outputs.shape() else {
            return Err(TensorError::shape("logits", &[outputs.shape()], "[T, B, O]").into());
        };
        let seen = outputs.reshape(&[steps * batch, width])?.gather(rows)?;
        Ok(seen.linear(
            parameter(parameters, "output.weight", &[self.outputs, width])?,
            Some(parameter(parameters, "output.bias", &[self.outputs])?),
        )?)
    }
}
