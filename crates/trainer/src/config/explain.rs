//! A reader's words in place of a parser's.

/// The message of a failed reading as a person would put it: whole numbers and numbers instead of Rust's types, and what was
/// probably meant by a word that is not known.
pub(super) fn explained(message: &str) -> String {
    let types = [
        ("expected u64", "expected a whole number of at least 0"),
        ("expected usize", "expected a whole number of at least 0"),
        ("expected u32", "expected a whole number of at least 0"),
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected f64", "expected a number"),
        ("expected f32", "expected a number"),
        ("expected a boolean", "expected true or false"),
        ("invalid type: floating point", "found the number"),
        ("invalid type: integer", "found the number"),
        ("invalid value: integer", "found the number"),
        ("invalid type: string", "found the text"),
        ("invalid type: boolean", "found"),
        ("invalid type: sequence", "found a list"),
        ("invalid type: map", "found a table of keys"),
    ];
    // The parser adds the table, which the key's path names already.
    let mut text = message.split("\nin `").next().unwrap_or(message).to_owned();
    for (technical, plain) in types {
        text = text.replace(technical, plain);
    }
    for (technical, what) in [("unknown field `", "key"), ("unknown variant `", "value")] {
        if let Some(start) = text.find(technical) {
            text = known(&text, start, technical.len(), what).unwrap_or(text);
        }
    }
    text
}

/// `... unknown field `x`, expected one of `a`, `b`` with the likely one named.
fn known(text: &str, start: usize, skip: usize, what: &str) -> Option<String> {
    let (before, rest) = (&text[..start], &text[start + skip..]);
    let (word, rest) = rest.split_once('`')?;
    let all: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let list = all.join(", ");
    let likely = did_you_mean(word, all.iter().copied());
    Some(match likely {
        Some(likely) => format!("{before}there is no {what} `{word}`; did you mean `{likely}`?"),
        None => format!("{before}there is no {what} `{word}`; there are: {list}"),
    })
}

/// The name that `word` was most likely meant to be, if one is near enough.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |name: &&str| strsim::damerau_levenshtein(word, name);
    let best = known.into_iter().min_by_key(near)?;
    // A third of the letters may be wrong.
    (near(&best) <= word.chars().count().div_ceil(3)).then_some(best)
}

#[cfg(test)]
mod tests {
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
    fn types_and_unknown_words_are_put_plainly() {
        assert_eq!(
            explained("invalid value: integer `-1`, expected u64"),
            "found the number `-1`, expected a whole number of at least 0"
        );
        assert_eq!(
            explained("in `rul`: unknown field `rul`, expected `kind` or `rule`\nin `model`\n"),
            "in `rul`: there is no key `rul`; did you mean `rule`?"
        );
    }
}
