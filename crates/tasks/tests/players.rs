//! The reference players rank as they should.

use mnm_tasks::Split;
use mnm_tasks::environment::{
    Bandit, BanditOptions, Cues, CuesOptions, Environment, GridMaze, GridMazeOptions, TabularMdp,
    TabularMdpOptions,
};
use mnm_tasks::players::{
    CueOracle, Gittins, GittinsTable, IdealExplorer, MazeOracle, MdpOptimum, PerfectMemory, Player,
    PosteriorSampling, RandomPlayer, ThompsonSampling, Ucb1, mean_total, play,
};

fn maze(size: usize) -> GridMaze {
    GridMaze::new(
        GridMazeOptions {
            size,
            ..Default::default()
        },
        100,
        1,
        Split::Test,
    )
    .unwrap()
}

#[test]
fn in_the_maze_knowing_beats_looking_beats_luck() {
    for size in [9, 13] {
        let random = mean_total(&play(&mut maze(size), &mut RandomPlayer::new(1), 0).unwrap());
        let explorer = mean_total(&play(&mut maze(size), &mut IdealExplorer::new(1), 0).unwrap());
        let oracle = mean_total(&play(&mut maze(size), &mut MazeOracle::default(), 0).unwrap());
        assert!(
            2.0 * random < explorer && explorer < oracle,
            "{size}: {random}, {explorer}, {oracle}"
        );
        assert!(
            explorer > 0.6 * oracle,
            "{size}: one search costs less than 40 %: {explorer}, {oracle}"
        );
    }
}

/// The mean of a perfect memory is the closed form, within five standard errors; chance is far below, the oracle above.
#[test]
fn with_cues_memory_is_worth_what_was_computed() {
    for (cues, actions, rounds) in [(20, 4, 8), (5, 10, 6), (1, 2, 1), (7, 3, 12)] {
        let options = CuesOptions {
            cues,
            actions,
            rounds,
        };
        let ideal = options.ideal_reward();
        let mut environment = Cues::new(options, 2000, 1, Split::Test).unwrap();
        let earned = play(&mut environment, &mut PerfectMemory::default(), 0).unwrap();
        let of_world = |world: usize| earned.iter().map(|row| f64::from(row[world])).sum::<f64>();
        let totals: Vec<f64> = (0..2000).map(of_world).collect();
        let mean = totals.iter().sum::<f64>() / 2000.0;
        let variance = totals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1999.0;
        assert!(
            (mean - ideal).abs() < 5.0 * (variance / 2000.0).sqrt(),
            "{mean}, computed {ideal}"
        );
        let steps = (cues * rounds) as f64;
        let oracle = mean_total(&play(&mut environment, &mut CueOracle, 0).unwrap());
        assert_eq!(oracle, steps);
        let random = mean_total(&play(&mut environment, &mut RandomPlayer::new(1), 0).unwrap());
        let chance = steps / actions as f64;
        let error = (chance * (1.0 - 1.0 / actions as f64) / 2000.0).sqrt();
        assert!((random - chance).abs() < 5.0 * error, "{random}, {chance}");
    }
}

#[test]
fn the_oracle_takes_shortest_paths() {
    let mut environment = maze(9);
    let mut oracle = MazeOracle::default();
    let (mut observations, mut rewards, mut actions) =
        (vec![0.0; 1600], vec![0.0; 100], vec![0; 100]);
    environment.reset(0, &mut observations).unwrap();
    oracle.begin(&environment);
    let needed: Vec<u32> = environment
        .goals()
        .iter()
        .map(|&goal| environment.map().distances(goal)[environment.map().centre()].unwrap())
        .collect();
    for step in 1..=20 {
        oracle.choose(&environment, &mut actions);
        environment
            .step(&actions, &mut observations, &mut rewards)
            .unwrap();
        for sample in (0..100).filter(|&sample| step <= needed[sample]) {
            assert_eq!(
                rewards[sample] > 0.0,
                step == needed[sample],
                "world {sample}, step {step}"
            );
        }
    }
}

#[test]
fn the_explorer_visits_every_cell_and_goes_straight_back() {
    let mut environment = maze(9);
    let mut explorer = IdealExplorer::new(1);
    let earned = play(&mut environment, &mut explorer, 0).unwrap();
    let (map, tour) = (environment.map(), explorer.tour());
    let mut visited = vec![map.centre()];
    for &action in tour {
        visited.push(map.after(*visited.last().unwrap(), action));
    }
    visited.sort_unstable();
    visited.dedup();
    assert_eq!(visited, map.free());
    assert!(tour.len() <= 60, "41 cells in {} moves", tour.len());
    // After the first find, no way is longer than across the maze: 12 moves and a detour or two around pillars.
    let finds_of = |sample: usize| -> Vec<usize> {
        earned
            .iter()
            .enumerate()
            .filter(|(_, rewards)| rewards[sample] > 0.0)
            .map(|(step, _)| step)
            .collect()
    };
    for finds in (0..100).map(finds_of) {
        assert!(finds[0] < tour.len());
        assert!(
            finds.windows(2).all(|pair| pair[1] - pair[0] <= 16),
            "{finds:?}"
        );
    }
}

fn regret(player: &mut dyn Player<Bandit>, arms: usize) -> f64 {
    let options = BanditOptions {
        arms,
        ..Default::default()
    };
    let mut bandit = Bandit::new(options, 2000, 1, Split::Test).unwrap();
    play(&mut bandit, player, 0).unwrap();
    bandit.regrets().iter().sum::<f64>() / 2000.0
}

#[test]
fn bandit_players_rank_as_published() {
    for arms in [5, 10] {
        let random = regret(&mut RandomPlayer::new(1), arms);
        let ucb1 = regret(&mut Ucb1::default(), arms);
        let thompson = regret(&mut ThompsonSampling::new(1), arms);
        let gittins = regret(
            &mut Gittins::new(GittinsTable::new(100, 0.97).unwrap()),
            arms,
        );
        assert!(
            gittins < thompson && thompson < ucb1 && ucb1 < 0.7 * random,
            "{arms} arms: Gittins {gittins}, Thompson {thompson}, UCB1 {ucb1}, random {random}"
        );
    }
}

#[test]
fn mdp_players_rank_as_published() {
    let mut mdp = TabularMdp::new(TabularMdpOptions::default(), 200, 1, Split::Test).unwrap();
    let random = mean_total(&play(&mut mdp, &mut RandomPlayer::new(1), 0).unwrap());
    let mut optimum = MdpOptimum::default();
    let best = mean_total(&play(&mut mdp, &mut optimum, 0).unwrap());
    let earned = play(&mut mdp, &mut PosteriorSampling::new(1), 0).unwrap();
    let psrl = mean_total(&earned);
    assert!(
        (random - 100.0).abs() < 15.0,
        "all means are 1 on average: {random}"
    );
    assert!(
        random + 20.0 < psrl && psrl < best,
        "random {random}, PSRL {psrl}, optimum {best}"
    );
    let (first, last) = (mean_total(&earned[..10]), mean_total(&earned[90..]));
    assert!(
        last > first + 2.0,
        "it learns within the episode: {first} in the first round, {last} in the last"
    );

    // What the plans promise is what they earn. The noise of 100 rewards a world, 200 worlds: 10 / sqrt(200) = 0.7.
    let promised = optimum
        .plans()
        .iter()
        .map(|plan| 10.0 * plan.values()[0])
        .sum::<f64>()
        / 200.0;
    assert!(
        (promised - best).abs() < 5.0,
        "promised {promised}, earned {best}"
    );
}
