//! The trainings that a suite asks for, and what each of them overrides in its config.

use std::path::Path;

use super::suite::{Further, Suite};

/// One training that a suite asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The run's folder under the suite's.
    pub name: String,
    /// Index into the suite's experiments.
    pub experiment: usize,
    /// Index into the suite's models.
    pub model: usize,
    /// The config.
    pub config: String,
    /// Overrides as `key=value`, in the order in which `mnm train` gets them.
    pub set: Vec<String>,
}

impl Suite {
    /// Every training, seeds outermost: whoever stops early has whole sets of models to compare.
    ///
    /// `data` is what `--data` gave; experiments that need it and have none are left out.
    pub fn runs(&self, seeds: u64, quick: bool, data: Option<&Path>) -> Vec<Run> {
        let mut runs = Vec::new();
        for seed in 1..=seeds {
            for (e, experiment) in self.experiments.iter().enumerate() {
                if experiment.with_data && data.is_none() {
                    continue;
                }
                let data = data.filter(|_| self.reads_data(experiment));
                for (m, model) in self.models.iter().enumerate() {
                    if !experiment.models.is_empty() && !experiment.models.contains(&model.name) {
                        continue;
                    }
                    let mut set = flattened(&experiment.set);
                    set.extend(flattened(&model.set));
                    set.extend(
                        experiment
                            .model_set
                            .get(&model.name)
                            .map(flattened)
                            .unwrap_or_default(),
                    );
                    if quick {
                        set.extend(flattened(&experiment.quick));
                    }
                    set.extend(data.map(|folder| format!("data.dir={}", folder.display())));
                    set.push(format!("seed={seed}"));
                    let name = format!("{}-{}-seed{seed}", experiment.name, model.name);
                    runs.push(Run {
                        name,
                        experiment: e,
                        model: m,
                        config: experiment.config.clone(),
                        set,
                    });
                }
            }
        }
        runs
    }
}

impl Run {
    /// Whether it keeps a mean of its parameters, whose last one gives its figure (docs/protocol.md).
    pub fn averages(&self) -> bool {
        self.set.iter().any(|set| set.starts_with("train.average"))
    }
}

impl Further {
    /// The overrides as `key=value`.
    pub fn overrides(&self) -> Vec<String> {
        flattened(&self.set)
    }
}

/// A table as `dotted.key=value` overrides; strings go without quotes, as one types them in a shell.
fn flattened(table: &toml::Table) -> Vec<String> {
    fn walk(prefix: &str, table: &toml::Table, into: &mut Vec<String>) {
        for (key, value) in table {
            let path = if prefix.is_empty() {
                key.clone()
            } else {
                format!("{prefix}.{key}")
            };
            match value {
                toml::Value::Table(inner) => walk(&path, inner, into),
                toml::Value::String(text) => into.push(format!("{path}={text}")),
                other => into.push(format!("{path}={other}")),
            }
        }
    }
    let mut overrides = Vec::new();
    walk("", table, &mut overrides);
    overrides
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::suite::tests::SUITE;

    #[test]
    fn a_suite_is_its_seeds_times_its_experiments_times_their_models() {
        let runs = Suite::parse(SUITE)
            .expect("a good suite")
            .runs(2, false, None);
        let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "copy-a-seed1",
                "copy-b-seed1",
                "sort-b-seed1",
                "copy-a-seed2",
                "copy-b-seed2",
                "sort-b-seed2"
            ]
        );
        assert_eq!(
            runs[0].set,
            [
                "data.tasks=[1, 2]",
                "train.steps=100",
                "model.kind=mnm",
                "model.rule=mnm-p",
                "seed=1"
            ]
        );
        assert!(runs[1].set.contains(&"train.lr=0.5".to_owned()));
    }

    #[test]
    fn quick_overrides_come_after_the_others_and_data_go_into_every_run() {
        let text = format!("needs_data = \"a folder\"\n{SUITE}");
        let runs =
            Suite::parse(&text)
                .expect("a good suite")
                .runs(1, true, Some(Path::new("some/data")));
        let place = |text: &str| runs[0].set.iter().position(|set| set == text).expect(text);
        assert!(place("train.steps=5") > place("train.steps=100"));
        assert!(
            runs.iter()
                .all(|run| run.set.contains(&"data.dir=some/data".to_owned()))
        );
    }

    #[test]
    fn an_experiment_with_data_runs_where_there_are_data_and_alone_reads_them() {
        let named = "name = \"sort\"";
        let text = SUITE.replacen(named, &format!("{named}\n        with_data = true"), 1);
        let suite = Suite::parse(&text).expect("a good suite");
        let names = |data| -> Vec<(String, bool)> {
            let runs = suite.runs(1, false, data).into_iter();
            let reads = |set: &String| set.starts_with("data.dir=");
            runs.map(|run| (run.name, run.set.iter().any(reads)))
                .collect()
        };
        let generated = [("copy-a-seed1", false), ("copy-b-seed1", false)];
        let generated = generated.map(|(name, reads)| (name.to_owned(), reads));
        assert_eq!(names(None), generated);
        let all = names(Some(Path::new("some/data")));
        assert_eq!(all[..2], generated);
        assert_eq!(all[2..], [("sort-b-seed1".to_owned(), true)]);
    }

    #[test]
    fn a_further_evaluation_is_overrides_of_the_data() {
        let suite = Suite::parse(SUITE).expect("a good suite");
        let further = &suite.experiments[0].further;
        let overrides = ["data.lengths.test.max=40", "data.lengths.test.min=40"];
        assert_eq!(further[1].overrides(), overrides);
        assert!(suite.experiments[1].further.is_empty());
    }

    #[test]
    fn an_experiment_that_varies_a_setting_is_one_for_each_value() {
        let vary = "vary = { key = \"train.lr\", title = \"rate\", values = [\"1e-3\", \"0.5\"] }\n        models = [\"b\"]";
        let text = SUITE.replace("models = [\"b\"]", vary);
        let suite = Suite::parse(&text).expect("a good suite");
        assert_eq!(suite.experiments[2].title, "Sort, rate 0.5");
        let runs = suite.runs(1, false, None);
        let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "copy-a-seed1",
                "copy-b-seed1",
                "sort-1e-3-b-seed1",
                "sort-0.5-b-seed1"
            ]
        );
        assert!(
            runs[2].set.contains(&"train.lr=1e-3".to_owned()),
            "{:?}",
            runs[2].set
        );
        let error =
            Suite::parse(&text.replace("[\"1e-3\", \"0.5\"]", "[]")).expect_err("no values");
        assert!(error.to_string().contains("train.lr"), "{error}");
    }
}
