//! Words, answers and questions: one rule for data files and for what somebody types.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// The most bytes of a line that is read; one that is longer is a file of another kind, or broken.
pub const LONGEST_LINE: usize = 65_536;

/// What a file may begin with that is no text: the byte order mark, in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The marks that end a question, in the scripts that have one.
const QUESTION_MARKS: [char; 11] = [
    '?', '？', '﹖', '؟', '\u{37e}', '፧', '⁇', '⁈', '⁉', '‽', '⸮',
];

/// The bytes of a text without the byte order mark that they may begin with.
pub fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// The form in which words and answers are compared: composed (NFC) and lower-case, without the selectors that say whether an
/// emoji is shown in colour.
fn normal(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let shown = text
        .chars()
        .filter(|c| !matches!(c, '\u{fe0e}' | '\u{fe0f}'));
    let composed: String = shown.nfc().collect();
    // A lower-case letter may compose with a mark where the capital does not.
    composed.to_lowercase().nfc().collect()
}

/// An answer as it is told from others: lower-case, composed (NFC), with single blanks between its words and none around
/// commas: `Apple, milk` is `apple,milk`.
pub fn normal_answer(answer: &str) -> String {
    let normal = normal(answer);
    let parts = normal.split(is_comma).map(|part| {
        let words: Vec<&str> = part.split_whitespace().collect();
        words.join(" ")
    });
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(",")
}

/// Whether a sentence ends in a question mark, whatever closes behind it: `?`, `？`, `?!`, `?"`.
pub fn is_question(sentence: &str) -> bool {
    let closes = |c: char| {
        use GeneralCategory::{ClosePunctuation, FinalPunctuation, InitialPunctuation};
        let category = c.general_category();
        c.is_whitespace()
            || matches!(c, '!' | '！' | '"' | '\'')
            || matches!(
                category,
                ClosePunctuation | FinalPunctuation | InitialPunctuation
            )
    };
    let sentence = sentence.trim_end_matches(closes);
    sentence.ends_with(QUESTION_MARKS)
}

/// Whether a question mark stands anywhere in a sentence.
pub(super) fn has_question_mark(sentence: &str) -> bool {
    sentence.contains(QUESTION_MARKS)
}

/// Whether there is a word in a sentence.
pub(super) fn has_word(sentence: &str) -> bool {
    let mut found = sentence.contains(char::is_alphanumeric);
    if !found {
        for_each_word(sentence, |_| found = true);
    }
    found
}

/// The words of a sentence, one after the other into `word_found`: lower-case and composed (NFC), split at white space and
/// commas, other punctuation dropped.
///
/// A word keeps its letters, marks, digits and symbols (`c++`, `c#`, an emoji), and the punctuation of a number: what stands
/// between two digits (`1.5`, `5:30`), and a minus or a point before the first (`-5`, `.5`). A word that was found is found as itself.
pub(crate) fn for_each_word(sentence: &str, mut word_found: impl FnMut(&str)) {
    let sentence = normal(sentence);
    let mut word = String::new();
    for part in sentence.split(|c: char| c.is_whitespace() || is_comma(c)) {
        word.clear();
        for (at, c) in part.char_indices() {
            let (before, after) = (&part[..at], &part[at + c.len_utf8()..]);
            // What was dropped parts nothing: `a'-5` is told as `a-5` is.
            let kept = word.chars().next_back();
            if belongs(kept, c, after) && !(c == '.' && before.ends_with('.')) {
                word.push(if c == MINUS { '-' } else { c });
            }
        }
        match word.is_ascii() {
            true if word.is_empty() => {}
            true => word_found(&word),
            // A letter may compose with a mark that stood behind what was dropped.
            false => word_found(&normal(&word)),
        }
    }
}

/// The minus sign, which stands for the same number as the hyphen that keyboards have.
const MINUS: char = '−';

fn is_comma(c: char) -> bool {
    matches!(c, ',' | '，' | '﹐' | '、' | '،')
}

/// Whether a character is part of the word that it stands in, between `before`, which is part of it, and `after`.
fn belongs(before: Option<char>, c: char, after: &str) -> bool {
    use GeneralCategoryGroup::{Letter, Mark, Number, Symbol};
    if c.is_alphanumeric() {
        return true;
    }
    let begins_number = |text: &str| text.starts_with(char::is_numeric);
    let follows_word = before.is_some_and(|c| matches!(group(c), Letter | Mark));
    let follows_digit = before.is_some_and(char::is_numeric);
    match c {
        // Symbols by their use, though not by their category.
        '#' | '%' | '&' | '@' => true,
        '-' | MINUS => {
            let number = begins_number(after) || after.strip_prefix('.').is_some_and(begins_number);
            number && !follows_word
        }
        '.' => begins_number(after) && !follows_word,
        // The marks of a vocabulary are written in these, `<unk>`; the others are quotation marks in some texts.
        _ if is_quotation(c) => false,
        // Joiners: they shape the words of some scripts, and make one emoji of several. Tags: they tell flags apart.
        '\u{200c}' | '\u{200d}' => {
            let joins =
                |c: char| matches!(group(c), Letter | Mark | Number | Symbol) && !is_quotation(c);
            before.is_some_and(joins) && after.starts_with(joins)
        }
        '\u{e0020}'..='\u{e007f}' => before.is_some(),
        _ => match group(c) {
            Letter | Mark | Number | Symbol => true,
            GeneralCategoryGroup::Punctuation => follows_digit && begins_number(after),
            _ => false,
        },
    }
}

/// Symbols that stand around words and not in them.
fn is_quotation(c: char) -> bool {
    matches!(c, '<' | '>' | '`' | '´' | '^')
}

fn group(c: char) -> GeneralCategoryGroup {
    c.general_category_group()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn answers_are_told_apart_by_what_they_say() {
        assert_eq!(normal_answer("Apple, milk"), "apple,milk");
        assert_eq!(normal_answer(" apple ,milk ,"), "apple,milk");
        assert_eq!(normal_answer("苹果、牛奶"), "苹果,牛奶");
        assert_eq!(normal_answer("New  York"), "new york");
        assert_ne!(normal_answer("New York"), normal_answer("NewYork"));
        assert_ne!(normal_answer("milk,apple"), normal_answer("apple,milk"));
        assert_ne!(normal_answer("-5"), normal_answer("5"));
    }

    #[test]
    fn questions_end_in_a_question_mark_of_any_script() {
        for question in [
            "Where?",
            "Where? ",
            "哪里？",
            "أين؟",
            "Where?!",
            "Where!?",
            "He asked: \"Where?\"",
            "«Where?»",
            "„Wo?“",
            "(where?)",
            "「どこ？」",
            "Που\u{37e}",
        ] {
            assert!(is_question(question), "{question}");
        }
        for statement in ["Here.", "Why? Because.", "!", "", "5;"] {
            assert!(!is_question(statement), "{statement}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        assert_eq!(without_byte_order_mark("\u{feff}1 a".as_bytes()), b"1 a");
        assert_eq!(without_byte_order_mark(b"1 a"), b"1 a");
        assert_eq!(without_byte_order_mark(b"\xef\xbb"), b"\xef\xbb");
    }
}
