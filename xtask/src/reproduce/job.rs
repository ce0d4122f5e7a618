//! A run of a suite with its folder and what it is evaluated on.

use std::path::{Path, PathBuf};

use super::evaluate::Wanted;
use super::folder::{Folder, State};
use super::runs::Run;
use super::suite::{Further, Suite};

/// A run, its folder, and the split it is evaluated on.
pub struct Job {
    /// What is trained.
    pub run: Run,
    /// Where.
    pub folder: Folder,
    /// The split that is evaluated afterwards.
    pub split: String,
    /// How many episodes of it, if not as many as the config says.
    pub episodes: Option<u64>,
    /// What it is evaluated on besides.
    pub further: Vec<Further>,
    /// Whether it reads what `--data` gives.
    pub reads_data: bool,
}

impl Job {
    /// The job of a suite's run, with its folder under `out`.
    pub fn new(suite: &Suite, run: Run, out: &Path) -> Self {
        let experiment = &suite.experiments[run.experiment];
        Self {
            folder: Folder::new(out, &run),
            split: experiment.split.clone(),
            episodes: experiment.episodes,
            further: experiment.further.clone(),
            reads_data: suite.reads_data(experiment),
            run,
        }
    }

    /// Trained, and evaluated on everything that it is to be evaluated on?
    pub fn is_done(&self) -> bool {
        self.folder.state() == State::Finished && self.evaluations().iter().all(Wanted::is_made)
    }

    /// The evaluations that the suite asks for. A run's figure is that of its last averaged weights, where it keeps any; the one of
    /// its best weights is made beside it.
    pub fn evaluations(&self) -> Vec<Wanted> {
        let mut arguments = vec!["--split".to_owned(), self.split.clone()];
        if let Some(episodes) = self.episodes {
            arguments.extend(["--episodes".to_owned(), episodes.to_string()]);
        }
        // Kept in the run folder too, where `mnm report` looks for it.
        let kept = || vec!["--keep".to_owned()];
        let raw = self.run.averages().then(|| Wanted {
            arguments: arguments.iter().cloned().chain(kept()).collect(),
            path: self.folder.raw(),
        });
        if raw.is_some() {
            arguments.extend(["--average".to_owned(), "--last".to_owned()]);
        }
        let wanted = |more: Vec<String>, path: PathBuf| Wanted {
            arguments: arguments.iter().cloned().chain(more).collect(),
            path,
        };
        let own = wanted(kept(), self.folder.evaluation.clone());
        let further = self.further.iter().map(|further| {
            let mut more = vec!["--keep-as".to_owned(), further.name.clone()];
            let overrides = further.overrides().into_iter();
            more.extend(overrides.flat_map(|set| ["--set".to_owned(), set]));
            wanted(more, self.folder.further(&further.name))
        });
        std::iter::once(own).chain(raw).chain(further).collect()
    }
}

#[cfg(test)]
impl Job {
    /// All jobs of a suite.
    pub fn all(suite: &Suite, seeds: u64, out: &Path) -> Vec<Self> {
        let runs = suite.runs(seeds, false, None).into_iter();
        runs.map(|run| Self::new(suite, run, out)).collect()
    }
}
