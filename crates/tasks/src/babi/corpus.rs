//! The stories of one file, held compactly.

use std::collections::HashMap;
use std::ops::Range;

use super::text::{normal_answer, without_byte_order_mark};
use super::words::for_each_word;
use super::{BabiError, Content, LineProblem, parse_line};

/// Numbers strings in the order in which they are first met.
#[derive(Debug, Clone, Default)]
pub struct Interner {
    numbers: HashMap<String, u32>,
    strings: Vec<String>,
}

impl Interner {
    /// The number of a string.
    pub fn number(&mut self, string: &str) -> u32 {
        if let Some(&number) = self.numbers.get(string) {
            return number;
        }
        let number = self.strings.len() as u32;
        self.strings.push(string.to_owned());
        self.numbers.insert(string.to_owned(), number);
        number
    }

    /// The number of a string that was met.
    pub fn find(&self, string: &str) -> Option<u32> {
        self.numbers.get(string).copied()
    }

    /// All strings, by number.
    pub fn strings(&self) -> &[String] {
        &self.strings
    }
}

const STATEMENT: u32 = u32::MAX;

/// The stories of one file: all words of all lines in one array, as numbers of an [`Interner`].
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    words: Vec<u32>,
    /// Per line, where its words end.
    ends: Vec<u32>,
    /// Per line, the number of its answer, or `STATEMENT`.
    answers: Vec<u32>,
    /// Per story, its first line.
    starts: Vec<u32>,
}

impl Corpus {
    /// Reads the bytes of a file, which messages call `file`. Words are in lower case and stripped of punctuation;
    /// answers are kept whole, as [`normal_answer`](super::normal_answer) has them (`apple,milk` is one answer). A byte order
    /// mark at the start is skipped.
    ///
    /// # Errors
    /// Where the file is empty or a line is malformed.
    pub fn parse(
        file: &str,
        bytes: &[u8],
        words: &mut Interner,
        answers: &mut Interner,
    ) -> Result<Self, BabiError> {
        let fail = |line: usize, problem| BabiError::Line {
            file: file.to_owned(),
            line,
            problem,
        };
        let bytes = without_byte_order_mark(bytes);
        let whole = bytes.ends_with(b"\n");
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(BabiError::EmptyFile {
                file: file.to_owned(),
            });
        }
        let mut corpus = Corpus::default();
        let mut previous = None;
        let mut asked = true;
        for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let line = parse_line(line, previous).map_err(|problem| fail(index + 1, problem))?;
            previous = Some(line.id);
            if line.id == 1 {
                if !asked {
                    return Err(fail(index, LineProblem::NoQuestion));
                }
                asked = false;
                corpus.starts.push(corpus.ends.len() as u32);
            }
            let (sentence, answer) = match line.content {
                Content::Statement(sentence) => (sentence, STATEMENT),
                Content::Question { question, answer } => {
                    asked = true;
                    (question, answers.number(&normal_answer(answer)))
                }
            };
            for_each_word(sentence, |word| corpus.words.push(words.number(word)));
            corpus.ends.push(corpus.words.len() as u32);
            corpus.answers.push(answer);
        }
        if !asked {
            return Err(fail(corpus.ends.len(), LineProblem::NoQuestion));
        }
        if !whole {
            return Err(fail(corpus.ends.len(), LineProblem::CutOff));
        }
        Ok(corpus)
    }

    /// The number of stories.
    pub fn stories(&self) -> usize {
        self.starts.len()
    }

    /// The number of lines.
    pub fn lines(&self) -> usize {
        self.ends.len()
    }

    /// The lines of a story; none if there is no such story.
    pub fn story(&self, story: usize) -> Range<usize> {
        let Some(&start) = self.starts.get(story) else {
            return 0..0;
        };
        let end = self
            .starts
            .get(story + 1)
            .map_or(self.ends.len(), |&end| end as usize);
        start as usize..end
    }

    /// The words of a line; none if there is no such line.
    pub fn words(&self, line: usize) -> &[u32] {
        let start = line
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |&start| start as usize);
        let end = self.ends.get(line).map_or(start, |&end| end as usize);
        self.words.get(start..end).unwrap_or_default()
    }

    /// The answer of a line, if it is a question.
    pub fn answer(&self, line: usize) -> Option<u32> {
        self.answers
            .get(line)
            .copied()
            .filter(|&answer| answer != STATEMENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_STORIES: &str =
        "1 Mary went home.\n2 Where is Mary?\thome\t1\n1 John, too, left.\n2 Is he in? \tNo\t1\n";

    fn parse(text: &[u8]) -> Result<Corpus, BabiError> {
        Corpus::parse(
            "qa1_train.txt",
            text,
            &mut Interner::default(),
            &mut Interner::default(),
        )
    }

    #[test]
    fn stories_lines_words_and_answers() {
        let (mut words, mut answers) = (Interner::default(), Interner::default());
        let corpus = Corpus::parse("f", TWO_STORIES.as_bytes(), &mut words, &mut answers).unwrap();
        assert_eq!(corpus.stories(), 2);
        assert_eq!(
            (corpus.story(0), corpus.story(1), corpus.story(2)),
            (0..2, 2..4, 0..0)
        );
        let read = |line| {
            corpus
                .words(line)
                .iter()
                .map(|&w| words.strings()[w as usize].as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(read(0), ["mary", "went", "home"]);
        assert_eq!(read(2), ["john", "too", "left"]);
        assert_eq!(read(4), [""; 0]);
        assert_eq!(answers.strings(), ["home", "no"]);
        assert_eq!(
            (0..5).map(|line| corpus.answer(line)).collect::<Vec<_>>(),
            [None, Some(0), None, Some(1), None]
        );
    }

    #[test]
    fn a_malformed_line_is_named_with_its_file() {
        let text = TWO_STORIES.replace("2 Is he", "5 Is he");
        let message = parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            message,
            "qa1_train.txt:4: malformed bAbI line: id 5 is out of order: expected 2 (next line) or 1 (new story)"
        );
        let message = parse(b"1 Mary went home.\n2 Where is \xffMary?\thome\n")
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "qa1_train.txt:2: malformed bAbI line: not valid UTF-8 from byte 12 of the line on"
        );
    }

    #[test]
    fn a_story_without_a_question_is_an_error_where_it_ends() {
        for text in [
            "1 Mary left.\n2 Mary came.\n",
            "1 Mary left.\n2 Mary came.\n1 Who?\tMary\n",
        ] {
            let Err(BabiError::Line { line, problem, .. }) = parse(text.as_bytes()) else {
                panic!("{text} was read")
            };
            assert_eq!((line, problem), (2, LineProblem::NoQuestion));
        }
    }

    #[test]
    fn an_empty_file_is_an_error() {
        for text in [&b""[..], b"\n", b" \r\n\n"] {
            assert!(
                matches!(parse(text), Err(BabiError::EmptyFile { file }) if file == "qa1_train.txt")
            );
        }
    }
}
