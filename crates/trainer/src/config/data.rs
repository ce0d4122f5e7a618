//! Which task, and its options.

use mnm_tasks::{BabiOptions, DoubleCopyOptions, StoriesOptions};
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
}
