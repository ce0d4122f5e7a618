use super::*;
use crate::Split;
use crate::environment::Environment;

fn bandit(dependence: Arms, batch: usize) -> Bandit {
    let options = BanditOptions {
        arms: 4,
        pulls: 50,
        dependence,
    };
    let mut bandit = Bandit::new(options, batch, 3, Split::Train).unwrap();
    bandit.reset(0, &mut vec![0.0; batch * 7]).unwrap();
    bandit
}

#[test]
fn arms_pay_as_often_as_they_should() {
    let batch = 400;
    let mut bandit = bandit(Arms::Independent, batch);
    let (mut observations, mut rewards) = (vec![0.0; batch * 7], vec![0.0; batch]);
    let mut paid = vec![0.0; batch];
    while !bandit
        .step(&vec![2; batch], &mut observations, &mut rewards)
        .unwrap()
    {
        paid.iter_mut()
            .zip(&rewards)
            .for_each(|(sum, reward)| *sum += f64::from(*reward));
    }
    paid.iter_mut()
        .zip(&rewards)
        .for_each(|(sum, reward)| *sum += f64::from(*reward));
    let (mut excess, mut variance) = (0.0, 0.0);
    for (sample, paid) in paid.iter().enumerate() {
        let means = &bandit.means()[sample * 4..sample * 4 + 4];
        excess += paid - 50.0 * means[2];
        variance += 50.0 * means[2] * (1.0 - means[2]);
        let best = means.iter().copied().fold(0.0, f64::max);
        assert!((bandit.regrets()[sample] - 50.0 * (best - means[2])).abs() < 1e-9);
    }
    assert!(
        excess.abs() < 5.0 * variance.sqrt(),
        "{excess} too many of {batch} x 50 pulls paid"
    );
    let mean = bandit.means().iter().sum::<f64>() / (4 * batch) as f64;
    assert!(
        (mean - 0.5).abs() < 5.0 * (1.0 / 12.0 / 1600.0_f64).sqrt(),
        "uniform means, {mean} on average"
    );
}

#[test]
fn dependent_arms_tell_of_one_another() {
    let bandit = bandit(Arms::Dependent, 100);
    let mut odd_ones = [0; 4];
    for means in bandit.means().chunks_exact(4) {
        let others = |arm: usize| {
            (0..4)
                .filter(move |&other| other != arm)
                .map(|other| means[other])
        };
        let odd = (0..4)
            .find(|&arm| others(arm).all(|mean| mean == 1.0 - means[arm]))
            .unwrap();
        odd_ones[odd] += 1;
    }
    assert!(
        odd_ones.iter().all(|&count| count > 10),
        "every arm has its turn: {odd_ones:?}"
    );
}

#[test]
fn render_shows_the_arms() {
    let bandit = bandit(Arms::Independent, 1);
    let text = bandit.render(0);
    assert_eq!(text.lines().count(), 6);
    assert!(
        text.contains(&format!("0 {:.2} |", bandit.means()[0])),
        "{text}"
    );
}

#[test]
fn options_out_of_range_are_named() {
    let error = |arms, pulls, batch| {
        let options = BanditOptions {
            arms,
            pulls,
            dependence: Arms::Independent,
        };
        Bandit::new(options, batch, 0, Split::Train)
            .unwrap_err()
            .to_string()
    };
    assert!(error(1, 10, 1).contains("`arms`"));
    assert!(error(2, 0, 1).contains("`pulls`"));
    assert!(error(2, 10, 0).contains("`batch`"));
    assert_eq!("both".parse::<Arms>().unwrap_err().option, "dependence");
}
