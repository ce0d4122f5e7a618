//! Words and answers as the data tell them apart.

use mnm_tasks::babi::{Corpus, Interner, normal_answer};
use mnm_tasks::{Babi, Labels, Split, Task, UNKNOWN_CLASS};
use proptest::prelude::*;

use crate::fixtures::{options, words, write};

/// Words and answers of a file of one story.
fn parse(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut words, mut answers) = (Interner::default(), Interner::default());
    let corpus = Corpus::parse("f", text.as_bytes(), &mut words, &mut answers).unwrap();
    let shown = (0..corpus.lines()).flat_map(|line| corpus.words(line));
    let shown = shown.map(|&word| words.strings()[word as usize].clone());
    (shown.collect(), answers.strings().to_vec())
}

/// The words of bAbI's English files, the validation and the training files together, and those answers that are not one word.
const WORDS: &str = include_str!("words.txt");

#[test]
fn the_words_of_the_published_files_are_what_they_were() {
    let known: Vec<&str> = WORDS.split_whitespace().collect();
    assert!(known.len() > 150);
    for word in known {
        for written in [word.to_owned(), word.to_uppercase(), format!("{word}.")] {
            let (words, _) = parse(&format!("1 {written}\n2 {written}? \t{word}\t1\n"));
            assert_eq!(words, [word, word]);
        }
        assert_eq!(normal_answer(&word.to_uppercase()), word);
    }
    assert_eq!(normal_answer("apple,football,milk"), "apple,football,milk");
    assert_eq!(normal_answer("N,s"), "n,s");
}

proptest! {
    /// The rule as it was, for all that bAbI's files are written in: letters, blanks, commas, full stops, question marks.
    #[test]
    fn in_the_letters_of_the_published_files_nothing_has_changed(
        sentence in "[A-Za-z][A-Za-z ,.]{0,40}", answer in "[A-Za-z]{1,9}(,[A-Za-z]{1,9}){0,3}",
    ) {
        let parts = sentence.split(|c: char| c.is_whitespace() || c == ',');
        let parts = parts.map(|part| part.replace('.', "").to_lowercase());
        let expected: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        let (words, answers) = parse(&format!("1 {sentence}? \t{answer}\t1\n"));
        prop_assert_eq!(words, expected);
        prop_assert_eq!(answers, [answer.to_lowercase()]);
    }
}

#[test]
fn one_answer_however_its_list_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let asked = |answer| format!("1 Mary got it.\n2 What?\t{answer}\t1\n");
    write(dir.path(), "qa8_train.txt", asked("apple,milk"));
    write(dir.path(), "qa8_valid.txt", asked("Apple, Milk"));
    let babi = Babi::load(options(dir.path(), &[8])).unwrap();
    assert_eq!(babi.vocabulary().answers, ["apple,milk"]);
    let episode = babi.episode(Split::Valid, 0).unwrap();
    assert_eq!(episode.labels, Labels::Classes(vec![0]));
}

#[test]
fn words_in_nfd_meet_the_same_words_in_nfc() {
    let dir = tempfile::tempdir().unwrap();
    let told = |cafe: &str| format!("1 Zoe\u{308} went to the {cafe}.\n2 Where?\t{cafe}\t1\n");
    write(dir.path(), "qa1_train.txt", told("caf\u{e9}"));
    write(dir.path(), "qa1_valid.txt", told("cafe\u{301}"));
    let babi = Babi::load(options(dir.path(), &[1])).unwrap();
    assert_eq!(words(&babi, Split::Train, 0), words(&babi, Split::Valid, 0));
    assert_eq!(babi.vocabulary().answers, ["caf\u{e9}"]);
    let episode = babi.episode(Split::Valid, 0).unwrap();
    assert_eq!(episode.labels, Labels::Classes(vec![0]));
}

#[test]
fn numbers_symbols_marks_and_emoji_stay_apart_in_sentences_and_answers() {
    let told = [
        "5",
        "-5",
        "1.5",
        "15",
        "C++",
        "C#",
        "क्रम",
        "करम",
        "😀",
        "👍🏽",
    ];
    let dir = tempfile::tempdir().unwrap();
    let stories: String = told
        .iter()
        .map(|it| format!("1 Mary saw {it}.\n2 What did she see?\t{it}\t1\n"))
        .collect();
    write(dir.path(), "qa1_train.txt", &stories);
    write(dir.path(), "qa1_valid.txt", &stories);
    let babi = Babi::load(options(dir.path(), &[1])).unwrap();
    let mut answers = told.map(str::to_lowercase);
    answers.sort();
    assert_eq!(babi.vocabulary().answers, answers);
    for (index, it) in told.iter().enumerate() {
        let shown = words(&babi, Split::Valid, index as u64);
        assert_eq!(shown[0], format!("mary saw {}", it.to_lowercase()));
        let Labels::Classes(classes) = babi.episode(Split::Valid, index as u64).unwrap().labels
        else {
            panic!("classes")
        };
        assert_ne!(classes, [UNKNOWN_CLASS]);
    }
}

#[test]
fn what_is_another_answer_is_another_word() {
    let apart: [&[&str]; 12] = [
        &["1e-5", "1e5", "1e+5"],
        &["A-", "A", "A+"],
        &["-$5", "$5"],
        &["-x", "x"],
        &["-5", "5"],
        &["x^2", "x2"],
        &["3 < 4", "3 > 4", "3 4", "3 = 4"],
        &["3<4", "3>4", "34"],
        &["<5", ">5", "5"],
        &["3 != 4", "3 = 4"],
        &["a->b", "a<-b", "ab"],
        &["6 / 3", "6 * 3", "6 - 3", "6 + 3", "6 ^ 3", "6 3"],
    ];
    for group in apart {
        let read = group.iter().map(|it| {
            let (words, answers) = parse(&format!("1 Mary saw {it}.\n2 What?\t{it}\t1\n"));
            let about = words.len() - 1;
            assert_eq!(answers.len(), 1);
            (words[2..about].join(" "), answers[0].clone())
        });
        let read: Vec<(String, String)> = read.collect();
        for (i, (words, answer)) in read.iter().enumerate() {
            for (other_words, other_answer) in &read[..i] {
                assert_ne!(words, other_words);
                assert_ne!(answer, other_answer);
            }
            // As a word of its own an answer is what it is in a sentence.
            assert_eq!(words, answer);
        }
    }
}

#[test]
fn a_byte_order_mark_at_the_start_of_a_file_is_skipped() {
    let text = "1 Mary left.\n2 Who?\tMary\t1\n";
    assert_eq!(parse(&format!("\u{feff}{text}")), parse(text));
}
