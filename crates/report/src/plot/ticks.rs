//! Round numbers along an axis, and how they are written.

/// A labelled place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    pub label: String,
}

/// The round step (1, 2 or 5 times a power of ten) that cuts `length` into at most `count` parts.
pub(super) fn round_step(length: f64, count: usize) -> f64 {
    let raw = length / count.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= raw * (1.0 - 1e-9));
    step.unwrap_or(10.0 * power)
}

/// The multiples of a round step from `low` to `high`, at most `count` + 1 of them.
pub(super) fn linear(low: f64, high: f64, count: usize) -> Vec<Tick> {
    let length = high - low;
    let mut step = round_step(length, count);
    if step > length && count > 1 {
        // Of two parts, a step of 5 may be longer than both: no multiple need lie between the ends. The next smaller
        // one always has one there, and three at most.
        step = round_step(length, count + 1);
    }
    let (first, last) = (
        (low / step - 1e-9).ceil() as i64,
        (high / step + 1e-9).floor() as i64,
    );
    let format = Format::of(low.abs().max(high.abs()), step);
    (first..=last)
        .map(|index| tick(index as f64 * step, &format))
        .collect()
}

/// Powers of ten from `low` to `high`, thinned to about `count`; where they are few, 2 and 5 times them as well.
pub(super) fn logarithmic(low: f64, high: f64, count: usize) -> Vec<Tick> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let every = ((last - first) as usize).div_ceil(count.max(1)).max(1);
    let factors: &[f64] = if high / low < 1.5e3 && count >= 5 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    (first..=last)
        .filter(|power| power.rem_euclid(every as i32) == 0)
        .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)))
        .filter(|value| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(value))
        .map(|value| tick(value, &Format::of(value, value)))
        .collect()
}

fn tick(value: f64, format: &Format) -> Tick {
    Tick {
        value,
        label: format.write(value),
    }
}

/// One way of writing for all labels of an axis.
enum Format {
    Plain {
        divisor: f64,
        suffix: &'static str,
        decimals: usize,
    },
    Scientific,
}

impl Format {
    /// For numbers up to `largest` that differ by `step`.
    fn of(largest: f64, step: f64) -> Self {
        let (divisor, suffix) = match largest {
            largest if largest >= 1e12 || (largest > 0.0 && largest < 1e-3) => {
                return Self::Scientific;
            }
            largest if largest >= 1e9 => (1e9, "G"),
            largest if largest >= 1e6 => (1e6, "M"),
            largest if largest >= 1e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        let decimals = (-(step / divisor).log10().floor()).clamp(0.0, 12.0) as usize;
        Self::Plain {
            divisor,
            suffix,
            decimals,
        }
    }

    fn write(&self, value: f64) -> String {
        if value == 0.0 {
            return "0".to_owned();
        }
        let text = match self {
            Self::Plain {
                divisor,
                suffix,
                decimals,
            } => format!("{:.decimals$}{suffix}", value / divisor),
            Self::Scientific => {
                // Multiples of a step carry rounding; twelve digits hide it, and the trailing zeros go.
                let text = format!("{value:.12e}");
                match text.split_once('e') {
                    Some((digits, power)) => format!(
                        "{}e{power}",
                        digits.trim_end_matches('0').trim_end_matches('.')
                    ),
                    None => text,
                }
            }
        };
        text.replacen('-', "−", 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_share_their_decimals() {
        assert_eq!(
            labels(&linear(0.0, 1.0, 5)),
            ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(labels(&linear(-3.0, 27.0, 4)), ["0", "10", "20"]);
        assert_eq!(
            labels(&linear(0.0, 100_000.0, 5)),
            ["0", "20k", "40k", "60k", "80k", "100k"]
        );
        assert_eq!(
            labels(&linear(1_000_000.0, 1_200_000.0, 2)),
            ["1.0M", "1.1M", "1.2M"]
        );
        assert_eq!(labels(&linear(-0.1, 0.1, 2)), ["−0.1", "0", "0.1"]);
        assert_eq!(labels(&linear(0.0, 3e-7, 3)), ["0", "1e−7", "2e−7", "3e−7"]);
    }

    #[test]
    fn there_are_never_more_than_asked_for() {
        for exponent in -30..30 {
            for count in 1..10 {
                let high = 1.37 * 10f64.powi(exponent);
                let ticks = linear(-high / 3.0, high, count);
                assert!(
                    !ticks.is_empty() && ticks.len() <= count + 1,
                    "{exponent} {count} {ticks:?}"
                );
            }
        }
    }

    #[test]
    fn logarithmic_ticks_are_powers_or_their_doubles_and_fives() {
        assert_eq!(
            labels(&logarithmic(0.05, 20.0, 6)),
            ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]
        );
        assert_eq!(
            labels(&logarithmic(1e-5, 1e4, 5)),
            ["1e−4", "0.01", "1", "100", "10k"]
        );
    }
}
