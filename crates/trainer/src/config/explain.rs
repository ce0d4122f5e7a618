//! A reader's words in place of a parser's.

use toml::{Table, Value};

use super::reference::find;
use super::wire::Misfit;

/// A parser's words for a type, and a reader's. What is none of these takes what the reference says.
const TYPES: [(&str, &str); 7] = [
    ("u64", "a whole number of at least 0"),
    ("usize", "a whole number of at least 0"),
    ("u32", "a whole number of at least 0"),
    ("u8", "a whole number from 0 to 255"),
    ("f64", "a number"),
    ("f32", "a number"),
    ("a boolean", "true or false"),
];

/// The key at fault and what is wrong with it, as a person would put it: what was found in `table`, and what the key takes by the
/// reference; what was probably meant by a word that is not known.
pub(super) fn explained(misfit: &Misfit, table: &Table) -> (String, String) {
    let (mut key, message) = innermost(misfit);
    // The only word that `data` itself takes is its task.
    let of_task = ["unknown variant `", "`task` is"];
    if key == "data" && of_task.iter().any(|start| message.starts_with(start)) {
        key += ".task";
    }
    for (technical, what) in [("unknown field `", "key"), ("unknown variant `", "value")] {
        if let Some(text) = message.strip_prefix(technical) {
            return (key, known(text, what).unwrap_or(message));
        }
    }
    let expected = message.rsplit_once(", expected ").map(|(_, last)| last);
    let plain = TYPES
        .iter()
        .find(|(technical, _)| Some(*technical) == expected);
    // A value that has another shape than the key's may be met below it, where there is no value.
    let (key, value) = nearest(&key, table);
    let takes = || match plain {
        Some((technical, plain)) => match most(technical).filter(|_| is_too_large(value)) {
            Some(most) => format!("a whole number from 0 to {most}"),
            None => (*plain).to_owned(),
        },
        None => takes(&key, table),
    };
    let message = if message.starts_with("missing field `") {
        let missing = message.split('`').nth(1).unwrap_or_default();
        format!("there is no `{missing}`; expected {}", takes())
    } else if message.starts_with("invalid ") || message.starts_with("wanted exactly ") {
        format!("found {}, expected {}", found(value), takes())
    } else {
        message
    };
    (key, message)
}

/// Whether this is a whole number beyond those of TOML, which then is a text to it.
fn is_too_large(value: Option<&Value>) -> bool {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<i64>().is_err()
}

/// The largest whole number that a parser's type takes.
fn most(technical: &str) -> Option<i64> {
    match technical {
        "u8" => Some(u8::MAX.into()),
        "u32" => Some(u32::MAX.into()),
        // What TOML can hold.
        "u64" | "usize" => Some(i64::MAX),
        _ => None,
    }
}

/// Key and message of the reader of a task's options, where it was that which failed.
fn innermost(misfit: &Misfit) -> (String, String) {
    let message = misfit.message.as_str();
    let inner = message
        .strip_prefix("in `")
        .and_then(|rest| rest.split_once("`: "));
    let (key, message) = match inner {
        Some((inner, message)) => (format!("{}.{inner}", misfit.key), message),
        None => (misfit.key.clone(), message),
    };
    // The parser adds the table, which the key's path names already.
    let message = message.split("\nin `").next().unwrap_or(message);
    (key, message.trim_end().to_owned())
}

/// The longest part of the path `key` that has a value in `table`, and that value; `None` for the table itself.
fn nearest<'a>(key: &str, table: &'a Table) -> (String, Option<&'a Value>) {
    let mut path = String::new();
    let mut value = None;
    for part in key.split('.') {
        let (name, places) = part.split_once('[').unwrap_or((part, ""));
        let next = match value {
            None => table.get(name),
            Some(value) => Value::get(value, name),
        };
        let Some(next) = next else { break };
        let place = places.trim_end_matches(']').parse::<usize>();
        let within = place.ok().and_then(|place| next.get(place));
        let dot = if path.is_empty() { "" } else { "." };
        path += &format!("{dot}{part}");
        value = Some(within.unwrap_or(next));
    }
    (
        if path.is_empty() {
            ".".to_owned()
        } else {
            path
        },
        value,
    )
}

/// What `key` takes: by the reference, if it or the group that it is in stands there, else keys of its own.
fn takes(key: &str, table: &Table) -> String {
    let task = table.get("data").and_then(|data| data.get("task"));
    let task = task.and_then(Value::as_str).unwrap_or_default();
    let mut path = key.split('[').next();
    while let Some(part) = path {
        if let Some(key) = find(part, task) {
            return key.takes.to_owned();
        }
        path = part.rsplit_once('.').map(|(group, _)| group);
    }
    "a table of keys".to_owned()
}

fn found(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) if is_too_large(value) => format!("the number {text}"),
        Some(Value::String(text)) => format!("the text \"{text}\""),
        // In full it would be a line of noughts.
        Some(Value::Float(number)) if number.abs() >= 1e16 => format!("the number {number:e}"),
        Some(number @ (Value::Integer(_) | Value::Float(_))) => format!("the number {number}"),
        Some(Value::Array(_)) => "a list".to_owned(),
        Some(Value::Table(_)) | None => "a table of keys".to_owned(),
        Some(other) => other.to_string(),
    }
}

/// `x`, expected one of `a`, `b`` of an unknown `x`, with the likely one named.
fn known(text: &str, what: &str) -> Option<String> {
    let (word, rest) = text.split_once('`')?;
    let all: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let list = all.join(", ");
    let likely = did_you_mean(word, all.iter().copied());
    Some(match likely {
        Some(likely) => format!("there is no {what} `{word}`; did you mean `{likely}`?"),
        None => format!("there is no {what} `{word}`; there are: {list}"),
    })
}

/// The name that `word` was most likely meant to be, if one is near enough.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |name: &&str| strsim::damerau_levenshtein(word, name);
    let best = known.into_iter().min_by_key(near)?;
    // A third of the letters may be wrong.
    (near(&best) <= word.chars().count().div_ceil(3)).then_some(best)
}

/// Not more of the names than a line or two.
pub fn some_of(names: &[String]) -> String {
    const MOST: usize = 12;
    let (shown, more) = names.split_at(names.len().min(MOST));
    let more = match more.len() {
        0 => String::new(),
        more => format!(", {more} more"),
    };
    shown.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigError};
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_understood() {
        let known = ["babi", "double-copy", "stories", "mdp"];
        assert_eq!(did_you_mean("storys", known), Some("stories"));
        assert_eq!(did_you_mean("duoble-copy", known), Some("double-copy"));
        assert_eq!(did_you_mean("atari", known), None);
        assert_eq!(did_you_mean("x", []), None);
    }

    #[test]
    fn what_was_found_stands_beside_what_the_key_takes() {
        let lengths = "{ min = 1, max = 20 } for train, valid, test";
        for (task, set, key, expected) in [
            (
                "stories",
                "train.average=0.999",
                "train.average",
                "found the number 0.999, expected { decay = 0.999 } or { last = 1000 }",
            ),
            (
                "stories",
                "train.average=true",
                "train.average",
                "found true, expected { decay",
            ),
            (
                "stories",
                "train.average=decay",
                "train.average",
                "found the text \"decay\", expected { decay",
            ),
            (
                "stories",
                "train.average=[1]",
                "train.average",
                "found a list, expected { decay",
            ),
            (
                "stories",
                "train.average={}",
                "train.average",
                "found a table of keys, expected { decay",
            ),
            (
                "stories",
                "train.average={decay=0.9,last=3}",
                "train.average",
                "found a table of keys, expected { decay",
            ),
            (
                "stories",
                "train.average={dekay=1}",
                "train.average",
                "there is no value `dekay`; did you mean `decay`?",
            ),
            (
                "stories",
                "train.average.decay=x",
                "train.average.decay",
                "found the text \"x\", expected a number",
            ),
            (
                "stories",
                "train.average.last=1.5",
                "train.average.last",
                "found the number 1.5, expected a whole number of at least 0",
            ),
            (
                "stories",
                "train.decay=0.5",
                "train.decay",
                "found the number 0.5, expected constant, linear, cosine",
            ),
            (
                "stories",
                "model.kind=5",
                "model.kind",
                "found the number 5, expected mnm, lstm",
            ),
            (
                "stories",
                "model.rule=[1]",
                "model.rule",
                "found a list, expected a write rule's name",
            ),
            (
                "stories",
                "model.forget=x",
                "model.forget",
                "expected \"auto\", \"none\", \"gate\" or a number",
            ),
            (
                "stories",
                "model.rul=x",
                "model.rul",
                "there is no key `rul`; did you mean `rule`?",
            ),
            (
                "stories",
                "seed=-1",
                "seed",
                "found the number -1, expected a whole number of at least 0",
            ),
            (
                "stories",
                "seed=18446744073709551615",
                "seed",
                "found the number 18446744073709551615, expected a whole number from 0 to 9223372036854775807",
            ),
            (
                "stories",
                "seed=1e99",
                "seed",
                "found the number 1e99, expected a whole number of at least 0",
            ),
            (
                "stories",
                "train=1",
                "train",
                "found the number 1, expected a table of keys",
            ),
            (
                "stories",
                "data.task=storys",
                "data.task",
                "there is no value `storys`; did you mean `stories`?",
            ),
            (
                "stories",
                "data.task=3",
                "data.task",
                "`task` is a integer, not the name of a task",
            ),
            (
                "babi",
                "data.tasks=1",
                "data.tasks",
                "found the number 1, expected a list of 1 to 20",
            ),
            (
                "babi",
                "data.tasks=[\"qa1\"]",
                "data.tasks[0]",
                "found the text \"qa1\", expected a whole number from 0 to 255",
            ),
            (
                "babi",
                "data.rename=true",
                "data.rename",
                "found true, expected a list of { tasks",
            ),
            (
                "babi",
                "data.rename=[\"x\"]",
                "data.rename[0]",
                "found the text \"x\", expected a list of { tasks",
            ),
            (
                "double-copy",
                "data.lengths=10",
                "data.lengths",
                &format!("found the number 10, expected {lengths}"),
            ),
            (
                "double-copy",
                "data.lengths.test=10",
                "data.lengths.test",
                &format!("found the number 10, expected {lengths}"),
            ),
            (
                "double-copy",
                "data.lengths.test={min=1}",
                "data.lengths.test",
                &format!("there is no `max`; expected {lengths}"),
            ),
        ] {
            let message = match Config::load(task, &[set.to_owned()]) {
                Err(ConfigError::Key { key, message, .. }) => format!("{key}: {message}"),
                other => panic!("{set}: {other:?}"),
            };
            assert!(
                message.starts_with(&format!("`{key}`: {expected}")),
                "{set}: {message}"
            );
            assert!(!message.contains('\n'), "{set}: {message}");
        }
    }
}
