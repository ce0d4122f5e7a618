//! Numbers on the command line: read as a config reads them, and explained in its words.

use std::ops::RangeBounds;

use mnm_trainer::config::{WHOLE, whole_number};

/// Any whole number of at least 0.
pub fn count<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    within(.., format!("expected {WHOLE}"))(text)
}

/// A whole number from `least` to `most`.
pub fn whole<T: TryFrom<u64>>(
    least: u64,
    most: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    within(
        least..=most,
        format!("expected a whole number from {least} to {most}"),
    )
}

fn within<T: TryFrom<u64>>(
    range: impl RangeBounds<u64> + Clone + Send + Sync + 'static,
    expected: String,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        whole_number(text)
            .filter(|number| range.contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| expected.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_a_config_reads_them_and_explained_in_its_words() {
        assert_eq!(count::<u64>("1e3"), Ok(1000));
        assert_eq!(count::<usize>("0"), Ok(0));
        for text in ["-2", "1.5", "many", ""] {
            let expected = "expected a whole number of at least 0";
            assert_eq!(count::<u64>(text), Err(expected.to_owned()), "{text}");
        }
        assert_eq!(whole::<u16>(0, 65535)("8e3"), Ok(8000));
        let message = whole::<u16>(1, 65535)("0").unwrap_err();
        assert_eq!(message, "expected a whole number from 1 to 65535");
        // Too many for the type, whatever the range.
        assert!(count::<u8>("256").is_err() && whole::<u8>(0, 1000)("256").is_err());
    }
}
