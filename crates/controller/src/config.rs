//! The settings of a model, as configs and checkpoints hold them.

use mnm_memory::fused::RuleForm;
use mnm_memory::{
    Gate, InnerLoss, MemoryError, MemoryShape, RuleOptions, Slot, WriteRule, rule_names, rule_with,
};
use mnm_tensor::Float;
use serde::{Deserialize, Serialize};

use crate::ControllerError;

/// Which model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// A controller with a neural network as its memory.
    Mnm,
    /// The controller alone.
    Lstm,
    /// The controller with a soft-attention look-up table.
    LstmSalu,
    /// The Neural Turing Machine.
    Ntm,
    /// The Differentiable Neural Computer.
    Dnc,
}

/// Which implementation of the sequence computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// Hand-written forward and adjoint of whole sequences: one gradient a run, of first order.
    Fused,
    /// Tensor ops, step by step: the definition.
    Reference,
}

impl Kernel {
    /// The word that configs have for it.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Fused => "fused",
            Kernel::Reference => "reference",
        }
    }
}

/// When a controller hands its state to its next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recurrence {
    /// At every step.
    Always,
    /// Within a line of a story (its words, or its showings), not from one line to the next.
    Line,
    /// At no step.
    Never,
}

/// How weight matrices start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitScheme {
    /// Uniform in `+-1 / sqrt(fan-in)`.
    Uniform,
    /// Rows or columns orthonormal.
    Orthogonal,
}

/// How the masks start that tell the positions of a sentence apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionInit {
    /// All ones: a sentence starts as the set of its words, and their order has to be learned.
    Ones,
    /// Random signs: a word starts as another vector at every position, nearly orthogonal to the others.
    Signs,
    /// Ones in the first half of the width, random signs in the second: the set of the words, and their order.
    Mixed,
    /// Thirds: ones, random signs by the position from the start, and random signs by that from the end, which is the same for
    /// the last word of a long sentence and of a short one.
    Both,
}

/// Where a gate of the write rule comes from: "auto", "none", "gate" or a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"auto\", \"none\", \"gate\" or a number"
)]
pub enum GateSetting {
    /// One of the words.
    Named(GateName),
    /// A number for every step.
    Fixed(f64),
}

/// The words for a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateName {
    /// As the rule has it.
    Auto,
    /// There is none.
    None,
    /// The controller fills it.
    Gate,
}

impl GateSetting {
    /// As the rule has it.
    pub const AUTO: GateSetting = GateSetting::Named(GateName::Auto);

    fn chosen(self) -> Option<Gate> {
        match self {
            GateSetting::Named(GateName::Auto) => None,
            GateSetting::Named(GateName::None) => Some(Gate::None),
            GateSetting::Named(GateName::Gate) => Some(Gate::Learned),
            GateSetting::Fixed(value) => Some(Gate::Fixed(value)),
        }
    }
}

/// Whether keys have norm one: "auto", true or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"auto\", true or false")]
pub enum KeySetting {
    /// As the rule has it.
    Named(KeyName),
    /// For every rule.
    Always(bool),
}

/// The word for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyName {
    /// As the rule has it.
    Auto,
}

/// The loss that a write descends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InnerLossSetting {
    /// The mean of the squared errors.
    L2,
    /// The same, with no error pulling harder than at `huber`.
    Huber,
}

/// Sizes and choices of a model. Widths in units, dropout as the fraction that is dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// "mnm", "lstm", "lstm-salu", "ntm" or "dnc".
    pub kind: ModelKind,
    /// The write rule of "mnm": "mnm-p", "mnm-g", "titans", "delta", "gated-delta", "hebbian", "oja", "plastic", "dfa" or "rls".
    pub rule: String,
    /// What of the memory a write forgets: "auto" (as the rule has it), "none", "gate" (the controller says) or a fixed part.
    pub forget: GateSetting,
    /// What of the last change goes on into the next: likewise.
    pub momentum: GateSetting,
    /// Whether keys are divided by their norm: "auto" (as the rule has it), true or false.
    pub unit_keys: KeySetting,
    /// Gradient steps of a write of "mnm-g" and "titans".
    pub inner_steps: usize,
    /// The loss that they descend: "l2" or "huber".
    pub inner_loss: InnerLossSetting,
    /// The error beyond which the Huber loss pulls no harder.
    pub huber: f64,
    /// What the squares of the weights count beside the errors in "rls".
    pub ridge: f64,
    /// Width C of the controller.
    pub controller: usize,
    /// Width M of keys and values of "mnm" and "lstm-salu".
    pub value: usize,
    /// Width U of the memory's hidden layers.
    pub hidden: usize,
    /// Layers L of the memory.
    pub layers: usize,
    /// Interaction heads H of "mnm" and "lstm-salu".
    pub heads: usize,
    /// Rows N of the memory matrix of "ntm" and "dnc".
    pub slots: usize,
    /// Width W of a row of the memory matrix.
    pub slot_width: usize,
    /// Heads R that read the memory matrix; one writes it.
    pub read_heads: usize,
    /// Width X of the encoded input of tasks that show words; other tasks bring their own.
    pub embedding: usize,
    /// "fused" or "reference".
    pub kernel: Kernel,
    /// "uniform" or "orthogonal".
    pub init: InitScheme,
    /// How the masks of positions start, for tasks that show words: "ones", "signs", "mixed" or "both".
    pub position_init: PositionInit,
    /// What W_0 is multiplied by when it is drawn. The layers of the memory shrink what passes through them at 1, and keys
    /// that are not alike come out alike; at 3 they do not. What MNM-g writes grows with the layers above: 1.5 suits it better.
    pub memory_gain: f64,
    /// What the weights from the hidden state to keys and values are multiplied by when they are drawn: how far from zero, and
    /// how strongly written, the first keys are.
    pub interaction_gain: f64,
    /// What the controller's weights from the last read are multiplied by when they are drawn. The words of a sentence add up, a
    /// read does not: at 1 it moves the controller a sixth as far as they do, and a second look hardly differs from the first.
    pub read_gain: f64,
    /// Whether the memory's initial weights W_0 are trained, or stay the random draw that they are.
    pub train_memory: bool,
    /// When the LSTM hands its hidden and cell state to its next step: "always", from showing to showing of one "line", or "never".
    /// What it does not hand on has to go through the memory. The other models always hand on theirs.
    pub recurrence: Recurrence,
    /// Dropout on the hidden state that the LSTM hands to its own next step, where it "always" does.
    pub dropout_hidden: f64,
    /// Dropout on the encoded input.
    pub dropout_input: f64,
    /// Dropout on the embeddings of words, the same at every showing of a word in a sequence: each time that a sequence is shown its
    /// words are other vectors, so that what it says can be computed, and cannot be learned by heart.
    pub dropout_word: f64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            kind: ModelKind::Mnm,
            rule: "mnm-p".to_owned(),
            forget: GateSetting::AUTO,
            momentum: GateSetting::AUTO,
            unit_keys: KeySetting::Named(KeyName::Auto),
            inner_steps: 1,
            inner_loss: InnerLossSetting::L2,
            huber: 1.0,
            ridge: 1.0,
            controller: 100,
            value: 100,
            hidden: 100,
            layers: 3,
            heads: 1,
            slots: 128,
            slot_width: 20,
            read_heads: 1,
            embedding: 100,
            kernel: Kernel::Fused,
            init: InitScheme::Uniform,
            position_init: PositionInit::Ones,
            memory_gain: 1.0,
            interaction_gain: 1.0,
            read_gain: 1.0,
            train_memory: false,
            recurrence: Recurrence::Always,
            dropout_hidden: 0.0,
            dropout_input: 0.0,
            dropout_word: 0.0,
        }
    }
}

impl ModelConfig {
    /// What reports call the model: its write rule, or its kind where there is none.
    pub fn label(&self) -> &str {
        match self.kind {
            ModelKind::Mnm => &self.rule,
            ModelKind::Lstm => "lstm",
            ModelKind::LstmSalu => "lstm-salu",
            ModelKind::Ntm => "ntm",
            ModelKind::Dnc => "dnc",
        }
    }

    /// The kernel that its sequences run by: the reference too where the fused one does not know the rule's form. `None` for a model
    /// without a write rule.
    pub fn runs_by(&self) -> Option<Kernel> {
        if self.kind != ModelKind::Mnm {
            return None;
        }
        Some(match self.form().ok()? {
            Some(_) => self.kernel,
            None => Kernel::Reference,
        })
    }

    /// The form in which the fused kernel runs its write rule, if it knows one.
    pub fn fused_form(&self) -> Option<RuleForm> {
        self.form().ok().flatten()
    }

    fn form(&self) -> Result<Option<RuleForm>, ControllerError> {
        let (rule, shape) = self.rule_and_shape::<f32>()?;
        Ok(RuleForm::of(rule.as_ref(), &shape, self.heads))
    }

    /// What the memory keeps beside its weights.
    ///
    /// # Errors
    /// Those of [`write_rule`](Self::write_rule).
    pub fn slots(&self) -> Result<Vec<Slot>, ControllerError> {
        let (rule, shape) = self.rule_and_shape::<f32>()?;
        Ok(rule.slots(&shape, self.heads))
    }

    /// When the controller hands on its state: as the config says for "mnm", always for the others.
    pub fn recurrence(&self) -> Recurrence {
        match self.kind {
            ModelKind::Mnm => self.recurrence,
            _ => Recurrence::Always,
        }
    }

    /// Checks every value's range.
    ///
    /// # Errors
    /// [`ControllerError::Config`] naming the first key out of range, its value and what is allowed.
    pub fn validate(&self) -> Result<(), ControllerError> {
        let widths = [
            ("controller", self.controller),
            ("value", self.value),
            ("hidden", self.hidden),
            ("embedding", self.embedding),
            ("slot_width", self.slot_width),
        ];
        let small = [
            ("layers", self.layers),
            ("heads", self.heads),
            ("read_heads", self.read_heads),
        ];
        let ranged =
            |list: &[(&'static str, usize)], largest: usize, allowed: &'static str| match list
                .iter()
                .find(|(_, v)| !(1..=largest).contains(v))
            {
                Some(&(key, value)) => Err(ControllerError::Config {
                    key,
                    value: value.to_string(),
                    allowed: allowed.into(),
                }),
                None => Ok(()),
            };
        ranged(&widths, 16_384, "expected a width from 1 to 16384")?;
        ranged(&small, 64, "expected a count from 1 to 64")?;
        ranged(
            &[("slots", self.slots)],
            16_384,
            "expected a count from 1 to 16384",
        )?;
        for (key, value) in [
            ("dropout_hidden", self.dropout_hidden),
            ("dropout_input", self.dropout_input),
            ("dropout_word", self.dropout_word),
        ] {
            if !(0.0..1.0).contains(&value) {
                return Err(ControllerError::Config {
                    key,
                    value: value.to_string(),
                    allowed: "expected a fraction from 0 up to but not including 1".into(),
                });
            }
        }
        for (key, value) in [
            ("memory_gain", self.memory_gain),
            ("interaction_gain", self.interaction_gain),
            ("read_gain", self.read_gain),
        ] {
            if !(value > 0.0 && value <= 1000.0) {
                return Err(ControllerError::Config {
                    key,
                    value: value.to_string(),
                    allowed: "expected a factor above 0, at most 1000".into(),
                });
            }
        }
        match self.kind {
            ModelKind::Mnm => self.write_rule::<f32>().map(|_| ()),
            _ => self.refuse_rule_options(),
        }
    }

    /// What the config chooses about the rule.
    fn rule_options(&self) -> RuleOptions {
        RuleOptions {
            inner_steps: self.inner_steps,
            inner_loss: match self.inner_loss {
                InnerLossSetting::L2 => InnerLoss::L2,
                InnerLossSetting::Huber => InnerLoss::Huber,
            },
            huber: self.huber,
            ridge: self.ridge,
            forget: self.forget.chosen(),
            momentum: self.momentum.chosen(),
            unit_keys: match self.unit_keys {
                KeySetting::Named(KeyName::Auto) => None,
                KeySetting::Always(unit) => Some(unit),
            },
        }
    }

    /// The write rule that the config names, for a model that has one.
    ///
    /// # Errors
    /// [`ControllerError::Config`] naming the key that the rule does not know or look at, and a rule that does not go with the
    /// memory's shape.
    pub fn write_rule<F: Float>(&self) -> Result<Box<dyn WriteRule<F>>, ControllerError> {
        Ok(self.rule_and_shape()?.0)
    }

    fn rule_and_shape<F: Float>(
        &self,
    ) -> Result<(Box<dyn WriteRule<F>>, MemoryShape), ControllerError> {
        let refused = |key, value, allowed: String| ControllerError::Config {
            key,
            value,
            allowed: allowed.into(),
        };
        let told = |error| match error {
            MemoryError::Option {
                key,
                value,
                allowed,
            } => refused(key, value, allowed),
            MemoryError::Unsupported {
                rule,
                key,
                found,
                allowed,
            } => {
                let allowed = format!("{allowed} with the rule \"{rule}\"");
                refused(key, found.to_string(), allowed)
            }
            MemoryError::UnknownRule { name, .. } => {
                let names = rule_names().join("\", \"");
                refused(
                    "rule",
                    format!("\"{name}\""),
                    format!("expected one of \"{names}\""),
                )
            }
            other => other.into(),
        };
        let rule = rule_with(&self.rule, &self.rule_options()).map_err(told)?;
        let shape = MemoryShape::new(self.value, self.hidden, self.layers)?;
        rule.supports(&shape, self.heads).map_err(told)?;
        Ok((rule, shape))
    }

    /// A model without a write rule looks at none of its options.
    fn refuse_rule_options(&self) -> Result<(), ControllerError> {
        let gate = |gate| match gate {
            None => "\"auto\"".to_owned(),
            Some(Gate::None) => "\"none\"".to_owned(),
            Some(Gate::Learned) => "\"gate\"".to_owned(),
            Some(Gate::Fixed(value)) => value.to_string(),
        };
        let told = |model: &Self| {
            let options = model.rule_options();
            let unit_keys = options.unit_keys.map(|unit| unit.to_string());
            let inner_loss = match options.inner_loss {
                InnerLoss::L2 => "\"l2\"",
                InnerLoss::Huber => "\"huber\"",
            };
            [
                ("rule", format!("\"{}\"", model.rule)),
                ("forget", gate(options.forget)),
                ("momentum", gate(options.momentum)),
                ("unit_keys", unit_keys.unwrap_or("\"auto\"".to_owned())),
                ("inner_steps", options.inner_steps.to_string()),
                ("inner_loss", inner_loss.to_owned()),
                ("huber", options.huber.to_string()),
                ("ridge", options.ridge.to_string()),
            ]
        };
        let mut given = told(self).into_iter().zip(told(&Self::default()));
        match given.find(|(own, default)| own != default) {
            None => Ok(()),
            Some(((key, value), _)) => Err(ControllerError::Config {
                key,
                value,
                allowed: format!(
                    "only for model.kind = \"mnm\"; \"{}\" has no write rule",
                    self.label()
                )
                .into(),
            }),
        }
    }
}
