use super::*;
use crate::Split;
use crate::environment::EnvironmentError;

fn begun(options: CuesOptions, batch: usize) -> (Cues, Vec<f32>) {
    let mut cues = Cues::new(options, batch, 3, Split::Train).unwrap();
    let mut observations = vec![f32::NAN; batch * cues.observation_width()];
    cues.reset(0, &mut observations).unwrap();
    (cues, observations)
}

const SMALL: CuesOptions = CuesOptions {
    cues: 5,
    actions: 3,
    rounds: 4,
};

#[test]
fn every_round_shows_every_cue_once_in_an_order_of_its_own() {
    let (mut cues, mut observations) = begun(SMALL, 1);
    let mut rewards = [0.0];
    let mut rounds = Vec::new();
    let shown =
        |cue: Option<usize>| (0..5).map(move |c| if Some(c) == cue { 5_f32.sqrt() } else { 0.0 });
    let mut before = None;
    for _ in 0..4 {
        let mut round = Vec::new();
        for _ in 0..5 {
            let cue = cues.cue(0).unwrap();
            let expected: Vec<f32> = shown(Some(cue)).chain(shown(before)).collect();
            assert_eq!(observations[..10], expected);
            before = Some(cue);
            round.push(cue);
            cues.step(&[0], &mut observations, &mut rewards).unwrap();
        }
        let mut sorted = round.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4]);
        rounds.push(round);
    }
    rounds.dedup();
    assert!(rounds.len() > 1, "{rounds:?}");
    assert_eq!(cues.cue(0), None);
    let expected: Vec<f32> = shown(None).chain(shown(before)).collect();
    assert_eq!(observations[..10], expected);
}

#[test]
fn the_right_action_of_the_cue_pays_and_no_other() {
    let (mut cues, mut observations) = begun(SMALL, 3);
    let mut rewards = [0.0; 3];
    for step in 0..20 {
        let actions = [step % 3, (step + 1) % 3, 2];
        let expected: Vec<f32> = (0..3)
            .map(|world| {
                let right = cues.right()[world * 5 + cues.cue(world).unwrap()];
                f32::from(actions[world] == right)
            })
            .collect();
        cues.step(&actions, &mut observations, &mut rewards)
            .unwrap();
        assert_eq!(rewards[..], expected);
    }
}

#[test]
fn all_actions_are_right_for_some_cue_and_episodes_differ() {
    let (cues, _) = begun(CuesOptions::default(), 100);
    let mut counts = [0; 4];
    cues.right().iter().for_each(|&a| counts[a as usize] += 1);
    // 2000 draws, 500 an action on average, with a standard deviation of 19.4.
    assert!(
        counts.iter().all(|count: &i32| (count - 500).abs() < 97),
        "{counts:?}"
    );
    assert_ne!(cues.right()[..20], cues.right()[20..40]);
}

#[test]
fn render_marks_the_cue() {
    let (cues, _) = begun(SMALL, 1);
    let text = cues.render(0);
    assert_eq!(text.lines().count(), 2, "{text}");
    let (cue, right) = (cues.cue(0).unwrap(), cues.right());
    assert!(text.contains(&format!("*  {cue}>{}", right[cue])), "{text}");
}

#[test]
fn options_out_of_range_are_named() {
    let error = |cues, actions, rounds| {
        let options = CuesOptions {
            cues,
            actions,
            rounds,
        };
        match Cues::new(options, 1, 0, Split::Train) {
            Err(EnvironmentError::Option(error)) => error.option,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(error(0, 4, 8), "cues");
    assert_eq!(error(20, 1, 8), "actions");
    assert_eq!(error(20, 4, 0), "rounds");
    assert_eq!(error(1000, 4, 101), "rounds");
}
