//! Stories told to a trained model: the answers are those that an evaluation of the same lines gets.

use std::path::Path;

use mnm_controller::Masks;
use mnm_tasks::Split;
use mnm_trainer::ask::{Answer, AskError, Examined, MOST_LINES, Reader};
use mnm_trainer::batch::Block;
use mnm_trainer::{Run, TrainOptions, Weights, train};

use crate::sizes;

/// Two stories of different lengths; `?` marks a question, whose answer follows the bar.
const STORIES: [&[&str]; 2] = [
    &[
        "Mary moved to the bathroom.",
        "John went to the hallway.",
        "Where is Mary?|bathroom",
        "Mary went back to the big old garden.",
        "Where is John?|hallway",
        "Where is Mary?|garden",
    ],
    &["Sandra left.", "Where is Sandra?|hallway"],
];

fn babi_text() -> String {
    let mut text = String::new();
    for story in STORIES {
        for (index, line) in story.iter().enumerate() {
            let line = match line.split_once('|') {
                Some((question, answer)) => format!("{question} \t{answer}\t1"),
                None => (*line).to_owned(),
            };
            text += &format!("{} {line}\n", index + 1);
        }
    }
    text
}

fn small(name: &str, sets: &[&str], out: &Path) {
    let mut all = vec![
        "model.controller=9",
        "model.value=5",
        "model.hidden=6",
        "model.embedding=7",
        "train.steps=3",
        "train.batch=4",
        "train.learning_rate=0.05",
        "train.valid_episodes=4",
    ];
    all.extend(sets);
    let config = sizes::load(name, all);
    let options = TrainOptions {
        quiet: true,
        ..TrainOptions::default()
    };
    train(&config, out, &options).unwrap();
}

/// The probabilities of all answers to all questions, story after story, as a whole sequence gives them. Validation stories, the
/// same ones: those of training may have words to recall between their lines.
fn evaluated(run: &Run) -> Vec<Vec<f64>> {
    let parameters = run.parameters.constants();
    let mut all = Vec::new();
    for index in 0..run.task.len(Split::Valid).unwrap() {
        let episode = run.task.episode(Split::Valid, index).unwrap();
        let block = Block::new(vec![episode], run.model.outputs()).unwrap();
        let start = run.model.initial_state(&parameters, 1).unwrap();
        let unrolled = run
            .model
            .run(&parameters, &block.input, &start, &Masks::default())
            .unwrap();
        let logits = run
            .model
            .logits(&parameters, &unrolled.outputs, &block.rows)
            .unwrap();
        for row in logits.value().outer_iter() {
            let shares: Vec<f64> = row.iter().map(|&o| f64::from(o).exp()).collect();
            let sum: f64 = shares.iter().sum();
            all.push(shares.iter().map(|share| share / sum).collect());
        }
    }
    all
}

#[test]
fn answers_are_those_of_the_whole_sequence() {
    for sets in [
        &["data.questions=in-place"][..],
        &["data.questions=in-place", "data.hops=2"],
        &["data.questions=separate", "data.hops=1"],
        &["data.ticks=2", "data.hops=1", "model.recurrence=never"],
        &[
            "data.ticks=2",
            "model.recurrence=line",
            "data.encoding=word",
        ],
        &["data.encoding=word", "model.rule=mnm-g"],
        &["model.kind=lstm-salu", "data.questions=separate"],
        &["data.recall=1.0", "data.hops=1"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (data, out) = (folder.path().join("data"), folder.path().join("run"));
        std::fs::create_dir(&data).unwrap();
        for file in ["qa1_train.txt", "qa1_valid.txt"] {
            std::fs::write(data.join(file), babi_text()).unwrap();
        }
        let dir = format!("data.dir={}", data.display());
        let fixed = ["data.tasks=[1]", "data.recall=0.0", &dir];
        small("babi", &[&fixed, sets].concat(), &out);
        let run = Run::open(&out, Weights::Last, &[]).unwrap();
        let mut expected = evaluated(&run).into_iter();
        // The reader has only the run folder.
        std::fs::remove_dir_all(&data).unwrap();
        let reader = Reader::open(&out, Weights::Last).unwrap();
        let answers = &reader.vocabulary().answers;
        if sets.contains(&"data.recall=1.0") {
            assert!(answers.contains(&"mary".to_owned()), "{answers:?}");
        } else {
            assert_eq!(answers, &["bathroom", "garden", "hallway"]);
        }
        for lines in STORIES {
            let texts: Vec<&str> = lines
                .iter()
                .map(|line| line.split('|').next().unwrap())
                .collect();
            let examined = reader.examine(&texts).unwrap();
            let mut story = reader.begin().unwrap();
            for (number, line) in lines.iter().enumerate() {
                let found = &examined[number];
                assert!(found.rate.is_some_and(|rate| rate > 0.0 && rate < 1.0));
                assert_eq!(found.answer.is_some(), line.contains('|'));
                let Some((question, _)) = line.split_once('|') else {
                    assert!(story.tell(line).unwrap().is_empty());
                    continue;
                };
                let answer = story.ask(question).unwrap();
                check_examined(found, &answer, &lines[..number], sets);
                let expected = expected.next().unwrap();
                assert_eq!(answer.ranking.len(), expected.len());
                for candidate in &answer.ranking {
                    let class = answers.iter().position(|a| *a == candidate.answer).unwrap();
                    let difference = (candidate.probability - expected[class]).abs();
                    assert!(difference < 1e-5, "{sets:?} {line}: {difference}");
                }
                let [best, next] = [answer.best(), answer.runner_up()].map(Option::unwrap);
                assert!(best.probability >= next.probability && next.probability > 0.0);
            }
        }
        assert!(expected.next().is_none(), "{sets:?}: all were asked");
    }
}

/// A line gone through with the whole story is answered as it was when told line by line, and every earlier line was left out once.
fn check_examined(found: &Examined, answer: &Answer, before: &[&str], sets: &[&str]) {
    for (one, other) in found
        .answer
        .iter()
        .flat_map(|a| &a.ranking)
        .zip(&answer.ranking)
    {
        let difference = (one.probability - other.probability).abs();
        assert!(
            difference < 1e-5,
            "{sets:?}: {one:?}, told line by line {other:?}"
        );
    }
    let in_place = !sets.contains(&"data.questions=separate");
    let is_there = |line: &&str| in_place || !line.contains('|');
    let lines = before.iter().filter(|line| is_there(line)).count();
    assert_eq!(found.without.len(), lines, "{sets:?}");
    assert!(found.without.iter().all(|(_, p)| *p > 0.0 && *p < 1.0));
}

#[test]
fn what_was_told_before_matters_and_unknown_words_are_named() {
    let folder = tempfile::tempdir().unwrap();
    small("stories", &[], folder.path());
    let reader = Reader::open(folder.path(), Weights::Best).unwrap();
    let words = &reader.vocabulary().words;
    let known = words.iter().rfind(|word| !word.starts_with('<')).unwrap();

    let mut told = reader.begin().unwrap();
    let unknown = told.tell(&format!("The quokka likes {known}.")).unwrap();
    assert!(unknown.contains(&"quokka".to_owned()) && !unknown.contains(known));
    let answer = told.ask("Where is the Quokka?").unwrap();
    assert!(answer.unknown.contains(&"quokka".to_owned()));
    let fresh = reader.begin().unwrap().ask("Where is the Quokka?").unwrap();
    assert_ne!(answer.ranking, fresh.ranking);
    let again = reader.begin().unwrap().ask("Where is the wombat?").unwrap();
    assert_eq!(again.ranking, fresh.ranking, "all unknown words are one");
    assert_eq!(again.unknown.last().unwrap(), "wombat");

    let mut story = reader.begin().unwrap();
    for nothing in ["", " .", "?!"] {
        assert!(matches!(story.tell(nothing), Err(AskError::NoWord(_))));
        assert!(matches!(story.ask(nothing), Err(AskError::NoWord(_))));
    }
    assert_eq!(story.ask("Where is the Quokka?").unwrap(), fresh);
    let long = vec!["ada ran"; MOST_LINES + 1];
    assert!(matches!(
        reader.examine(&long),
        Err(AskError::TooLong { .. })
    ));
    assert!(matches!(
        reader.examine(&["ada ran", "..."]),
        Err(AskError::NoWord(_))
    ));
    assert!(reader.examine(&[]).unwrap().is_empty());
}

#[test]
fn a_run_without_words_and_a_folder_without_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let error = |dir: &Path| Reader::open(dir, Weights::Best).err().unwrap().to_string();
    assert!(error(folder.path()).contains("holds no run"));
    let (run, sets) = (folder.path().join("run"), ["data.bits=3"]);
    small("double-copy", &sets, &run);
    let message = error(&run);
    assert!(message.contains("\"double-copy\"") && message.contains("stories"));
}
