//! Run folders for the tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A run folder as the trainer writes it: 40 steps of training, an evaluation every 10, errors that go down to `error`.
pub(super) struct FixtureRun<'a> {
    pub name: &'a str,
    pub task: &'a str,
    pub model: &'a str,
    pub seed: u64,
    /// Error at the end, in percent.
    pub error: f64,
    /// Whether there is a summary, and a test split in it.
    pub ended: bool,
    pub tested: bool,
}

impl FixtureRun<'_> {
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join(self.name);
        fs::create_dir_all(&path).unwrap();
        let config = format!(
            "seed = {}\nthreads = 2\n\n[data]\ntask = \"{}\"\n\n[model]\n{}\n\n[train]\nsteps = 40\nbatch = 32\n",
            self.seed, self.task, self.model
        );
        fs::write(path.join("config.toml"), config).unwrap();
        fs::write(path.join("metrics.jsonl"), self.metrics()).unwrap();
        if self.ended {
            let (error, worse) = (self.error, self.error * 1.5);
            let test = format!(
                ", \"test\": {{\"error\": {worse}, \"per_task\": {{\"2\": {error}, \"10\": {worse}}}}}"
            );
            let summary = format!(
                "{{\"finished\": true, \"ended\": \"steps\", \"steps\": 40, \"parameters\": 12345, \"valid\": {{\"error\": {error}}}{}}}",
                if self.tested { test } else { String::new() }
            );
            fs::write(path.join("summary.json"), summary).unwrap();
        }
        path
    }

    /// A model without a memory logs zero.
    fn meta_loss(&self, left: f64) -> f64 {
        if self.model == LSTM {
            0.0
        } else {
            0.3 * left + 0.001
        }
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        for step in 1..=40 {
            let (sequences, left) = (step * 32, (-f64::from(step) / 12.0).exp());
            let (loss, meta) = (2.0 * left + 0.01 * self.error, self.meta_loss(left));
            text += &format!(
                "{{\"step\": {step}, \"kind\": \"train\", \"sequences\": {sequences}, \"loss\": {}, \"task_loss\": \
                 {loss}, \"meta_loss\": {meta}, \"grad_norm\": 1.5, \"learning_rate\": 0.001}}\n",
                loss + meta
            );
            if step % 10 == 0 {
                let error = self.error + 80.0 * left;
                text += &format!(
                    "{{\"step\": {step}, \"kind\": \"valid\", \"sequences\": {sequences}, \"loss\": {loss}, \"error\": \
                     {error}, \"per_task\": {{\"2\": {error}, \"10\": {error}}}}}\n"
                );
            }
        }
        text
    }
}

pub(super) const MNM_P: &str = "kind = \"mnm\"\nrule = \"mnm-p\"";
pub(super) const LSTM: &str = "kind = \"lstm\"";

/// Three seeds of MNM-p, two of an LSTM and one that still runs, all on bAbI.
pub(super) fn babi(folder: &Path) -> Vec<PathBuf> {
    let run = |name, model, seed, error, ended| FixtureRun {
        name,
        task: "babi",
        model,
        seed,
        error,
        ended,
        tested: ended,
    };
    [
        run("mnm-p-1", MNM_P, 1, 1.0, true),
        run("mnm-p-2", MNM_P, 2, 2.0, true),
        run("mnm-p-3", MNM_P, 3, 3.0, true),
        run("lstm-1", LSTM, 1, 30.0, true),
        run("lstm-2", LSTM, 2, 34.0, false),
    ]
    .iter()
    .map(|run| run.write(folder))
    .collect()
}
