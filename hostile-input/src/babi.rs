//! The text of a bAbI file.

use mnm_tasks::babi::{Corpus, Interner, normal_answer};
use mnm_tasks::{Babi, BabiOptions, Encoding, Questions, Split, Task, Vocabulary};

use crate::{Verdict, folder, refused};

const FILE: &str = "qa1_train.txt";

/// A file of bAbI's kind is read or refused by name and line. Of what was read, words and answers are read as themselves, and every
/// episode, of any way of showing them, fits the interface.
pub fn babi(bytes: &[u8]) -> Verdict {
    let (mut words, mut answers) = (Interner::default(), Interner::default());
    let corpus = match Corpus::parse(FILE, bytes, &mut words, &mut answers) {
        Ok(corpus) => corpus,
        Err(error) => return refused(&error, FILE),
    };
    let (words, answers) = (words.strings(), answers.strings());
    let vocabulary = Vocabulary::new(
        words.iter().map(String::as_str),
        answers.iter().map(String::as_str),
    );
    for word in words {
        let (read, unknown) = vocabulary.encode(word);
        assert!(
            read.len() == 1 && unknown.is_empty(),
            "{word:?}: {unknown:?}"
        );
    }
    for answer in answers {
        assert_eq!(normal_answer(answer), *answer);
        let (_, unknown) = vocabulary.encode(answer);
        assert!(unknown.is_empty(), "{answer:?}: {unknown:?}");
    }
    for story in 0..corpus.stories() {
        let lines = corpus.story(story);
        assert!(lines.clone().any(|line| corpus.answer(line).is_some()));
        assert!(lines.clone().all(|line| !corpus.words(line).is_empty()));
    }
    episodes(bytes);
    Verdict::Taken
}

/// Every episode of the file, as training and as test data.
fn episodes(bytes: &[u8]) {
    let path = folder::file(&format!("babi/{FILE}"), bytes);
    folder::file("babi/qa1_test.txt", bytes);
    let dir = path.parent().expect("the folder of the file");
    // One way of showing for each length, so that an input stands for one.
    let way = bytes.len();
    let options = BabiOptions {
        tasks: vec![1],
        questions: [Questions::InPlace, Questions::Separate][way % 2],
        encoding: [Encoding::Sentence, Encoding::Word][way / 2 % 2],
        ticks: 1 + way / 4 % 2,
        hops: way / 8 % 2,
        recall: f64::from((way / 16 % 2) as u8) / 2.0,
        ..BabiOptions::new(dir)
    };
    let task = Babi::load(options).expect("the same text is read from a file");
    for split in Split::ALL {
        for index in 0..task.len(split).unwrap_or_default().min(64) {
            let episode = task.episode(split, index).expect("within the split");
            episode.check(task.interface()).expect("fits the interface");
            assert_eq!(episode.steps(), task.steps(split, index));
            task.render(&episode, None);
        }
    }
}
