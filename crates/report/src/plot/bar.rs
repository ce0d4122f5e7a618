//! One bar and what is written beside it.

use super::digits::three_digits;

/// One bar.
#[derive(Clone, Debug, Default)]
pub struct Bar {
    /// Its name.
    pub label: String,
    /// Where it ends. It begins at zero.
    pub value: f64,
    /// Half the length of the error bar, such as a standard deviation.
    pub error: Option<f64>,
    /// What is written beside it; empty for the value and the error themselves. Give published figures as published.
    pub figure: String,
    /// What it belongs to, such as "measured here" or "as cited": bars of one family share a colour.
    pub family: String,
    /// Only there to compare with, such as a published figure: drawn in grey, so that no model's colour means something else.
    pub reference: bool,
}

impl Bar {
    /// Errors and the like cannot be below zero, so neither is an error bar of a value that is not.
    pub(super) fn low(&self) -> f64 {
        let low = self.value - self.error.unwrap_or(0.0);
        if self.value >= 0.0 { low.max(0.0) } else { low }
    }

    pub(super) fn high(&self) -> f64 {
        self.value + self.error.unwrap_or(0.0)
    }

    pub(super) fn figure(&self) -> String {
        match self.error {
            _ if !self.figure.is_empty() => self.figure.clone(),
            Some(error) => format!("{} ± {}", three_digits(self.value), three_digits(error)),
            None => three_digits(self.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_as_given_or_the_value() {
        let bar = Bar {
            value: 1.0,
            figure: "about 1".to_owned(),
            ..Bar::default()
        };
        assert_eq!(bar.figure(), "about 1");
        let bar = Bar {
            error: Some(0.25),
            figure: String::new(),
            ..bar
        };
        assert_eq!(bar.figure(), "1 ± 0.25");
    }
}
