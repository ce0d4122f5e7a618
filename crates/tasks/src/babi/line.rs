//! One line of a bAbI file.

use super::text::{LONGEST_LINE, has_question_mark, has_word};

/// A well-formed line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number within the story, from 1.
    pub id: u32,
    /// What it says.
    pub content: Content<'a>,
}

/// What a line says. A line is a question if it has a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// A statement, as written.
    Statement(&'a str),
    /// A question and its answer, as written, without the supporting facts that may follow.
    Question {
        /// The question.
        question: &'a str,
        /// Its answer; several are separated by commas.
        answer: &'a str,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// More bytes than a line has.
    #[error("it has {0} bytes: expected a sentence, of {LONGEST_LINE} bytes at most")]
    TooLong(usize),
    /// Not text.
    #[error("not valid UTF-8 from byte {0} of the line on")]
    Utf8(usize),
    /// No number in front.
    #[error("no id: expected a number, a space, and a sentence")]
    NoId,
    /// Something in front that starts like a number and is none.
    #[error("the id {0:?} is not a number")]
    IdNotANumber(String),
    /// A number that does not follow.
    #[error("id {found} is out of order: expected {}", expected_ids(*.previous))]
    IdOutOfOrder {
        /// The id of this line.
        found: u32,
        /// That of the line before it, none at the start of the file.
        previous: Option<u32>,
    },
    /// A number and no sentence.
    #[error("no sentence after the id")]
    NoSentence,
    /// A tab and nothing behind it.
    #[error("a question without an answer: expected question, tab, answer")]
    NoAnswer,
    /// A question mark and no tab.
    #[error("a question without a tab: expected question, tab, answer")]
    NoTab,
    /// A line break of another kind inside.
    #[error(
        "a carriage return inside the line: expected line breaks as on Unix or Windows. Convert the file"
    )]
    CarriageReturn,
    /// The file ends in the middle of a line.
    #[error(
        "the file ends in the middle of this line (is it cut off?). If it is whole, add a line break at its end"
    )]
    CutOff,
    /// A story that asks nothing ends here.
    #[error("the story that ends here has no question (is the file cut off?)")]
    NoQuestion,
}

fn expected_ids(previous: Option<u32>) -> String {
    match previous {
        Some(id) => format!("{} (next line) or 1 (new story)", u64::from(id) + 1),
        None => "1, as this is the first line".to_owned(),
    }
}

/// Reads a line (without its line break) that follows one of id `previous`.
///
/// # Errors
/// What is wrong with it.
pub fn parse_line(bytes: &[u8], previous: Option<u32>) -> Result<Line<'_>, LineProblem> {
    if bytes.len() > LONGEST_LINE {
        return Err(LineProblem::TooLong(bytes.len()));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| LineProblem::Utf8(error.valid_up_to() + 1))?;
    let text = text.trim();
    if text.contains('\r') {
        return Err(LineProblem::CarriageReturn);
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if !word.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') {
        return Err(LineProblem::NoId);
    }
    let Some(id) = word.parse::<u32>().ok().filter(|_| !word.starts_with('+')) else {
        return Err(LineProblem::IdNotANumber(word.to_owned()));
    };
    if id != 1 && previous.and_then(|previous| previous.checked_add(1)) != Some(id) {
        return Err(LineProblem::IdOutOfOrder {
            found: id,
            previous,
        });
    }
    let content = match rest.split_once('\t') {
        Some((question, rest)) => {
            let answer = rest.split('\t').next().unwrap_or_default().trim();
            if !has_word(answer) {
                return Err(LineProblem::NoAnswer);
            }
            Content::Question {
                question: question.trim(),
                answer,
            }
        }
        // `text` was trimmed, which takes the tab of an answerless question with it.
        None if has_question_mark(rest) && bytes.contains(&b'\t') => {
            return Err(LineProblem::NoAnswer);
        }
        None if has_question_mark(rest) => return Err(LineProblem::NoTab),
        None => Content::Statement(rest.trim()),
    };
    let (Content::Statement(sentence)
    | Content::Question {
        question: sentence, ..
    }) = content;
    if !has_word(sentence) {
        return Err(LineProblem::NoSentence);
    }
    Ok(Line { id, content })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_questions() {
        assert_eq!(
            parse_line(b"1 Mary moved to the bathroom.", None),
            Ok(Line {
                id: 1,
                content: Content::Statement("Mary moved to the bathroom.")
            })
        );
        assert_eq!(
            parse_line(b"3 Where is Mary? \tbathroom\t1 2", Some(2)),
            Ok(Line {
                id: 3,
                content: Content::Question {
                    question: "Where is Mary?",
                    answer: "bathroom"
                }
            })
        );
        assert_eq!(
            parse_line(b"1 Carrying what?\tapple,milk\r", Some(15)).map(|line| line.content),
            Ok(Content::Question {
                question: "Carrying what?",
                answer: "apple,milk"
            }),
            "a new story, no supporting facts, a Windows line break"
        );
    }

    #[test]
    fn every_way_to_be_malformed() {
        let problem = |line: &[u8], previous| parse_line(line, previous).unwrap_err();
        assert_eq!(problem(b"1 Mary \xff moved.", None), LineProblem::Utf8(8));
        assert_eq!(problem(b"Mary moved.", Some(1)), LineProblem::NoId);
        assert_eq!(problem(b"", Some(1)), LineProblem::NoId);
        assert_eq!(
            problem(b"2x Mary moved.", Some(1)),
            LineProblem::IdNotANumber("2x".into())
        );
        assert_eq!(
            problem(b"-1 Mary moved.", Some(1)),
            LineProblem::IdNotANumber("-1".into())
        );
        assert_eq!(
            problem(b"+2 Mary moved.", Some(1)),
            LineProblem::IdNotANumber("+2".into())
        );
        assert_eq!(
            problem(b"99999999999 A.", Some(1)),
            LineProblem::IdNotANumber("99999999999".into())
        );
        assert_eq!(
            problem(b"4 Mary moved.", Some(2)),
            LineProblem::IdOutOfOrder {
                found: 4,
                previous: Some(2)
            }
        );
        assert_eq!(
            problem(b"2 Mary moved.", None),
            LineProblem::IdOutOfOrder {
                found: 2,
                previous: None
            }
        );
        assert_eq!(
            problem(b"0 Mary moved.", Some(4)),
            LineProblem::IdOutOfOrder {
                found: 0,
                previous: Some(4)
            }
        );
        assert_eq!(
            problem(b"2 Mary left.\r3 John left.", Some(1)),
            LineProblem::CarriageReturn
        );
        assert_eq!(problem(b"2", Some(1)), LineProblem::NoSentence);
        assert_eq!(problem(b"2 .", Some(1)), LineProblem::NoSentence);
        assert_eq!(
            problem(b"2 Where is Mary?\t", Some(1)),
            LineProblem::NoAnswer
        );
        assert_eq!(
            problem(b"2 Where is Mary?\t\t1", Some(1)),
            LineProblem::NoAnswer
        );
        assert_eq!(
            problem(b"2 Where is Mary?\t,", Some(1)),
            LineProblem::NoAnswer
        );
        assert_eq!(
            problem(b"2 Where is Mary? bathroom 1", Some(1)),
            LineProblem::NoTab
        );
        assert_eq!(
            problem("2 哪里？ 家".as_bytes(), Some(1)),
            LineProblem::NoTab
        );
        let long = [b"2 ".to_vec(), vec![b'a'; LONGEST_LINE]].concat();
        assert_eq!(
            problem(&long, Some(1)),
            LineProblem::TooLong(LONGEST_LINE + 2)
        );
        assert!(parse_line(&long[..LONGEST_LINE], Some(1)).is_ok());
    }

    #[test]
    fn the_messages_say_what_was_expected() {
        let message = LineProblem::IdOutOfOrder {
            found: 4,
            previous: Some(2),
        }
        .to_string();
        assert_eq!(
            message,
            "id 4 is out of order: expected 3 (next line) or 1 (new story)"
        );
    }
}
