//! What a write rule is, and which there are.

use std::fmt::Debug;

use mnm_tensor::{Float, ParameterSpec, Parameters, Tensor};

use crate::fused::FusedRule;
use crate::{GradientRule, Memory, MemoryError, MemoryShape, PerceptronRule};

/// What is to be written at one step.
#[derive(Clone, Debug)]
pub struct Write<F: Float> {
    /// The write keys `k^w`, `[B, H, M]`; the last extent is that of the first layer's inputs.
    pub keys: Tensor<F>,
    /// The write values `v^w`, `[B, H, M]`; the last extent is that of the last layer's outputs, which the paper has as wide as
    /// keys.
    pub values: Tensor<F>,
    /// The write rate `beta`, `[B]`: 0 leaves the memory as it is. Any number goes; how far a write of 1 takes the read of its key to
    /// its value is the rule's matter (see [`GradientRule`]). The paper's controllers give 0 to 1.
    pub rate: Tensor<F>,
}

impl<F: Float> Write<F> {
    /// Whether this is something to write to `memory`; every rule asks first, since ops would stretch an extent of 1.
    ///
    /// # Errors
    /// [`MemoryError::Write`] naming the part that does not fit.
    pub fn check(&self, memory: &Memory<F>) -> Result<(), MemoryError> {
        let misfit = |part, found: &Tensor<F>, expected: String| MemoryError::Write {
            part,
            found: found.shape().to_vec(),
            expected,
        };
        let [batch, key, value] = memory.extents();
        let heads = match *self.keys.shape() {
            [b, heads, k] if heads > 0 && (b, k) == (batch, key) => heads,
            _ => {
                let expected = format!("[{batch}, H, {key}] with at least one head");
                return Err(misfit("keys", &self.keys, expected));
            }
        };
        if self.values.shape() != [batch, heads, value] {
            let expected = format!("[{batch}, {heads}, {value}]");
            return Err(misfit("values", &self.values, expected));
        }
        if self.rate.shape() != [batch] {
            return Err(misfit("rate", &self.rate, format!("[{batch}]")));
        }
        Ok(())
    }
}

/// A rule that changes the weights of a memory, in one shot, so that it maps keys to values.
///
/// A new rule is one file with an implementation of this trait in tensor ops; it is differentiated as it stands.
pub trait WriteRule<F: Float>: Debug + Send + Sync {
    /// The name that configs use.
    fn name(&self) -> &'static str;

    /// The parameters of the rule itself.
    fn parameters(&self, shape: &MemoryShape) -> Vec<ParameterSpec>;

    /// The kernel that computes what [`WriteRule::write`] says, which a controller runs in its place; the rules of this crate
    /// have one each, a rule of your own has none.
    fn fused(&self) -> Option<FusedRule> {
        None
    }

    /// The memory after the write.
    ///
    /// # Errors
    /// A shape that does not fit, or a parameter that is missing.
    fn write(
        &self,
        parameters: &Parameters<Tensor<F>>,
        memory: &Memory<F>,
        write: &Write<F>,
    ) -> Result<Memory<F>, MemoryError>;
}

/// The rules that configs can name.
pub fn rules<F: Float>() -> Vec<Box<dyn WriteRule<F>>> {
    vec![Box::new(PerceptronRule), Box::new(GradientRule)]
}

/// The rule called `name`.
///
/// # Errors
/// [`MemoryError::UnknownRule`] if there is none.
pub fn rule_named<F: Float>(name: &str) -> Result<Box<dyn WriteRule<F>>, MemoryError> {
    let known = rules::<F>().iter().map(|r| r.name()).collect::<Vec<_>>();
    rules()
        .into_iter()
        .find(|rule| rule.name() == name)
        .ok_or_else(|| MemoryError::UnknownRule {
            name: name.to_owned(),
            known: known.join(", "),
        })
}
