use super::*;
use crate::Split;
use crate::environment::Environment;

fn mdp(batch: usize) -> (TabularMdp, Vec<f32>) {
    let mut mdp = TabularMdp::new(TabularMdpOptions::default(), batch, 3, Split::Train).unwrap();
    let mut observations = vec![f32::NAN; batch * mdp.observation_width()];
    mdp.reset(0, &mut observations).unwrap();
    (mdp, observations)
}

#[test]
fn transitions_are_probabilities_and_means_are_normal() {
    let (mdp, _) = mdp(40);
    for next in mdp.transitions().chunks_exact(10) {
        assert!((next.iter().sum::<f64>() - 1.0).abs() < 1e-12 && next.iter().all(|&p| p >= 0.0));
    }
    let mean = mdp.means().iter().sum::<f64>() / 2000.0;
    assert!((mean - 1.0).abs() < 5.0 / 2000.0_f64.sqrt(), "{mean}");
}

#[test]
fn states_and_rewards_follow_the_tables() {
    let batch = 200;
    let (mut mdp, mut observations) = mdp(batch);
    let mut rewards = vec![0.0; batch];
    let (mut surprise, mut expected_hits, mut hits) = (0.0, 0.0, 0.0);
    let mut steps = 0;
    loop {
        let before = mdp.states().to_vec();
        let is_over = mdp
            .step(&vec![1; batch], &mut observations, &mut rewards)
            .unwrap();
        steps += 1;
        for sample in 0..batch {
            let pair = (sample * 10 + before[sample]) * 5 + 1;
            surprise += f64::from(rewards[sample]) - mdp.means()[pair];
            if steps % 10 != 0 {
                expected_hits += mdp.transitions()[pair * 10 + 7];
                hits += if mdp.states()[sample] == 7 { 1.0 } else { 0.0 };
            }
        }
        if is_over {
            break;
        }
    }
    assert_eq!(steps, 100);
    assert!(
        surprise.abs() < 5.0 * 20_000.0_f64.sqrt(),
        "rewards are unbiased: {surprise}"
    );
    let error: f64 = hits - expected_hits;
    assert!(
        error.abs() < 5.0 * expected_hits.sqrt(),
        "state 7 {hits} times, expected {expected_hits}"
    );
}

#[test]
fn rounds_begin_in_state_0_and_are_flagged() {
    let (mut mdp, mut observations) = mdp(1);
    let mut rewards = [0.0];
    for step in 0..=100 {
        assert_eq!(
            observations[10],
            if step % 10 == 0 { 1.0 } else { 0.0 },
            "step {step}"
        );
        assert_eq!(observations[mdp.states()[0]], 1.0);
        assert_eq!(observations[..10].iter().sum::<f32>(), 1.0);
        if step % 10 == 0 {
            assert_eq!(mdp.states(), [0]);
        }
        if step < 100 {
            mdp.step(&[step % 5], &mut observations, &mut rewards)
                .unwrap();
            assert_eq!(observations[11 + (step % 5) as usize], 1.0);
            assert_eq!(observations[16], rewards[0]);
        }
    }
}

#[test]
fn picks_by_share() {
    let probabilities = [0.25, 0.0, 0.5, 0.25];
    assert_eq!(
        [0.0, 0.24, 0.25, 0.74, 0.75, 0.99].map(|share| pick(&probabilities, share)),
        [0, 0, 2, 2, 3, 3]
    );
    assert_eq!(pick(&[0.3, 0.3], 0.9), 1, "rounding leaves no gap");
}

#[test]
fn render_marks_the_state() {
    let (mdp, _) = mdp(1);
    let text = mdp.render(0);
    assert_eq!(text.lines().count(), 11);
    assert!(text.lines().nth(1).unwrap().starts_with("*  0"), "{text}");
}

#[test]
fn options_out_of_range_are_named() {
    let error = |states, actions, horizon, rounds, batch| {
        let options = TabularMdpOptions {
            states,
            actions,
            horizon,
            rounds,
        };
        TabularMdp::new(options, batch, 0, Split::Train)
            .unwrap_err()
            .to_string()
    };
    assert!(error(1, 2, 1, 1, 1).contains("`states`"));
    assert!(error(2, 1, 1, 1, 1).contains("`actions`"));
    assert!(error(2, 2, 0, 1, 1).contains("`horizon`"));
    assert!(error(2, 2, 1, 0, 1).contains("`rounds`"));
    assert!(error(2, 2, 1, 1, 0).contains("`batch`"));
}

#[test]
fn a_process_too_large_for_memory_is_refused() {
    let large = TabularMdpOptions {
        states: 1000,
        actions: 11,
        ..TabularMdpOptions::default()
    };
    let error = TabularMdp::new(large, 1, 3, Split::Train).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("states") && message.contains("10000000"),
        "{message}"
    );
}
