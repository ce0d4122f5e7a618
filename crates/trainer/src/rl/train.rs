//! The training loop of an agent: play a segment in every world, learn from it, go on.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mnm_controller::Model;
use mnm_tasks::Split;
use rayon::prelude::*;

use super::environment::{build_agent, build_environment};
use super::evaluate::play_split;
use super::loss::{AgentLosses, LossWeights, segment_gradient};
use super::picture;
use super::record::{AgentRecord, AgentSummary};
use super::state::AgentState;
use super::worlds::Outcome;
use crate::TrainError;
use crate::checkpoint::write_file;
use crate::config::{Config, RlConfig};
use crate::metrics::{Metrics, history};
use crate::objective::BlockGradient;
use crate::progress::Progress;
use crate::run::RunFolder;
use crate::tensorboard::EventWriter;
use crate::train::claim::Claim;
use crate::train::origin::Origin;
use crate::train::step::StepOutcome;
use crate::train::{Ended, Summary, TrainOptions};

/// Trains the agent of `config` in the current thread pool and leaves everything in the folder `out`.
pub(crate) fn train(
    config: &Config,
    settings: &RlConfig,
    out: &Path,
    options: &TrainOptions,
) -> Result<Summary, TrainError> {
    AgentTraining::prepare(config, settings, out, options)?.run(options)
}

struct AgentTraining<'a> {
    config: &'a Config,
    settings: &'a RlConfig,
    folder: RunFolder,
    model: Model<f32>,
    state: AgentState,
    metrics: Metrics,
    events: EventWriter,
    progress: Progress,
    begun: Instant,
    /// Environment steps done before this sitting.
    steps_before: u64,
    /// Given up last, when everything is written.
    _claim: Claim,
}

impl<'a> AgentTraining<'a> {
    fn prepare(
        config: &'a Config,
        settings: &'a RlConfig,
        out: &Path,
        options: &TrainOptions,
    ) -> Result<Self, TrainError> {
        let claim = Claim::on(out)?;
        let folder = claim.folder().clone();
        // Everything that can be wrong with the config is found before anything is written.
        let origin = Origin::find(&folder, config, options.resume)?;
        let one = build_environment(&config.data, 1, config.seed, Split::Train)?;
        let model = build_agent(&config.model, one.as_ref())?;
        origin.check_model(config, &model)?;
        let state = match &origin {
            Origin::Saved(checkpoint) => {
                AgentState::restore(&model, config, checkpoint, &folder.checkpoint())?
            }
            Origin::Parameters(start) => {
                AgentState::with_parameters(&model, config, start.parameters.clone())?
            }
            Origin::Fresh => AgentState::start(&model, config)?,
        };
        let history = history(
            &folder.metrics(),
            state.counters.step,
            config.train.log_every,
        )?;
        claim.begin(config)?;
        Ok(Self {
            config,
            _claim: claim,
            settings,
            metrics: Metrics::open(&folder.metrics(), &history)?,
            events: EventWriter::append(out)?,
            progress: Progress::new(config.train.steps, state.counters.step, options.quiet),
            begun: Instant::now(),
            steps_before: state.counters.environment_steps,
            folder,
            model,
            state,
        })
    }

    fn run(mut self, options: &TrainOptions) -> Result<Summary, TrainError> {
        let first = self.state.counters.step;
        let trained: usize = self
            .model
            .parameters()
            .iter()
            .filter(|spec| spec.trained)
            .map(|spec| spec.len())
            .sum();
        let one = build_environment(&self.config.data, 1, self.config.seed, Split::Train)?;
        self.progress.say(&format!(
            "{}: {} of {trained} trained numbers, {} worlds, {} threads, from step {first}",
            one.name(),
            self.config.model.label(),
            self.config.train.batch,
            rayon::current_num_threads(),
        ));
        let train = &self.config.train;
        let ended = loop {
            if self.state.counters.step >= train.steps {
                break Ended::Steps;
            }
            if options.stop.load(Ordering::Relaxed) {
                break Ended::Interrupted;
            }
            if self.state.counters.step == first {
                self.folder.remove_findings()?;
            }
            self.step()?;
            let step = self.state.counters.step;
            if step.is_multiple_of(train.log_every) {
                self.log()?;
            }
            if step.is_multiple_of(train.valid_every) {
                self.validate()?;
            }
            if step.is_multiple_of(train.checkpoint_every) {
                self.save()?;
            }
        };
        self.save()?;
        let counters = &self.state.counters;
        let summary = Summary {
            finished: ended != Ended::Interrupted,
            ended,
            task: one.name().to_owned(),
            steps: counters.step,
            sequences: counters.episodes,
            parameters: trained,
            valid: None,
            seconds: self.begun.elapsed().as_secs_f64(),
            steps_per_second: self.progress.steps_per_second(counters.step),
            agent: Some(AgentSummary {
                reward: counters.best.map(|(reward, _)| reward),
                step: counters.best.map(|(_, step)| step),
                environment_steps: counters.environment_steps,
                environment_steps_per_second: self.speed(),
            }),
        };
        let text = serde_json::to_string_pretty(&summary).unwrap_or_default() + "\n";
        write_file(&self.folder.summary(), text.as_bytes())
            .map_err(TrainError::file(self.folder.summary(), "write the summary"))?;
        picture::curves(&self.folder)?;
        Ok(summary)
    }

    /// Plays a segment in every world and takes an optimiser step on it.
    fn step(&mut self) -> Result<(), TrainError> {
        let (config, model) = (self.config, &self.model);
        let settings = &self
            .settings
            .at(self.state.counters.step, config.train.steps);
        let AgentState {
            parameters,
            worlds,
            counters,
            ..
        } = &mut self.state;
        let (step, batch) = (counters.step, config.train.batch as u64);
        let (parameters, mut played) = (&*parameters, Outcome::default());
        let segments = worlds
            .par_iter_mut()
            .map(|block| block.play(model, parameters, settings, config.seed, batch))
            .collect::<Result<Vec<_>, TrainError>>()?;
        for (_, outcome) in &segments {
            played += *outcome;
        }
        let weights = LossWeights {
            steps: played.steps as f64,
            value: settings.value_weight,
            entropy: settings.entropy_weight,
            meta: config.train.meta_weight,
        };
        let parts = segments
            .into_par_iter()
            .map(|(segment, _)| segment_gradient(model, parameters, &segment, weights))
            .collect::<Result<Vec<_>, TrainError>>()?;
        let mut losses = AgentLosses::default();
        let mut blocks = Vec::with_capacity(parts.len());
        for (block, part) in parts {
            losses += part;
            blocks.push(block);
        }
        let sum = blocks.into_iter().reduce(BlockGradient::plus);
        let outcome = StepOutcome::new(sum, played.episodes)?;
        if let Some(what) = outcome.not_finite() {
            return Err(outcome.refuse(what, &self.folder, parameters, config, step));
        }
        self.state.apply(&outcome, losses, played, config);
        if let Some(what) = self.state.not_finite() {
            let parameters = &self.state.parameters;
            return Err(outcome.refuse(what, &self.folder, parameters, config, step));
        }
        let (speed, state) = (self.speed(), &self.state);
        self.progress.step_with(step + 1, || {
            let reward = state
                .reward()
                .map_or("-".to_owned(), |reward| format!("{reward:.2}"));
            format!(
                "reward {reward}  entropy {:.3}  {speed:.0} environment steps/s",
                losses.entropy
            )
        });
        Ok(())
    }

    /// Environment steps per second of this sitting.
    fn speed(&self) -> f64 {
        let done = self.state.counters.environment_steps - self.steps_before;
        done as f64 / self.begun.elapsed().as_secs_f64().max(1e-9)
    }

    fn log(&mut self) -> Result<(), TrainError> {
        let record = self.state.take_record(self.config);
        self.metrics.push(&record)?;
        if let AgentRecord::Train {
            step,
            reward,
            policy_loss,
            value_loss,
            entropy,
            meta_loss,
            grad_norm,
            ..
        } = record
        {
            let mut scalars = vec![
                ("train/policy_loss", policy_loss),
                ("train/value_loss", value_loss),
                ("train/entropy", entropy),
                ("train/meta_loss", meta_loss),
                ("train/grad_norm", grad_norm),
                ("train/environment_steps_per_second", self.speed()),
            ];
            scalars.extend(reward.map(|reward| ("train/reward", reward)));
            self.tensorboard(step, &scalars)?;
        }
        Ok(())
    }

    /// Plays fresh episodes and keeps the parameters if none earned more.
    fn validate(&mut self) -> Result<(), TrainError> {
        let figures = play_split(
            self.config,
            &self.model,
            &self.state.parameters,
            Split::Valid,
            self.config.train.valid_episodes,
        )?;
        let (reward, counters) = (figures.reward.mean, &mut self.state.counters);
        let step = counters.step;
        let better = counters.best.is_none_or(|(best, _)| reward > best);
        if better {
            counters.best = Some((reward, step));
        }
        self.metrics.push(&AgentRecord::Valid {
            step,
            sequences: counters.episodes,
            environment_steps: counters.environment_steps,
            reward,
        })?;
        self.progress.say(&format!(
            "step {step}  validation reward {reward:.3}{}",
            if better { "  (best)" } else { "" }
        ));
        if better {
            self.state
                .best_checkpoint(self.config)
                .write(&self.folder.best())?;
        }
        self.tensorboard(step, &[("valid/reward", reward)])
    }

    fn save(&mut self) -> Result<(), TrainError> {
        self.events.flush()?;
        self.metrics.sync()?;
        self.state
            .checkpoint(self.config)
            .write(&self.folder.checkpoint())?;
        Ok(())
    }

    fn tensorboard(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<(), TrainError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |d| d.as_secs_f64());
        for (tag, value) in scalars {
            self.events.scalar(tag, step, *value, now)?;
        }
        Ok(())
    }
}
