//! What a step shows, in words.

use mnm_tasks::{Input, InputKind};

/// Vectors up to this width are written out: `#` for 1, `.` for 0, `+` and `-` for other numbers.
const WIDEST: usize = 24;

/// The words of every step; of wide vectors nothing.
pub(super) fn of_steps(input: &Input, kind: &InputKind) -> Vec<String> {
    match input {
        Input::Dense(rows) => rows
            .rows()
            .into_iter()
            .map(|row| match row.len() {
                0..=WIDEST => row.iter().map(|&x| mark(x)).collect(),
                _ => String::new(),
            })
            .collect(),
        Input::Tokens(steps) => steps.iter().map(|words| sentence(words, kind)).collect(),
    }
}

/// What a line of these steps says, its repeated showings folded into one.
pub fn of_line(steps: &[String]) -> String {
    let Some((first, rest)) = steps.split_first() else {
        return String::new();
    };
    // A sentence shown again is the sentence and a mark; a single word is followed by the next one.
    let is_again = |step: &String| {
        let mark = step.strip_prefix(first.as_str());
        mark.is_some_and(|mark| mark.starts_with(" <"))
    };
    if rest.iter().all(is_again) {
        return first.clone();
    }
    let once = match steps.iter().position(|word| word == "<2>") {
        Some(mark) => mark / 2,
        None => steps.len(),
    };
    steps[..once].join(" ")
}

fn mark(value: f32) -> char {
    match value {
        0.0 => '.',
        1.0 => '#',
        x if x > 0.0 => '+',
        _ => '-',
    }
}

fn sentence(words: &[u32], kind: &InputKind) -> String {
    let name = |&word: &u32| match kind {
        InputKind::Tokens { vocabulary, .. } => vocabulary.get(word as usize).map(String::as_str),
        InputKind::Dense { .. } => None,
    };
    let names: Vec<&str> = words.iter().map(|word| name(word).unwrap_or("?")).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn repeated_showings_are_folded() {
        let folded =
            |steps: &[&str]| of_line(&steps.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            folded(&["ada ran", "ada ran <2>", "ada ran <3>"]),
            "ada ran"
        );
        assert_eq!(folded(&["ada", "ran", "ada", "ran", "<2>"]), "ada ran");
        assert_eq!(folded(&["ada", "ran"]), "ada ran");
        assert_eq!(folded(&["ada ran"]), "ada ran");
    }

    #[test]
    fn steps_are_words_or_marks() {
        let kind = InputKind::Tokens {
            vocabulary: ["<unk>", "john", "went"].map(str::to_owned).to_vec(),
            words_per_step: 2,
        };
        let steps = of_steps(&Input::Tokens(vec![vec![1, 2], vec![], vec![9]]), &kind);
        assert_eq!(steps, ["john went", "", "?"]);
        let dense = InputKind::Dense { width: 4 };
        let steps = of_steps(&Input::Dense(array![[0.0, 1.0, 0.5, -1.0]]), &dense);
        assert_eq!(steps, [".#+-"]);
        assert_eq!(
            of_steps(&Input::Dense(Array2::zeros((1, 99))), &dense),
            [""]
        );
    }
}
