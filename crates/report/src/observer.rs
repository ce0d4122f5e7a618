//! What a training leaves in its run folder to be looked at.

use std::time::{SystemTime, UNIX_EPOCH};

use mnm_trainer::RunFolder;
use mnm_trainer::observe::{Observer, ObserverError};

use crate::curves::draw_curves;
use crate::tensorboard::EventWriter;

/// Leaves TensorBoard events in the run folder while a training runs, and its learning curves at the end.
///
/// ```no_run
/// # use mnm_trainer::{Config, TrainOptions, train_observed};
/// # use mnm_report::CurvesAndEvents;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::load("stories", &[])?;
/// let folder = std::path::Path::new("runs/stories");
/// train_observed(&config, folder, &TrainOptions::default(), &mut CurvesAndEvents::default())?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct CurvesAndEvents {
    /// From the begin of the training on.
    events: Option<EventWriter>,
}

impl Observer for CurvesAndEvents {
    fn begin(&mut self, folder: &RunFolder, step: u64) -> Result<(), ObserverError> {
        self.events = Some(EventWriter::append(folder.dir(), step)?);
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let damage = self.events.as_ref().and_then(EventWriter::damage);
        damage.map(str::to_owned).into_iter().collect()
    }

    fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<(), ObserverError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |d| d.as_secs_f64());
        if let Some(events) = &mut self.events {
            for (tag, value) in scalars {
                events.scalar(tag, step, *value, now)?;
            }
        }
        Ok(())
    }

    fn save(&mut self) -> Result<(), ObserverError> {
        if let Some(events) = &mut self.events {
            events.flush()?;
        }
        Ok(())
    }

    fn end(&mut self, folder: &RunFolder) -> Result<(), ObserverError> {
        self.save()?;
        Ok(draw_curves(folder)?)
    }
}
