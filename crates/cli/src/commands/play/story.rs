//! A run that is told stories.

use std::path::{Path, PathBuf};

use mnm_tasks::Split;
use mnm_trainer::ask::{Examined, MOST_LINES, Reader};
use mnm_trainer::look::told;
use mnm_trainer::{Run, Weights};
use serde::Deserialize;
use serde_json::{Value, json};

/// A trained model, and where it came from.
pub struct Stories {
    reader: Reader,
    run: PathBuf,
    weights: Weights,
}

/// A story as the page sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    /// Left out, as if it had never been said.
    #[serde(default)]
    struck: bool,
}

impl Stories {
    pub fn new(reader: Reader, run: &Path, weights: Weights) -> Self {
        let run = run.to_owned();
        Self {
            reader,
            run,
            weights,
        }
    }

    /// What the page says of the run.
    pub fn about(&self) -> Value {
        let vocabulary = self.reader.vocabulary();
        json!({
            "name": self.run.display().to_string(),
            "words": vocabulary.words,
            "answers": vocabulary.answers,
            "most_lines": MOST_LINES,
        })
    }

    /// Goes through a story.
    pub fn tell(&self, story: &Story) -> Result<Value, String> {
        let told: Vec<usize> = (0..story.lines.len())
            .filter(|line| !story.lines[*line].struck)
            .collect();
        let texts: Vec<&str> = told
            .iter()
            .map(|line| story.lines[*line].text.as_str())
            .collect();
        let examined = self
            .reader
            .examine(&texts)
            .map_err(|error| error.to_string())?;
        let mut lines = vec![json!({ "struck": true }); story.lines.len()];
        for (line, examined) in told.iter().zip(&examined) {
            lines[*line] = shown(examined, &told);
        }
        Ok(json!({ "lines": lines }))
    }

    /// An episode of the test split, if the run's task can be had.
    pub fn example(&self, number: u64) -> Result<Value, String> {
        let run = Run::open(&self.run, self.weights, &[]).map_err(|error| error.to_string())?;
        let lines = told(&run, Split::Test, number % 1000).map_err(|error| error.to_string())?;
        lines
            .map(|lines| json!({ "lines": lines }))
            .ok_or_else(|| "this task has no lines of words".to_owned())
    }
}

/// A line; `told` has the page's number of every line that was told.
fn shown(line: &Examined, told: &[usize]) -> Value {
    let answer = line.answer.as_ref().map(|answer| {
        let all = answer.ranking.iter().take(3);
        let all = all.map(|one| json!({ "answer": one.answer, "probability": one.probability }));
        all.collect::<Vec<_>>()
    });
    let likest = line
        .likest
        .map(|(line, cosine)| json!({ "line": told[line], "cosine": cosine }));
    let without = line.without.iter();
    let without = without.map(|(line, p)| json!({ "line": told[*line], "probability": p }));
    json!({
        "unknown": line.unknown,
        "rate": line.rate,
        "likest": likest,
        "answers": answer,
        "without": without.collect::<Vec<_>>(),
    })
}
