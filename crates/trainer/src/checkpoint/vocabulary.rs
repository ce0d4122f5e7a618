//! A vocabulary as JSON: `{"words": [...], "answers": [...]}`, both by index.

use mnm_tasks::Vocabulary;
use serde::Deserialize;

#[derive(Deserialize)]
struct Lists {
    words: Vec<String>,
    answers: Vec<String>,
}

pub(super) fn to_json(vocabulary: &Vocabulary) -> String {
    let Vocabulary { words, answers } = vocabulary;
    serde_json::json!({ "words": words, "answers": answers }).to_string()
}

pub(super) fn from_json(text: &str) -> serde_json::Result<Vocabulary> {
    let Lists { words, answers } = serde_json::from_str(text)?;
    Ok(Vocabulary { words, answers })
}
