//! Which task, and its options.

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
}
