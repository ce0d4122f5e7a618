//! Which task or environment, and its options.

use mnm_tasks::environment::{BanditOptions, GridMazeOptions, TabularMdpOptions};
use mnm_tasks::{
    AssociativeRecallOptions, BabiOptions, DictionaryOptions, DoubleCopyOptions,
    PrioritySortOptions, StoriesOptions,
};
use serde::{Deserialize, Serialize};

/// The task, chosen by `data.task`, with its options beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub enum DataConfig {
    /// Question answering on the bAbI data.
    Babi(BabiOptions),
    /// Copy a sequence of bit vectors twice.
    DoubleCopy(DoubleCopyOptions),
    /// Generated stories with questions.
    Stories(StoriesOptions),
    /// Give back the vectors of highest priority, in order.
    PrioritySort(PrioritySortOptions),
    /// Give back the item that followed the one shown.
    AssociativeRecall(AssociativeRecallOptions),
    /// Translate with a dictionary that examples tell.
    Dictionary(DictionaryOptions),
    /// An environment: find the hidden reward of a maze, and go back to it.
    Maze(GridMazeOptions),
    /// An environment: find the arm that pays best.
    Bandit(BanditOptions),
    /// An environment: learn a Markov decision process while playing it.
    Mdp(TabularMdpOptions),
}

impl DataConfig {
    /// Whether this is an environment, for reinforcement learning.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::Maze(_) | Self::Bandit(_) | Self::Mdp(_))
    }
}
