//! Which episodes a step sees: a pure function of (seed, step), so that nothing has to be saved for a resume.

use mnm_tasks::{Split, Task, stream};
use rand::seq::SliceRandom;

/// The order of the training episodes.
#[derive(Debug)]
pub struct Order {
    seed: u64,
    batch: usize,
    bucket: usize,
    /// The epoch that `batches` belongs to.
    epoch: Option<u64>,
    batches: Vec<Vec<u64>>,
}

impl Order {
    /// Batches of `batch` episodes, sorted by length among `bucket` batches; 0 counts as 1.
    pub fn new(seed: u64, batch: usize, bucket: usize) -> Self {
        Self {
            seed,
            batch: batch.max(1),
            bucket: bucket.max(1),
            epoch: None,
            batches: Vec::new(),
        }
    }

    /// The episodes of step `step`, counted from 0. A data set is shuffled anew every epoch, and its indices go on
    /// from epoch to epoch, as [`Task::episode`] has it; generated episodes come by
    /// their number, each once.
    pub fn indices(&mut self, task: &dyn Task, step: u64) -> Vec<u64> {
        let Some(episodes) = task.len(Split::Train) else {
            let first = step * self.batch as u64;
            return (first..first + self.batch as u64).collect();
        };
        let batches = episodes.div_ceil(self.batch as u64).max(1);
        let (epoch, position) = (step / batches, step % batches);
        if self.epoch != Some(epoch) {
            self.batches = self.deal(task, episodes, epoch);
            self.epoch = Some(epoch);
        }
        self.batches
            .get(position as usize)
            .cloned()
            .unwrap_or_default()
    }

    fn deal(&self, task: &dyn Task, episodes: u64, epoch: u64) -> Vec<Vec<u64>> {
        let mut generator = stream(self.seed, "order", epoch);
        let first = epoch * episodes;
        let mut all: Vec<u64> = (first..first + episodes).collect();
        all.shuffle(&mut generator);
        for window in all.chunks_mut(self.batch * self.bucket) {
            window.sort_by_key(|&index| task.steps(Split::Train, index));
        }
        let mut batches: Vec<Vec<u64>> = all.chunks(self.batch).map(<[u64]>::to_vec).collect();
        batches.shuffle(&mut generator);
        batches
    }
}
