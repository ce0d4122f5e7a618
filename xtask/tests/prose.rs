//! Checks on the pages: sentences that can be read in one go, links that lead somewhere, commands that a shell takes as they
//! stand.

use std::path::{Path, PathBuf};

/// Words of the longest sentence.
const WORDS: usize = 40;

/// Numbers that one sentence may hold; more of them belong in a table.
const NUMBERS: usize = 6;

/// Lines of the longest page of results.
const LINES: usize = 150;

/// Columns of a line of code in the README, so that a terminal of 80 shows it whole.
const COLUMNS: usize = 78;

struct Page {
    /// Where it lies, from the root of the tree.
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every page for readers: the README, those of the crates and of the peers, and all of `docs`.
fn pages() -> Vec<Page> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let entries = std::fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("a readable folder entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let mut found = vec![
        root().join("README.md"),
        root().join("benches/peers/README.md"),
    ];
    let crates = std::fs::read_dir(root().join("crates")).expect("crates/ is there");
    let readme = |entry: std::io::Result<std::fs::DirEntry>| {
        entry
            .expect("a readable folder entry")
            .path()
            .join("README.md")
    };
    found.extend(crates.map(readme).filter(|path| path.is_file()));
    walk(&root().join("docs"), &mut found);
    found.sort();
    assert!(
        found.len() > 20,
        "the walk found only {} pages",
        found.len()
    );
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let shown = path.strip_prefix(root()).unwrap_or(&path);
        let path = shown.display().to_string();
        Page { path, text }
    };
    found.into_iter().map(read).collect()
}

/// The log keeps its sentences as they were written.
fn in_the_log(page: &Page) -> bool {
    Path::new(&page.path).starts_with("docs/log")
}

/// Fails with every offence at once.
fn none(offences: Vec<String>, what: &str) {
    assert!(offences.is_empty(), "{what}:\n  {}", offences.join("\n  "));
}

/// The lines outside fenced code, by their number from 1. A fence becomes an empty line.
fn lines_outside_fences(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let fence = line.trim_start().starts_with("```");
        found.push((number + 1, if fence || fenced { "" } else { line }));
        fenced ^= fence;
    }
    found
}

/// What follows the mark of a list item, if the line begins one.
fn list_item(line: &str) -> Option<&str> {
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let after_number = (numbered.len() < line.len())
        .then(|| numbered.strip_prefix(". "))
        .flatten();
    line.strip_prefix("- ").or(after_number)
}

/// Paragraphs and list items with the line that they begin at: no code blocks, tables, headings or pictures.
fn paragraphs(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in lines_outside_fences(text) {
        let shown = line.trim();
        let code = open.is_none() && line.starts_with("    ");
        let no_prose = ["|", "#", "<", "!["]
            .iter()
            .any(|mark| shown.starts_with(mark));
        if shown.is_empty() || code || no_prose {
            found.extend(open.take());
            continue;
        }
        let item = list_item(shown);
        if item.is_some() {
            found.extend(open.take());
        }
        let words = item.unwrap_or(shown).trim_start_matches("> ");
        let (_, paragraph) = open.get_or_insert_with(|| (number, String::new()));
        paragraph.push_str(words);
        paragraph.push(' ');
    }
    found.extend(open);
    found
}

/// The parts of a line or paragraph that are no inline code.
fn outside_code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').step_by(2)
}

/// A paragraph without marks: inline code is one word, a link is its text.
fn plain(paragraph: &str) -> String {
    let text = outside_code(paragraph).collect::<Vec<_>>().join("code");
    let mut rest = text.as_str();
    let mut plain = String::new();
    while let Some(end_of_text) = rest.find("](") {
        plain.push_str(&rest[..end_of_text]);
        let target = &rest[end_of_text..];
        rest = target.find(')').map_or("", |end| &target[end + 1..]);
    }
    plain.push_str(rest);
    plain.replace("**", "").replace('[', "")
}

fn ends_a_sentence(word: &str) -> bool {
    word.trim_end_matches(['"', '\'', ')', '*'])
        .ends_with(['.', '!', '?'])
}

/// How many numbers begin in a word: `(0.65,` holds one, `W_0` and `f32` none.
fn numbers(word: &str) -> usize {
    let mut before = ' ';
    let mut count = 0;
    for c in word.chars() {
        let inside = before.is_alphanumeric() || "._,".contains(before);
        count += usize::from(c.is_ascii_digit() && !inside);
        before = c;
    }
    count
}

/// The sentences of a page that are too long or too full of numbers, each with its place.
fn hard_sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (line, paragraph) in paragraphs(text) {
        let paragraph = plain(&paragraph);
        let all: Vec<&str> = paragraph.split_whitespace().collect();
        for sentence in all.split_inclusive(|word| ends_a_sentence(word)) {
            let is_word = |word: &&&str| word.contains(char::is_alphanumeric);
            let words = sentence.iter().filter(is_word).count();
            let numbers: usize = sentence.iter().map(|word| numbers(word)).sum();
            if words > WORDS || numbers > NUMBERS {
                let start = sentence[..sentence.len().min(8)].join(" ");
                found.push(format!(
                    "{line}: {words} words, {numbers} numbers: {start} .."
                ));
            }
        }
    }
    found
}

#[test]
fn sentences_can_be_read_in_one_go() {
    let hard = pages()
        .into_iter()
        .filter(|page| !in_the_log(page))
        .flat_map(|Page { path, text }| {
            let place = move |offence: String| format!("{path}:{offence}");
            hard_sentences(&text).into_iter().map(place)
        })
        .collect();
    none(
        hard,
        &format!(
            "over {WORDS} words or {NUMBERS} numbers (the line is that of the paragraph): cut it, or make a table"
        ),
    );
}

#[test]
fn a_hard_sentence_is_found_wherever_it_stands() {
    let long = format!("{}end.", "word ".repeat(WORDS));
    let full = "1, 2, 3, 4, 5, 6 and 7 are too many.";
    let easy = "Short. `a b c 1 2 3 4 5 6 7` is code; [a text](with/1/2/3/4/5/6/7) is a link.";
    assert_eq!(hard_sentences(&long).len(), 1);
    assert_eq!(hard_sentences(full).len(), 1);
    assert_eq!(hard_sentences(easy), Vec::<String>::new());
    let page = format!(
        "# {long}\n\n- {long}\n  goes on\n1. {full}\n\n| {long} |\n\n    {long}\n\n```\n{long}\n```\n"
    );
    let found = hard_sentences(&page);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("3: ") && found[1].starts_with("5: "),
        "{found:?}"
    );
}

#[test]
fn a_page_of_results_is_read_in_one_sitting() {
    let long = pages()
        .into_iter()
        .filter(|page| {
            Path::new(&page.path).parent() == Some(Path::new("docs/results"))
                || page.path == "docs/performance.md"
        })
        .map(|page| (page.path, page.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    none(
        long,
        &format!("over {LINES} lines: what led to a result belongs in docs/log"),
    );
}

/// What the links and pictures of a page point to.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in lines_outside_fences(text) {
        for part in outside_code(line) {
            for (mark, close) in [("](", ')'), ("src=\"", '"')] {
                let links = part.split(mark).skip(1);
                let ends = links.filter_map(|link| link.split(close).next());
                found.extend(ends.map(|target| (number, target.to_owned())));
            }
        }
    }
    found
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn has_anchor(text: &str, wanted: &str) -> bool {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#')))
        .any(|anchor| anchor == wanted)
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let folder = root().join(&page.path);
        let folder = folder.parent().expect("a page lies in a folder");
        for (line, target) in targets(&page.text) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target.as_str(), ""));
            let place = || format!("{}:{line}: {target}", page.path);
            if !file.is_empty() && !folder.join(file).exists() {
                broken.push(place());
                continue;
            }
            let markdown = file.is_empty() || file.ends_with(".md");
            if markdown && !anchor.is_empty() {
                let text = if file.is_empty() {
                    page.text.clone()
                } else {
                    std::fs::read_to_string(folder.join(file)).unwrap_or_default()
                };
                if !has_anchor(&text, anchor) {
                    broken.push(format!("{}: no such heading", place()));
                }
            }
        }
    }
    none(broken, "links that lead nowhere");
}

#[test]
fn shells_take_the_commands_as_they_stand() {
    let mut split = Vec::new();
    for page in pages() {
        for (number, line) in page.text.lines().enumerate() {
            let values = line.split("--set ").skip(1);
            let bare = values.filter(|value| !value.starts_with(['\'', '"']));
            let words = bare.filter_map(|value| value.split_whitespace().next());
            for word in words.filter(|word| word.contains(['[', '{'])) {
                split.push(format!("{}:{}: {word}", page.path, number + 1));
            }
        }
    }
    none(
        split,
        "shells expand brackets and braces: --set 'key=[1]' with quotes",
    );
}

#[test]
fn the_readmes_code_fits_a_terminal() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("README.md is there");
    let mut fenced = false;
    let mut wide = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let fence = line.starts_with("```");
        fenced ^= fence;
        let code = fenced || line.starts_with("    ");
        if code && !fence && line.chars().count() > COLUMNS {
            wide.push(format!("README.md:{}", number + 1));
        }
    }
    none(wide, &format!("lines of code over {COLUMNS} columns"));
}
