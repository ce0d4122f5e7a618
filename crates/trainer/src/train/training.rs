//! The training loop.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mnm_tensor::{Parameters, SharedArray};
use serde::Deserialize;

use super::average;
use super::best::{self, Found};
use super::claim::Claim;
use super::idle::idle;
use super::learner::Learner;
use super::learning::{Counters, Dated, Learning, Means, Saved};
use super::origin::Origin;
use super::records::{self, Records};
use super::summary::{Ended, Summary};
use crate::checkpoint::{Checkpoint, write_file};
use crate::config::Config;
use crate::error::TrainError;
use crate::folder::RunFolder;
use crate::metrics::{Mark, Metrics, history};
use crate::observe::Observer;
use crate::progress::Progress;
use crate::team::{Alone, Team, agree, any, lead, same};

/// How a training is run, beside its config.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// Go on with the run in the folder, if there is one.
    pub resume: bool,
    /// Set from outside to stop after the step at hand, with a checkpoint to resume from.
    pub stop: Arc<AtomicBool>,
    /// Show nothing.
    pub quiet: bool,
    /// The processes that train together.
    pub team: Arc<dyn Team>,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            resume: false,
            stop: Arc::default(),
            quiet: false,
            team: Arc::new(Alone),
        }
    }
}

/// A training between two steps, on one of its ranks.
pub(super) struct Training<'a, L: Learning> {
    config: &'a Config,
    team: Arc<dyn Team>,
    folder: RunFolder,
    learning: L,
    learner: Learner,
    counters: Counters<L::Found>,
    /// The last and the best validation of averaged parameters.
    average_last: Option<Dated<L::Found>>,
    average_best: Option<Dated<L::Found>>,
    /// On rank 0.
    records: Option<Records<'a>>,
    progress: Progress,
    begun: Instant,
}

/// Of what a validation was the best so far.
#[derive(Clone, Copy, Default)]
struct Better {
    parameters: bool,
    average: bool,
}

impl<'a, L: Learning> Training<'a, L> {
    pub(super) fn prepare(
        config: &'a Config,
        out: &Path,
        options: &TrainOptions,
        observer: &'a mut (dyn Observer + Send),
    ) -> Result<Self, TrainError> {
        let team = Arc::clone(&options.team);
        let folder = RunFolder::new(out);
        let mut claim = None;
        lead(team.as_ref(), || {
            claim = Some(Claim::on(out)?);
            Ok(())
        })?;
        let origin = Origin::shared(team.as_ref(), &folder, config, options.resume);
        let ready = origin.and_then(|origin| {
            let training = Self::ready(config, folder, &origin, options)?;
            Ok((training, origin))
        });
        let (mut training, origin) = agree(team.as_ref(), ready)?;
        let digest = || training.digest(training.learning.digest());
        same(team.as_ref(), "config, data or parameters", digest)?;
        let first = match training.counters.step {
            0 => Some(training.learning.save(&training.counters)),
            _ => None,
        };
        let first = agree(team.as_ref(), first.transpose())?;
        lead(team.as_ref(), || match claim {
            Some(claim) => training.begin_records(&origin, claim, first, observer),
            None => Ok(()),
        })?;
        Ok(training)
    }

    /// Everything that a rank has for itself.
    fn ready(
        config: &'a Config,
        folder: RunFolder,
        origin: &Origin,
        options: &TrainOptions,
    ) -> Result<Self, TrainError> {
        let (mut learning, model) = L::prepare(config, &folder, origin, &options.team)?;
        let path = folder.checkpoint();
        let mut learner = Learner::begin(model, config, origin, &path)?;
        let average_best = match origin {
            Origin::Saved(checkpoint) if config.train.average.is_some() => {
                resume_average(&mut learner, checkpoint, &path)?
            }
            _ => None,
        };
        let counters = match origin {
            Origin::Saved(checkpoint) => learning.resume(&learner.model, checkpoint, &path)?,
            Origin::Fresh | Origin::Parameters(_) => Counters {
                step: 0,
                sequences: 0,
                best: None,
            },
        };
        let progress = Progress::new(
            config.train.steps,
            L::may_stop(config) || config.train.patience > 0,
            counters.step,
            options.quiet || options.team.rank() > 0,
        );
        Ok(Self {
            config,
            team: Arc::clone(&options.team),
            folder,
            learning,
            learner,
            counters,
            average_last: None,
            average_best,
            records: None,
            progress,
            begun: Instant::now(),
        })
    }

    /// Opens what rank 0 writes, and holds it to the checkpoint that the training goes on from. What there is to save before the
    /// `first` step comes before everything else.
    fn begin_records(
        &mut self,
        origin: &Origin,
        claim: Claim,
        first: Option<Saved>,
        observer: &'a mut (dyn Observer + Send),
    ) -> Result<(), TrainError> {
        let (config, folder) = (self.config, &self.folder);
        let mark = match origin {
            Origin::Saved(checkpoint) => records::mark(checkpoint),
            Origin::Fresh | Origin::Parameters(_) => None,
        };
        let (step, every) = (self.counters.step, config.train.log_every);
        let history = history(&folder.metrics(), step, every, mark.as_ref())?;
        let (mut best, mut best_average) = (Found::AsItShould, Found::AsItShould);
        if let Origin::Saved(_) = origin {
            let of = |found: &Option<Dated<L::Found>>| found.as_ref().map(|(_, step)| *step);
            let file = (&*folder.best(), "the best parameters");
            best = best::find(folder, file, step, of(&self.counters.best))?;
            if config.train.average.is_some() {
                let file = (&*folder.best_average(), "the best averaged parameters");
                best_average = best::find(folder, file, step, of(&self.average_best))?;
            }
        }
        if let Some(saved) = first {
            // A folder with a file of a run and no checkpoint is then one that has lost it.
            self.checkpoint(saved, &Mark::of(&history))
                .write(&folder.checkpoint())?;
        }
        claim.begin(config)?;
        let metrics = Metrics::open(&folder.metrics(), &history)?;
        observer.begin(folder, step).map_err(TrainError::Observer)?;
        for note in observer.notes() {
            self.progress.say(&format!("note: {note}"));
        }
        let block = self.learning.block(&self.learner.model);
        let threads = rayon::current_num_threads() * self.team.size();
        if let Some(note) = idle(self.config.train.batch, block, threads) {
            self.progress.say(&format!("note: {note}"));
        }
        if history.is_empty() && mark.is_some_and(|mark| mark.has_lines()) {
            self.progress.say(
                "note: metrics.jsonl is empty: the run goes on without what was measured before",
            );
        }
        if best == Found::Behind {
            self.write_best()?;
        }
        if best_average == Found::Behind {
            self.keep_average(&self.folder.best_average())?;
        }
        // The checkpoint holds the mean, whatever has become of its own file.
        self.keep_average(&self.folder.average())?;
        self.records = Some(Records::new(metrics, observer, claim));
        Ok(())
    }

    /// A checksum of everything that all ranks have alike, `more` among it.
    fn digest(&self, more: u32) -> u32 {
        let state = Checkpoint {
            optimizer: self.learner.carried(),
            ..self.usable(self.learner.parameters.clone())
        };
        crc32c::crc32c_append(more, &state.bytes())
    }

    /// Has rank 0 write something down; no rank goes on unless it could.
    fn record(
        &mut self,
        write: impl FnOnce(&Self, &mut Records<'a>) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        let mut records = self.records.take();
        let written = lead(self.team.as_ref(), || match &mut records {
            Some(records) => write(self, records),
            None => Ok(()),
        });
        self.records = records;
        written
    }

    pub(super) fn run(mut self, options: &TrainOptions) -> Result<Summary, TrainError> {
        let (first, trained) = (self.counters.step, self.learner.trained());
        self.progress.say(&format!(
            "{}: {}{}, {trained} trainable parameters, batch {}, {}{}{}",
            self.learning.task(),
            self.config.model.label(),
            match self.config.model.runs_by() {
                Some(kernel) => format!(" ({})", kernel.name()),
                None => String::new(),
            },
            self.config.train.batch,
            match rayon::current_num_threads() {
                1 => "1 thread".to_owned(),
                threads => format!("{threads} threads"),
            },
            match self.team.size() {
                1 => String::new(),
                ranks => format!(" on each of {ranks} ranks"),
            },
            match first {
                0 => String::new(),
                step => format!(", resumed at step {step}"),
            },
        ));
        for note in self.learning.notes() {
            self.progress.say(&format!("note: {note}"));
        }
        let settings = &self.config.train;
        let ended = loop {
            if let Some(ended) = self.ended() {
                break ended;
            }
            if any(self.team.as_ref(), options.stop.load(Ordering::Relaxed))? {
                break Ended::Interrupted;
            }
            if self.counters.step == first {
                self.record(|training, _| training.folder.remove_findings())?;
            }
            self.step()?;
            let step = self.counters.step;
            if step.is_multiple_of(settings.log_every) {
                self.log()?;
            }
            let mut better = Better::default();
            if step.is_multiple_of(settings.valid_every) {
                better = self.validate()?;
            }
            if better.parameters || better.average || step.is_multiple_of(settings.checkpoint_every)
            {
                self.save()?;
            }
            // Behind the checkpoint that knows of them: a run that is killed between the files makes these from that.
            if better.parameters {
                self.record(|training, _| training.write_best())?;
            }
            if better.average {
                self.record(|training, _| training.keep_average(&training.folder.best_average()))?;
            }
        };
        self.save()?;
        if ended == Ended::Steps && self.counters.best.is_none() {
            self.validate_short_run()?;
            self.record(|training, _| training.write_best())?;
        }
        if ended != Ended::Interrupted {
            self.validate_last_average()?;
        }
        let step = self.counters.step;
        let mut summary = Summary {
            finished: ended != Ended::Interrupted,
            ended,
            task: self.learning.task().to_owned(),
            steps: step,
            sequences: self.counters.sequences,
            parameters: trained,
            valid: None,
            average: None,
            best_average: None,
            seconds: self.begun.elapsed().as_secs_f64(),
            steps_per_second: self.progress.steps_per_second(step),
            agent: None,
        };
        let best = self.counters.best.as_ref();
        let means = Means {
            last: self.average_last.as_ref(),
            best: self.average_best.as_ref(),
        };
        self.learning.summarise(best, means, &mut summary);
        let text = serde_json::to_string_pretty(&summary).unwrap_or_default() + "\n";
        self.record(|training, records| {
            let path = training.folder.summary();
            write_file(&path, text.as_bytes())
                .map_err(TrainError::file(path, "write the summary"))?;
            let observer = &mut records.observer;
            observer.end(&training.folder).map_err(TrainError::Observer)
        })?;
        Ok(summary)
    }

    /// Why no further step is to be taken.
    fn ended(&self) -> Option<Ended> {
        let (counters, settings) = (&self.counters, &self.config.train);
        let enough = || self.learning.is_enough(&counters.best.as_ref()?.0);
        let without_better = counters.validations_without_better(settings.valid_every);
        enough()
            .or_else(|| {
                (settings.patience > 0 && without_better >= settings.patience)
                    .then_some(Ended::Patience)
            })
            .or_else(|| (counters.step >= settings.steps).then_some(Ended::Steps))
    }

    /// One optimiser step.
    fn step(&mut self) -> Result<(), TrainError> {
        let (step, config) = (self.counters.step, self.config);
        let (outcome, noted) = self.learning.gradient(&self.learner, step)?;
        // All ranks have found the same, and rank 0 leaves the dump.
        let refuse = |what, learner: &Learner| {
            lead(self.team.as_ref(), || {
                Err(outcome.refuse(what, &self.folder, &learner.parameters, config, step))
            })
        };
        if let Some(what) = outcome.not_finite() {
            return refuse(what, &self.learner);
        }
        self.learner.apply(&outcome, &config.train, step);
        self.learning.note(&outcome, noted);
        let not_finite = match self.learner.not_finite() {
            Some(what) => Some(what),
            None => self.learning.not_finite()?,
        };
        if let Some(what) = not_finite {
            return refuse(what, &self.learner);
        }
        self.counters.step += 1;
        self.counters.sequences += outcome.sequences as u64;
        let learning = &self.learning;
        self.progress.step(step + 1, || learning.message());
        Ok(())
    }

    fn log(&mut self) -> Result<(), TrainError> {
        let record = self.learning.training_record(&self.counters);
        self.record(|training, records| {
            let step = training.counters.step;
            let mut scalars = training.learning.scalars(&record);
            let speed = training.progress.steps_per_second(step);
            scalars.push(("train/steps_per_second", speed));
            records.push(step, &record, &scalars)
        })
    }

    /// Which of them no validation was better of.
    fn validate(&mut self) -> Result<Better, TrainError> {
        let found = self.found()?;
        let average = self.averaged()?;
        let record = self
            .learning
            .validation_record(&self.counters, &found, average.as_ref());
        self.record(|training, records| {
            let scalars = training.learning.scalars(&record);
            records.push(training.counters.step, &record, &scalars)
        })?;
        Ok(Better {
            parameters: self.judge(found),
            average: average.is_some_and(|found| self.judge_average(found)),
        })
    }

    /// Validates the averaged parameters after the last step, whose figure is the run's, if that has not been done. They become the
    /// best ones only where there was no validation before: as after [`Training::validate_short_run`], a run that goes on from here is one
    /// that never stopped.
    fn validate_last_average(&mut self) -> Result<(), TrainError> {
        let step = self.counters.step;
        if self
            .average_last
            .as_ref()
            .is_some_and(|(_, at)| *at == step)
        {
            return Ok(());
        }
        let Some(found) = self.averaged()? else {
            return Ok(());
        };
        let only = self.average_best.is_none();
        self.say_found("average", &found, only);
        if only {
            self.average_best = Some((found.clone(), step));
            self.keep_average(&self.folder.best_average())?;
        }
        self.average_last = Some((found, step));
        Ok(())
    }

    /// What a validation of the averaged parameters finds, where they are kept.
    fn averaged(&self) -> Result<Option<L::Found>, TrainError> {
        let parameters = self.learner.averaged();
        let validated = parameters.map(|p| self.learning.validate(&self.learner.model, &p));
        validated.transpose()
    }

    /// Whether no validation of the averaged parameters was better; these are then the best.
    fn judge_average(&mut self, found: L::Found) -> bool {
        let step = self.counters.step;
        let best = self.average_best.as_ref();
        let better = best.is_none_or(|(best, _)| L::is_better(&found, best));
        self.say_found("average", &found, better);
        self.average_last = Some((found.clone(), step));
        if better {
            self.average_best = Some((found, step));
        }
        better
    }

    /// Writes the averaged parameters, where they are kept.
    fn keep_average(&self, path: &Path) -> Result<(), TrainError> {
        let averaged = self.learner.averaged();
        let written = averaged.map(|parameters| self.dated(parameters).write(path));
        Ok(written.unwrap_or(Ok(()))?)
    }

    fn say_found(&self, of: &str, found: &L::Found, better: bool) {
        self.progress.say(&format!(
            "step {}  {of} {}{}",
            self.counters.step,
            L::words(found),
            if better { "  (best)" } else { "" }
        ));
    }

    /// Validates a run that ended before its first validation was due, for its summary and its best parameters. Neither
    /// the metrics nor the checkpoint know of it: a run that goes on from here with more steps is then, byte for byte, one
    /// that never stopped (where its rate does not decay towards its last step).
    fn validate_short_run(&mut self) -> Result<(), TrainError> {
        let found = self.found()?;
        self.judge(found);
        Ok(())
    }

    fn found(&self) -> Result<L::Found, TrainError> {
        self.learning
            .validate(&self.learner.model, &self.learner.parameters)
    }

    /// Whether no validation was better; the parameters are then the best.
    fn judge(&mut self, found: L::Found) -> bool {
        let best = self.counters.best.as_ref();
        let better = best.is_none_or(|(best, _)| L::is_better(&found, best));
        self.say_found("validation", &found, better);
        if better {
            self.counters.best = Some((found, self.counters.step));
        }
        better
    }

    /// Leaves the parameters as the best ones.
    fn write_best(&self) -> Result<(), TrainError> {
        let best = self.dated(self.learner.parameters.clone());
        Ok(best.write(&self.folder.best())?)
    }

    fn save(&mut self) -> Result<(), TrainError> {
        same(self.team.as_ref(), "parameters", || self.digest(0))?;
        let saved = self.learning.save(&self.counters)?;
        self.record(|training, records| training.write_checkpoint(records, saved))
    }

    fn write_checkpoint(&self, records: &mut Records<'_>, saved: Saved) -> Result<(), TrainError> {
        records.sync(&self.progress)?;
        self.keep_average(&self.folder.average())?;
        let checkpoint = self.checkpoint(saved, &records.metrics.mark());
        Ok(checkpoint.write(&self.folder.checkpoint())?)
    }

    /// Everything that is needed to go on behind the metrics of this mark.
    fn checkpoint(&self, saved: Saved, mark: &Mark) -> Checkpoint {
        let Saved {
            mut progress,
            carried,
        } = saved;
        if let Some(steps) = self.learner.averaged_steps() {
            let best = self.average_best.clone();
            let average = average::Progress { steps, best };
            progress["average"] = serde_json::to_value(average).unwrap_or_default();
        }
        records::set_mark(&mut progress, mark);
        let mut optimizer = self.learner.carried();
        for (name, part) in carried.iter() {
            optimizer.insert(name.to_owned(), part.clone());
        }
        Checkpoint {
            optimizer,
            progress,
            ..self.usable(self.learner.parameters.clone())
        }
    }

    /// Parameters after the step at hand, which say so.
    fn dated(&self, parameters: Parameters<SharedArray<f32>>) -> Checkpoint {
        Checkpoint {
            progress: best::progress(self.counters.step),
            ..self.usable(parameters)
        }
    }

    /// Everything that is needed to use the model with these parameters.
    fn usable(&self, parameters: Parameters<SharedArray<f32>>) -> Checkpoint {
        Checkpoint {
            parameters,
            optimizer: Parameters::new(),
            config: self.config.for_checkpoint().to_toml(),
            vocabulary: self.learning.vocabulary(),
            progress: serde_json::Value::Null,
        }
    }
}

/// Takes up the mean of the parameters, and gives its best validation.
fn resume_average<F: for<'a> Deserialize<'a>>(
    learner: &mut Learner,
    checkpoint: &Checkpoint,
    path: &Path,
) -> Result<Option<Dated<F>>, TrainError> {
    let saved: Option<average::Progress<F>> =
        serde_json::from_value(checkpoint.progress["average"].clone()).ok();
    match saved {
        Some(saved) if learner.restore_mean(checkpoint, saved.steps) => Ok(saved.best),
        _ => Err(TrainError::damaged(
            path,
            "the mean of the parameters is missing or does not fit; training cannot go on from it",
        )),
    }
}
