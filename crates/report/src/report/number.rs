//! How numbers are written in the tables.

use super::figure::Figure;

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

/// An error in percent.
pub(super) fn percent(value: f64) -> String {
    format!("{value:.2}")
}

/// "mean ± deviation", or the mean alone of a single seed.
pub(super) fn figure(figure: &Figure) -> String {
    match figure.deviation {
        Some(deviation) => format!("{} ± {}", percent(figure.mean), percent(deviation)),
        None => percent(figure.mean),
    }
}

/// A reward, or a number of steps, which may be large.
pub(super) fn amount(value: f64) -> String {
    if value.abs() < 100.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}

/// [`figure`] of amounts.
pub(super) fn amounts(figure: &Figure) -> String {
    match figure.deviation {
        Some(deviation) => format!("{} ± {}", amount(figure.mean), amount(deviation)),
        None => amount(figure.mean),
    }
}

/// A count with its thousands apart: 1,234,567.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 12, 999, 1000, 1_234_567].map(count),
            ["0", "12", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn amounts_have_no_more_digits_than_they_need() {
        assert_eq!([0.5, 99.0, 301.22].map(amount), ["0.50", "99.00", "301.2"]);
    }

    #[test]
    fn a_single_seed_has_no_spread() {
        assert_eq!(
            Figure::of(&[1.0]).as_ref().map(figure).as_deref(),
            Some("1.00")
        );
        assert_eq!(
            Figure::of(&[1.0, 2.0]).as_ref().map(figure).as_deref(),
            Some("1.50 ± 0.71")
        );
    }
}
