//! Least squares over a long time: its evidence stays positive definite, and no forgetting runs away.

use mnm_memory::{AssociativeMemory, Features, Method};
use mnm_tensor::kernels::Kernels;
use ndarray::{Array1, Array2};
use rand::RngExt;

use crate::scene::{bytes, cholesky, generator, rows};

/// S and s of the file: P = s S S^T.
fn evidence(memory: &AssociativeMemory<f32>) -> (Array2<f64>, f64) {
    let bytes = bytes(memory);
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let root = file.tensor("evidence.root").unwrap();
    let entries = root.data().as_chunks::<4>().0.iter();
    let entries = entries.map(|&x| f64::from(f32::from_le_bytes(x))).collect();
    let width = root.shape()[0];
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let text = &metadata.metadata().as_ref().unwrap()["associative_memory"];
    let header: serde_json::Value = serde_json::from_str(text).unwrap();
    let scale = header["evidence"]["scale"].as_f64().unwrap();
    (
        Array2::from_shape_vec((width, width), entries).unwrap(),
        scale,
    )
}

/// The recursion of the textbooks, in single precision.
struct Textbook {
    p: Array2<f32>,
    keep: f32,
}

impl Textbook {
    /// Writes, and gives x^T P x, which is above zero as long as P is positive definite.
    fn write(&mut self, x: &Array1<f32>) -> f32 {
        let px = self.p.dot(x);
        let q = x.dot(&px);
        let width = x.len();
        for i in 0..width {
            for j in 0..width {
                self.p[[i, j]] = (self.p[[i, j]] - px[i] * px[j] / (self.keep + q)) / self.keep;
            }
        }
        q
    }
}

/// A million writes in single precision, of nearly dependent keys: every one a common vector and a thousandth of noise.
#[test]
fn a_million_writes_in_single_precision_leave_the_evidence_positive_definite() {
    const WIDTH: usize = 8;
    for forgetting in [0.0, 1e-3] {
        let method = Method::LeastSquares {
            ridge: 1e-3,
            forgetting,
        };
        let mut memory = AssociativeMemory::<f32>::new(WIDTH, 1, method).unwrap();
        let mut textbook = Textbook {
            p: Array2::eye(WIDTH) * 1e3,
            keep: 1.0 - forgetting as f32,
        };
        let (mut generator, mut broken) = (generator(1), None);
        for round in 0..1_000_000 {
            let noise = || 1.0 + 1e-3 * generator.random_range(-1.0..1.0_f32);
            let key = Array1::from_shape_simple_fn(WIDTH, noise);
            memory.write(&key, &[key[0]]).unwrap();
            if broken.is_none() {
                let q = textbook.write(&key);
                broken = (q.is_nan() || q <= 0.0).then_some(round);
            }
            if round % 100_000 == 0 {
                let (root, scale) = evidence(&memory);
                assert!(
                    cholesky(&(root.dot(&root.t()) * scale)).is_ok(),
                    "{forgetting}, {round}"
                );
            }
        }
        // The control: the plain recursion has lost it with the same keys.
        assert!(
            broken.is_some(),
            "{forgetting}: the control is positive definite: {}",
            textbook.p
        );
        let (root, scale) = evidence(&memory);
        assert!(
            cholesky(&(root.dot(&root.t()) * scale)).is_ok(),
            "{forgetting}"
        );
        still_knows::<WIDTH>(&memory);
    }
}

/// After writes under keys near to the vector of ones, each with its first entry as the value: so what that vector must read is known.
#[track_caller]
fn still_knows<const WIDTH: usize>(memory: &AssociativeMemory<f32>) {
    for probe in rows::<f32>(20, WIDTH, 2).rows() {
        let novelty = memory.novelty(probe).unwrap().unwrap();
        assert!(novelty > 0.0 && novelty <= 1.0, "{novelty}");
    }
    let read = memory.read(&[1.0; WIDTH]).unwrap()[0];
    assert!((read - 1.0).abs() < 1e-3, "{read}");
}

/// The same keys, 64 wide. Nothing is forgotten, so that directions without keys take no passes of their own.
#[test]
fn a_million_wide_writes_in_single_precision_leave_the_evidence_positive_definite() {
    const WIDTH: usize = 64;
    let method = Method::least_squares();
    let mut memory = AssociativeMemory::<f32>::new(WIDTH, 1, method).unwrap();
    let (mut generator, mut key) = (generator(1), [0.0_f32; WIDTH]);
    for round in 1..=1_000_000 {
        let noise = || 1.0 + 1e-3 * generator.random_range(-1.0..1.0_f32);
        key.fill_with(noise);
        memory.write(&key, &[key[0]]).unwrap();
        if round % 100_000 == 0 {
            let (root, scale) = evidence(&memory);
            assert!(cholesky(&(root.dot(&root.t()) * scale)).is_ok(), "{round}");
        }
    }
    still_knows::<WIDTH>(&memory);
}

/// Under tanh features, whose directions are known very unequally; now and then a key is forgotten that was written, or one that is near to it.
#[test]
fn a_hundred_thousand_writes_under_features_and_forgetting_leave_the_evidence_positive_definite() {
    for forgetting in [0.0, 1e-3] {
        let method = Method::LeastSquares {
            ridge: 1e-3,
            forgetting,
        };
        let features = Features::tanh(32);
        let mut memory = AssociativeMemory::<f32>::with_features(8, 1, method, features).unwrap();
        let mut generator = generator(2);
        for round in 1..=100_000 {
            let mut key: [f32; 8] = std::array::from_fn(|_| generator.random_range(-1.0..1.0));
            memory.write(&key, &[key[0]]).unwrap();
            if round % 100 < 2 {
                key[1] += (round % 100) as f32 * 0.05;
                memory.forget(&key).unwrap();
                let read = memory.read(&key).unwrap()[0];
                assert!(read.abs() < 1e-3, "{forgetting}, {round}: {read}");
            }
            if round % 10_000 == 1 {
                let (root, scale) = evidence(&memory);
                let p = root.dot(&root.t()) * scale;
                assert!(cholesky(&p).is_ok(), "{forgetting}, {round}");
                // Without forgetting in time nothing is known less than in the empty memory: I / ridge - P is not negative either.
                if forgetting == 0.0 {
                    let known = Array2::eye(32) * 1e3 * (1.0 + 1e-4) - p;
                    assert!(cholesky(&known).is_ok(), "{round}: {}", known.diag());
                }
            }
        }
        let novelty = memory.novelty(&[0.5; 8]).unwrap().unwrap();
        assert!(novelty > 0.0 && novelty <= 1.0, "{forgetting}: {novelty}");
        let read = memory.read(&[0.5; 8]).unwrap()[0];
        assert!((read - 0.5).abs() < 0.5, "{forgetting}: {read}");
    }
}

/// Keys so long, or a ridge so small, that one write would leave less of its direction than is rounded.
#[test]
fn the_longest_keys_and_the_smallest_ridges_leave_the_evidence_positive_definite() {
    let keys = [[1.0, 0.0, 0.0], [2.0, 3.0, -1.0], [0.3, -0.7, 0.2]];
    for exponent in (0..=16).step_by(2) {
        for ridge in [1e-3, 1e-9, 1e-16] {
            for key in keys {
                let long = key.map(|x| x * 10f32.powi(exponent));
                let method = Method::LeastSquares {
                    ridge,
                    forgetting: 0.0,
                };
                let mut memory = AssociativeMemory::<f32>::new(3, 1, method).unwrap();
                for value in [1.0, -2.0, 5.0] {
                    memory.write(&long, &[value]).unwrap();
                    let (root, scale) = evidence(&memory);
                    assert!(
                        cholesky(&(root.dot(&root.t()) * scale)).is_ok(),
                        "{long:?}, {ridge}: {root}"
                    );
                }
                // All three count for the same, however little that is.
                let read = memory.read(&long).unwrap()[0];
                assert!((read - 4.0 / 3.0).abs() < 0.01, "{long:?}, {ridge}: {read}");
                let mut copy = AssociativeMemory::<f32>::from_bytes(&bytes(&memory)).unwrap();
                for memory in [&mut memory, &mut copy] {
                    memory.write(&long, &[1.5]).unwrap();
                }
                assert!(bytes(&memory) == bytes(&copy), "{long:?}, {ridge}");
                memory.forget(&long).unwrap();
                memory.write(&long, &[7.0]).unwrap();
                let read = memory.read(&long).unwrap()[0];
                assert!((read - 7.0).abs() < 0.02, "{long:?}, {ridge}: {read}");
            }
        }
    }
}

#[test]
fn directions_without_keys_neither_run_away_nor_stop_the_others_from_forgetting() {
    // One direction of four is written, the rest forgotten for ever: P of it would be 0.9^-100000.
    let method = Method::LeastSquares {
        ridge: 1e-2,
        forgetting: 0.1,
    };
    let mut memory = AssociativeMemory::<f32>::new(4, 2, method).unwrap();
    for _ in 0..100_000 {
        memory.write(&[0.5, 0.0, 0.0, 0.0], &[3.0, -1.0]).unwrap();
    }
    let (root, scale) = evidence(&memory);
    assert!(root.iter().all(|x| x.is_finite()) && scale.is_finite());
    let p = root.dot(&root.t()) * scale;
    assert!(cholesky(&p).is_ok(), "{p}");
    assert!(p[[1, 1]] < 1e8, "{p}");
    // The key takes a new value as fast as ever: after n writes 0.9^n of the old one is left.
    for n in 1..40 {
        memory.write(&[0.5, 0.0, 0.0, 0.0], &[5.0, 7.0]).unwrap();
        let left = (5.0 - memory.read(&[0.5, 0.0, 0.0, 0.0]).unwrap()[0]) / 2.0;
        assert!((left - 0.9_f32.powi(n)).abs() < 0.01, "{n}: {left}");
    }
    // The other directions work as if nothing had been.
    memory.write(&[0.0, 1.0, 0.0, 0.0], &[3.0, 4.0]).unwrap();
    let read = memory.read(&[0.0, 1.0, 0.0, 0.0]).unwrap();
    assert!(
        (read[0] - 3.0).abs() < 1e-3 && (read[1] - 4.0).abs() < 1e-3,
        "{read:?}"
    );
}

/// Two keys in turn, in a space of four directions and on none of its axes: what is forgotten hangs on the time since, not on whose write it was.
#[test]
fn beside_directions_without_keys_every_key_is_forgotten_in_time() {
    let method = Method::LeastSquares {
        ridge: 1e-2,
        forgetting: 0.05,
    };
    let mut memory = AssociativeMemory::<f32>::new(4, 1, method).unwrap();
    let keys = [[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5]];
    for _ in 0..50_000 {
        for (key, value) in keys.iter().zip([3.0, 4.0]) {
            memory.write(key, &[value]).unwrap();
        }
    }
    let known = memory.statistics().known.unwrap();
    assert!((0.0..0.95).contains(&known), "{known}");
    for n in 1..30 {
        for (key, value) in keys.iter().zip([5.0, 4.0]) {
            memory.write(key, &[value]).unwrap();
        }
        let read = keys.map(|key| memory.read(&key).unwrap()[0]);
        let left = (5.0 - read[0]) / 2.0;
        assert!((left - 0.95_f32.powi(2 * n)).abs() < 0.02, "{n}: {left}");
        assert!((read[1] - 4.0).abs() < 0.02, "{n}: {read:?}");
    }
    // A key of the other directions is stored in one shot.
    let other = [0.5, 0.5, -0.5, -0.5];
    memory.write(&other, &[-7.0]).unwrap();
    let read = [keys[0], keys[1], other].map(|key| memory.read(&key).unwrap()[0]);
    assert!(
        (read[0] - 5.0).abs() < 0.2 && (read[1] - 4.0).abs() < 0.05 && (read[2] + 7.0).abs() < 0.05,
        "{read:?}"
    );
}

/// What is told where directions are worn, against the same recursion on P itself: keys of two directions out of five, forgotten fast.
#[test]
fn worn_directions_are_held_as_the_equation_says() {
    let (ridge, keep, width) = (0.5, 0.6, 5);
    let method = Method::LeastSquares {
        ridge,
        forgetting: 1.0 - keep,
    };
    let mut memory = AssociativeMemory::<f64>::new(width, 1, method).unwrap();
    let most = f64::EPSILON.sqrt().recip() / ridge;
    let mut p = Array2::<f64>::eye(width) / ridge;
    let (mut turn, mut told) = (0, 0);
    let keys = rows::<f64>(2, width, 3);
    let probe = rows::<f64>(1, width, 4).row(0).to_owned();
    let lose = |p: &mut Array2<f64>, x: &Array1<f64>, weight: f64| {
        let px = p.dot(x);
        let q = x.dot(&px);
        for i in 0..width {
            for j in 0..width {
                p[[i, j]] -= px[i] * px[j] / (weight + q);
            }
        }
    };
    for round in 0..300 {
        let key = keys.row(round % 2).to_owned();
        memory.write(&key, &[1.0]).unwrap();
        lose(&mut p, &key, keep);
        p /= keep;
        for _ in 0..width {
            if p.diag().sum() / width as f64 <= most {
                break;
            }
            let mut unit = Array1::zeros(width);
            unit[turn] = 1.0;
            lose(&mut p, &unit, most / 8.0);
            turn = (turn + 1) % width;
            told += 1;
        }
        let q = probe.dot(&p.dot(&probe));
        let novelty = memory.novelty(&probe).unwrap().unwrap();
        // 1 - novelty is l / (l + q), of which q is large.
        let found = keep * ((1.0 - novelty).recip() - 1.0);
        let near = 1e-6 * q.max(1.0) + 1e-15 * q * q;
        assert!((found - q).abs() < near, "{round}: {found}, {q}");
    }
    assert!(told > 50, "{told}");
}

#[test]
fn novelty_falls_with_every_write_and_comes_back_with_forgetting() {
    let mut memory = AssociativeMemory::<f64>::new(6, 2, Method::least_squares()).unwrap();
    let (key, other) = (
        [0.0, 0.6, 0.8, 0.0, 0.0, 0.0],
        [0.0, 0.8, -0.6, 0.0, 0.0, 0.0],
    );
    memory.write(&other, &[1.0, 1.0]).unwrap();
    let novelty = |memory: &AssociativeMemory<f64>| memory.novelty(&key).unwrap().unwrap();
    let unseen = novelty(&memory);
    assert!((unseen - 1000.0 / 1001.0).abs() < 1e-12, "{unseen}");
    for times in 1..6 {
        memory.write(&key, &[f64::from(times), 0.0]).unwrap();
        let expected = 1.0 / (f64::from(times) + 1.001);
        assert!((novelty(&memory) - expected).abs() < 1e-12);
    }
    let length = memory.forget(&key).unwrap();
    assert!((length - 3.0).abs() < 1e-2, "the mean of 1 to 5: {length}");
    assert!(memory.read(&key).unwrap().iter().all(|x| x.abs() < 1e-12));
    assert!((novelty(&memory) - unseen).abs() < 1e-9);
    let kept = memory.read(&other).unwrap();
    assert!(kept.iter().all(|x| (x - 1.0).abs() < 2e-3), "{kept:?}");
    // The first write after it counts as the first.
    memory.write(&key, &[9.0, 9.0]).unwrap();
    let read = memory.read(&key).unwrap();
    assert!(read.iter().all(|x| (x - 9.0).abs() < 0.01), "{read:?}");
}

/// Under keys of usual length, and under keys so long that their pairs count for less: the error shrinks by the part that novelty says.
fn the_next_write_takes_away_the_part_that_is_new<F: Kernels>(lengths: &[f64], near: f64) {
    for forgetting in [0.0, 0.2] {
        for length in lengths {
            let method = Method::LeastSquares {
                ridge: 1e-3,
                forgetting,
            };
            let mut memory = AssociativeMemory::<F>::new(64, 1, method).unwrap();
            let mut generator = generator(9);
            let mut key = || -> Vec<F> {
                let entry = || F::of(length * f64::from(generator.random_range(0..256_u32)));
                std::iter::repeat_with(entry).take(64).collect()
            };
            let (key, other) = (key(), key());
            memory.write(&other, &[F::of(3.0)]).unwrap();
            for written in 0..8_i32 {
                let novelty = memory.novelty(&key).unwrap().unwrap().as_f64();
                let left = 1.0 - forgetting;
                // The weights of the pairs under this key: 1, and those of before.
                let weights: f64 = (0..=written).map(|n| left.powi(n)).sum();
                // The other key, too, tells something of this one.
                assert!(
                    novelty < weights.recip() + near
                        && (written == 0 || novelty > weights.recip() - 0.05),
                    "{length}, {forgetting}, {written}: {novelty}"
                );
                let value = 1000.0 * f64::from(written + 1);
                let before = memory.write(&key, &[F::of(value)]).unwrap().as_f64();
                let after = value - memory.read(&key).unwrap()[0].as_f64();
                assert!(
                    (after - (1.0 - novelty) * before).abs() < near * before,
                    "{length}, {forgetting}, {written}: {before} -> {after}, {novelty}"
                );
            }
        }
    }
}

#[test]
fn the_next_write_takes_away_the_part_that_is_new_in_single_precision() {
    the_next_write_takes_away_the_part_that_is_new::<f32>(&[1e-3, 1.0, 1e6], 1e-3);
}

#[test]
fn the_next_write_takes_away_the_part_that_is_new_in_double_precision() {
    the_next_write_takes_away_the_part_that_is_new::<f64>(&[1e-3, 1.0, 1e7, 1e40], 1e-6);
}

#[test]
fn known_counts_directions_of_feature_space() {
    let method = Method::LeastSquares {
        ridge: 1e-6,
        forgetting: 0.0,
    };
    let features = Features::Unit;
    let mut memory = AssociativeMemory::<f64>::with_features(10, 2, method, features).unwrap();
    assert_eq!(memory.statistics().known, Some(0.0));
    for (count, key) in rows::<f64>(10, 10, 5).rows().into_iter().enumerate() {
        // The same key twice is one direction.
        memory.write(key, &[1.0, 2.0]).unwrap();
        memory.write(key, &[1.0, 2.0]).unwrap();
        let known = memory.statistics().known.unwrap();
        assert!(
            (known - (count + 1) as f64 / 10.0).abs() < 1e-3,
            "{count}: {known}"
        );
    }
}
