use super::*;
use crate::Split;
use crate::environment::{Environment, EnvironmentError};

fn maze(batch: usize) -> GridMaze {
    GridMaze::new(GridMazeOptions::default(), batch, 3, Split::Train).unwrap()
}

fn begun(batch: usize, first: u64) -> (GridMaze, Vec<f32>) {
    let mut maze = maze(batch);
    let mut observations = vec![f32::NAN; batch * 16];
    maze.reset(first, &mut observations).unwrap();
    (maze, observations)
}

#[test]
fn goals_are_free_not_the_centre_and_all_occur() {
    let (maze, _) = begun(1000, 0);
    let mut goals = maze.goals().to_vec();
    goals.sort_unstable();
    goals.dedup();
    let expected: Vec<usize> = maze
        .map()
        .free()
        .iter()
        .copied()
        .filter(|&cell| cell != maze.map().centre())
        .collect();
    assert_eq!(goals, expected);
}

#[test]
fn the_agent_sees_its_neighbourhood_and_its_past() {
    let (mut maze, observations) = begun(1, 0);
    // Around the centre, (4, 4), nothing is in the way: the nearest pillars are two cells off.
    assert_eq!(
        observations,
        [[0.0; 13].as_slice(), &[0.0, 0.0, 1.0]].concat()
    );
    maze.game.goals[0] = 9 + 1;
    let (mut observations, mut rewards) = (vec![f32::NAN; 16], [f32::NAN]);
    assert!(!maze.step(&[2], &mut observations, &mut rewards).unwrap());
    assert_eq!(maze.agents(), [4 * 9 + 3]);
    #[rustfmt::skip]
    assert_eq!(observations, [
        0.0, 0.0, 0.0,
        1.0, 0.0, 0.0, // at (4, 3), with a pillar to the left and the centre to the right
        0.0, 0.0, 0.0,
        0.0, 0.0, 1.0, 0.0,
        0.0, 1.0 / 200.0, 1.0,
    ]);
}

#[test]
fn the_reward_is_paid_on_entering_and_the_agent_jumps() {
    let (mut maze, mut observations) = begun(1, 5);
    let goal = maze.map().centre() + 1;
    let mut landed = Vec::new();
    let mut rewards = [0.0];
    for _ in 0..60 {
        maze.game.goals[0] = goal;
        maze.game.agents[0] = maze.map().centre();
        maze.step(&[3], &mut observations, &mut rewards).unwrap();
        assert_eq!(rewards, [10.0]);
        assert_eq!(observations[13], 10.0, "the reward is observed");
        assert!(!maze.map().is_wall(maze.game.agents[0]) && maze.game.agents[0] != goal);
        landed.push(maze.game.agents[0]);
    }
    landed.sort_unstable();
    landed.dedup();
    assert!(
        landed.len() > 20,
        "60 jumps came to {} cells only",
        landed.len()
    );
}

#[test]
fn a_wall_stops_and_costs() {
    let options = GridMazeOptions {
        wall_penalty: 0.5,
        ..Default::default()
    };
    let mut maze = GridMaze::new(options, 1, 3, Split::Train).unwrap();
    let (mut observations, mut rewards) = (vec![0.0; 16], [0.0]);
    maze.reset(0, &mut observations).unwrap();
    (maze.game.agents[0], maze.game.goals[0]) = (9 + 1, 7 * 9 + 7);
    maze.step(&[0], &mut observations, &mut rewards).unwrap();
    assert_eq!((maze.game.agents[0], rewards), (9 + 1, [-0.5]));
}

#[test]
fn render_shows_the_agent_and_the_reward() {
    let (maze, _) = begun(1, 0);
    let text = maze.render(0);
    assert_eq!(text.lines().count(), 9);
    let at = |mark: char| text.replace('\n', "").find(mark);
    assert_eq!(
        (at('A'), at('R')),
        (Some(maze.agents()[0]), Some(maze.goals()[0]))
    );
    assert_eq!(maze.render(1), "");
    assert_eq!(self::maze(1).render(0), "", "nothing was begun");
}

#[test]
fn options_out_of_range_are_named() {
    let error = |options, batch| match GridMaze::new(options, batch, 0, Split::Train) {
        Err(EnvironmentError::Option(error)) => error.option,
        other => panic!("{other:?}"),
    };
    let default = GridMazeOptions::default;
    assert_eq!(
        error(
            GridMazeOptions {
                size: 8,
                ..default()
            },
            1
        ),
        "size"
    );
    assert_eq!(
        error(
            GridMazeOptions {
                size: 3,
                ..default()
            },
            1
        ),
        "size"
    );
    assert_eq!(
        error(
            GridMazeOptions {
                steps: 0,
                ..default()
            },
            1
        ),
        "steps"
    );
    assert_eq!(
        error(
            GridMazeOptions {
                reward: f32::NAN,
                ..default()
            },
            1
        ),
        "reward"
    );
    assert_eq!(
        error(
            GridMazeOptions {
                wall_penalty: -1.0,
                ..default()
            },
            1
        ),
        "wall_penalty"
    );
    assert_eq!(error(default(), 0), "batch");
}

#[test]
fn an_agent_in_the_wall_is_not_restored() {
    let (maze, _) = begun(1, 0);
    let mut state = maze.save();
    let end = state.len() - 8;
    state[end..].copy_from_slice(&0_u64.to_le_bytes());
    let before = maze.clone();
    let mut maze = maze;
    let message = maze.load(&state).unwrap_err().to_string();
    assert!(message.contains("in the wall"), "{message}");
    assert_eq!(maze.agents(), before.agents());
}
