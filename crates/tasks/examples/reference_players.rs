//! What the reference players earn, an environment each: `cargo run --release --example reference_players`.

use mnm_tasks::Split;
use mnm_tasks::environment::{
    Arms, Bandit, BanditOptions, Environment, EnvironmentError, GridMaze, GridMazeOptions,
    TabularMdp, TabularMdpOptions,
};
use mnm_tasks::players::{
    Gittins, GittinsTable, IdealExplorer, MazeOracle, MdpOptimum, Player, PosteriorSampling,
    RandomPlayer, ThompsonSampling, Ucb1, mean_total, play,
};

const EPISODES: usize = 1000;
const SEED: u64 = 1;

fn total<E: Environment>(
    environment: &mut E,
    mut player: impl Player<E>,
) -> Result<f64, EnvironmentError> {
    play(environment, &mut player, 0).map(|earned| mean_total(&earned))
}

fn mazes() -> Result<(), EnvironmentError> {
    println!(
        "grid maze, 200 steps: mean reward\n{:>6} {:>8} {:>9} {:>8}",
        "size", "random", "explorer", "oracle"
    );
    for size in [9, 13] {
        let options = GridMazeOptions {
            size,
            ..Default::default()
        };
        let mut maze = GridMaze::new(options, EPISODES, SEED, Split::Test)?;
        let random = total(&mut maze, RandomPlayer::new(SEED))?;
        let explorer = total(&mut maze, IdealExplorer::new(SEED))?;
        let oracle = total(&mut maze, MazeOracle::default())?;
        println!("{size:>6} {random:>8.1} {explorer:>9.1} {oracle:>8.1}");
        if size == 9 {
            println!("{}", maze.render(0));
        }
    }
    Ok(())
}

fn regret(bandit: &mut Bandit, mut player: impl Player<Bandit>) -> Result<f64, EnvironmentError> {
    play(bandit, &mut player, 0)?;
    Ok(bandit.regrets().iter().sum::<f64>() / EPISODES as f64)
}

fn bandits() -> Result<(), EnvironmentError> {
    let heads = [
        "pulls", "random", "UCB1 2", "UCB1 0.2", "Thompson", "Gittins",
    ]
    .map(|head| format!("{head:>9}"));
    println!(
        "bandits: mean expected regret\n{:>14} {}",
        "arms",
        heads.join("")
    );
    for (dependence, arms, pulls) in [
        (Arms::Independent, 5, 100),
        (Arms::Independent, 10, 100),
        (Arms::Independent, 5, 500),
        (Arms::Dependent, 5, 100),
        (Arms::Dependent, 2, 100),
    ] {
        let mut bandit = Bandit::new(
            BanditOptions {
                arms,
                pulls,
                dependence,
            },
            EPISODES,
            SEED,
            Split::Test,
        )?;
        let table = GittinsTable::new(pulls, 1.0 - 3.0 / pulls as f64)?;
        let regrets = [
            regret(&mut bandit, RandomPlayer::new(SEED))?,
            regret(&mut bandit, Ucb1::default())?,
            regret(&mut bandit, Ucb1::new(0.2))?,
            regret(&mut bandit, ThompsonSampling::new(SEED))?,
            regret(&mut bandit, Gittins::new(table))?,
        ];
        let regrets = regrets.map(|regret| format!("{regret:>9.2}")).join("");
        println!(
            "{:>14} {pulls:>9}{regrets}",
            format!("{arms} {dependence:?}")
        );
    }
    Ok(())
}

fn processes() -> Result<(), EnvironmentError> {
    println!("\nMDPs of 10 states and 5 actions, rounds of 10 steps: mean reward");
    println!(
        "{:>6} {:>8} {:>8} {:>8}",
        "rounds", "random", "PSRL", "optimum"
    );
    for rounds in [10, 25, 50] {
        let options = TabularMdpOptions {
            rounds,
            ..Default::default()
        };
        let mut mdp = TabularMdp::new(options, EPISODES, SEED, Split::Test)?;
        let random = total(&mut mdp, RandomPlayer::new(SEED))?;
        let psrl = total(&mut mdp, PosteriorSampling::new(SEED))?;
        let optimum = total(&mut mdp, MdpOptimum::default())?;
        println!("{rounds:>6} {random:>8.1} {psrl:>8.1} {optimum:>8.1}");
    }
    Ok(())
}

fn main() -> Result<(), EnvironmentError> {
    mazes()?;
    bandits()?;
    processes()
}
