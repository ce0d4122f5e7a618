//! `mnm ask`: a story told to a trained model, and its answers.

mod words;

use std::collections::HashSet;
use std::io::{BufRead, IsTerminal, Read, Write, stderr, stdin};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use mnm_tasks::babi::{LONGEST_LINE, normal_answer};
use mnm_trainer::ask::{Answer, AskError, Line, Reader, Says, Story};
use serde_json::{Value, json};

use self::words::percent;
use super::run::weights;
use crate::output::print;

/// Tell a trained model a story, and ask it questions
///
/// Reads a story from standard input, typed or piped in: one sentence a line, with or without the numbers of a bAbI
/// file. A line that ends in a question mark is a question, which is answered at once, with the probability that the model
/// gives to the answer and to the next likely one. An empty line or "---" starts a new story, and so does a line numbered 1.
/// Words that the model does not know are named; it takes them all for one and the same. The run folder is all that it
/// takes: the data that the model was trained on are not needed.
#[derive(Args)]
#[command(after_long_help = "\
A bAbI file goes in as it is: the answer behind the tab is not shown to the model, and is compared with the model's.

With --json, one object for each question:
  {\"story\": 1, \"line\": 2, \"question\": \"Where is Mary?\",
   \"answer\": \"garden\", \"probability\": 0.98,
   \"runner_up\": {\"answer\": \"kitchen\", \"probability\": 0.01},
   \"unknown\": []}
where unknown holds the words of the story so far that the model does not
know; with a right answer behind a tab there are also \"right\" (it)
and \"correct\" (true or false).

Examples:
  mnm ask runs/babi
  printf 'Mary went to the garden.\\nWhere is Mary?\\n' | \\
    mnm ask runs/babi
  mnm ask runs/babi --json < qa1_valid.txt
  mnm ask runs/babi --words")]
pub struct Arguments {
    /// The run folder, as `mnm train` made it
    run: PathBuf,

    /// Take the parameters after the last step instead of those with the lowest validation error
    #[arg(long)]
    last: bool,

    /// Take the averaged parameters (train.average): those with the lowest validation error, with --last those after the last
    /// step
    #[arg(long)]
    average: bool,

    /// Print one JSON object for each question
    #[arg(long)]
    json: bool,

    /// Print the words and the answers that the model knows, and ask nothing
    #[arg(long, conflicts_with = "json")]
    words: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let reader = Reader::open(&arguments.run, weights(arguments.last, arguments.average))?;
    if arguments.words {
        return print(&words::listed(reader.vocabulary()));
    }
    let style = match (arguments.json, stdin().is_terminal()) {
        (true, _) => Style::Json,
        (false, true) => Style::Typed,
        (false, false) => Style::Piped,
    };
    if style == Style::Typed {
        print(&words::greeting(reader.vocabulary()))?;
    }
    let mut conversation = Conversation::new(&reader, style)?;
    let mut input = stdin().lock();
    let mut bytes = Vec::new();
    loop {
        if style == Style::Typed {
            print("> ")?;
        }
        bytes.clear();
        // One byte more than a line may have, and its line break, so that a longer one shows.
        let read = (&mut input)
            .take(LONGEST_LINE as u64 + 2)
            .read_until(b'\n', &mut bytes)
            .context("cannot read standard input")?;
        if read == 0 {
            break;
        }
        conversation.line(&bytes)?;
    }
    conversation.end()
}

/// To whom the answers go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Somebody at a terminal, who sees the question above the answer.
    Typed,
    /// A file or program that brought the story.
    Piped,
    /// A program.
    Json,
}

/// Stories one after the other, and what was said about them.
struct Conversation<'a> {
    reader: &'a Reader,
    style: Style,
    story: Story<'a>,
    /// Whether anything of the story at hand has been told.
    begun: bool,
    /// The number of the story, from 1.
    number: usize,
    /// Lines read.
    lines: usize,
    /// The story's words that the model does not know, each once.
    unknown: Vec<String>,
    /// The same, to be looked up.
    named: HashSet<String>,
    asked: usize,
    /// Questions with a right answer beside them, and those answered so.
    judged: usize,
    correct: usize,
}

impl<'a> Conversation<'a> {
    fn new(reader: &'a Reader, style: Style) -> Result<Self, AskError> {
        Ok(Self {
            reader,
            style,
            story: reader.begin()?,
            begun: false,
            number: 1,
            lines: 0,
            unknown: Vec::new(),
            named: HashSet::new(),
            asked: 0,
            judged: 0,
            correct: 0,
        })
    }

    /// Takes a line in.
    fn line(&mut self, bytes: &[u8]) -> Result<()> {
        self.lines += 1;
        let line = Line::read(bytes, self.lines == 1)
            .with_context(|| format!("standard input, line {}", self.lines))?;
        if line.begins || line.says == Says::End {
            self.new_story()?;
        }
        let outcome = match line.says {
            Says::End => return Ok(()),
            Says::Statement(sentence) => self.story.tell(sentence).map(|unknown| (unknown, None)),
            Says::Question { question, right } => self
                .story
                .ask(question)
                .map(|answer| (answer.unknown.clone(), Some((question, right, answer)))),
        };
        let (unknown, asked) = match outcome {
            Ok(outcome) => outcome,
            // Whoever types may try again; a file may hold a line of dots.
            Err(AskError::NoWord(_)) => return self.note("no word in it; left out"),
            Err(error) => return Err(error.into()),
        };
        self.begun = true;
        self.name_unknown(unknown)?;
        match asked {
            Some((question, right, answer)) => self.answer(question, right, &answer),
            None => Ok(()),
        }
    }

    fn new_story(&mut self) -> Result<()> {
        if self.begun {
            self.story = self.reader.begin()?;
            self.begun = false;
            self.number += 1;
            self.unknown.clear();
            self.named.clear();
            match self.style {
                Style::Typed => print("  (a new story)\n")?,
                Style::Piped => print("\n")?,
                Style::Json => {}
            }
        }
        Ok(())
    }

    /// Keeps the words, and says which of them are new in this story.
    fn name_unknown(&mut self, words: Vec<String>) -> Result<()> {
        let mut fresh = words;
        fresh.retain(|word| self.named.insert(word.clone()));
        if !fresh.is_empty() && self.style != Style::Json {
            let text = format!("not known to the model: {}", fresh.join(", "));
            match self.style {
                Style::Typed => print(&format!("  {text}\n"))?,
                _ => print(&format!("(line {}: {text})\n", self.lines))?,
            }
        }
        self.unknown.extend(fresh);
        Ok(())
    }

    fn answer(&mut self, question: &str, right: Option<&str>, answer: &Answer) -> Result<()> {
        self.asked += 1;
        let Some(best) = answer.best() else {
            return self.note("the model has no answers at all");
        };
        let correct = right.map(|right| normal_answer(right) == normal_answer(&best.answer));
        self.judged += usize::from(correct.is_some());
        self.correct += usize::from(correct == Some(true));
        if self.style == Style::Json {
            let mut object = json!({
                "story": self.number,
                "line": self.lines,
                "question": question,
                "answer": best.answer,
                "probability": best.probability,
                "runner_up": answer.runner_up().map(|next| json!({
                    "answer": next.answer,
                    "probability": next.probability,
                })),
                "unknown": self.unknown,
            });
            if let (Some(right), Some(correct)) = (right, correct) {
                object["right"] = Value::from(right);
                object["correct"] = Value::from(correct);
            }
            return print(&format!("{object}\n"));
        }
        let mut text = match self.style {
            Style::Typed => "  ".to_owned(),
            _ => format!("{question}  "),
        };
        text += &format!("{}  {}", best.answer, percent(best.probability));
        if let Some(next) = answer.runner_up() {
            text += &format!("  (next: {} {})", next.answer, percent(next.probability));
        }
        match (right, correct) {
            (_, Some(true)) => text += "  right",
            (Some(right), Some(false)) => text += &format!("  WRONG, it is {right}"),
            _ => {}
        }
        print(&(text + "\n"))
    }

    /// Says something beside the answers.
    fn note(&self, text: &str) -> Result<()> {
        // Nobody may be left to read it.
        let _ = writeln!(stderr(), "note: line {}: {text}", self.lines);
        Ok(())
    }

    /// The input is over.
    fn end(self) -> Result<()> {
        match self.style {
            Style::Typed => print("\n")?,
            _ if self.asked == 0 => {
                let _ = writeln!(
                    stderr(),
                    "note: no question was asked; a question is a line that ends in \"?\""
                );
            }
            _ => {}
        }
        if self.judged > 0 && self.style != Style::Json {
            print(&format!("{} of {} right\n", self.correct, self.judged))?;
        }
        Ok(())
    }
}
