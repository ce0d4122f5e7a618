//! Each environment with the reference players that an agent is measured against.

use mnm_tasks::Split;
use mnm_tasks::environment::{
    Arms, Bandit, BanditOptions, Cues, CuesOptions, Environment, EnvironmentError, GridMaze,
    GridMazeOptions, TabularMdp, TabularMdpOptions,
};
use mnm_tasks::players::{
    CueOracle, Gittins, GittinsTable, IdealExplorer, MazeOracle, MdpOptimum, PerfectMemory, Player,
    PosteriorSampling, RandomPlayer, ThompsonSampling, Ucb1,
};

/// Reference players by name.
pub(super) type Players<E> = Vec<(&'static str, Box<dyn Player<E>>)>;

/// An environment in which players can be compared.
pub(super) trait Arena: Environment + Sized {
    type Options: Sync;

    /// Whether a positive reward is a find, after which the next can be made sooner.
    const FINDS: bool = false;

    fn open(
        options: &Self::Options,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Result<Self, EnvironmentError>;

    /// From the floor to the ceiling.
    fn players(options: &Self::Options, seed: u64) -> Result<Players<Self>, EnvironmentError>;

    /// Each world's expected regret, where the environment knows of any.
    fn regrets(&self) -> Option<&[f64]> {
        None
    }
}

impl Arena for GridMaze {
    type Options = GridMazeOptions;

    const FINDS: bool = true;

    fn open(
        options: &Self::Options,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Result<Self, EnvironmentError> {
        Self::new(options.clone(), batch, seed, split)
    }

    fn players(_: &Self::Options, seed: u64) -> Result<Players<Self>, EnvironmentError> {
        Ok(vec![
            ("random", Box::new(RandomPlayer::new(seed))),
            ("ideal explorer", Box::new(IdealExplorer::new(seed))),
            ("oracle", Box::new(MazeOracle::default())),
        ])
    }
}

impl Arena for Bandit {
    type Options = BanditOptions;

    fn open(
        options: &Self::Options,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Result<Self, EnvironmentError> {
        Self::new(options.clone(), batch, seed, split)
    }

    fn players(options: &Self::Options, seed: u64) -> Result<Players<Self>, EnvironmentError> {
        let mut players: Players<Self> = vec![
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

    fn regrets(&self) -> Option<&[f64]> {
        Some(self.regrets())
    }
}

impl Arena for TabularMdp {
    type Options = TabularMdpOptions;

    fn open(
        options: &Self::Options,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Result<Self, EnvironmentError> {
        Self::new(options.clone(), batch, seed, split)
    }

    fn players(_: &Self::Options, seed: u64) -> Result<Players<Self>, EnvironmentError> {
        Ok(vec![
            ("random", Box::new(RandomPlayer::new(seed))),
            ("PSRL", Box::new(PosteriorSampling::new(seed))),
            ("optimum", Box::new(MdpOptimum::default())),
        ])
    }
}

impl Arena for Cues {
    type Options = CuesOptions;

    fn open(
        options: &Self::Options,
        batch: usize,
        seed: u64,
        split: Split,
    ) -> Result<Self, EnvironmentError> {
        Self::new(options.clone(), batch, seed, split)
    }

    fn players(_: &Self::Options, seed: u64) -> Result<Players<Self>, EnvironmentError> {
        Ok(vec![
            // Right actions are drawn evenly: whoever remembers nothing does as well as anybody else by playing at random.
            ("no memory", Box::new(RandomPlayer::new(seed))),
            ("perfect memory", Box::new(PerfectMemory::default())),
            ("oracle", Box::new(CueOracle)),
        ])
    }
}
