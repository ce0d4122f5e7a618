//! Numbers in the words of a picture.

/// Three significant digits, without zeros at the end.
pub(super) fn three_digits(value: f64) -> String {
    let magnitude = if value == 0.0 {
        0.0
    } else {
        value.abs().log10().floor()
    };
    if magnitude < -4.0 {
        return format!("{value:.1e}");
    }
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
    fn three_of_them_count() {
        assert_eq!(
            [0.0, 12.8, 0.5512, 1234.5, -3.0, 100.0, 0.00098, 2.5e-7].map(three_digits),
            [
                "0", "12.8", "0.551", "1234", "-3", "100", "0.00098", "2.5e-7"
            ]
        );
    }
}
