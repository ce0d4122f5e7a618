//! Which task or environment, and its options.

use mnm_tasks::environment::{
    Bandit, BanditOptions, Cues, CuesOptions, Environment, EnvironmentError, GridMaze,
    GridMazeOptions, TabularMdp, TabularMdpOptions,
};
use mnm_tasks::{
    AssociativeRecall, AssociativeRecallOptions, BabiOptions, Dictionary, DictionaryOptions,
    DoubleCopy, DoubleCopyOptions, Generator, Mqar, MqarOptions, OptionError, PrioritySort,
    PrioritySortOptions, Split, Stories, StoriesOptions, Task,
};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};

use super::ConfigError;
use super::wire::{self, Misfit};

/// One line a task: the name that `data.task` takes, the variant, and its options.
macro_rules! tasks {
    ($($(#[$doc:meta])* $name:literal => $Variant:ident($Options:ty),)*) => {
        /// The task, chosen by `data.task`, with its options beside it.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "task")]
        pub enum DataConfig {
            $($(#[$doc])* #[serde(rename = $name)] $Variant($Options),)*
        }

        impl DataConfig {
            /// What `data.task` says.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$Variant(_) => $name,)*
                }
            }
        }

        /// What `data.task` may say.
        pub(super) const TASKS: &[&str] = &[$($name),*];

        // Written out: what serde derives for a tag among the fields loses the key in which something is wrong.
        impl<'de> Deserialize<'de> for DataConfig {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut table = toml::Table::deserialize(deserializer)?;
                match name(&mut table)?.as_str() {
                    $($name => options(table).map(Self::$Variant),)*
                    other => Err(D::Error::unknown_variant(other, TASKS)),
                }
            }
        }
    };
}

tasks! {
    /// Question answering on the bAbI data.
    "babi" => Babi(BabiOptions),
    /// Copy a sequence of bit vectors twice.
    "double-copy" => DoubleCopy(DoubleCopyOptions),
    /// Generated stories with questions.
    "stories" => Stories(StoriesOptions),
    /// Give back the vectors of highest priority, in order.
    "priority-sort" => PrioritySort(PrioritySortOptions),
    /// Give back the item that followed the one shown.
    "associative-recall" => AssociativeRecall(AssociativeRecallOptions),
    /// Translate with a dictionary that examples tell.
    "dictionary" => Dictionary(DictionaryOptions),
    /// Name the values of keys that were told in pairs.
    "mqar" => Mqar(MqarOptions),
    /// An environment: find the hidden reward of a maze, and go back to it.
    "maze" => Maze(GridMazeOptions),
    /// An environment: find the arm that pays best.
    "bandit" => Bandit(BanditOptions),
    /// An environment: learn a Markov decision process while playing it.
    "mdp" => Mdp(TabularMdpOptions),
    /// An environment: find the right action for every cue, and remember it.
    "cues" => Cues(CuesOptions),
}

impl DataConfig {
    /// Whether this is an environment, for reinforcement learning.
    pub fn is_environment(&self) -> bool {
        matches!(
            self,
            Self::Maze(_) | Self::Bandit(_) | Self::Mdp(_) | Self::Cues(_)
        )
    }

    /// The task of these options, if it generates its episodes, with random streams of `seed`.
    pub(crate) fn generated(&self, seed: u64) -> Option<Result<Box<dyn Task>, OptionError>> {
        fn boxed(task: impl Task + 'static) -> Box<dyn Task> {
            Box::new(task)
        }
        Some(match self {
            Self::DoubleCopy(options) => DoubleCopy::new(options.clone(), seed).map(boxed),
            Self::Stories(options) => Stories::new(options.clone(), seed).map(boxed),
            Self::PrioritySort(options) => PrioritySort::new(options.clone(), seed).map(boxed),
            Self::AssociativeRecall(options) => {
                AssociativeRecall::new(options.clone(), seed).map(boxed)
            }
            Self::Dictionary(options) => Dictionary::new(options.clone(), seed).map(boxed),
            Self::Mqar(options) => Mqar::new(options.clone(), seed).map(boxed),
            Self::Babi(_) | Self::Maze(_) | Self::Bandit(_) | Self::Mdp(_) | Self::Cues(_) => {
                return None;
            }
        })
    }

    /// `batch` worlds of these options, if they are those of an environment, drawn from streams of `seed` and `split`.
    pub(crate) fn environment(
        &self,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Option<Result<Box<dyn Environment>, EnvironmentError>> {
        fn boxed(environment: impl Environment + 'static) -> Box<dyn Environment> {
            Box::new(environment)
        }
        Some(match self {
            Self::Maze(options) => GridMaze::new(options.clone(), batch, seed, split).map(boxed),
            Self::Bandit(options) => Bandit::new(options.clone(), batch, seed, split).map(boxed),
            Self::Mdp(options) => TabularMdp::new(options.clone(), batch, seed, split).map(boxed),
            Self::Cues(options) => Cues::new(options.clone(), batch, seed, split).map(boxed),
            _ => return None,
        })
    }

    /// Checks every option's range, as the task itself does. Of bAbI nothing is read.
    ///
    /// # Errors
    /// [`ConfigError::Data`].
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if let Self::Babi(options) = self {
            return options.check().map_err(ConfigError::Data);
        }
        if let Some(made) = self.generated(0) {
            return made.map(drop).map_err(ConfigError::Data);
        }
        match self.environment(1, 0, Split::Train) {
            Some(Err(EnvironmentError::Option(error))) => Err(ConfigError::Data(error)),
            // Whatever else stands in the way is found where the data are used.
            _ => Ok(()),
        }
    }

    /// The same data as an evaluation reads them, without what is there for the training's sake alone: bAbI's training stories
    /// as they stand ([`BabiOptions::for_evaluation`]), and no curriculum, so that the lengths of the train split are of its
    /// whole span. The other splits are the same either way.
    #[must_use]
    pub fn for_evaluation(&self) -> Self {
        let mut data = self.clone();
        let lengths = match &mut data {
            Self::Babi(options) => return Self::Babi(options.clone().for_evaluation()),
            Self::DoubleCopy(options) => options.lengths(),
            Self::PrioritySort(options) => options.lengths(),
            Self::AssociativeRecall(options) => options.lengths(),
            Self::Dictionary(options) => options.lengths(),
            Self::Mqar(options) => options.lengths(),
            Self::Stories(_) | Self::Maze(_) | Self::Bandit(_) | Self::Mdp(_) | Self::Cues(_) => {
                Vec::new()
            }
        };
        for option in lengths {
            option.lengths.growing = 0;
        }
        data
    }
}

/// Takes the task's name out of the table.
fn name<E: Error>(table: &mut toml::Table) -> Result<String, E> {
    match table.remove("task") {
        Some(toml::Value::String(task)) => Ok(task),
        Some(other) => {
            let found = other.type_str();
            Err(E::custom(format!(
                "`task` is a {found}, not the name of a task"
            )))
        }
        None => Err(E::missing_field("task")),
    }
}

/// The options of a task; an error begins with the key that it is about.
fn options<T: DeserializeOwned, E: Error>(table: toml::Table) -> Result<T, E> {
    wire::from_table(table).map_err(|Misfit { key, message }| {
        E::custom(match key.as_str() {
            "." => message,
            key => format!("in `{key}`: {message}"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DataConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn every_task_is_read_as_it_is_written() {
        for task in TASKS {
            let dir = if *task == "babi" { "dir = \"x\"" } else { "" };
            let data = read(&format!("task = \"{task}\"\n{dir}")).expect(task);
            let text = toml::to_string(&data).expect("TOML");
            assert!(text.contains(&format!("task = \"{task}\"")), "{text}");
            assert_eq!(read(&text).expect(task), data);
        }
    }

    #[test]
    fn no_length_of_an_evaluation_grows() {
        for task in TASKS.iter().filter(|task| **task != "babi") {
            let plain = read(&format!("task = \"{task}\"")).expect(task);
            let table = toml::Table::try_from(&plain).expect("TOML");
            let mut growing = table.clone();
            for (_, value) in &mut growing {
                if let Some(lengths) = value.as_table_mut().filter(|t| t.contains_key("growing")) {
                    lengths.insert("growing".to_owned(), 100.into());
                }
            }
            let generated = [
                "double-copy",
                "priority-sort",
                "associative-recall",
                "dictionary",
                "mqar",
            ];
            assert_eq!(growing != table, generated.contains(task), "{task}");
            let growing: DataConfig = growing.try_into().expect("TOML");
            assert_eq!(growing.for_evaluation(), plain);
        }
    }

    #[test]
    fn the_key_at_fault_is_named() {
        for (text, words) in [
            ("task = \"double-copy\"\nbits = -1", &["`bits`", "-1"][..]),
            (
                "task = \"double-copy\"\nlengths.train = 5",
                &["`lengths.train`"],
            ),
            (
                "task = \"double-copy\"\nlength = 5",
                &["`length`", "`lengths`"],
            ),
            ("task = \"copies\"", &["`copies`", "`double-copy`"]),
            ("task = 3", &["`task`", "integer"]),
            ("bits = 3", &["`task`"]),
        ] {
            let message = read(text).expect_err(text);
            for word in words {
                assert!(message.contains(word), "{word}: {message}");
            }
        }
    }
}
