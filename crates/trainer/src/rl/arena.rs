//! Each environment with the reference players that an agent is measured against.

use mnm_tasks::Split;
use mnm_tasks::environment::{
    Arms, Cueing, EnvironmentError, Game, Mazes, Processes, Pulling, Vectorised,
};
use mnm_tasks::players::{
    CueOracle, Gittins, GittinsTable, IdealExplorer, MazeOracle, MdpOptimum, PerfectMemory, Player,
    PosteriorSampling, RandomPlayer, ThompsonSampling, Ucb1,
};

/// Reference players by name.
pub(super) type Players<E> = Vec<(&'static str, Box<dyn Player<E>>)>;

/// An environment in which players can be compared.
pub(super) trait Contest: Game<Options: Clone + Sync> {
    /// Whether a positive reward is a find, after which the next can be made sooner.
    const FINDS: bool = false;

    /// From the floor to the ceiling.
    fn players(
        options: &Self::Options,
        seed: u64,
    ) -> Result<Players<Vectorised<Self>>, EnvironmentError>;

    /// Each world's expected regret, where the environment knows of any.
    fn regrets(_arena: &Vectorised<Self>) -> Option<&[f64]> {
        None
    }

    /// `batch` worlds of a split.
    fn open(
        options: &Self::Options,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Result<Vectorised<Self>, EnvironmentError> {
        Vectorised::new(options.clone(), batch, seed, split)
    }
}

/// `$body` with the options of the environment that `$data` says, and with its game as `$Game`; an error where it is none.
macro_rules! in_contest {
    ($data:expr, |$options:ident: $Game:ident| $body:expr) => {
        match $data {
            DataConfig::Maze($options) => {
                type $Game = mnm_tasks::environment::Mazes;
                $body
            }
            DataConfig::Bandit($options) => {
                type $Game = mnm_tasks::environment::Pulling;
                $body
            }
            DataConfig::Mdp($options) => {
                type $Game = mnm_tasks::environment::Processes;
                $body
            }
            DataConfig::Cues($options) => {
                type $Game = mnm_tasks::environment::Cueing;
                $body
            }
            _ => Err(no_environment()),
        }
    };
}
pub(super) use in_contest;

impl Contest for Mazes {
    const FINDS: bool = true;

    fn players(
        _: &Self::Options,
        seed: u64,
    ) -> Result<Players<Vectorised<Self>>, EnvironmentError> {
        Ok(vec![
            ("random", Box::new(RandomPlayer::new(seed))),
            ("ideal explorer", Box::new(IdealExplorer::new(seed))),
            ("oracle", Box::new(MazeOracle::default())),
        ])
    }
}

impl Contest for Pulling {
    fn players(
        options: &Self::Options,
        seed: u64,
    ) -> Result<Players<Vectorised<Self>>, EnvironmentError> {
        let mut players: Players<Vectorised<Self>> = vec![
            ("random", Box::new(RandomPlayer::new(seed))),
            ("UCB1", Box::new(Ucb1::default())),
            ("UCB1, c = 0.2", Box::new(Ucb1::new(0.2))),
            ("Thompson", Box::new(ThompsonSampling::new(seed))),
        ];
        // The index is of independent arms, and a table of more pulls takes minutes.
        if options.dependence == Arms::Independent && options.pulls <= 500 {
            let discount = (1.0 - 3.0 / options.pulls as f64).max(0.0);
            let table = GittinsTable::new(options.pulls, discount)?;
            players.push(("Gittins", Box::new(Gittins::new(table))));
        }
        Ok(players)
    }

    fn regrets(arena: &Vectorised<Self>) -> Option<&[f64]> {
        Some(arena.regrets())
    }
}

impl Contest for Processes {
    fn players(
        _: &Self::Options,
        seed: u64,
    ) -> Result<Players<Vectorised<Self>>, EnvironmentError> {
        Ok(vec![
            ("random", Box::new(RandomPlayer::new(seed))),
            ("PSRL", Box::new(PosteriorSampling::new(seed))),
            ("optimum", Box::new(MdpOptimum::default())),
        ])
    }
}

impl Contest for Cueing {
    fn players(
        _: &Self::Options,
        seed: u64,
    ) -> Result<Players<Vectorised<Self>>, EnvironmentError> {
        Ok(vec![
            // Right actions are drawn evenly: whoever remembers nothing does as well as anybody else by playing at random.
            ("no memory", Box::new(RandomPlayer::new(seed))),
            ("perfect memory", Box::new(PerfectMemory::default())),
            ("oracle", Box::new(CueOracle)),
        ])
    }
}
