//! What a folder or archive of bAbI files holds: a check of a download, before anything is trained on it.

use std::collections::BTreeSet;

use super::checksums::sha256;
use super::source::{self, SourceFile};
use super::{BabiError, BabiOptions, Corpus, Interner, Provenance, Vocabulary};
use crate::Split;

/// One file, counted and compared with the published one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BabiFile {
    /// The task, 1 to 20.
    pub task: u8,
    /// The split.
    pub split: Split,
    /// Path, or archive and name in it.
    pub name: String,
    /// The SHA-256 sum in hexadecimal.
    pub sha256: String,
    /// What the sum tells.
    pub provenance: Provenance,
    /// The number of stories.
    pub stories: usize,
    /// The number of statements.
    pub statements: usize,
    /// The number of questions.
    pub questions: usize,
}

/// The bAbI files of a folder or archive. Unlike [`Babi`](super::Babi) it also takes a set with gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The folder, or archive and folder in it.
    pub place: String,
    /// The files, by split and task.
    pub files: Vec<BabiFile>,
    /// Tasks without a file: of the training split always, of another split if some task has one there.
    pub missing: Vec<(Split, u8)>,
    /// Different words of all files, with those of the answers.
    pub words: usize,
    /// Different answers of all files.
    pub answers: usize,
}

impl Inventory {
    /// Reads, counts and sums up the files that `options` choose (their `questions`, `encoding` and `hops` do not
    /// matter).
    ///
    /// # Errors
    /// Where there are no files, or one of them cannot be read or has a malformed line.
    pub fn take(options: &BabiOptions) -> Result<Self, BabiError> {
        options.check()?;
        let (place, tasks) = source::read(options)?;
        let (mut words, mut answers) = (Interner::default(), Interner::default());
        let (mut files, mut absent) = (Vec::new(), Vec::new());
        for task in tasks {
            for (file, split) in task.splits.into_iter().zip(Split::ALL) {
                match file {
                    Some(file) => {
                        files.push(count(task.task, split, file, &mut words, &mut answers)?);
                    }
                    None => absent.push((split, task.task)),
                }
            }
        }
        files.sort_by_key(|file| (file.split, file.task));
        absent.sort_unstable();
        let present: BTreeSet<Split> = files.iter().map(|file| file.split).collect();
        absent.retain(|(split, _)| *split == Split::Train || present.contains(split));
        let joint = Vocabulary::new(
            words.strings().iter().map(String::as_str),
            answers.strings().iter().map(String::as_str),
        );
        Ok(Inventory {
            place,
            files,
            missing: absent,
            words: joint.words.len() - 2, // without the marks for padding and for unknown words
            answers: joint.answers.len(),
        })
    }

    /// Whether this is what was published, as far as sums are on record: no training file is missing, nor one of a split that
    /// has others, and none is another than the known one. (A layout without validation files was published too.)
    pub fn is_official(&self) -> bool {
        let known = |file: &BabiFile| {
            matches!(
                file.provenance,
                Provenance::Official | Provenance::NotOnRecord
            )
        };
        self.missing.is_empty() && self.files.iter().all(known)
    }
}

fn count(
    task: u8,
    split: Split,
    file: SourceFile,
    words: &mut Interner,
    answers: &mut Interner,
) -> Result<BabiFile, BabiError> {
    let corpus = Corpus::parse(&file.name, &file.bytes, words, answers)?;
    let questions = (0..corpus.lines())
        .filter(|&line| corpus.answer(line).is_some())
        .count();
    let sum = sha256(&file.bytes);
    Ok(BabiFile {
        task,
        split,
        provenance: Provenance::of(task, split, &sum),
        name: file.name,
        sha256: sum,
        stories: corpus.stories(),
        statements: corpus.lines() - questions,
        questions,
    })
}
