//! Whatever is refused leaves the memory as it was.

use mnm_memory::{AssociativeError, AssociativeMemory, Features, Method};
use mnm_tensor::kernels::Kernels;
use ndarray::{Array2, arr2};

use crate::scene::{bytes, every_kind, rows};

const GOOD: ([f32; 5], [f32; 3]) = ([0.1, -0.2, 0.3, 0.4, 0.5], [1.0, 2.0, 3.0]);

#[test]
fn misfits_and_what_is_not_finite_are_refused() {
    for mut memory in every_kind::<f32>() {
        memory.write_batch(&rows(9, 5, 1), &rows(9, 3, 2)).unwrap();
        let before = bytes(&memory);
        let (key, value) = GOOD;
        for width in [0, 4, 6] {
            let wrong = vec![0.5; width];
            let error = memory.write(&wrong, &value).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("the key is {width} wide: this memory takes 5")
            );
            assert!(
                memory.read(&wrong).is_err()
                    && memory.forget(&wrong).is_err()
                    && memory.novelty(&wrong).is_err()
            );
        }
        let error = memory.write(&key, &[1.0; 4]).unwrap_err().to_string();
        assert_eq!(error, "the value is 4 wide: this memory takes 3");
        assert!(memory.read_into(&key, &mut [0.0; 2]).is_err());
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut wrong = key;
            wrong[3] = bad;
            let error = memory.write(&wrong, &value).unwrap_err();
            assert!(
                matches!(
                    error,
                    AssociativeError::NotFinite {
                        what: "key",
                        index: 3,
                        ..
                    }
                ),
                "{error}"
            );
            assert!(memory.read(&wrong).is_err() && memory.forget(&wrong).is_err());
            let error = memory.write(&key, &[0.0, bad, 0.0]).unwrap_err();
            assert!(
                matches!(
                    error,
                    AssociativeError::NotFinite {
                        what: "value",
                        index: 1,
                        ..
                    }
                ),
                "{error}"
            );
            // In a batch the rows before it are not written either.
            let mut keys = rows::<f32>(4, 5, 3);
            keys[[2, 1]] = bad;
            let error = memory.write_batch(&keys, &rows(4, 3, 4)).unwrap_err();
            assert!(
                matches!(error, AssociativeError::Row { row: 2, .. }),
                "{error}"
            );
        }
        let error = memory
            .write_batch(&rows(4, 5, 3), &rows(3, 3, 4))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "4 rows of keys and 3 rows of values: expected one for every key"
        );
        assert_eq!(bytes(&memory), before, "{:?}", memory.method());
    }
}

/// Keys and values as large and as small as the type has them, each size with each: a pair is stored or refused, and then nothing has changed.
fn every_size<F: Kernels>(keys: impl Iterator<Item = i32>, values: &[i32]) -> [usize; 2] {
    let [mut taken, mut refused] = [0, 0];
    let sizes: Vec<[i32; 2]> = keys
        .flat_map(|k| values.iter().map(move |&v| [k, v]))
        .collect();
    for memory in every_kind::<F>() {
        // Into an empty memory, so that what is there already hides nothing, and one upon the other.
        let (mut fresh, mut full) = (memory.clone(), memory);
        for &[k, v] in &sizes {
            let key = GOOD.0.map(|x| F::of(f64::from(x) * 10f64.powi(k)));
            let value = GOOD.1.map(|x| F::of(f64::from(x) * 10f64.powi(v)));
            fresh.clear();
            for memory in [&mut fresh, &mut full] {
                let before = bytes(memory);
                match memory.write(&key, &value) {
                    Ok(_) => taken += 1,
                    Err(AssociativeError::Overflow { .. } | AssociativeError::ZeroKey) => {
                        refused += 1;
                        assert_eq!(bytes(memory), before, "{:?}", memory.method());
                    }
                    Err(other) => panic!("another error: {other}"),
                }
                let norm = memory.statistics().norm;
                let copy = AssociativeMemory::<F>::from_bytes(&bytes(memory));
                assert!(
                    norm.is_finite() && copy.is_ok(),
                    "a tensor is not finite: {:?} {:?} 1e{k} 1e{v}: {:?}",
                    memory.method(),
                    memory.features(),
                    copy.err()
                );
            }
        }
    }
    [taken, refused]
}

#[test]
fn a_write_that_would_overflow_is_refused() {
    let [taken, refused] = every_size::<f32>(
        (-24..38).step_by(2),
        &[-38, -19, -8, 0, 3, 7, 12, 19, 28, 37],
    );
    assert!(taken > 5000 && refused > 5000, "{taken} {refused}");
    let values = [-300, -154, 0, 3, 30, 150, 154, 290, 307];
    let [taken, refused] = every_size::<f64>((-158..300).step_by(13), &values);
    assert!(taken > 5000 && refused > 5000, "{taken} {refused}");
}

/// Down to keys whose squares are just numbers, and to values whose squares are not: the pair is stored, and its distance is told.
fn small_pairs<F: Kernels>(keys: &[f64], values: &[f64], near: f64) {
    let methods = [
        Method::delta(),
        Method::hebbian(),
        Method::deep([]),
        Method::deep([4]),
    ];
    for method in methods {
        for (&key, &value) in keys.iter().flat_map(|k| values.iter().map(move |v| (k, v))) {
            // A network bends keys: it takes their directions.
            let features = match method == Method::deep([4]) {
                true => Features::Unit,
                false => Features::Raw,
            };
            let mut memory =
                AssociativeMemory::<F>::with_features(2, 1, method.clone(), features).unwrap();
            let pair = ([F::of(key), F::zero()], [F::of(value)]);
            let distance = memory.write(&pair.0, &pair.1).unwrap().as_f64();
            assert!(
                (distance / value - 1.0).abs() < near,
                "{method:?} {key:e} {value:e}: {distance:e}"
            );
            let read = memory.read(&pair.0).unwrap()[0].as_f64();
            assert!(
                (read / value - 1.0).abs() < near,
                "{method:?} {key:e} {value:e}: {read:e}"
            );
        }
    }
}

#[test]
fn small_pairs_are_stored_in_single_precision() {
    small_pairs::<f32>(&[1.0, 1e-10, 1e-12], &[1.0, 1e-10, 1e-23], 1e-4);
}

#[test]
fn small_pairs_are_stored_in_double_precision() {
    small_pairs::<f64>(&[1.0, 1e-80, 1e-100], &[1.0, 1e-80, 1e-200], 1e-10);
}

/// Of a batch, what comes before a refused write is stored.
#[test]
fn the_rows_before_a_key_of_zeros_are_written() {
    let mut memory = AssociativeMemory::<f64>::new(2, 1, Method::delta()).unwrap();
    let keys = arr2(&[[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]);
    let values = arr2(&[[3.0], [4.0], [5.0]]);
    let error = memory.write_batch(&keys, &values).unwrap_err();
    assert!(
        matches!(error, AssociativeError::Row { row: 1, .. }),
        "{error}"
    );
    assert_eq!(memory.read(&[1.0, 0.0]).unwrap(), [3.0]);
    assert_eq!(memory.read(&[0.0, 1.0]).unwrap(), [0.0]);
    assert_eq!(memory.statistics().writes, 1);
}

#[test]
fn a_memory_that_no_machine_has_room_for_is_refused() {
    let huge = usize::MAX / 8;
    for (key, value, method, features) in [
        (huge, 1, Method::delta(), Features::Raw),
        (1, huge, Method::hebbian(), Features::Unit),
        (1 << 24, 1, Method::least_squares(), Features::Raw),
        (2, 2, Method::delta(), Features::tanh(1 << 50)),
        (2, 2, Method::deep([1 << 40]), Features::Unit),
    ] {
        let error = AssociativeMemory::<f64>::with_features(key, value, method, features);
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("the size of the memory is"), "{error}");
    }
}

#[test]
fn a_read_that_overflows_says_so() {
    let mut memory = AssociativeMemory::<f32>::new(2, 1, Method::delta()).unwrap();
    memory.write(&[1.0, 0.0], &[1e18]).unwrap();
    let error = memory.read(&[1e30, 0.0]).unwrap_err().to_string();
    assert!(error.starts_with("the read would overflow f32"), "{error}");
    // Its distance cannot be told: nothing is written.
    let before = bytes(&memory);
    assert!(memory.write(&[1e30, 0.0], &[1.0]).is_err());
    assert_eq!(bytes(&memory), before);
}

#[test]
fn nothing_can_be_stored_under_a_key_of_zeros() {
    for features in [Features::Raw, Features::Unit] {
        for method in [
            Method::delta(),
            Method::least_squares(),
            Method::hebbian(),
            Method::deep([4]),
        ] {
            let mut memory =
                AssociativeMemory::<f64>::with_features(3, 2, method, features.clone()).unwrap();
            assert!(matches!(
                memory.write(&[0.0; 3], &[1.0; 2]),
                Err(AssociativeError::ZeroKey)
            ));
            assert!(matches!(
                memory.forget(&[0.0; 3]),
                Err(AssociativeError::ZeroKey)
            ));
            assert_eq!(memory.read(&[0.0; 3]).unwrap(), [0.0; 2]);
        }
    }
    // Tanh features have a bias: there zeros are a key like any other.
    let mut memory =
        AssociativeMemory::<f64>::with_features(3, 2, Method::delta(), Features::tanh(9)).unwrap();
    memory.write(&[0.0; 3], &[1.0; 2]).unwrap();
    assert!(
        memory
            .read(&[0.0; 3])
            .unwrap()
            .iter()
            .all(|x| (x - 1.0).abs() < 1e-12)
    );
}

#[test]
fn settings_out_of_range_are_named() {
    let refused = |method, features| {
        AssociativeMemory::<f32>::with_features(4, 4, method, features)
            .unwrap_err()
            .to_string()
    };
    let squares =
        |ridge, forgetting| refused(Method::LeastSquares { ridge, forgetting }, Features::Raw);
    assert_eq!(
        squares(0.0, 0.0),
        "ridge is 0: expected a finite number above 0"
    );
    assert_eq!(
        squares(f64::NAN, 0.0),
        "ridge is NaN: expected a finite number above 0"
    );
    assert_eq!(
        squares(1.0, 1.0),
        "forgetting is 1: expected at least 0 and below 1"
    );
    for ridge in [1e-310, 1e-39, 1e39] {
        assert!(squares(ridge, 0.0).starts_with(&format!("ridge is {ridge}: expected a normal")));
    }
    for gain in [1e-39, 1e20, 1e39] {
        let features = Features::Tanh {
            count: 8,
            gain,
            seed: 0,
        };
        let error = refused(Method::delta(), features);
        assert!(
            error.starts_with(&format!("gain is {gain}: expected at most")),
            "{error}"
        );
    }
    for rate in [0.0, -1.0, 1.1, f64::NAN] {
        assert!(refused(Method::Delta { rate }, Features::Raw).starts_with("rate is"));
    }
    let deep = |hidden: &[usize], steps| {
        let hidden = hidden.to_vec();
        refused(
            Method::Deep {
                hidden,
                steps,
                rate: 1.0,
                seed: 0,
            },
            Features::Raw,
        )
    };
    assert_eq!(
        deep(&[4, 0], 1),
        "hidden is [4, 0]: expected widths of at least 1"
    );
    assert_eq!(deep(&[4], 0), "steps is 0: expected 1 to 16");
    assert_eq!(deep(&[4], 17), "steps is 17: expected 1 to 16");
    assert!(refused(Method::delta(), Features::tanh(0)).starts_with("count is 0"));
    assert!(refused(Method::delta(), Features::nearest(4, 5)).starts_with("active is 5"));
    for (key, value, name) in [(0, 1, "key"), (1, 0, "value")] {
        let error = AssociativeMemory::<f32>::new(key, value, Method::delta()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the {name} width is 0: expected at least 1")
        );
    }
}

#[test]
fn batches_without_rows_have_a_width_too() {
    for mut memory in every_kind::<f64>() {
        let none = |width| Array2::<f64>::zeros((0, width));
        let before = bytes(&memory);
        let said = |error: AssociativeError| error.to_string();
        let (key, value) = (
            "the key is 7 wide: this memory takes 5",
            "the value is 9 wide: this memory takes 3",
        );
        assert_eq!(
            memory.write_batch(&none(7), &none(9)).map_err(said),
            Err(key.to_owned())
        );
        assert_eq!(
            memory.write_batch(&none(7), &none(3)).map_err(said),
            Err(key.to_owned())
        );
        assert_eq!(
            memory.write_batch(&none(5), &none(9)).map_err(said),
            Err(value.to_owned())
        );
        assert_eq!(
            memory.read_batch(&none(7)).map_err(said),
            Err(key.to_owned())
        );
        assert_eq!(
            memory.features_of(&none(7)).map_err(said),
            Err(key.to_owned())
        );
        assert_eq!(
            memory.write_batch(&none(5), &none(3)).map_err(said),
            Ok(vec![])
        );
        assert_eq!(memory.read_batch(&none(5)).map_err(said), Ok(none(3)));
        assert_eq!(memory.features_of(&none(5)).unwrap().nrows(), 0);
        assert_eq!(bytes(&memory), before);
    }
}

/// What is made can be written to a file and read again, whatever its settings: what could not is refused before.
fn settings_are_within_the_type<F: Kernels>() {
    let (least, most) = (F::min_positive_value().as_f64(), F::max_value().as_f64());
    let (mut taken, mut refused) = (0, 0);
    for exponent in -330..=308 {
        let setting = 10f64.powi(exponent);
        let tanh = Features::Tanh {
            count: 8,
            gain: setting,
            seed: 0,
        };
        let squares = |forgetting| Method::LeastSquares {
            ridge: setting,
            forgetting,
        };
        for (method, features) in [
            (Method::delta(), tanh),
            (squares(0.0), Features::Raw),
            (squares(0.5), Features::Raw),
        ] {
            let Ok(mut memory) = AssociativeMemory::<F>::with_features(4, 2, method, features)
            else {
                refused += 1;
                // Only what is near the ends.
                assert!(
                    setting < 1e9 * least || setting > most.sqrt() / 10.0,
                    "{setting:e}"
                );
                continue;
            };
            taken += 1;
            for round in 0..4 {
                let copy = AssociativeMemory::<F>::from_bytes(&bytes(&memory));
                assert!(copy.is_ok(), "{setting:e}, {round}: {:?}", copy.err());
                for entry in [0.1, 0.7, -1.3] {
                    let key = [F::of(entry), F::one(), F::zero(), F::zero()];
                    // With the smallest gains a key of features is zero.
                    let written = memory.write(&key, &[F::one(), F::of(entry)]);
                    assert!(
                        matches!(
                            written,
                            Ok(_)
                                | Err(AssociativeError::Overflow { .. } | AssociativeError::ZeroKey)
                        ),
                        "{setting:e}: {written:?}"
                    );
                }
            }
        }
    }
    assert!(taken > 100 && refused > 100, "{taken} {refused}");
}

#[test]
fn settings_are_within_single_precision() {
    settings_are_within_the_type::<f32>();
}

#[test]
fn settings_are_within_double_precision() {
    settings_are_within_the_type::<f64>();
}

#[test]
fn batches_of_memories_need_a_row_each() {
    let memory = AssociativeMemory::<f64>::new(2, 1, Method::delta()).unwrap();
    let mut memories = vec![memory; 3];
    let (keys, values) = (
        arr2(&[[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]),
        arr2(&[[1.0], [2.0], [3.0]]),
    );
    let two = Array2::<f64>::zeros((2, 2));
    assert!(mnm_memory::write_each(&mut memories, two.view(), values.view()).is_err());
    assert!(mnm_memory::write_each(&mut memories, keys.view(), two.view()).is_err());
    assert!(mnm_memory::read_each(&memories, two.view()).is_err());
    mnm_memory::write_each(&mut memories, keys.view(), values.view()).unwrap();
    assert_eq!(
        mnm_memory::read_each(&memories, keys.view()).unwrap(),
        values
    );
    assert_eq!(
        memories[1].read(&[1.0, 0.0]).unwrap(),
        [0.0],
        "they know nothing of each other"
    );
    assert_eq!(
        mnm_memory::read_each::<f64>(&[], Array2::zeros((0, 2)).view())
            .unwrap()
            .dim(),
        (0, 0)
    );
}
