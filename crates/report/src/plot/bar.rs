//! One bar and what is written beside it.

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

/// Three significant digits, without zeros at the end.
fn three_digits(value: f64) -> String {
    let magnitude = if value == 0.0 {
        0.0
    } else {
        value.abs().log10().floor()
    };
    let text = format!("{value:.*}", (2.0 - magnitude).clamp(0.0, 9.0) as usize);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_given_or_have_three_digits() {
        assert_eq!(
            [0.0, 12.8, 0.5512, 1234.5, -3.0, 100.0].map(three_digits),
            ["0", "12.8", "0.551", "1234", "-3", "100"]
        );
        let bar = Bar {
            value: 1.0,
            figure: "about 1".to_owned(),
            ..Bar::default()
        };
        assert_eq!(bar.figure(), "about 1");
    }
}
