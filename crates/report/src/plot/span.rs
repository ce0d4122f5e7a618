//! The part of the number line that an axis covers.

use super::axis::Scale;
use super::ticks::{self, Tick};

/// From `low` to `high`, which are finite, `low` < `high`, and positive on a logarithmic scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub low: f64,
    pub high: f64,
    pub scale: Scale,
}

impl Span {
    /// Exactly the values; None if none of them is finite.
    pub fn tight(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = extent(values)?;
        Some(widen(low, high))
    }

    /// The values with round ends: on a linear scale from zero if that costs little, on a logarithmic one with some
    /// air. None if no value can be shown.
    pub fn round(
        values: impl IntoIterator<Item = f64>,
        scale: Scale,
        count: usize,
    ) -> Option<Self> {
        match scale {
            Scale::Linear => {
                let (mut low, mut high) = extent(values)?;
                if low > 0.0 && low < 0.3 * high {
                    low = 0.0;
                } else if high < 0.0 && high > 0.3 * low {
                    high = 0.0;
                }
                let Span { low, high, .. } = widen(low, high);
                let step = ticks::round_step(high - low, count);
                let (low, high) = (
                    (low / step + 1e-9).floor() * step,
                    (high / step - 1e-9).ceil() * step,
                );
                Some(Self { low, high, scale })
            }
            Scale::Log => {
                let (low, high) = extent(values.into_iter().filter(|value| *value > 0.0))?;
                let air = (0.04 * (high.ln() - low.ln())).exp().max(1.2);
                Some(Self {
                    low: (low / air).max(f64::MIN_POSITIVE),
                    high: (high * air).min(f64::MAX),
                    scale,
                })
            }
        }
    }

    /// The span from zero on, if it begins just above it.
    pub fn reaching_zero(self) -> Self {
        let near = self.low > 0.0 && self.low < 0.1 * self.high;
        Self {
            low: if near { 0.0 } else { self.low },
            ..self
        }
    }

    /// Where `value` lies: 0 at the low end, 1 at the high end, held to that range.
    pub fn fraction(&self, value: f64) -> f64 {
        let fraction = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log if value <= self.low => 0.0,
            Scale::Log => (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln()),
        };
        fraction.clamp(0.0, 1.0)
    }

    /// About `count` round values in the span.
    pub fn ticks(&self, count: usize) -> Vec<Tick> {
        match self.scale {
            Scale::Linear => ticks::linear(self.low, self.high, count),
            Scale::Log => match ticks::logarithmic(self.low, self.high, count) {
                // Within a small part of a decade the round values of a linear axis are as good.
                few if few.len() < 2 => ticks::linear(self.low, self.high, count),
                ticks => ticks,
            },
        }
    }
}

/// The least and the largest finite value. Values too large for differences to be computed count as not finite.
fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let shown = values.into_iter().filter(|value| value.abs() < 1e300);
    shown.fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// A linear span that is not empty, also around a single value.
fn widen(low: f64, high: f64) -> Span {
    let least = low.abs().max(high.abs()) * 1e-9;
    if high - low > least {
        return Span {
            low,
            high,
            scale: Scale::Linear,
        };
    }
    let half = if low == 0.0 { 0.5 } else { low.abs() * 0.1 };
    Span {
        low: low - half,
        high: high + half,
        scale: Scale::Linear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn round_ends_hold_the_values_and_zero_when_near() {
        let span = Span::round([0.13, 0.97], Scale::Linear, 5).unwrap();
        assert_eq!((span.low, span.high), (0.0, 1.0));
        let span = Span::round([10.2, 11.9], Scale::Linear, 4).unwrap();
        assert_eq!((span.low, span.high), (10.0, 12.0));
        let span = Span::round([0.0, 0.1, 10.0], Scale::Log, 4).unwrap();
        assert!(
            span.low < 0.1 && span.low > 0.05 && span.high > 10.0,
            "{span:?}"
        );
        assert_eq!(span.fraction(0.0), 0.0);
        assert!((span.fraction(1.0) - 0.5).abs() < 1e-12);
        let span = Span::round([61.0, 90.0], Scale::Log, 6).unwrap();
        assert!(span.ticks(6).len() >= 3, "{:?}", span.ticks(6));
    }

    /// Found by chance: a step of 500,000 has no multiple in this span.
    #[test]
    fn two_parts_have_a_tick_between_them() {
        let span = Span::tight([17_064.976, 487_436.25]).unwrap();
        let found = span.ticks(2);
        assert!((1..=3).contains(&found.len()), "{found:?}");
    }

    #[test]
    fn what_is_not_finite_is_left_out() {
        assert_eq!(Span::tight([f64::NAN, f64::INFINITY]), None);
        assert_eq!(Span::round([-1.0, 0.0], Scale::Log, 4), None);
        let span = Span::tight([f64::NAN, 1.0, 3.0, f64::MAX]).unwrap();
        assert_eq!((span.low, span.high), (1.0, 3.0));
    }

    proptest! {
        #[test]
        fn every_value_has_a_place(values in prop::collection::vec(-1e6f64..1e6, 1..6), count in 1usize..9) {
            for span in [Span::tight(values.clone()), Span::round(values.clone(), Scale::Linear, count)] {
                let span = span.unwrap();
                prop_assert!(span.low < span.high);
                prop_assert!(!span.ticks(count).is_empty() || count < 2, "{:?}", span);
                for value in &values {
                    prop_assert!(span.low <= *value && *value <= span.high, "{:?}", span);
                    prop_assert!((0.0..=1.0).contains(&span.fraction(*value)));
                }
            }
        }
    }
}
