//! bAbI from files to episodes, on small fixtures.

use std::fs;
use std::path::Path;

use mnm_tasks::babi::LineProblem;
use mnm_tasks::{
    Babi, BabiError, BabiOptions, Encoding, Input, InputKind, Labels, Questions, Split, Task,
    TaskError, UNKNOWN_CLASS, Vocabulary,
};
use ndarray::Array2;
use tempfile::TempDir;

const TRAIN: &str = "\
1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tBathroom\t1
4 Mary got the milk there.
5 What is Mary carrying?\tmilk,apple\t4 1
1 Sandra left.
2 Where is Sandra?\thallway\t1
";
const VALID: &str =
    "1 Mary went to the Attic.\n2 Where is Mary?\tattic\t1\n3 Where is John?\thallway\t1\n";

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

/// A folder with training and validation files of task 1.
fn one_task() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "qa1_train.txt", TRAIN);
    write(dir.path(), "qa1_valid.txt", VALID);
    dir
}

fn options(dir: &Path, tasks: &[u8]) -> BabiOptions {
    BabiOptions {
        tasks: tasks.to_vec(),
        ..BabiOptions::new(dir)
    }
}

fn stories(count: usize) -> String {
    (0..count)
        .map(|i| format!("1 Mary saw thing{i}.\n2 What did Mary see?\tthing{i}\t1\n"))
        .collect()
}

fn words(babi: &Babi, split: Split, index: u64) -> Vec<String> {
    let Input::Tokens(steps) = babi.episode(split, index).unwrap().input else {
        panic!("bAbI is words")
    };
    let word = |&word: &u32| babi.vocabulary().words[word as usize].clone();
    steps
        .iter()
        .map(|step| step.iter().map(word).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn in_place_a_story_is_an_episode() {
    let dir = one_task();
    let babi = Babi::load(options(dir.path(), &[1])).unwrap();
    assert_eq!(babi.len(Split::Train), Some(2));
    let episode = babi.episode(Split::Train, 0).unwrap();
    assert_eq!(episode.group, "qa1");
    assert_eq!(
        (episode.steps(), &episode.target_steps[..]),
        (5, &[2, 4][..])
    );
    assert_eq!(
        babi.vocabulary().answers,
        ["bathroom", "hallway", "milk,apple"]
    );
    assert_eq!(episode.labels, Labels::Classes(vec![0, 2]));
    assert_eq!(
        words(&babi, Split::Train, 0)[3..],
        ["mary got the milk there", "what is mary carrying"]
    );
    assert_eq!(babi.steps(Split::Train, 1), 2);
    let InputKind::Tokens { words_per_step, .. } = babi.interface().input else {
        panic!("words")
    };
    assert_eq!(words_per_step, 5);
    assert_eq!(babi.failed_above(), 5.0);
}

#[test]
fn separate_questions_leave_the_earlier_ones_out() {
    let dir = one_task();
    let babi = Babi::load(BabiOptions {
        questions: Questions::Separate,
        ..options(dir.path(), &[1])
    })
    .unwrap();
    assert_eq!(babi.len(Split::Train), Some(3));
    assert_eq!(
        words(&babi, Split::Train, 1),
        [
            "mary moved to the bathroom",
            "john went to the hallway",
            "mary got the milk there",
            "what is mary carrying"
        ]
    );
    let episode = babi.episode(Split::Train, 1).unwrap();
    assert_eq!(
        (episode.target_steps, episode.labels),
        (vec![3], Labels::Classes(vec![2]))
    );
    assert_eq!(
        (0..3)
            .map(|i| babi.steps(Split::Train, i))
            .collect::<Vec<_>>(),
        [3, 4, 2]
    );
}

#[test]
fn word_by_word_the_target_is_at_the_last_word_of_the_question() {
    let dir = one_task();
    let babi = Babi::load(BabiOptions {
        encoding: Encoding::Word,
        ..options(dir.path(), &[1])
    })
    .unwrap();
    let episode = babi.episode(Split::Train, 0).unwrap();
    assert_eq!(babi.steps(Split::Train, 0), 5 + 5 + 3 + 5 + 4);
    assert_eq!(episode.steps(), 22);
    assert_eq!(episode.target_steps, [12, 21]);
    let text = words(&babi, Split::Train, 0);
    assert_eq!((text[12].as_str(), text[21].as_str()), ("mary", "carrying"));
    assert!(matches!(
        babi.interface().input,
        InputKind::Tokens {
            words_per_step: 1,
            ..
        }
    ));
    assert_eq!(
        babi.render(&episode, None).lines().count(),
        3,
        "a heading and a line a question"
    );
}

#[test]
fn words_and_answers_come_from_training_alone() {
    let dir = one_task();
    let babi = Babi::load(options(dir.path(), &[1])).unwrap();
    assert!(
        babi.vocabulary().words.contains(&"apple".to_owned()),
        "answers are split into words at commas"
    );
    assert!(!babi.vocabulary().words.contains(&"attic".to_owned()));
    assert_eq!(words(&babi, Split::Valid, 0)[0], "mary went to the <unk>");
    let episode = babi.episode(Split::Valid, 0).unwrap();
    assert_eq!(episode.labels, Labels::Classes(vec![UNKNOWN_CLASS, 1]));
    assert_eq!(
        episode.text.as_deref(),
        Some("answers never seen in training: attic")
    );
    let mut logits = Array2::zeros((2, 3));
    logits.column_mut(1).fill(1.0);
    assert_eq!(
        babi.errors(&episode, logits.view()).wrong,
        1.0,
        "an unknown answer is always an error"
    );
    assert_eq!(
        babi.loss(&episode, logits.mapv(f64::from).view())
            .unwrap()
            .targets,
        1,
        "and has no loss"
    );
    let text = babi.render(&episode, Some(logits.view()));
    assert!(
        text.contains("never seen in training)  answered hallway (WRONG)"),
        "{text}"
    );
    assert!(text.contains("hallway  answered hallway (right)"), "{text}");
}

#[test]
fn a_vocabulary_goes_out_and_comes_back() {
    let dir = one_task();
    let vocabulary = Babi::load(options(dir.path(), &[1]))
        .unwrap()
        .vocabulary()
        .clone();
    let other = tempfile::tempdir().unwrap();
    write(other.path(), "qa1_test.txt", VALID);
    let babi = Babi::with_vocabulary(options(other.path(), &[1]), vocabulary.clone()).unwrap();
    assert_eq!(babi.vocabulary(), &vocabulary);
    assert_eq!(
        (
            babi.len(Split::Train),
            babi.len(Split::Valid),
            babi.len(Split::Test)
        ),
        (Some(0), Some(0), Some(1))
    );
    assert_eq!(words(&babi, Split::Test, 0)[1], "where is mary");
    let broken = Vocabulary {
        words: vec!["mary".into()],
        answers: vec!["hallway".into()],
    };
    let error = Babi::with_vocabulary(options(other.path(), &[1]), broken).unwrap_err();
    assert!(
        matches!(&error, BabiError::Vocabulary(_)) && error.to_string().contains("<unk>"),
        "{error}"
    );
}

#[test]
fn both_layouts_and_several_tasks() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "qa1_single-supporting-fact_train.txt",
        stories(20),
    );
    write(
        dir.path(),
        "qa1_single-supporting-fact_test.txt",
        stories(3),
    );
    write(dir.path(), "qa12_conjunction_train.txt", TRAIN);
    write(dir.path(), "qa12_conjunction_test.txt", VALID);
    let babi = Babi::load(options(dir.path(), &[12, 1])).unwrap();
    assert_eq!(babi.len(Split::Train), Some(1 + 18));
    assert_eq!(
        babi.len(Split::Valid),
        Some(1 + 2),
        "a tenth of the stories, at least one"
    );
    assert_eq!(babi.len(Split::Test), Some(4));
    assert_eq!(babi.episode(Split::Valid, 0).unwrap().group, "qa12");
    assert_eq!(babi.episode(Split::Valid, 2).unwrap().group, "qa1");
    assert!(babi.vocabulary().answers.contains(&"thing17".to_owned()));
    assert!(
        !babi.vocabulary().answers.contains(&"thing18".to_owned()),
        "held out: the last stories"
    );

    let counts: Vec<_> = babi
        .counts()
        .iter()
        .map(|c| (c.task, c.split, c.stories, c.statements, c.questions))
        .collect();
    let expected = [
        (1, Split::Train, 18, 18, 18),
        (12, Split::Train, 1, 3, 2),
        (1, Split::Valid, 2, 2, 2),
        (12, Split::Valid, 1, 1, 1),
        (1, Split::Test, 3, 3, 3),
        (12, Split::Test, 1, 1, 2),
    ];
    assert_eq!(counts, expected);
}

#[test]
fn a_parent_folder_and_its_subsets() {
    let dir = tempfile::tempdir().unwrap();
    let release = dir.path().join("tasks_1-20_v1-2");
    write(&release.join("en-10k"), "qa1_train.txt", stories(10));
    write(&release.join("hn"), "qa1_train.txt", stories(4));
    let train = |dir: &Path, subset: Option<&str>| {
        let options = BabiOptions {
            subset: subset.map(str::to_owned),
            ..options(dir, &[1])
        };
        Babi::load(options).map(|babi| babi.len(Split::Train))
    };
    assert_eq!(train(&release, None).unwrap(), Some(9));
    assert_eq!(train(dir.path(), None).unwrap(), Some(9));
    assert_eq!(train(dir.path(), Some("hn")).unwrap(), Some(3));
    assert_eq!(train(&release.join("hn"), Some("hn")).unwrap(), Some(3));
    write(&release.join("en-valid-10k"), "qa1_train.txt", stories(20));
    assert_eq!(
        train(&release, None).unwrap(),
        Some(18),
        "en-valid-10k goes first"
    );
    let error = train(&release, Some("shuffled")).unwrap_err();
    assert!(matches!(error, BabiError::NoSubset { .. }));
    let message = error.to_string();
    assert!(
        message.contains("in shuffled") && message.contains("en-10k/, en-valid-10k/, hn/"),
        "{message}"
    );
}

fn archive(path: &Path, files: &[(&str, String)]) {
    let encoder =
        flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(encoder);
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
}

#[test]
fn the_published_archive() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tasks.tar.gz");
    archive(
        &path,
        &[
            ("tasks_1-20_v1-2/README.txt", "read me".to_owned()),
            (
                "tasks_1-20_v1-2/en-10k/qa1_single-supporting-fact_train.txt",
                stories(10),
            ),
            (
                "tasks_1-20_v1-2/en-valid-10k/._qa1_train.txt",
                "not this".to_owned(),
            ),
            (
                "tasks_1-20_v1-2/en-valid-10k/qa1_train.txt",
                TRAIN.to_owned(),
            ),
            (
                "tasks_1-20_v1-2/en-valid-10k/qa1_valid.txt",
                VALID.to_owned(),
            ),
            (
                "tasks_1-20_v1-2/en-valid-10k/qa2_train.txt",
                "broken, but not asked for".to_owned(),
            ),
        ],
    );
    let babi = Babi::load(options(&path, &[1])).unwrap();
    assert_eq!(
        (
            babi.len(Split::Train),
            babi.len(Split::Valid),
            babi.len(Split::Test)
        ),
        (Some(2), Some(1), Some(0))
    );
    let folder = one_task();
    let from_folder = Babi::load(options(folder.path(), &[1])).unwrap();
    assert_eq!(
        babi.episode(Split::Train, 0).unwrap(),
        from_folder.episode(Split::Train, 0).unwrap()
    );

    let with = |subset: &str, task| BabiOptions {
        subset: Some(subset.to_owned()),
        ..options(&path, &[task])
    };
    assert_eq!(
        Babi::load(with("en-10k", 1)).unwrap().len(Split::Train),
        Some(9)
    );
    let message = Babi::load(with("hn", 1)).unwrap_err().to_string();
    assert!(
        message.contains("found there: en-10k, en-valid-10k"),
        "{message}"
    );
    let message = Babi::load(with("en-valid-10k", 2)).unwrap_err().to_string();
    assert!(
        message.contains("tasks.tar.gz:en-valid-10k/qa2_train.txt:1: malformed"),
        "{message}"
    );
    assert!(matches!(
        Babi::load(options(&path, &[7])),
        Err(BabiError::MissingTask { task: 7, .. })
    ));
}

#[test]
fn a_cut_off_or_foreign_archive_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tasks.tar.gz");
    archive(&path, &[("en/qa1_train.txt", stories(500))]);
    let bytes = fs::read(&path).unwrap();
    for broken in [&bytes[..bytes.len() / 2], b"not an archive"] {
        fs::write(&path, broken).unwrap();
        let error = Babi::load(options(&path, &[1])).unwrap_err();
        assert!(
            matches!(&error, BabiError::Read { path: named, .. } if *named == path),
            "{error}"
        );
    }
}

#[test]
fn missing_data_say_where_to_get_them() {
    let dir = tempfile::tempdir().unwrap();
    let error = Babi::load(options(&dir.path().join("nothing"), &[1])).unwrap_err();
    assert!(matches!(error, BabiError::Missing { .. }));
    for part in ["nothing", "http", "tasks_1-20_v1-2.tar.gz", "data.dir"] {
        assert!(error.to_string().contains(part), "{part} in {error}");
    }
    let message = Babi::load(options(dir.path(), &[1]))
        .unwrap_err()
        .to_string();
    assert!(message.contains("found there: nothing"), "{message}");
}

#[test]
fn a_missing_task_file_is_named() {
    let dir = one_task();
    let message = Babi::load(options(dir.path(), &[1, 4]))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("no train file of task 4") && message.contains("qa4_train.txt"),
        "{message}"
    );
    write(dir.path(), "qa4_train.txt", TRAIN);
    assert_eq!(
        Babi::load(options(dir.path(), &[1, 4]))
            .unwrap()
            .len(Split::Valid),
        Some(2)
    );
    write(dir.path(), "qa4_test.txt", TRAIN);
    let error = Babi::load(options(dir.path(), &[1, 4])).unwrap_err();
    assert!(
        matches!(
            error,
            BabiError::MissingTask {
                task: 1,
                split: Split::Test,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn malformed_lines_are_named_by_file_and_line() {
    let dir = one_task();
    let path = dir.path().join("qa1_train.txt");
    let broken: [(&[u8], usize, LineProblem); 4] = [
        (
            b"1 Mary left.\n3 Where is Mary?\thome\n",
            2,
            LineProblem::IdOutOfOrder {
                found: 3,
                previous: Some(1),
            },
        ),
        (
            b"1 Mary left.\nWhere is Mary?\thome\n",
            2,
            LineProblem::NoId,
        ),
        (
            b"1 Mary left.\n2 Where is Mary? home 1\n",
            2,
            LineProblem::NoTab,
        ),
        (
            b"1 Mary left.\n2 Where is M\xe4ry?\thome\n",
            2,
            LineProblem::Utf8(13),
        ),
    ];
    for (bytes, at, what) in broken {
        fs::write(&path, bytes).unwrap();
        let error = Babi::load(options(dir.path(), &[1])).unwrap_err();
        let BabiError::Line {
            file,
            line,
            problem,
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(
            (file.as_str(), *line, problem),
            (path.to_str().unwrap(), at, &what)
        );
    }
    fs::write(&path, "").unwrap();
    assert!(matches!(
        Babi::load(options(dir.path(), &[1])),
        Err(BabiError::EmptyFile { .. })
    ));
}

#[test]
fn what_a_split_does_not_hold_is_an_error() {
    let dir = one_task();
    let babi = Babi::load(options(dir.path(), &[1])).unwrap();
    let error = babi.episode(Split::Test, 0).unwrap_err();
    assert!(
        matches!(
            error,
            TaskError::Babi(BabiError::EmptySplit {
                split: Split::Test,
                ..
            })
        ),
        "{error}"
    );
    let error = babi.episode(Split::Train, 2).unwrap_err();
    assert!(
        matches!(
            error,
            TaskError::IndexOutOfRange {
                index: 2,
                len: 2,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(babi.steps(Split::Train, 2), 0);
    assert!(matches!(
        Babi::load(options(dir.path(), &[])),
        Err(BabiError::Option(_))
    ));
}
