//! What is typed or piped into `mnm ask`.

use std::sync::OnceLock;

use mnm_trainer::ask::{AskError, Line, Reader, Says};
use mnm_trainer::{Config, TrainOptions, Weights, train};
use tempfile::TempDir;

use crate::Verdict;

/// Lines beyond this many say nothing new.
const LINES: usize = 8;

/// Every line is told, answered, or refused for want of a word, after which the story is as it was. The answers are all that the model
/// can give, the likeliest first, and their probabilities add up to 1. A story that `mnm play` takes too is gone through line by line.
pub fn questions(bytes: &[u8]) -> Verdict {
    READER.with(|reader| told(reader, bytes))
}

fn told(reader: &Reader, bytes: &[u8]) -> Verdict {
    let mut story = reader.begin().expect("the model has all parameters");
    let mut verdict = Verdict::Refused;
    let mut sentences = Vec::new();
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    for (number, bytes) in lines.take(LINES).enumerate() {
        let Ok(line) = Line::read(bytes, number == 0) else {
            return Verdict::Refused;
        };
        if line.begins || line.says == Says::End {
            story = reader.begin().expect("the model has all parameters");
            sentences.clear();
        }
        let outcome = match line.says {
            Says::End => continue,
            Says::Statement(sentence) => {
                sentences.push(sentence);
                story.tell(sentence).map(|_| None)
            }
            Says::Question { question, .. } => {
                sentences.push(question);
                story.ask(question).map(Some)
            }
        };
        match outcome {
            Ok(answer) => {
                verdict = Verdict::Taken;
                let Some(answer) = answer else { continue };
                let ranking = &answer.ranking;
                assert_eq!(ranking.len(), reader.vocabulary().answers.len());
                assert!(ranking.is_sorted_by(|one, next| one.probability >= next.probability));
                let sum: f64 = ranking.iter().map(|found| found.probability).sum();
                assert!((sum - 1.0).abs() < 1e-6, "{sum}");
            }
            Err(AskError::NoWord(_)) => {
                sentences.pop();
            }
            Err(error) => panic!("{error}"),
        }
    }
    if (1..=3).contains(&sentences.len()) {
        let examined = reader.examine(&sentences).expect("every line has a word");
        assert_eq!(examined.len(), sentences.len());
    }
    verdict
}

thread_local! {
    static READER: Reader = Reader::open(run().path(), Weights::Last).expect("it was just trained");
}

/// A run of one step, which knows the words of the stories.
pub(crate) fn run() -> &'static TempDir {
    static RUN: OnceLock<TempDir> = OnceLock::new();
    RUN.get_or_init(|| {
        let sets = [
            "model.controller=4",
            "model.value=3",
            "model.hidden=3",
            "model.embedding=4",
            "train.steps=1",
            "train.batch=2",
            "train.valid_episodes=2",
            "threads=1",
        ];
        let config = Config::load("stories", &sets.map(str::to_owned)).expect("a small config");
        let folder = TempDir::new().expect("a temporary folder");
        let options = TrainOptions {
            quiet: true,
            ..TrainOptions::default()
        };
        train(&config, folder.path(), &options).expect("one step");
        folder
    })
}
