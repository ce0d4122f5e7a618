//! bAbI as a task.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ndarray::ArrayView2;

use super::recall::BLANK;
use super::source::{self, TaskFiles};
use super::{
    AnswerWords, BabiError, BabiOptions, Corpus, Draw, Interner, Lexicon, Reading, Renames,
    Showing, Vocabulary, render,
};
use crate::{Episode, Interface, Labels, OptionError, Split, Task, TaskError, UNKNOWN_CLASS};

/// The bAbI tasks, loaded.
///
/// Where a task has no validation file (as in `en-10k`), the last tenth of its training stories, rounded down but at
/// least one if there are two, is its validation split; [`Counts::is_cut`] and the task's notes say so. A split that has no file for any of the tasks is empty: the test
/// files may be absent.
#[derive(Debug, Clone)]
pub struct Babi {
    options: BabiOptions,
    seed: u64,
    place: String,
    vocabulary: Vocabulary,
    interface: Interface,
    lexicon: Lexicon,
    renames: Renames,
    answers: Vec<String>,
    corpora: Vec<Corpus>,
    /// The episodes of each split.
    episodes: [Vec<Location>; 3],
    counts: Vec<Counts>,
}

/// Where an episode stands.
#[derive(Debug, Clone, Copy)]
struct Location {
    task: u8,
    corpus: u32,
    first: u32,
    end: u32,
}

/// What a split of a task holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// The task, 1 to 20.
    pub task: u8,
    /// The split.
    pub split: Split,
    /// The number of stories.
    pub stories: usize,
    /// The number of statements.
    pub statements: usize,
    /// The number of questions.
    pub questions: usize,
    /// Whether these are validation stories that were cut from the end of the training file, for want of a file of their own.
    pub is_cut: bool,
}

/// Some stories of a corpus: a task's share of a split.
struct Part {
    task: u8,
    split: Split,
    corpus: usize,
    stories: Range<usize>,
}

/// All files parsed, before words and answers have their final numbers.
#[derive(Default)]
struct Parsed {
    words: Interner,
    answers: Interner,
    corpora: Vec<Corpus>,
    parts: Vec<Part>,
}

impl Parsed {
    fn new(tasks: Vec<TaskFiles>) -> Result<Self, BabiError> {
        let mut parsed = Parsed::default();
        for TaskFiles { task, splits } in tasks {
            let has_valid = splits[1].is_some();
            for (file, split) in splits.into_iter().zip(Split::ALL) {
                let Some(file) = file else { continue };
                let corpus = Corpus::parse(
                    &file.name,
                    &file.bytes,
                    &mut parsed.words,
                    &mut parsed.answers,
                )?;
                let stories = corpus.stories();
                let held_out = if split == Split::Train && !has_valid {
                    (stories / 10).max(1).min(stories / 2)
                } else {
                    0
                };
                let corpus_index = parsed.corpora.len();
                parsed.corpora.push(corpus);
                let kept = stories - held_out;
                parsed.parts.push(Part {
                    task,
                    split,
                    corpus: corpus_index,
                    stories: 0..kept,
                });
                if held_out > 0 {
                    let stories = kept..stories;
                    parsed.parts.push(Part {
                        task,
                        split: Split::Valid,
                        corpus: corpus_index,
                        stories,
                    });
                }
            }
        }
        Ok(parsed)
    }

    /// The words of the longest line of the training stories; of all, where there are none. (A model is made for these: it must not depend
    /// on what it will be tested on.)
    fn longest(&self) -> Option<usize> {
        let of = |split: Option<Split>| {
            let parts = self
                .parts
                .iter()
                .filter(|part| split.is_none_or(|split| part.split == split));
            let lines = parts.flat_map(|part| {
                let corpus = &self.corpora[part.corpus];
                let lines = part.stories.clone().flat_map(|story| corpus.story(story));
                lines.map(|line| corpus.words(line).len())
            });
            lines.max()
        };
        of(Some(Split::Train)).or_else(|| of(None))
    }

    /// What can be renamed in the tasks that have training stories. The words of all answers, split at commas and blanks, are numbered too.
    fn renames(&mut self, options: &BabiOptions) -> Result<Renames, OptionError> {
        let words = &mut self.words;
        let answers = self.answers.strings().iter();
        let answers: Vec<AnswerWords> = answers
            .map(|answer| AnswerWords::of(answer, words))
            .collect();
        let mut told: BTreeMap<u8, BTreeSet<u32>> = BTreeMap::new();
        for part in self.parts.iter().filter(|part| part.split == Split::Train) {
            let corpus = &self.corpora[part.corpus];
            let told = told.entry(part.task).or_default();
            for line in part.stories.clone().flat_map(|story| corpus.story(story)) {
                told.extend(corpus.words(line));
                let answer = corpus.answer(line).map(|answer| &answers[answer as usize]);
                told.extend(answer.into_iter().flat_map(|answer| &answer.words));
            }
        }
        Renames::new(&options.rename, words, answers, &told)
    }

    /// The words and answers of the training stories, and the marks of what is shown again. Where words are to be `recalled`, they are
    /// answers too.
    fn vocabulary(&self, showing: Showing, recalled: bool) -> Vocabulary {
        let (mut words, mut answers) = (BTreeSet::new(), BTreeSet::new());
        for part in self.parts.iter().filter(|part| part.split == Split::Train) {
            let corpus = &self.corpora[part.corpus];
            for line in part.stories.clone().flat_map(|story| corpus.story(story)) {
                words.extend(corpus.words(line));
                answers.extend(corpus.answer(line));
            }
        }
        let word = |&number: &u32| self.words.strings()[number as usize].as_str();
        let answer = |&number: &u32| self.answers.strings()[number as usize].as_str();
        let mut marks: Vec<String> = showing.marks().collect();
        if recalled {
            marks.push(BLANK.to_owned());
        }
        let words = words.iter().map(word);
        let recalled = words.clone().filter(|_| recalled);
        Vocabulary::new(
            words.chain(marks.iter().map(String::as_str)),
            answers.iter().map(answer).chain(recalled),
        )
    }
}

impl Babi {
    /// Loads the chosen tasks, with the vocabulary of their training files.
    ///
    /// # Errors
    /// Where an option is out of range, data are missing (a training file for every task is needed; another split must
    /// have files for all tasks or for none), or a line is malformed.
    pub fn load(options: BabiOptions) -> Result<Self, BabiError> {
        Self::build(options, None)
    }

    /// Loads the chosen tasks for a model that has its vocabulary already. Training files are not needed.
    ///
    /// # Errors
    /// As [`Babi::load`], or where the vocabulary cannot be used.
    pub fn with_vocabulary(
        options: BabiOptions,
        vocabulary: Vocabulary,
    ) -> Result<Self, BabiError> {
        Self::build(options, Some(vocabulary))
    }

    /// Draws the cues and the renamings of training stories from the streams of `seed`; of 0 unless this is called.
    pub fn with_seed(self, seed: u64) -> Self {
        Babi { seed, ..self }
    }

    fn build(options: BabiOptions, vocabulary: Option<Vocabulary>) -> Result<Self, BabiError> {
        options.check()?;
        let (place, files) = source::read(&options)?;
        check_complete(&place, &files, vocabulary.is_none())?;
        let mut parsed = Parsed::new(files)?;
        let vocabulary = vocabulary
            .unwrap_or_else(|| parsed.vocabulary(options.showing(), options.recall > 0.0));
        let unknown_word = vocabulary.check()?;
        let renames = parsed.renames(&options)?;
        let lexicon = Lexicon::new(
            &vocabulary,
            unknown_word,
            options.showing(),
            parsed.words.strings(),
            parsed.answers.strings(),
        );

        let reading = Reading {
            questions: options.questions,
            showing: options.showing(),
            draw: Draw::default(),
        };
        let mut episodes = [Vec::new(), Vec::new(), Vec::new()];
        let mut counts = Vec::new();
        for part in &parsed.parts {
            let corpus = &parsed.corpora[part.corpus];
            let locations = &mut episodes[part.split as usize];
            let (mut lines, mut questions) = (0, 0);
            for story in part.stories.clone() {
                lines += corpus.story(story).len();
                questions += corpus
                    .story(story)
                    .filter(|&line| corpus.answer(line).is_some())
                    .count();
                for range in reading.episodes(corpus, story) {
                    let location = Location {
                        task: part.task,
                        corpus: part.corpus as u32,
                        first: range.start as u32,
                        end: range.end as u32,
                    };
                    let shown = options.shown_in_an_epoch(part.task, part.split);
                    locations.extend(std::iter::repeat_n(location, shown));
                }
            }
            counts.push(Counts {
                task: part.task,
                split: part.split,
                stories: part.stories.len(),
                statements: lines - questions,
                questions,
                is_cut: part.split == Split::Valid && part.stories.start > 0,
            });
        }
        counts.sort_by_key(|count| (count.split, count.task));

        let longest = parsed.longest().unwrap_or(1);
        let interface = Interface::words(
            vocabulary.words.clone(),
            options.showing().words_per_step(longest),
            vocabulary.answers.clone(),
        );
        let (answers, corpora) = (parsed.answers.strings().to_vec(), parsed.corpora);
        Ok(Babi {
            options,
            seed: 0,
            place,
            vocabulary,
            interface,
            lexicon,
            renames,
            answers,
            corpora,
            episodes,
            counts,
        })
    }

    /// The options that the data were loaded with.
    pub fn options(&self) -> &BabiOptions {
        &self.options
    }

    /// The words and answers, for a checkpoint to carry.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What was loaded, split by split and task by task: a check against the published numbers.
    pub fn counts(&self) -> &[Counts] {
        &self.counts
    }

    /// The tasks whose validation stories are cut from their training files.
    fn cut(&self) -> Vec<String> {
        let cut = self.counts.iter().filter(|count| count.is_cut);
        cut.map(|count| count.task.to_string()).collect()
    }

    fn reading(&self, split: Split, epoch: u64) -> Reading {
        let asked = split == Split::Train && self.options.recalls_in(epoch);
        Reading {
            questions: self.options.questions,
            showing: self.options.showing(),
            draw: Draw {
                share: if asked { self.options.recall } else { 0.0 },
                seed: self.seed,
                epoch,
            },
        }
    }

    fn locate(&self, split: Split, index: u64) -> Option<Located<'_>> {
        let episodes = &self.episodes[split as usize];
        let (epoch, place) = match split {
            Split::Train => {
                let len = episodes.len() as u64;
                (index.checked_div(len)?, index.checked_rem(len)?)
            }
            Split::Valid | Split::Test => (0, index),
        };
        let location = *episodes.get(usize::try_from(place).ok()?)?;
        Some(Located {
            task: location.task,
            corpus: self.corpora.get(location.corpus as usize)?,
            lines: location.first as usize..location.end as usize,
            reading: self.reading(split, epoch),
        })
    }
}

/// An episode found: what it is read from, and how.
struct Located<'a> {
    task: u8,
    corpus: &'a Corpus,
    lines: Range<usize>,
    reading: Reading,
}

/// Every task must have a training file (if `need_train`), and each other split files for all tasks or for none.
fn check_complete(place: &str, files: &[TaskFiles], need_train: bool) -> Result<(), BabiError> {
    for (slot, split) in Split::ALL.into_iter().enumerate() {
        let present = |files: &TaskFiles| files.splits[slot].is_some();
        // A missing validation file is made up for from the training file.
        let made_up = |files: &TaskFiles| split == Split::Valid && files.splits[0].is_some();
        let needed = (split == Split::Train && need_train) || files.iter().any(present);
        if let Some(lacking) = files
            .iter()
            .find(|files| needed && !present(files) && !made_up(files))
        {
            return Err(BabiError::MissingTask {
                place: place.to_owned(),
                task: lacking.task,
                split,
            });
        }
    }
    if let Some(lacking) = files
        .iter()
        .find(|files| files.splits.iter().all(Option::is_none))
    {
        return Err(BabiError::MissingTask {
            place: place.to_owned(),
            task: lacking.task,
            split: Split::Test,
        });
    }
    Ok(())
}

fn has_unknown_answers(episode: &Episode) -> bool {
    matches!(&episode.labels, Labels::Classes(classes) if classes.contains(&UNKNOWN_CLASS))
}

impl Task for Babi {
    fn name(&self) -> &str {
        "babi"
    }

    fn interface(&self) -> &Interface {
        &self.interface
    }

    fn len(&self, split: Split) -> Option<u64> {
        Some(self.episodes[split as usize].len() as u64)
    }

    fn steps(&self, split: Split, index: u64) -> usize {
        self.locate(split, index)
            .map_or(0, |at| at.reading.steps(at.corpus, at.lines))
    }

    fn episode(&self, split: Split, index: u64) -> Result<Episode, TaskError> {
        let Some(at) = self.locate(split, index) else {
            let len = self.episodes[split as usize].len() as u64;
            if len == 0 {
                return Err(BabiError::EmptySplit {
                    split,
                    place: self.place.clone(),
                }
                .into());
            }
            return Err(TaskError::IndexOutOfRange {
                task: self.name().to_owned(),
                split,
                index,
                len,
            });
        };
        let Located {
            task,
            corpus,
            lines,
            reading,
        } = at;
        let read = |lexicon: &Lexicon| {
            reading.episode(corpus, lines.clone(), lexicon, format!("qa{task}"))
        };
        if split == Split::Train
            && let Some(renamed) = self.renames.draw(task, index, reading.draw, &self.lexicon)
        {
            let episode = read(&renamed);
            if !has_unknown_answers(&episode) {
                return Ok(episode);
            }
        }
        let mut episode = read(&self.lexicon);
        if has_unknown_answers(&episode) {
            let asked = reading
                .shown(corpus, lines)
                .filter_map(|line| corpus.answer(line));
            let unknown: Vec<&str> = asked
                .filter(|&answer| self.lexicon.class(answer) == UNKNOWN_CLASS)
                .filter_map(|answer| self.answers.get(answer as usize).map(String::as_str))
                .collect();
            episode.text = Some(format!(
                "answers never seen in training: {}",
                unknown.join("; ")
            ));
        }
        Ok(episode)
    }

    fn notes(&self) -> Vec<String> {
        let cut = self.cut();
        if cut.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "{} has no validation file of {} {}: the last tenth of the training stories was taken instead, and is not trained on",
            self.place,
            if cut.len() == 1 { "task" } else { "tasks" },
            cut.join(", ")
        )]
    }

    fn render(&self, episode: &Episode, logits: Option<ArrayView2<f32>>) -> String {
        render(&self.interface, self.options.encoding, episode, logits)
    }
}
