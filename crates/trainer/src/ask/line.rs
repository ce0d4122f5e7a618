//! What a line of a story that somebody types or pipes in says.

use mnm_tasks::babi::{LONGEST_LINE, is_question, without_byte_order_mark};
use thiserror::Error;

/// A line, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Whether a new story begins with this line: it is numbered 1.
    pub begins: bool,
    /// What it says.
    pub says: Says<'a>,
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says<'a> {
    /// Nothing, or `---`: the story is over.
    End,
    /// A sentence.
    Statement(&'a str),
    /// A question, and the right answer if the line is one of a bAbI file.
    Question {
        /// The question.
        question: &'a str,
        /// What is behind its tab.
        right: Option<&'a str>,
    },
}

/// Why a line cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LineProblem {
    /// More bytes than a line has.
    #[error("it has more than {LONGEST_LINE} bytes; expected one sentence a line")]
    TooLong,
    /// Not text.
    #[error("not UTF-8 text")]
    NotText,
}

impl<'a> Line<'a> {
    /// Reads the bytes of a line, with or without its line break; a byte order mark in front of the `first` line is skipped.
    ///
    /// # Errors
    /// [`LineProblem`].
    pub fn read(bytes: &'a [u8], first: bool) -> Result<Self, LineProblem> {
        let bytes = if first {
            without_byte_order_mark(bytes)
        } else {
            bytes
        };
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if bytes.len() > LONGEST_LINE {
            return Err(LineProblem::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| LineProblem::NotText)?;
        Ok(read(text))
    }
}

/// Reads a line: with or without a number in front, as in a bAbI file; a question ends in a question mark or has a tab
/// behind it.
fn read(line: &str) -> Line<'_> {
    let line = line.trim();
    let (number, rest) = match line.split_once(|c: char| !c.is_ascii_digit()) {
        Some((digits, _)) if !digits.is_empty() => {
            let rest = &line[digits.len()..];
            if rest.starts_with(char::is_whitespace) {
                (Some(digits), rest.trim_start())
            } else {
                (None, line)
            }
        }
        _ => (None, line),
    };
    let says = if rest.is_empty() || rest == "---" {
        Says::End
    } else if let Some((question, behind)) = rest.split_once('\t') {
        let right = behind.split('\t').next().map(str::trim);
        Says::Question {
            question: question.trim(),
            right: right.filter(|answer| !answer.is_empty()),
        }
    } else if is_question(rest) {
        Says::Question {
            question: rest,
            right: None,
        }
    } else {
        Says::Statement(rest)
    };
    Line {
        begins: number.is_some_and(|digits| digits.trim_start_matches('0') == "1"),
        says,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question<'a>(question: &'a str, right: Option<&'a str>) -> Says<'a> {
        Says::Question { question, right }
    }

    #[test]
    fn sentences_questions_and_ends_with_and_without_numbers() {
        for (line, says) in [
            ("", Says::End),
            ("  \r", Says::End),
            ("---", Says::End),
            ("Mary left.", Says::Statement("Mary left.")),
            ("12 Mary left.\r", Says::Statement("Mary left.")),
            ("2nd place.", Says::Statement("2nd place.")),
            ("Where is Mary? ", question("Where is Mary?", None)),
            ("3 Where is Mary?", question("Where is Mary?", None)),
            ("Where is she?!", question("Where is she?!", None)),
            ("玛丽在哪里？", question("玛丽在哪里？", None)),
            (
                "3 Where is Mary? \tbathroom\t1",
                question("Where is Mary?", Some("bathroom")),
            ),
            (
                "Who is it?\tapple, milk",
                question("Who is it?", Some("apple, milk")),
            ),
            ("Tell me\t\t1", question("Tell me", None)),
        ] {
            assert_eq!(
                read(line),
                Line {
                    begins: false,
                    says
                },
                "{line:?}"
            );
        }
    }

    #[test]
    fn a_line_of_number_one_begins_a_story() {
        for line in ["1 Mary left.", "01 Mary left.", "1\tMary left."] {
            assert!(read(line).begins, "{line:?}");
        }
        for line in ["10 Mary left.", "0 Mary left.", "One left.", "1", "1st."] {
            assert!(!read(line).begins, "{line:?}");
        }
        assert_eq!(
            read("1\tWhere?\tpark").says,
            question("Where?", Some("park"))
        );
    }

    #[test]
    fn bytes_that_are_no_line_are_refused() {
        let line = Line::read("\u{feff}Mary left.\n".as_bytes(), true);
        assert_eq!(
            line.map(|line| line.says),
            Ok(Says::Statement("Mary left."))
        );
        assert_eq!(
            Line::read(b"Mary \xff left.", true),
            Err(LineProblem::NotText)
        );
        let long = vec![b'a'; LONGEST_LINE + 1];
        assert_eq!(Line::read(&long, false), Err(LineProblem::TooLong));
        assert!(Line::read(&long[1..], false).is_ok());
    }
}
