//! `key=value` settings on top of a config.

use toml::{Table, Value};

use crate::config::ConfigError;

/// Sets `key=value` in `table`, making the tables on the way.
pub(super) fn apply(table: &mut Table, set: &str) -> Result<(), ConfigError> {
    let fail = |expected: String| ConfigError::Override {
        set: set.to_owned(),
        expected,
    };
    let Some((key, value)) = set.split_once('=') else {
        return Err(fail(
            "expected key=value, such as train.steps=1000".to_owned(),
        ));
    };
    let parts: Vec<&str> = key.trim().split('.').collect();
    if parts.iter().any(|p| p.is_empty()) {
        return Err(fail("the key is empty; expected key=value".to_owned()));
    }
    let Some((last, path)) = parts.split_last() else {
        return Err(fail("the key is empty; expected key=value".to_owned()));
    };
    let mut inner = table;
    for part in path {
        let entry = inner
            .entry((*part).to_owned())
            .or_insert_with(|| Value::Table(Table::new()));
        inner = match entry {
            Value::Table(t) => t,
            other => {
                let kind = other.type_str();
                return Err(fail(format!("`{part}` is a {kind}, not a table of keys")));
            }
        };
    }
    inner.insert((*last).to_owned(), value_of(value.trim()));
    Ok(())
}

/// The whole number of at least 0 that `text` is, written as a config may write it: `1000`, `1e3`, `1_000`, `32.0`.
pub fn whole_number(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number = match value_of(text) {
        Value::Integer(number) => number,
        Value::Float(number) => whole(number)?,
        _ => return None,
    };
    u64::try_from(number).ok()
}

/// The number as a whole one, if it is.
fn whole(number: f64) -> Option<i64> {
    /// Beyond this not every whole number is a float.
    const MOST: f64 = (1u64 << 53) as f64;
    (number.fract() == 0.0 && number.abs() <= MOST).then_some(number as i64)
}

/// Whole numbers that are written as others are (`1e3`, `32.0`) as whole numbers, where `defaults` has one.
pub(super) fn make_whole(table: &mut Table, defaults: &Table) {
    for (key, value) in table {
        match (value, defaults.get(key)) {
            (Value::Table(inner), Some(Value::Table(defaults))) => make_whole(inner, defaults),
            (value, Some(Value::Integer(_))) => {
                if let Some(number) = value.as_float().and_then(whole) {
                    *value = Value::Integer(number);
                }
            }
            _ => {}
        }
    }
}

/// Whether `set` is a setting of `key`.
pub(super) fn names(set: &str, key: &str) -> bool {
    key_of(set) == key
}

/// Whether `set` is a setting of something inside the table `table`.
pub(super) fn is_within(set: &str, table: &str) -> bool {
    key_of(set)
        .strip_prefix(table)
        .is_some_and(|rest| rest.starts_with('.'))
}

fn key_of(set: &str) -> &str {
    set.split_once('=').map_or(set, |(key, _)| key).trim()
}

/// The text as TOML, or as a string where it is not TOML.
fn value_of(text: &str) -> Value {
    let parsed = format!("x = {text}").parse::<Table>();
    // A line break may hide further keys: then it is no value.
    let value = parsed.ok().filter(|table| table.len() == 1);
    match value.and_then(|mut table| table.remove("x")) {
        Some(value) => value,
        None => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_or_strings() {
        let mut table = Table::new();
        for set in [
            "a.b=[1, 2]",
            "a.c=../x",
            "d=0.5",
            "e=lstm",
            "f=\"lstm\"",
            "g=a=b",
            "h=3\ni=4",
        ] {
            apply(&mut table, set).expect(set);
        }
        assert_eq!(
            table,
            "a = { b = [1, 2], c = '../x' }\nd = 0.5\ne = 'lstm'\nf = 'lstm'\ng = 'a=b'\nh = \"3\\ni=4\""
                .parse::<Table>()
                .expect("TOML")
        );
    }

    #[test]
    fn whole_numbers_may_be_written_as_others_are() {
        let defaults: Table = "a = 1\nb = 1.5\nc.d = 2".parse().expect("TOML");
        let mut table: Table = "a = 1e3\nb = 2.0\nc.d = 7.5\ne = 3.0"
            .parse()
            .expect("TOML");
        make_whole(&mut table, &defaults);
        assert_eq!(
            table,
            "a = 1000\nb = 2.0\nc.d = 7.5\ne = 3.0"
                .parse()
                .expect("TOML")
        );
    }

    #[test]
    fn a_number_by_itself_is_read_as_a_config_reads_it() {
        for (text, number) in [
            ("0", 0),
            ("1e3", 1000),
            ("1_000", 1000),
            (" 32.0 ", 32),
            ("1e0", 1),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(whole_number(text), Some(number), "{text}");
        }
        for text in [
            "", "-1", "-1e2", "1.5", "1e-1", "1e300", "inf", "nan", "x", "true", "[1]", "1\ny=2",
        ] {
            assert_eq!(whole_number(text), None, "{text}");
        }
    }

    #[test]
    fn malformed_settings_are_named() {
        let mut table = Table::from_iter([("a".to_owned(), Value::Integer(1))]);
        for (set, word) in [
            ("steps", "key=value"),
            ("=3", "empty"),
            ("a.b=1", "integer"),
        ] {
            let message = apply(&mut table, set).expect_err(set).to_string();
            assert!(message.contains(word) && message.contains(set), "{message}");
        }
    }
}
