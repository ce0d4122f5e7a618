//! The words of a sentence: one rule for data files and for what somebody types.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::text::{is_comma, normal};

/// The words of a sentence, one after the other into `word_found`: lower-case and composed (NFC), split at white space and
/// commas, other punctuation dropped. A word that was found is found as itself.
///
/// A word keeps its letters, marks, digits and symbols (`c++`, `c#`, an emoji), and of the punctuation what tells it from another:
/// - what stands between two digits (`1.5`, `5:30`), a minus or a point before the first (`-5`, `.5`), a minus in an exponent (`1e-5`);
/// - a minus before what begins with a letter or a currency sign (`-x`, `-$5`), one behind a single letter (`a-`), one of an arrow;
/// - a `^` with something to raise (`x^2`), a `!` before a `=`;
/// - `<` and `>` (`a<b`), unless they stand around one word, as around a tag (`<unk>`), or behind the end of a sentence (`?>`).
///
/// Alone between blanks, `*`, `/` and `^` are words between words. So are `-`, `:` and `·` between numbers (`6 - 3`), where they are
/// operators; next to anything else they are punctuation, as a dash is. Any of them is a word where nothing else stands, so
/// that it may be an answer. `–` and `—` are dashes always.
pub(crate) fn for_each_word(sentence: &str, mut word_found: impl FnMut(&str)) {
    let sentence = normal(sentence);
    let mut word = String::new();
    for piece in sentence.split(is_comma) {
        let mut before = None;
        let mut parts = piece.split_whitespace().peekable();
        while let Some(part) = parts.next() {
            match operator(before, part, parts.peek().copied()) {
                Some(operator) => word_found(operator),
                None => {
                    read(part, &mut word);
                    if !word.is_empty() {
                        word_found(&word);
                    }
                }
            }
            before = Some(part);
        }
    }
}

/// The minus sign, which stands for the same number as the hyphen that keyboards have.
const MINUS: char = '−';

/// The word that a part is if it is an operator alone between what stands before and behind it.
fn operator<'a>(before: Option<&str>, part: &'a str, after: Option<&str>) -> Option<&'a str> {
    let word = |part: &str| part.contains(char::is_alphanumeric);
    let number = |part: &str| {
        let mut known = part.chars().filter(|c| c.is_alphanumeric());
        known.next().is_some_and(char::is_numeric)
    };
    let operand: &dyn Fn(&str) -> bool = match part {
        "*" | "/" | "^" => &word,
        "-" | "−" | ":" | "·" => &number,
        _ => return None,
    };
    let operates = match (before, after) {
        (None, None) => true,
        (Some(before), Some(after)) => operand(before) && operand(after),
        _ => false,
    };
    operates.then_some(if part == "−" { "-" } else { part })
}

/// Puts the word of a part into `word`, empty if there is none.
fn read(part: &str, word: &mut String) {
    keep(part, word);
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return;
    }
    // What is left may be another word: without the brackets around it, and where a letter composes with a mark that stood behind
    // what was dropped.
    let mut part = part.to_owned();
    loop {
        keep(&part, word);
        *word = normal(&unwrapped(&part).unwrap_or_else(|| word.clone()));
        if *word == part {
            return;
        }
        part.clone_from(word);
    }
}

/// Puts what is kept of a part into `word`.
fn keep(part: &str, word: &mut String) {
    word.clear();
    for (at, c) in part.char_indices() {
        // What was dropped parts nothing: `a'-5` is told as `a-5` is.
        if belongs(word, c, &part[..at], &part[at + c.len_utf8()..]) {
            word.push(if c == MINUS { '-' } else { c });
        }
    }
}

/// The part without the angle brackets around it, if there are some around one word: `<unk>`, `"<unk>".`, `>>unk<<`.
fn unwrapped(part: &str) -> Option<String> {
    let outer = |c: char| is_angle(c) || group(c) == GeneralCategoryGroup::Punctuation;
    let rest = part.trim_start_matches(outer);
    let core = rest.trim_end_matches(outer);
    let (front, back) = (&part[..part.len() - rest.len()], &rest[core.len()..]);
    let (opened, closed) = (front.chars().rfind(|&c| is_angle(c)), back.find(is_angle));
    let closed = closed.and_then(|at| back[at..].chars().next());
    // A sign of symbols alone is one sign: `<=>`.
    let word =
        |c: char| c.is_alphanumeric() || c.general_category() == GeneralCategory::OtherSymbol;
    let wraps = opened.is_some() && closed.is_some() && opened != closed && core.contains(word);
    wraps.then(|| {
        [
            &front.replace(is_angle, ""),
            core,
            &back.replace(is_angle, ""),
        ]
        .concat()
    })
}

/// Whether a character stays in its part between `before` and `after`, behind what was kept so far: the `word`.
fn belongs(word: &str, c: char, before: &str, after: &str) -> bool {
    use GeneralCategoryGroup::{Letter, Mark, Number, Punctuation, Symbol};
    if c.is_alphanumeric() {
        return true;
    }
    let kept = word.chars().next_back();
    let follows_word = kept.is_some_and(|c| matches!(group(c), Letter | Mark));
    let follows_digit = kept.is_some_and(char::is_numeric);
    match c {
        // Symbols by their use, though not by their category.
        '#' | '%' | '&' | '@' => true,
        '-' | MINUS => is_minus(word, before, after),
        '.' => begins_number(after) && !follows_word && !before.ends_with('.'),
        '!' => after.starts_with('='),
        '^' => (follows_word || follows_digit) && raises(after),
        '<' | '>' => {
            let behind = before.trim_end_matches(is_angle).ends_with(ends_sentence);
            after.contains(char::is_alphanumeric) || !behind
        }
        // Quotation marks in some texts.
        '`' | '´' => false,
        // Joiners: they shape the words of some scripts, and make one emoji of several. Tags: they tell flags apart.
        '\u{200c}' | '\u{200d}' => {
            let joins =
                |c: char| matches!(group(c), Letter | Mark | Number | Symbol) && !stands_around(c);
            kept.is_some_and(joins) && after.starts_with(joins)
        }
        '\u{e0020}'..='\u{e007f}' => kept.is_some_and(|c| !stands_around(c)),
        _ => match group(c) {
            Letter | Mark | Number | Symbol => true,
            Punctuation => follows_digit && begins_number(after),
            _ => false,
        },
    }
}

/// Whether a minus between what was kept and what comes is part of a word.
fn is_minus(word: &str, before: &str, after: &str) -> bool {
    let kept = word.chars().next_back();
    if begins_number(after) || after.strip_prefix('.').is_some_and(begins_number) {
        use GeneralCategoryGroup::{Letter, Mark};
        return !kept.is_some_and(|c| matches!(group(c), Letter | Mark)) || ends_in_exponent(word);
    }
    let is_arrow = after.starts_with('>') || kept == Some('<');
    let signed =
        |c: char| c.is_alphabetic() || c.general_category() == GeneralCategory::CurrencySymbol;
    let begins = matches!(kept, None | Some('=' | '^' | '<' | '>')) && after.starts_with(signed);
    let ends = is_letter(word) && after.chars().all(closes);
    // Two of them are a dash: `he left--Mary`, `--Mary`.
    is_arrow || ((begins || ends) && !before.ends_with(is_dash))
}

fn begins_number(text: &str) -> bool {
    text.starts_with(char::is_numeric)
}

/// Whether a word is a number and the `e` of its exponent.
fn ends_in_exponent(word: &str) -> bool {
    let number =
        |text: &str| text.ends_with(char::is_numeric) && !text.contains(char::is_alphabetic);
    word.strip_suffix('e').is_some_and(number)
}

/// Whether a word is one letter, with marks or without.
fn is_letter(word: &str) -> bool {
    let mut bases = word
        .chars()
        .filter(|&c| group(c) != GeneralCategoryGroup::Mark);
    bases.next().is_some_and(char::is_alphabetic) && bases.next().is_none()
}

/// Whether there is something that a `^` before it raises to.
fn raises(after: &str) -> bool {
    let opening = ['(', '{', '-', MINUS, '+', '.'];
    after
        .trim_start_matches(opening)
        .starts_with(char::is_alphanumeric)
}

/// Punctuation that may stand behind the last sign of a word.
fn closes(c: char) -> bool {
    let symbol = matches!(c, '#' | '%' | '&' | '@');
    stands_around(c) || (group(c) == GeneralCategoryGroup::Punctuation && !is_dash(c) && !symbol)
}

/// What stands behind the last word of a sentence.
fn ends_sentence(c: char) -> bool {
    closes(c) && !stands_around(c) && c.general_category() != GeneralCategory::ClosePunctuation
}

fn is_dash(c: char) -> bool {
    c == MINUS || c.general_category() == GeneralCategory::DashPunctuation
}

/// The brackets that the marks of a vocabulary are written in.
fn is_angle(c: char) -> bool {
    matches!(c, '<' | '>')
}

/// Symbols that may stand around words and not in them.
fn stands_around(c: char) -> bool {
    is_angle(c) || matches!(c, '`' | '´' | '^')
}

fn group(c: char) -> GeneralCategoryGroup {
    c.general_category_group()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::babi::text::{has_word, normal_answer};

    fn words(sentence: &str) -> Vec<String> {
        let mut words = Vec::new();
        for_each_word(sentence, |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn words_are_lower_case_without_punctuation() {
        assert_eq!(
            words("Is the box's Lid, e.g., N,s?  "),
            ["is", "the", "boxs", "lid", "eg", "n", "s"]
        );
        assert_eq!(
            words("\"Well-known\" (or... not); *where*? <unk>"),
            ["wellknown", "or", "not", "where", "unk"]
        );
    }

    #[test]
    fn combining_marks_are_part_of_the_word() {
        // Two words of Devanagari that differ in where the virama stands.
        assert_eq!(words("क्रम करम"), ["क्रम", "करम"]);
        // Vowel points of Hebrew and Arabic.
        for (pointed, plain) in [("סֵפֶר", "ספר"), ("كَتَبَ", "كتب")] {
            assert_eq!(words(pointed).len(), 1);
            assert_ne!(words(pointed), words(plain));
        }
        // A joiner that a Persian word is written with, and one that joins nothing.
        assert_eq!(words("می\u{200c}خواهم x\u{200d}"), ["می\u{200c}خواهم", "x"]);
    }

    #[test]
    fn a_word_that_was_found_is_found_as_itself() {
        for (text, word) in [
            ("a'-5", "a5"),
            ("1'-5", "1-5"),
            ("(-5)", "-5"),
            ("e'\u{301}", "\u{e9}"),
            ("a\u{200d}^", "a"),
            ("five'.5", "five5"),
        ] {
            assert_eq!(words(text), [word], "{text}");
            assert_eq!(words(word), [word], "{word}");
        }
    }

    #[test]
    fn composed_and_decomposed_words_meet() {
        for (composed, decomposed) in [
            ("Caf\u{e9}", "Cafe\u{301}"),
            ("\u{c9}TAGE", "E\u{301}tage"),
            ("\u{1e69}", "s\u{307}\u{323}"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
        ] {
            assert_eq!(words(composed), words(decomposed));
            assert_eq!(normal_answer(composed), normal_answer(decomposed));
        }
        assert_eq!(words("ΟΔΟΣ"), words("οδος"));
    }

    #[test]
    fn numbers_keep_their_signs_and_points() {
        assert_eq!(
            words("-5 5 −5 +5 (-5). 1.5 15 .5 -.5 -1.5."),
            [
                "-5", "5", "-5", "+5", "-5", "1.5", "15", ".5", "-.5", "-1.5"
            ]
        );
        assert_eq!(
            words("5:30 1/2 1990-1995 1,000 50% 20° T-1000 No.5 five..5 -- - 7."),
            [
                "5:30",
                "1/2",
                "1990-1995",
                "1",
                "000",
                "50%",
                "20°",
                "t1000",
                "no5",
                "five5",
                "7"
            ]
        );
    }

    #[test]
    fn symbols_tell_words_apart() {
        assert_eq!(
            words("C++ C# C, 2 + 2 = 4; $5 €5 AT&T"),
            [
                "c++", "c#", "c", "2", "+", "2", "=", "4", "$5", "€5", "at&t"
            ]
        );
    }

    #[test]
    fn emoji_are_words_and_answers() {
        let (family, thumb) = ("👨\u{200d}👩\u{200d}👧", "👍🏽");
        assert_eq!(words(&format!("{family} {thumb}!")), [family, thumb]);
        assert_eq!(words("❤\u{fe0f}"), words("❤"));
        assert_eq!(normal_answer("❤\u{fe0f}"), "❤");
        let england = "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
        assert_eq!(words(england), [england]);
        assert!(has_word("😀") && has_word("?! a") && !has_word("?! ... —"));
    }

    #[test]
    fn a_hyphen_between_numbers_is_an_operator_and_between_words_a_dash() {
        for (text, expected) in [
            ("6 - 3", "6|-|3"),
            ("6 − 3", "6|-|3"),
            ("What is (6 - 3)?", "what|is|6|-|3"),
            ("$6 - $3", "$6|-|$3"),
            ("He left - Mary stayed.", "he|left|mary|stayed"),
            ("John - 5 years old", "john|5|years|old"),
            ("- 5 apples", "5|apples"),
            ("6 -- 3 – 2 — 1", "6|3|2|1"),
            ("6, - 3", "6|3"),
            ("5 : 30", "5|:|30"),
            ("Note : here", "note|here"),
            ("x / y * z ^ 2", "x|/|y|*|z|^|2"),
            ("* Mary left *", "mary|left"),
            ("-", "-"),
            ("−", "-"),
            ("+, -", "+|-"),
        ] {
            assert_eq!(words(text).join("|"), expected, "{text}");
        }
    }

    #[test]
    fn signs_that_tell_words_apart_stay_and_dashes_go() {
        for (text, expected) in [
            ("1e-5 1E−5 2.5e-3 -1e-5 1e+5", "1e-5|1e-5|2.5e-3|-1e-5|1e+5"),
            ("the-5 T1000e-5 e-5", "the5|t1000e5|e5"),
            ("A- (A-). A-? É- a-b A-- Ab-", "a-|a-|a-|é-|ab|a|ab"),
            ("-$5 −€5 $-5 -x −x (-x) x=-y", "-$5|-€5|$-5|-x|-x|-x|x=-y"),
            ("--Mary left--here well-known", "mary|lefthere|wellknown"),
            ("x^2 x^-y 10^-5 x^(2) ^_^ x^ ^2", "x^2|x^-y|10^-5|x^2|x|2"),
            (
                "3 < 4 3<4 <5 >=5 a->b a<-b => != ==",
                "3|<|4|3<4|<5|>=5|a->b|a<-b|=>|!=|==",
            ),
            (
                "<unk> \"<unk>\". <unk>, >>unk<< «<unk>»",
                "unk|unk|unk|unk|unk",
            ),
            (
                "<A-> <-5> <-x> <c++> <<x>> <> <=> <->",
                "a-|-5|-x|c++|x|<>|<=>|<->",
            ),
            ("here?> here.>> here?<< here>", "here|here|here|here>"),
        ] {
            assert_eq!(words(text).join("|"), expected, "{text}");
        }
    }

    proptest! {
        /// Whatever stands beside whatever: also what changes its meaning where its neighbours were dropped.
        #[test]
        fn any_word_is_found_as_itself(
            text in "[-−<>^!=.,e1x$'` *é/:·\u{301}\u{338}\u{200d}\u{e0067}😀—(?]{1,12}",
        ) {
            for word in words(&text) {
                prop_assert_eq!(words(&word), [word.as_str()], "{}", text);
            }
        }
    }
}
