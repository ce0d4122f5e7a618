//! What holds for every environment.

use mnm_tasks::Split;
use mnm_tasks::environment::{
    Arms, Bandit, BanditOptions, Cues, CuesOptions, Environment, EnvironmentError, GridMaze,
    GridMazeOptions, TabularMdp, TabularMdpOptions,
};
use mnm_tasks::players::{Player, RandomPlayer};

type Maker = fn(batch: usize, seed: u64, split: Split) -> Box<dyn Environment>;

const MAKERS: [Maker; 5] = [
    |batch, seed, split| {
        let options = GridMazeOptions {
            wall_penalty: 0.1,
            ..Default::default()
        };
        Box::new(GridMaze::new(options, batch, seed, split).unwrap())
    },
    |batch, seed, split| {
        Box::new(Bandit::new(BanditOptions::default(), batch, seed, split).unwrap())
    },
    |batch, seed, split| {
        let options = BanditOptions {
            dependence: Arms::Dependent,
            ..Default::default()
        };
        Box::new(Bandit::new(options, batch, seed, split).unwrap())
    },
    |batch, seed, split| {
        Box::new(TabularMdp::new(TabularMdpOptions::default(), batch, seed, split).unwrap())
    },
    |batch, seed, split| Box::new(Cues::new(CuesOptions::default(), batch, seed, split).unwrap()),
];

/// The observations (bit by bit) and rewards of `steps` steps, taken by random actions of `seed`.
struct Recorder {
    player: RandomPlayer,
    actions: Vec<u32>,
    observations: Vec<f32>,
    rewards: Vec<f32>,
}

impl Recorder {
    fn new(environment: &dyn Environment, seed: u64) -> Self {
        let batch = environment.batch();
        Recorder {
            player: RandomPlayer::new(seed),
            actions: vec![0; batch],
            observations: vec![f32::NAN; batch * environment.observation_width()],
            rewards: vec![f32::NAN; batch],
        }
    }

    fn run(
        &mut self,
        environment: &mut dyn Environment,
        steps: usize,
    ) -> Vec<(Vec<f32>, Vec<f32>)> {
        let step = |_| {
            self.player.choose(environment, &mut self.actions);
            self.observations.fill(f32::NAN);
            environment
                .step(&self.actions, &mut self.observations, &mut self.rewards)
                .unwrap();
            assert!(
                self.observations
                    .iter()
                    .chain(&self.rewards)
                    .all(|x| x.is_finite()),
                "all is written"
            );
            (self.observations.clone(), self.rewards.clone())
        };
        (0..steps).map(step).collect()
    }
}

fn record(
    environment: &mut dyn Environment,
    first: u64,
    steps: usize,
) -> Vec<(Vec<f32>, Vec<f32>)> {
    let mut recorder = Recorder::new(environment, 7);
    environment
        .reset(first, &mut recorder.observations)
        .unwrap();
    recorder.run(environment, steps)
}

#[test]
fn an_episode_is_a_function_of_seed_split_number_and_actions() {
    for make in MAKERS {
        let mut environment = make(4, 1, Split::Train);
        let recorded = record(&mut *environment, 10, 100);
        record(&mut *environment, 999, 30);
        assert_eq!(
            record(&mut *environment, 10, 100),
            recorded,
            "{}: nothing is carried over",
            environment.name()
        );
        assert_ne!(record(&mut *environment, 14, 100), recorded);
        assert_ne!(record(&mut *make(4, 2, Split::Train), 10, 100), recorded);
        assert_ne!(record(&mut *make(4, 1, Split::Test), 10, 100), recorded);
    }
}

#[test]
fn a_batch_is_its_single_worlds() {
    for make in MAKERS {
        let (mut three, mut one) = (make(3, 1, Split::Train), make(1, 1, Split::Train));
        let width = one.observation_width();
        let (mut all, mut all_rewards) = (vec![0.0; 3 * width], [0.0; 3]);
        let (mut single, mut single_reward) = (vec![0.0; width], [0.0]);
        three.reset(5, &mut all).unwrap();
        one.reset(7, &mut single).unwrap();
        for step in 0..60_u32 {
            assert_eq!(all[2 * width..], single);
            let action = step * step % 4;
            three
                .step(&[0, step % 3, action], &mut all, &mut all_rewards)
                .unwrap();
            one.step(&[action], &mut single, &mut single_reward)
                .unwrap();
            assert_eq!(all_rewards[2], single_reward[0]);
        }
        assert_eq!(three.render(2), one.render(0));
        assert!(!one.render(0).is_empty());
    }
}

#[test]
fn a_saved_state_goes_on_as_if_nothing_had_been() {
    for make in MAKERS {
        let mut environment = make(3, 1, Split::Train);
        let mut recorder = Recorder::new(&*environment, 7);
        environment.reset(20, &mut recorder.observations).unwrap();
        recorder.run(&mut *environment, 37);
        let (state, seen) = (environment.save(), recorder.observations.clone());
        let rest = recorder.run(&mut *environment, 40);

        let mut other = make(3, 1, Split::Train);
        other.load(&state).unwrap();
        let mut observed = vec![f32::NAN; seen.len()];
        other.observe(&mut observed).unwrap();
        assert_eq!(observed, seen);
        let mut recorder = Recorder::new(&*other, 7);
        (0..37).for_each(|_| recorder.player.choose(&*other, &mut recorder.actions));
        assert_eq!(recorder.run(&mut *other, 40), rest, "{}", other.name());
        assert_eq!(other.save(), environment.save());
        assert_eq!(other.render(1), environment.render(1));
    }
}

#[test]
fn a_foreign_state_is_refused_and_changes_nothing() {
    for (index, make) in MAKERS.into_iter().enumerate() {
        let mut environment = make(3, 1, Split::Train);
        record(&mut *environment, 0, 10);
        let state = environment.save();
        let mut longer = state.clone();
        longer.push(0);
        let foreign = [
            Vec::new(),
            state[..state.len() - 1].to_vec(),
            longer,
            vec![255; state.len()],
            make(2, 1, Split::Train).save(),
            MAKERS[if index == 0 { 1 } else { 0 }](3, 1, Split::Train).save(),
        ];
        for bytes in foreign {
            let error = environment.load(&bytes).unwrap_err();
            assert!(matches!(error, EnvironmentError::State { .. }), "{error}");
            assert_eq!(environment.save(), state);
        }
    }
}

#[test]
fn wrong_arguments_are_errors_and_change_nothing() {
    for make in MAKERS {
        let mut environment = make(2, 1, Split::Train);
        let (width, actions) = (
            environment.observation_width(),
            environment.actions() as u32,
        );
        let (mut observations, mut rewards) = (vec![0.0; 2 * width], [0.0; 2]);
        let error = environment
            .step(&[0, 0], &mut observations, &mut rewards)
            .unwrap_err();
        assert!(error.to_string().contains("not begun"), "{error}");
        assert!(matches!(
            environment.observe(&mut observations),
            Err(EnvironmentError::NotRunning { .. })
        ));
        let error = environment.reset(0, &mut observations[1..]).unwrap_err();
        assert!(error.to_string().contains("`observations`"), "{error}");

        environment.reset(0, &mut observations).unwrap();
        let state = environment.save();
        let error = environment
            .step(&[0, actions], &mut observations, &mut rewards)
            .unwrap_err();
        assert!(
            matches!(error, EnvironmentError::Action { sample: 1, .. }),
            "{error}"
        );
        let error = environment
            .step(&[0], &mut observations, &mut rewards)
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`actions` has 1 entries: expected 2"),
            "{error}"
        );
        let error = environment
            .step(&[0, 0], &mut observations, &mut rewards[1..])
            .unwrap_err();
        assert!(error.to_string().contains("`rewards`"), "{error}");
        assert_eq!(environment.save(), state);

        for step in 1..=environment.episode_steps() {
            let is_over = environment
                .step(&[0, 1], &mut observations, &mut rewards)
                .unwrap();
            assert_eq!(is_over, step == environment.episode_steps());
        }
        let error = environment
            .step(&[0, 0], &mut observations, &mut rewards)
            .unwrap_err();
        assert!(error.to_string().contains("are over"), "{error}");
    }
}
