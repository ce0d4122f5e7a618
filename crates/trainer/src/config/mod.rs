//! Configs: TOML with every default visible; an unknown key or a value out of range is an error that names the key.

mod average;
mod data;
mod error;
mod explain;
mod ignored;
mod keys;
mod overrides;
mod reference;
mod rl;
mod train;
pub(crate) mod wire;

use std::io::ErrorKind;
use std::path::Path;

use mnm_controller::{ControllerError, ModelConfig};
use mnm_files::{LARGEST_CONFIG, read_text};
use mnm_memory::rule_names;
use serde::{Deserialize, Serialize};

pub use average::Average;
pub use data::DataConfig;
pub use error::ConfigError;
pub use explain::{did_you_mean, some_of};
pub use keys::{KEYS, Key, WHOLE};
pub use overrides::whole_number;
pub use reference::reference;
pub use rl::RlConfig;
pub use train::{Decay, TrainConfig};

/// The experiments that come with the program, by name.
const NAMED: &[(&str, &str)] = &[
    ("babi", include_str!("../../configs/babi.toml")),
    ("copy", include_str!("../../configs/copy.toml")),
    (
        "double-copy",
        include_str!("../../configs/double-copy.toml"),
    ),
    (
        "priority-sort",
        include_str!("../../configs/priority-sort.toml"),
    ),
    (
        "associative-recall",
        include_str!("../../configs/associative-recall.toml"),
    ),
    ("dictionary", include_str!("../../configs/dictionary.toml")),
    ("mqar", include_str!("../../configs/mqar.toml")),
    ("stories", include_str!("../../configs/stories.toml")),
    ("maze9", include_str!("../../configs/maze9.toml")),
    ("maze13", include_str!("../../configs/maze13.toml")),
    ("bandit", include_str!("../../configs/bandit.toml")),
    ("mdp", include_str!("../../configs/mdp.toml")),
    ("cues", include_str!("../../configs/cues.toml")),
];

/// A whole experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The seed from which every random stream is derived by name.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Threads to compute with; 0 takes all cores. Changes the speed and nothing else.
    #[serde(default)]
    pub threads: usize,
    /// The task and its data.
    pub data: DataConfig,
    /// The model.
    #[serde(default)]
    pub model: ModelConfig,
    /// The training.
    #[serde(default)]
    pub train: TrainConfig,
    /// What reinforcement learning adds to it; there exactly where `data.task` is an environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rl: Option<RlConfig>,
}

fn default_seed() -> u64 {
    1
}

impl Config {
    /// The names of the experiments that come with the program.
    pub fn names() -> Vec<&'static str> {
        NAMED.iter().map(|(name, _)| *name).collect()
    }

    /// What the experiment `name` is about, in a line; empty for a name that the program does not know.
    pub fn about(name: &str) -> &'static str {
        NAMED
            .iter()
            .find(|(known, _)| *known == name)
            .and_then(|(_, text)| text.lines().next())
            .map_or("", |line| line.trim_start_matches('#').trim())
    }

    /// The experiment `name_or_path` (a name of [`Config::names`], or a TOML file) with `key=value` settings on top.
    ///
    /// A value is read as TOML, and as a string where it is not TOML: `data.dir=../babi` needs no quotes.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file, and the key or line at fault.
    pub fn load(name_or_path: &str, sets: &[String]) -> Result<Self, ConfigError> {
        let named = NAMED.iter().find(|(name, _)| *name == name_or_path);
        let (origin, text) = match named {
            Some((name, text)) => (format!("config `{name}`"), (*text).to_owned()),
            None => (name_or_path.to_owned(), read(name_or_path)?),
        };
        Self::parse(&origin, &text, sets)
    }

    /// The experiment that `text` describes; `origin` is what errors call it.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key or line at fault.
    pub fn parse(origin: &str, text: &str, sets: &[String]) -> Result<Self, ConfigError> {
        let mut table: toml::Table =
            text.parse()
                .map_err(|e: toml::de::Error| ConfigError::Toml {
                    origin: origin.to_owned(),
                    message: e.to_string().trim_end().to_owned(),
                })?;
        // Settings lie over the complete config, so that one part of a group can be set by itself (`data.lengths.test`
        // without `data.lengths.train`). Another task has other keys: there the text alone is what they lie over.
        if !sets.iter().any(|set| overrides::names(set, "data.task")) {
            table = Self::completed(&table).unwrap_or(table);
        }
        for set in sets {
            overrides::apply(&mut table, set)?;
        }
        let task = table.get("data").and_then(|data| data.get("task"));
        if let Some(defaults) = task
            .and_then(toml::Value::as_str)
            .and_then(completed_defaults)
        {
            overrides::make_whole(&mut table, &defaults);
        }
        let mut config: Self = wire::from_table(table.clone()).map_err(|misfit| {
            let (key, message) = explain::explained(&misfit, &table);
            ConfigError::Key {
                origin: origin.to_owned(),
                key: match key.as_str() {
                    "." => "the top level".to_owned(),
                    key => format!("`{key}`"),
                },
                message,
            }
        })?;
        if config.data.is_environment() {
            config.rl.get_or_insert_default();
        }
        config.validate()?;
        for set in sets {
            ignored::refuse(set, &config)?;
        }
        Ok(config)
    }

    /// The same experiment with other data: `key=value` settings of keys under `data`, but for `data.task` itself.
    ///
    /// # Errors
    /// [`ConfigError`] for any other key, or as [`Config::parse`].
    pub fn with_data(&self, sets: &[String]) -> Result<Self, ConfigError> {
        for set in sets {
            if overrides::names(set, "data.task") || !overrides::is_within(set, "data") {
                return Err(ConfigError::Override {
                    set: set.clone(),
                    expected: "a trained run takes other data (data.KEY=value, but for data.task) and no other settings"
                        .to_owned(),
                });
            }
        }
        if sets.is_empty() {
            return Ok(self.clone());
        }
        Self::parse("the run's config", &self.to_toml(), sets)
    }

    /// The table with every default in it; `None` where it does not describe an experiment by itself.
    fn completed(table: &toml::Table) -> Option<toml::Table> {
        wire::to_table(&wire::from_table::<Self>(table.clone()).ok()?)
    }

    /// Checks every value's range.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key, its value and what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_seed(self.seed)?;
        check_threads(self.threads)?;
        self.data.validate()?;
        self.model
            .validate()
            .map_err(|error| with_likely_rule(error, &self.model))?;
        self.train.validate()?;
        match (&self.rl, self.data.is_environment()) {
            (Some(rl), true) => {
                rl.validate()?;
                rl::refuse_unused(&self.model, &self.train)
            }
            (None, false) => Ok(()),
            (Some(_), false) => Err(ConfigError::range(
                "rl",
                "{ .. }",
                "nothing, as data.task is no environment (maze, bandit, mdp, cues)",
            )),
            (None, true) => Err(ConfigError::range(
                "rl",
                "unset",
                "the settings of reinforcement learning, because data.task is an environment",
            )),
        }
    }

    /// The whole config as TOML, every default visible.
    pub fn to_toml(&self) -> String {
        // Serialising fails only for types that TOML lacks, and the config has none.
        wire::to_text(self).unwrap_or_default()
    }

    /// The config as a checkpoint holds it: without what changes the speed alone, so that the bytes do not depend on it.
    pub fn for_checkpoint(&self) -> Self {
        Self {
            threads: 0,
            ..self.clone()
        }
    }
}

/// The error of a model; that of a rule that there is not, with the rule that was probably meant.
fn with_likely_rule(error: ControllerError, model: &ModelConfig) -> ConfigError {
    let known = rule_names();
    let likely = did_you_mean(&model.rule, known.iter().map(String::as_str));
    match (&error, likely) {
        (ControllerError::Config { key: "rule", .. }, Some(likely)) if likely != model.rule => {
            ConfigError::Rule {
                name: model.rule.clone(),
                likely: likely.to_owned(),
            }
        }
        _ => error.into(),
    }
}

/// Refuses a seed that TOML, whose integers have a sign, could not give back.
fn check_seed(seed: u64) -> Result<(), ConfigError> {
    match i64::try_from(seed) {
        Ok(_) => Ok(()),
        Err(_) => Err(ConfigError::range("seed", seed, "0 to 9223372036854775807")),
    }
}

/// The table of a config of this task that sets nothing else; `None` for a task that there is not.
fn completed_defaults(task: &str) -> Option<toml::Table> {
    let mut data = toml::Table::from_iter([("task".to_owned(), task.into())]);
    if task == "babi" {
        // The only key without a default.
        data.insert("dir".to_owned(), "data/babi".into());
    }
    let table = toml::Table::from_iter([("data".to_owned(), data.into())]);
    let mut config: Config = wire::from_table(table).ok()?;
    if config.data.is_environment() {
        config.rl.get_or_insert_default();
    }
    wire::to_table(&config)
}

/// Refuses a number of threads that no machine has.
pub(crate) fn check_threads(threads: usize) -> Result<(), ConfigError> {
    if threads > 1024 {
        let allowed = "0 (all cores) to 1024";
        return Err(ConfigError::range("threads", threads, allowed));
    }
    Ok(())
}

fn read(path: &str) -> Result<String, ConfigError> {
    let file = Path::new(path);
    if file.is_dir() {
        return Err(ConfigError::Folder(path.into()));
    }
    let is_path = path.ends_with(".toml") || path.contains(std::path::MAIN_SEPARATOR);
    // A pipe or a device is refused for what it is, by whoever reads it.
    if !is_path && !file.exists() {
        return Err(ConfigError::UnknownName {
            name: path.to_owned(),
            known: Config::names().join(", "),
            likely: did_you_mean(path, Config::names()).map_or(String::new(), |likely| {
                format!(" (did you mean `{likely}`?)")
            }),
        });
    }
    read_text(file, LARGEST_CONFIG).map_err(|source| match source.kind() {
        ErrorKind::NotFound => ConfigError::Missing {
            path: path.into(),
            likely: instead(file),
        },
        // No text, or too large for a config.
        _ if path.ends_with(".safetensors") && file.is_file() => {
            ConfigError::Parameters(path.into())
        }
        ErrorKind::InvalidData => ConfigError::Toml {
            origin: path.to_owned(),
            message: "this is no text file".to_owned(),
        },
        _ => ConfigError::Read {
            path: path.into(),
            source,
        },
    })
}

/// What was probably meant by a file that is not there, or which configs are where it was looked for.
fn instead(file: &Path) -> String {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter();
    let mut there: Vec<String> = entries
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|path| {
            path.strip_prefix(".")
                .unwrap_or(&path)
                .display()
                .to_string()
        })
        .collect();
    there.sort();
    let name = file.to_string_lossy();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let likely = did_you_mean(&name, there.iter().map(String::as_str));
    // A name with `.toml` behind it; a short one is near to too many.
    let named = || {
        did_you_mean(&stem, Config::names())
            .filter(|likely| likely.chars().next() == stem.chars().next())
    };
    match likely.or_else(named) {
        Some(likely) => format!("; did you mean `{likely}`?"),
        None if there.is_empty() => String::new(),
        None => format!("; there are: {}", some_of(&there)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(sets: &[&str]) -> Vec<String> {
        sets.iter().map(|set| (*set).to_owned()).collect()
    }

    fn load(name: &str, sets: &[&str]) -> Result<Config, ConfigError> {
        Config::load(name, &owned(sets))
    }

    #[test]
    fn a_seed_that_could_not_be_read_back_is_refused() {
        let mut config = load("double-copy", &[]).expect("a config that comes with the program");
        config.seed = i64::MAX as u64;
        config.validate().expect("the largest");
        let back = Config::parse("the text", &config.to_toml(), &[]).expect("what was written");
        assert_eq!(back, config);
        for seed in [i64::MAX as u64 + 1, u64::MAX] {
            config.seed = seed;
            let message = config.validate().expect_err("too large").to_string();
            assert!(message.contains(&format!("seed = {seed}")), "{message}");
        }
    }

    #[test]
    fn one_part_of_a_group_can_be_set_by_itself() {
        let plain = load("double-copy", &[]).expect("a config that comes with the program");
        let set = load("double-copy", &["data.lengths.test.max=40"]).expect("one key of six");
        let (DataConfig::DoubleCopy(plain), DataConfig::DoubleCopy(set)) = (plain.data, set.data)
        else {
            panic!("another task");
        };
        assert_eq!(set.lengths.test.max, 40);
        assert_eq!(set.lengths.test.min, plain.lengths.test.min);
        assert_eq!(set.lengths.train, plain.lengths.train);
    }

    #[test]
    fn a_setting_of_a_rule_that_the_model_ignores_is_refused() {
        let kind = "model.kind=ntm";
        for (sets, users) in [
            (vec![kind, "model.rule=mnm-p"], "only for mnm"),
            (vec!["model.rule=mnm-g", kind], "only for model.kind"),
            (vec![kind, "model.forget=auto"], "only for mnm"),
            (
                vec!["model.rule=delta", "model.inner_loss=l2"],
                "mnm-g, titans",
            ),
            (vec!["model.rule=delta", "model.ridge=1"], "rls"),
        ] {
            let message = load("stories", &sets).expect_err("ignored").to_string();
            assert!(message.contains(users), "{sets:?}: {message}");
        }
        load("stories", &["model.rule=mnm-p", "model.forget=none"]).expect("its own");
        load("stories", &["model.rule=titans", "model.inner_steps=1"]).expect("its own");
    }

    #[test]
    fn a_rule_that_there_is_not_brings_the_likely_one() {
        let message = |set| load("stories", &[set]).expect_err(set).to_string();
        let likely = message("model.rule=mmn-g");
        assert!(likely.contains("did you mean \"mnm-g\"?"), "{likely}");
        let unlike = message("model.rule=quick");
        assert!(
            unlike.contains("mnm-g") && !unlike.contains("did you mean"),
            "{unlike}"
        );
    }

    #[test]
    fn another_task_brings_its_own_keys() {
        let config = load("double-copy", &["data.task=stories"]).expect("stories");
        assert!(matches!(config.data, DataConfig::Stories(_)));
    }

    #[test]
    fn a_trained_run_takes_other_data_and_nothing_else() {
        let config = load("double-copy", &[]).expect("a config that comes with the program");
        let other = config
            .with_data(&owned(&["data.bits=5"]))
            .expect("another width");
        assert_eq!(
            (other.model, other.train),
            (config.model.clone(), config.train.clone())
        );
        for wrong in [
            "model.heads=2",
            "data.task=stories",
            "seed=2",
            "database.x=1",
        ] {
            let message = config
                .with_data(&owned(&[wrong]))
                .expect_err(wrong)
                .to_string();
            assert!(message.contains(wrong), "{message}");
        }
        let unknown = config
            .with_data(&owned(&["data.dir=x"]))
            .expect_err("no such key");
        assert!(unknown.to_string().contains("dir"), "{unknown}");
    }
}
