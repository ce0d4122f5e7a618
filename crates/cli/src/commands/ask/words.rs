//! Words that go to the user: what the model knows, and figures.

use std::fmt::Write;

use mnm_tasks::Vocabulary;

/// How wide a list of words is printed, less its indentation.
const WIDTH: usize = 76;

/// What is said to somebody at a terminal.
pub fn greeting(vocabulary: &Vocabulary) -> String {
    format!(
        "Tell a story, one sentence a line, and ask: a question ends in \"?\".\nAn empty line starts a new story, \
         Ctrl-D ends.\nThe model knows {} words and {} answers; --words lists them.\n",
        known(vocabulary).count(),
        vocabulary.answers.len()
    )
}

/// All words and answers.
pub fn listed(vocabulary: &Vocabulary) -> String {
    let words: Vec<&str> = known(vocabulary).collect();
    let answers: Vec<&str> = vocabulary.answers.iter().map(String::as_str).collect();
    let mut text = String::new();
    for (what, list) in [("words", words), ("answers", answers)] {
        let _ = writeln!(text, "{} {what}:", list.len());
        let mut line = String::new();
        for word in list {
            if !line.is_empty() && line.len() + word.len() >= WIDTH {
                let _ = writeln!(text, " {line}");
                line.clear();
            }
            let _ = write!(line, " {word}");
        }
        let _ = writeln!(text, " {line}");
    }
    text
}

/// The words without the marks, such as `<unknown>`, which nobody can type.
fn known(vocabulary: &Vocabulary) -> impl Iterator<Item = &str> {
    let words = vocabulary.words.iter().map(String::as_str);
    words.filter(|word| !word.starts_with('<'))
}

/// `98.3 %`
pub fn percent(probability: f64) -> String {
    format!("{:.1} %", 100.0 * probability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_are_no_words() {
        let vocabulary = Vocabulary::new(["where", "is", "<2>", "<blank>"], ["home"]);
        assert_eq!(
            listed(&vocabulary),
            "3 words:\n  home is where\n1 answers:\n  home\n"
        );
        assert!(greeting(&vocabulary).contains("3 words and 1 answers"));
    }

    #[test]
    fn long_lists_are_broken() {
        let many: Vec<String> = (0..60).map(|n| format!("word{n:02}")).collect();
        let vocabulary = Vocabulary::new(many.iter().map(String::as_str), ["x"]);
        let text = listed(&vocabulary);
        assert!(text.lines().all(|line| line.len() <= WIDTH + 2), "{text}");
        assert!(many.iter().all(|word| text.contains(word)));
    }
}
