//! The rules that configs can name, and what configs can choose about them.

use mnm_tensor::{Float, ParameterSpec, Parameters, Tensor};

use crate::rule::{momentum_slots, program_of};
use crate::{
    DeltaRule, FeedbackRule, Gate, Gates, GradientRule, HebbianRule, LeastSquaresRule, Memory,
    MemoryError, MemoryShape, OjaRule, PerceptronRule, PlasticRule, Program, Slot, TitansRule,
    Write, WriteRule, reference,
};

/// The loss whose gradient `mnm-g` and `titans` descend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InnerLoss {
    /// The square of each error.
    #[default]
    L2,
    /// The square near zero, the magnitude beyond a bound.
    Huber,
}

/// What can be chosen about a rule. The default leaves everything as the rule has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleOptions {
    /// Gradient steps of a write (`mnm-g`, `titans`).
    pub inner_steps: usize,
    /// The loss that they descend (`mnm-g`, `titans`).
    pub inner_loss: InnerLoss,
    /// The bound delta of the Huber loss.
    pub huber: f64,
    /// What the squares of the weights count (`rls`).
    pub ridge: f64,
    /// Another gate phi than the rule's own.
    pub forget: Option<Gate>,
    /// Another gate eta than the rule's own.
    pub momentum: Option<Gate>,
    /// Whether keys have norm one, if not as the rule has it.
    pub unit_keys: Option<bool>,
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self {
            inner_steps: 1,
            inner_loss: InnerLoss::L2,
            huber: 1.0,
            ridge: 1.0,
            forget: None,
            momentum: None,
            unit_keys: None,
        }
    }
}

/// The most gradient steps of a write.
const MOST_STEPS: usize = 16;

impl RuleOptions {
    /// Checks every value's range.
    fn check(&self) -> Result<(), MemoryError> {
        let gate = |key, gate: Option<Gate>, fits: fn(f64) -> bool, allowed: &str| match gate {
            Some(Gate::Fixed(value)) if !fits(value) => Err(refused(key, value, allowed)),
            _ => Ok(()),
        };
        if !(1..=MOST_STEPS).contains(&self.inner_steps) {
            let allowed = format!("expected a count from 1 to {MOST_STEPS}");
            return Err(refused("inner_steps", self.inner_steps, &allowed));
        }
        for (key, value) in [("huber", self.huber), ("ridge", self.ridge)] {
            if !(value > 0.0 && value <= 1e6) {
                return Err(refused(
                    key,
                    value,
                    "expected a number above 0, at most 1000000",
                ));
            }
        }
        let part = |x| (0.0..=1.0).contains(&x);
        gate(
            "forget",
            self.forget,
            part,
            "expected a part from 0 to 1, \"auto\", \"none\" or \"gate\"",
        )?;
        let part = |x| (0.0..1.0).contains(&x);
        let allowed =
            "expected a part from 0 up to but not including 1, \"auto\", \"none\" or \"gate\"";
        gate("momentum", self.momentum, part, allowed)
    }

    /// The names, as configs call them, of the options that are not as they are by default, and their values.
    fn chosen(&self) -> Vec<(&'static str, String)> {
        let plain = Self::default();
        let mut chosen = Vec::new();
        let mut note = |key, differs: bool, value: String| {
            if differs {
                chosen.push((key, value));
            }
        };
        note(
            "inner_steps",
            self.inner_steps != plain.inner_steps,
            self.inner_steps.to_string(),
        );
        note(
            "inner_loss",
            self.inner_loss != plain.inner_loss,
            "\"huber\"".to_owned(),
        );
        note("huber", self.huber != plain.huber, self.huber.to_string());
        note("ridge", self.ridge != plain.ridge, self.ridge.to_string());
        for (key, gate) in [("forget", self.forget), ("momentum", self.momentum)] {
            let value = match gate {
                Some(Gate::Fixed(value)) => value.to_string(),
                Some(Gate::Learned) => "\"gate\"".to_owned(),
                _ => "\"none\"".to_owned(),
            };
            note(key, gate.is_some(), value);
        }
        note(
            "unit_keys",
            self.unit_keys.is_some(),
            self.unit_keys.unwrap_or(false).to_string(),
        );
        chosen
    }
}

fn refused(key: &'static str, value: impl ToString, allowed: &str) -> MemoryError {
    MemoryError::Option {
        key,
        value: value.to_string(),
        allowed: allowed.to_owned(),
    }
}

/// A rule that configs can name: how it is made, and the options that it looks at.
struct Entry<F: Float> {
    make: fn(&RuleOptions) -> Box<dyn WriteRule<F>>,
    options: &'static [&'static str],
}

/// The options of every rule whose write has the common form.
const FORM: &[&str] = &["forget", "momentum", "unit_keys"];

/// Those, and what concerns an inner gradient.
const GRADIENT: &[&str] = &[
    "inner_steps",
    "inner_loss",
    "huber",
    "forget",
    "momentum",
    "unit_keys",
];

fn descent(options: &RuleOptions) -> GradientRule {
    GradientRule {
        steps: options.inner_steps,
        huber: (options.inner_loss == InnerLoss::Huber).then_some(options.huber),
    }
}

/// The rules, in the order of their table.
fn table<F: Float>() -> Vec<Entry<F>> {
    let entry = |options, make| Entry { make, options };
    vec![
        entry(FORM, |_| Box::new(PerceptronRule)),
        entry(GRADIENT, |o| Box::new(descent(o))),
        entry(GRADIENT, |o| {
            Box::new(TitansRule {
                descent: descent(o),
            })
        }),
        entry(FORM, |_| Box::new(DeltaRule::default())),
        entry(FORM, |_| Box::new(DeltaRule::gated())),
        entry(FORM, |_| Box::new(HebbianRule)),
        entry(FORM, |_| Box::new(OjaRule)),
        entry(&["unit_keys"], |_| Box::new(PlasticRule)),
        entry(FORM, |_| Box::new(FeedbackRule)),
        entry(&["ridge", "forget", "unit_keys"], |o| {
            Box::new(LeastSquaresRule { ridge: o.ridge })
        }),
    ]
}

/// The rules that configs can name, as they are by default.
pub fn rules<F: Float>() -> Vec<Box<dyn WriteRule<F>>> {
    let plain = RuleOptions::default();
    table()
        .into_iter()
        .map(|entry| (entry.make)(&plain))
        .collect()
}

/// Their names.
pub fn rule_names() -> Vec<String> {
    rules::<f32>()
        .iter()
        .map(|rule| rule.name().to_owned())
        .collect()
}

/// The rule called `name`, as it is by default.
///
/// # Errors
/// [`MemoryError::UnknownRule`] if there is none.
pub fn rule_named<F: Float>(name: &str) -> Result<Box<dyn WriteRule<F>>, MemoryError> {
    rule_with(name, &RuleOptions::default())
}

/// The rule called `name` with some options.
///
/// # Errors
/// [`MemoryError::UnknownRule`] if there is none, [`MemoryError::Option`] for a value out of range or an option that the rule
/// does not look at.
pub fn rule_with<F: Float>(
    name: &str,
    options: &RuleOptions,
) -> Result<Box<dyn WriteRule<F>>, MemoryError> {
    options.check()?;
    let plain = RuleOptions::default();
    let entry = (table::<F>().into_iter())
        .find(|entry| (entry.make)(&plain).name() == name)
        .ok_or_else(|| MemoryError::UnknownRule {
            name: name.to_owned(),
            known: rule_names().join(", "),
        })?;
    for (key, value) in options.chosen() {
        if !entry.options.contains(&key) {
            let known = entry.options.join(", ");
            let allowed = format!("the rule \"{name}\" does not look at it, only at {known}");
            return Err(refused(key, value, &allowed));
        }
    }
    if options.huber != plain.huber && options.inner_loss != InnerLoss::Huber {
        let allowed = "needs inner_loss = \"huber\"";
        return Err(refused("huber", options.huber, allowed));
    }
    if entry.options.contains(&"ridge") && options.forget == Some(Gate::Fixed(1.0)) {
        let allowed =
            "expected less than 1: least squares that forgets all it knows divides by nothing";
        return Err(refused("forget", 1, allowed));
    }
    let rule = (entry.make)(options);
    if (options.forget, options.momentum, options.unit_keys) == (None, None, None) {
        return Ok(rule);
    }
    let own = rule.gates();
    Ok(Box::new(Configured {
        gates: Gates {
            forget: options.forget.unwrap_or(own.forget),
            momentum: options.momentum.unwrap_or(own.momentum),
        },
        unit_keys: options.unit_keys.unwrap_or(rule.unit_keys()),
        rule,
    }))
}

/// A rule with other gates or keys than its own.
#[derive(Debug)]
struct Configured<F: Float> {
    rule: Box<dyn WriteRule<F>>,
    gates: Gates,
    unit_keys: bool,
}

impl<F: Float> WriteRule<F> for Configured<F> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn parameters(&self, shape: &MemoryShape) -> Vec<ParameterSpec> {
        self.rule.parameters(shape)
    }

    fn gates(&self) -> Gates {
        self.gates
    }

    fn unit_keys(&self) -> bool {
        self.unit_keys
    }

    fn supports(&self, shape: &MemoryShape, heads: usize) -> Result<(), MemoryError> {
        self.rule.supports(shape, heads)
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        self.rule.program(shape, heads)
    }

    fn slots(&self, shape: &MemoryShape, heads: usize) -> Vec<Slot> {
        match program_of(self, shape, heads) {
            Ok(Some(program)) => momentum_slots(self.gates, &program),
            Ok(None) => self.rule.slots(shape, heads),
            Err(_) => Vec::new(),
        }
    }

    fn write(
        &self,
        parameters: &Parameters<Tensor<F>>,
        memory: &Memory<F>,
        write: &Write<F>,
    ) -> Result<Memory<F>, MemoryError> {
        write.check(memory)?;
        let memory = memory.clone().with_unit_keys(self.unit_keys);
        let heads = write.keys.shape()[1];
        if let Some(program) = program_of(self, &memory.shape()?, heads)? {
            return reference::write(
                self.name(),
                &program,
                self.gates,
                parameters,
                &memory,
                write,
            );
        }
        // A rule with a write of its own asks for phi, if at all, as a number for each sequence.
        let batch = write.rate.value().len();
        let phi = self
            .gates
            .forget
            .value(self.name(), "forget", write.forget.as_ref(), batch)?;
        let phi = match (self.rule.gates().forget, phi) {
            (Gate::Learned, Some(phi)) => Some(phi.reshape(&[batch])?),
            (Gate::Learned, None) => Some(Tensor::zeros(&[batch])),
            _ => None,
        };
        let write = Write {
            forget: phi,
            ..write.clone()
        };
        self.rule.write(parameters, &memory, &write)
    }
}
