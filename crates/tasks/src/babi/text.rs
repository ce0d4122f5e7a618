//! Answers and questions: one rule for data files and for what somebody types. That for words is in `words`.

use unicode_normalization::UnicodeNormalization;

use super::words::for_each_word;

/// The most bytes of a line that is read; one that is longer is a file of another kind, or broken.
pub const LONGEST_LINE: usize = 65_536;

/// What a file may begin with that is no text: the byte order mark, in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The marks of questions, in the scripts that have one, and those that are an emoji or an ornament.
const QUESTION_MARKS: [char; 28] = [
    '?', '？', '﹖', '︖', '؟', '\u{37e}', '፧', '᥅', '⁇', '⁈', '⁉', '‽', '⸮', '⸘', '¿', '⹔', '⳺',
    '⳻', '꘏', '꛷', '𑅃', '𞥟', '❓', '❔', '🙹', '🙺', '🙻', '🯄',
];

/// The Armenian question mark, which stands in the word that is asked for and not at the end.
const ARMENIAN: char = '՞';

/// What ends a sentence in Armenian: its full stop, and what is typed for it.
const ARMENIAN_STOPS: [char; 3] = ['։', ':', '.'];

/// The bytes of a text without the byte order mark that they may begin with.
pub fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// The form in which words and answers are compared: composed (NFC) and lower-case, without the selectors that say whether an
/// emoji is shown in colour.
pub(super) fn normal(text: &str) -> String {
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

/// Whether a line ends in a question: a question mark of any script stands behind its last letter or digit, whatever else stands
/// there (`?`, `？`, `?!`, `?"`, `?…`, `? :)`); in Armenian, in its last sentence.
pub fn is_question(sentence: &str) -> bool {
    let told = sentence.trim_end_matches(|c: char| !c.is_alphanumeric());
    let mut sentences = told.rsplit(ARMENIAN_STOPS);
    let asked_within = sentences.next().is_some_and(|s| s.contains(ARMENIAN));
    let behind = &sentence[told.len()..];
    asked_within || behind.contains(QUESTION_MARKS) || behind.contains(ARMENIAN)
}

/// Whether a question mark stands anywhere in a sentence.
pub(super) fn has_question_mark(sentence: &str) -> bool {
    sentence.contains(QUESTION_MARKS) || sentence.contains(ARMENIAN)
}

/// Whether there is a word in a sentence.
pub(super) fn has_word(sentence: &str) -> bool {
    let mut found = sentence.contains(char::is_alphanumeric);
    if !found {
        for_each_word(sentence, |_| found = true);
    }
    found
}

pub(super) fn is_comma(c: char) -> bool {
    matches!(c, ',' | '，' | '﹐' | '、' | '،')
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "¿Dónde está Mary?",
            "Ո՞ւր է Մերին։",
            "Մերին գնաց։ Ո՞ւր։",
            "?",
        ] {
            assert!(is_question(question), "{question}");
        }
        for mark in QUESTION_MARKS {
            assert!(!mark.is_alphanumeric(), "{mark}");
            assert!(is_question(&format!("Where is Mary{mark}")), "{mark}");
        }
    }

    #[test]
    fn marks_emoji_and_brackets_may_stand_behind_a_question_mark() {
        for behind in [
            ".",
            "。",
            "…",
            "...",
            "*",
            ",",
            "_",
            "~",
            "`",
            ">",
            "„",
            " :)",
            " 😀",
            "❗",
            "\u{fe0f}",
            "!!",
            "\").",
            "”",
            " -- ",
            "\u{200d}",
            " 👍🏽",
        ] {
            let question = format!("Where is Mary?{behind}");
            assert!(is_question(&question), "{question}");
        }
    }

    #[test]
    fn what_is_told_after_a_question_makes_a_statement() {
        for statement in [
            "Here.",
            "Why? Because.",
            "Why? 5",
            "Why? 家",
            "¿Why",
            "!",
            "",
            "5;",
            "Ո՞ւր։ Մերին գնաց։",
        ] {
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
