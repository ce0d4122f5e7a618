//! Words that stand for each other: the same story, told of other people, places and things.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::{Draw, Interner, Lexicon};
use crate::{OptionError, stream};

/// Words that stand for each other in the stories of some tasks: if they change places everywhere in a story and in its answers, the answers
/// are still right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The tasks, each 1 to 20. One that is not loaded may stand here.
    pub tasks: Vec<u8>,
    /// Two words or more, each once. Words in one string, with spaces between them, go together: with `["north n", "south s"]`, `n`
    /// becomes `s` where `north` becomes `south`.
    pub words: Vec<String>,
    /// The epochs, from the first of a run, in which they stay where they are: what takes long to be found at all may be found sooner in stories
    /// that are the same every time. A run that goes on from another's parameters begins with the first epoch.
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
    answers: Vec<AnswerWords>,
    /// The number of the answer of these words.
    numbers: HashMap<AnswerWords, u32>,
}

/// The words of an answer, and the commas and blanks between them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AnswerWords {
    pub words: Vec<u32>,
    between: String,
}

impl AnswerWords {
    /// Those of `answer`, numbered by `words`.
    pub(crate) fn of(answer: &str, words: &mut Interner) -> Self {
        let between = |c: &char| matches!(c, ',' | ' ');
        AnswerWords {
            words: answer
                .split([',', ' '])
                .map(|word| words.number(word))
                .collect(),
            between: answer.chars().filter(between).collect(),
        }
    }
}

#[derive(Debug, Clone)]
struct Group {
    task: u8,
    after: u64,
    members: Vec<Vec<u32>>,
}

impl Renames {
    /// The groups of each task that has training stories: `told` has the words of these, their answers' included. `answers` are the words of
    /// each answer.
    ///
    /// # Errors
    /// Where a word is not among those of one of its tasks.
    pub(crate) fn new(
        renames: &[Rename],
        words: &Interner,
        answers: Vec<AnswerWords>,
        told: &BTreeMap<u8, BTreeSet<u32>>,
    ) -> Result<Self, OptionError> {
        let mut groups = Vec::new();
        for rename in renames {
            for &task in &rename.tasks {
                let Some(told) = told.get(&task) else {
                    continue;
                };
                let number = |word| {
                    let number = words.find(word).filter(|number| told.contains(number));
                    number.ok_or_else(|| OptionError {
                        task: "babi",
                        option: "rename",
                        value: format!("{word:?}"),
                        expected: format!(
                            "words of the training stories of task {task} or their answers; for other stories, name theirs, or none \
                             (`data.rename=[]`)"
                        ),
                    })
                };
                let members = rename.words.iter();
                let members = members.map(|words| words.split(' ').map(number).collect());
                groups.push(Group {
                    task,
                    after: rename.after,
                    members: members.collect::<Result<_, _>>()?,
                });
            }
        }
        let numbers = (0..).zip(&answers);
        let numbers = numbers
            .map(|(number, words)| (words.clone(), number))
            .collect();
        Ok(Renames {
            groups,
            answers,
            numbers,
        })
    }

    /// The lexicon by which showing `index` of the run, a story of `task`, is read: the words of each group, one group after the other, have changed
    /// places at random. `None` if no words of the task stand for each other in that epoch.
    pub(crate) fn draw(
        &self,
        task: u8,
        index: u64,
        Draw { seed, epoch, .. }: Draw,
        lexicon: &Lexicon,
    ) -> Option<Lexicon> {
        let holds = |group: &&Group| group.task == task && epoch >= group.after;
        let mut groups = self.groups.iter().filter(holds).peekable();
        groups.peek()?;
        let mut random = stream(seed, "babi.rename", index);
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
        let answer = |answer: &AnswerWords| {
            let words = answer.words.iter();
            let renamed = AnswerWords {
                words: words.map(|&word| becomes[word as usize]).collect(),
                between: answer.between.clone(),
            };
            self.numbers.get(&renamed).copied()
        };
        let answers: Vec<Option<u32>> = self.answers.iter().map(answer).collect();
        Some(lexicon.renamed(&becomes, &answers))
    }
}
