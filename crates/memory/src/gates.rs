//! The gates of a rule beside its rate: how a write forgets, and what momentum it carries.

use mnm_tensor::{Float, Tensor};

use crate::{MemoryError, Write};

/// Where a gate's value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Gate {
    /// There is none: nothing is forgotten, no momentum is carried.
    #[default]
    None,
    /// One number for every step.
    Fixed(f64),
    /// One number for each sequence and step, which the controller gives.
    Learned,
}

/// The gates of a rule of the form `S <- eta S + beta E^T A`, `W <- (1 - phi) W - S`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gates {
    /// phi: the part of the memory that a write forgets.
    pub forget: Gate,
    /// eta: the part of the last change that goes on into the next one.
    pub momentum: Gate,
}

impl Gates {
    /// Neither gate.
    pub const NONE: Gates = Gates {
        forget: Gate::None,
        momentum: Gate::None,
    };

    /// The gates that a controller has to fill, in the order of the rows of `gates.weight` and `gates.bias`.
    pub fn learned(&self) -> Vec<&'static str> {
        let all = [("forget", self.forget), ("momentum", self.momentum)];
        let learned = all.into_iter().filter(|(_, gate)| *gate == Gate::Learned);
        learned.map(|(name, _)| name).collect()
    }

    /// Whether `write` brings the gates that `rule` asks for, and no others. A rule with a write of its own asks first.
    ///
    /// # Errors
    /// [`MemoryError::Gate`] naming the gate that is missing, does not fit, or is not asked for.
    pub fn check<F: Float>(&self, rule: &str, write: &Write<F>) -> Result<(), MemoryError> {
        let batch = write.rate.value().len();
        let (forget, momentum) = (write.forget.as_ref(), write.momentum.as_ref());
        self.forget.check(rule, "forget", forget, &[batch])?;
        self.momentum.check(rule, "momentum", momentum, &[batch])
    }

    /// Whether those that are fixed are parts from 0 to 1.
    pub(crate) fn are_parts(&self) -> bool {
        self.forget.is_part() && self.momentum.is_part()
    }
}

impl Gate {
    fn is_part(self) -> bool {
        !matches!(self, Gate::Fixed(value) if !(0.0..=1.0).contains(&value))
    }

    /// Whether what is given is what the gate asks for: values of this shape, or nothing.
    pub(crate) fn check<F: Float>(
        self,
        rule: &str,
        name: &'static str,
        given: Option<&Tensor<F>>,
        shape: &[usize],
    ) -> Result<(), MemoryError> {
        let expected = match (self, given) {
            (Gate::Learned, Some(value)) if value.shape() == shape => return Ok(()),
            (Gate::None, None) => return Ok(()),
            (Gate::Fixed(_), None) if self.is_part() => return Ok(()),
            (Gate::Fixed(value), None) => format!("a part from 0 to 1, not {value}"),
            (Gate::Learned, _) => format!("values of shape {shape:?}"),
            (_, Some(_)) => "no value: the rule does not ask for one".to_owned(),
        };
        Err(MemoryError::Gate {
            rule: rule.to_owned(),
            gate: name,
            expected,
        })
    }

    /// Its value at a write, shaped `[B, 1, 1]`; `None` for no gate. `given` is what the write brings, `[B]`.
    pub(crate) fn value<F: Float>(
        self,
        rule: &str,
        name: &'static str,
        given: Option<&Tensor<F>>,
        batch: usize,
    ) -> Result<Option<Tensor<F>>, MemoryError> {
        self.check(rule, name, given, &[batch])?;
        Ok(match self {
            Gate::Fixed(value) => {
                Some(Tensor::from_vec(&[batch, 1, 1], vec![F::of(value); batch])?)
            }
            _ => given
                .map(|value| value.reshape(&[batch, 1, 1]))
                .transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_gate_is_a_part() {
        let ones = |shape: &[usize]| Tensor::<f64>::ones(shape);
        let write = Write::new(ones(&[1, 1, 2]), ones(&[1, 1, 2]), ones(&[1]));
        for (value, fits) in [(0.0, true), (1.0, true), (1.5, false), (f64::NAN, false)] {
            let gates = Gates {
                momentum: Gate::Fixed(value),
                ..Gates::NONE
            };
            let told = gates.check("any", &write);
            assert_eq!((told.is_ok(), gates.are_parts()), (fits, fits), "{value}");
            let named = |error: MemoryError| error.to_string().contains(&value.to_string());
            assert!(told.err().is_none_or(named), "{value}");
        }
    }
}
