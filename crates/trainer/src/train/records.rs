//! What of a training is written down beside its parameters.

use serde::Serialize;
use serde_json::Value;

use super::claim::Claim;
use crate::checkpoint::Checkpoint;
use crate::error::TrainError;
use crate::metrics::{Mark, Metrics};
use crate::observe::Observer;
use crate::progress::Progress;

/// Where a checkpoint's counters hold what it knows of the metrics.
const MARK: &str = "metrics";

/// Metrics and whoever looks on, on rank 0.
pub(super) struct Records<'a> {
    pub(super) metrics: Metrics,
    pub(super) observer: &'a mut (dyn Observer + Send),
    /// Given up last, when everything is written.
    _claim: Claim,
}

impl<'a> Records<'a> {
    pub(super) fn new(
        metrics: Metrics,
        observer: &'a mut (dyn Observer + Send),
        claim: Claim,
    ) -> Self {
        Self {
            metrics,
            observer,
            _claim: claim,
        }
    }

    /// A line of the metrics, and its figures for the observer.
    pub(super) fn push(
        &mut self,
        step: u64,
        record: &impl Serialize,
        scalars: &[(&str, f64)],
    ) -> Result<(), TrainError> {
        self.metrics.push(record)?;
        let observed = self.observer.scalars(step, scalars);
        observed.map_err(TrainError::Observer)
    }

    /// Brings everything to the disk, before a checkpoint that knows of it.
    pub(super) fn sync(&mut self, progress: &Progress) -> Result<(), TrainError> {
        self.observer.save().map_err(TrainError::Observer)?;
        if self.metrics.sync()? {
            progress.say("note: metrics.jsonl was changed by somebody else: all lines of the run were written anew");
        }
        Ok(())
    }
}

/// What a checkpoint knows of the metrics; one of an earlier version knows nothing.
pub(super) fn mark(checkpoint: &Checkpoint) -> Option<Mark> {
    serde_json::from_value(checkpoint.progress.get(MARK)?.clone()).ok()
}

/// Has the counters of a checkpoint know of the metrics.
pub(super) fn set_mark(progress: &mut Value, mark: &Mark) {
    progress[MARK] = serde_json::to_value(mark).unwrap_or_default();
}
