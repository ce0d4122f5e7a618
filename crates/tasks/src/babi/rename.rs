//! Words that stand for each other: the same story, told of other people, places and things.

use std::collections::{BTreeSet, HashMap};

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::{Interner, Lexicon};
use crate::{OptionError, stream};

/// Words that stand for each other in the stories of some tasks: where all of them change places, all through a story, its answers change
/// with them and are as true as before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The tasks, each 1 to 20. One that is not loaded may stand here.
    pub tasks: Vec<u8>,
    /// Two words or more, each once. Words in one string, with spaces between them, go together: with `["north n", "south s"]`, `n`
    /// becomes `s` where `north` becomes `south`.
    pub words: Vec<String>,
    /// The epochs, from the first, in which they stay where they are: what takes long to be found at all may be found sooner in stories
    /// that are the same every time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after: u64,
}

/// Whether a number need not be printed.
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Rename {
    pub(crate) fn check(&self) -> Result<(), OptionError> {
        let tasks = !self.tasks.is_empty() && self.tasks.iter().all(|task| (1..=20).contains(task));
        let expected = "tasks of 1 to 20";
        OptionError::unless(tasks, "babi", "rename", &self.tasks, expected)?;
        let members: Vec<Vec<&str>> = self
            .words
            .iter()
            .map(|words| words.split(' ').collect())
            .collect();
        let words: BTreeSet<&str> = members.iter().flatten().copied().collect();
        let holds = members.len() > 1
            && members.iter().all(|words| words.len() == members[0].len())
            && words.len() == members.len() * members[0].len()
            && words.iter().all(|word| !word.is_empty());
        let expected = "two or more different words, or as many different words with single spaces in each string";
        OptionError::unless(holds, "babi", "rename", &self.words, expected)
    }
}

/// The groups of words that stand for each other, as numbers of an interner, and the words that answers are made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Renames {
    groups: Vec<Group>,
    /// By number of the answer: its words.
    answers: Vec<Vec<u32>>,
    /// The number of the answer of these words.
    numbers: HashMap<Vec<u32>, u32>,
}

#[derive(Debug, Clone)]
struct Group {
    tasks: Vec<u8>,
    after: u64,
    members: Vec<Vec<u32>>,
}

impl Renames {
    /// The groups for `tasks`, the ones with training stories. `words` is given the words of the answers, split at commas.
    ///
    /// # Errors
    /// Where a word stands neither in a line nor in an answer.
    pub(crate) fn new(
        renames: &[Rename],
        tasks: &BTreeSet<u8>,
        words: &mut Interner,
        answers: &Interner,
    ) -> Result<Self, OptionError> {
        let answers: Vec<Vec<u32>> = answers
            .strings()
            .iter()
            .map(|answer| answer.split(',').map(|word| words.number(word)).collect())
            .collect();
        let numbers = (0..).zip(&answers);
        let numbers = numbers
            .map(|(number, words)| (words.clone(), number))
            .collect();
        let number = |word: &str| {
            words.find(word).ok_or_else(|| OptionError {
                task: "babi",
                option: "rename",
                value: format!("{word:?}"),
                expected: "words of the stories and answers; for other stories, name theirs, or none (`data.rename=[]`)".to_owned(),
            })
        };
        let mut groups = Vec::new();
        for rename in renames {
            if !rename.tasks.iter().any(|task| tasks.contains(task)) {
                continue;
            }
            let members = rename.words.iter();
            let members = members
                .map(|words| words.split(' ').map(number).collect())
                .collect::<Result<_, _>>()?;
            groups.push(Group {
                tasks: rename.tasks.clone(),
                after: rename.after,
                members,
            });
        }
        Ok(Renames {
            groups,
            answers,
            numbers,
        })
    }

    /// The lexicon by which a showing of a story of `task` is read: the words of each group, one group after the other, have changed places at random.
    /// `None` if no words of the task stand for each other in that epoch.
    pub(crate) fn draw(
        &self,
        task: u8,
        epoch: u64,
        index: u64,
        lexicon: &Lexicon,
    ) -> Option<Lexicon> {
        let holds = |group: &&Group| group.tasks.contains(&task) && epoch >= group.after;
        let mut groups = self.groups.iter().filter(holds).peekable();
        groups.peek()?;
        let mut random = stream(epoch, "babi.rename", index);
        let mut becomes = lexicon.identity();
        for group in groups {
            let mut drawn: Vec<&Vec<u32>> = group.members.iter().collect();
            drawn.shuffle(&mut random);
            let mut then = lexicon.identity();
            for (&from, &to) in group
                .members
                .iter()
                .flatten()
                .zip(drawn.into_iter().flatten())
            {
                then[from as usize] = to;
            }
            for word in &mut becomes {
                *word = then[*word as usize];
            }
        }
        let answer = |words: &Vec<u32>| {
            let words: Vec<u32> = words.iter().map(|&word| becomes[word as usize]).collect();
            self.numbers.get(&words).copied()
        };
        let answers: Vec<Option<u32>> = self.answers.iter().map(answer).collect();
        Some(lexicon.renamed(&becomes, &answers))
    }
}
