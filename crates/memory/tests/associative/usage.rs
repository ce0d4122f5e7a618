//! As a program would use it.

use mnm_memory::{AssociativeMemory, Features, Method};
use ndarray::{Array1, Array2, s};

use crate::scene::{bytes, every_kind, orthonormal, rows};

#[test]
fn an_empty_memory_reads_zeros_and_so_does_a_cleared_one() {
    for mut memory in every_kind::<f64>() {
        let (keys, values) = (rows::<f64>(30, 5, 1), rows::<f64>(30, 3, 2));
        let empty = bytes(&memory);
        assert!(memory.read_batch(&keys).unwrap().iter().all(|&x| x == 0.0));
        assert_eq!(memory.statistics().drift, None);
        memory.write_batch(&keys, &values).unwrap();
        assert!(memory.read_batch(&keys).unwrap().iter().any(|&x| x != 0.0));
        assert_eq!(memory.statistics().writes, 30);
        memory.clear();
        assert_eq!(
            bytes(&memory),
            empty,
            "{:?} {:?}",
            memory.method(),
            memory.features()
        );
    }
}

#[test]
fn a_write_says_how_far_off_the_memory_was() {
    for mut memory in every_kind::<f64>() {
        let (keys, values) = (rows::<f64>(20, 5, 1), rows::<f64>(20, 3, 2));
        for (key, value) in keys.rows().into_iter().zip(values.rows()) {
            let read = Array1::from(memory.read(key).unwrap());
            let expected = (&read - &value).mapv(|x| x * x).sum().sqrt();
            let found = memory.write(key, value).unwrap();
            assert!((found - expected).abs() < 1e-12 * (1.0 + expected));
        }
    }
}

#[test]
fn slices_vectors_arrays_and_strided_views_are_all_the_same() {
    for mut memory in every_kind::<f64>() {
        let mut other = memory.clone();
        let wide = rows::<f64>(10, 10, 1);
        // Every second column: not one after another.
        let strided = wide.slice(s![.., ..;2]);
        let values = rows::<f64>(10, 3, 2);
        for (key, value) in strided.rows().into_iter().zip(values.rows()) {
            let key_vec: Vec<f64> = key.to_vec();
            assert_eq!(
                memory.write(key, value).unwrap(),
                other.write(&key_vec, &value.to_vec()).unwrap()
            );
            assert_eq!(
                memory.read(key).unwrap(),
                other.read(key_vec.as_slice()).unwrap()
            );
        }
        assert_eq!(bytes(&memory), bytes(&other));
        assert_eq!(
            memory.read_batch(strided).unwrap(),
            other.read_batch(&strided.to_owned()).unwrap()
        );
        // A batch is its rows; a product of many rows adds in another order.
        let batch = memory.read_batch(strided).unwrap();
        for (row, key) in batch.rows().into_iter().zip(strided.rows()) {
            let single = memory.read(key).unwrap();
            assert!(row.iter().zip(&single).all(|(a, b)| (a - b).abs() < 1e-12));
        }
    }
}

#[test]
fn the_sample_shows_old_pairs_drifting_and_can_be_switched_off() {
    let mut memory = AssociativeMemory::<f64>::new(16, 4, Method::delta())
        .unwrap()
        .with_sample(10);
    let keys = orthonormal(16, 16, 1);
    let values = rows::<f64>(16, 4, 2);
    memory.write_batch(&keys, &values).unwrap();
    let drift = memory.statistics().drift.unwrap();
    assert_eq!(drift.pairs, 10);
    assert!(drift.error < 1e-12 && drift.worst < 1e-12, "{drift:?}");
    // Other keys in the same place: the old pairs suffer.
    memory
        .write_batch(&rows(200, 16, 3), &rows(200, 4, 4))
        .unwrap();
    let drift = memory.statistics().drift.unwrap();
    assert!(drift.error > 0.1 && drift.worst > 0.1, "{drift:?}");
    // A key that is written again is no drift: its new value counts.
    let mut one = AssociativeMemory::<f64>::new(16, 4, Method::delta()).unwrap();
    for value in values.rows() {
        one.write(keys.row(0), value).unwrap();
    }
    assert!(one.statistics().drift.unwrap().error < 1e-12);

    let mut silent = AssociativeMemory::<f64>::new(16, 4, Method::delta())
        .unwrap()
        .with_sample(0);
    silent.write_batch(&keys, &values).unwrap();
    assert_eq!(silent.statistics().drift, None);
    assert_eq!(silent.read_batch(&keys).unwrap(), {
        let mut loud = AssociativeMemory::<f64>::new(16, 4, Method::delta()).unwrap();
        loud.write_batch(&keys, &values).unwrap();
        loud.read_batch(&keys).unwrap()
    });
}

#[test]
fn forgetting_a_key_leaves_orthogonal_ones_alone() {
    let keys = orthonormal(6, 8, 1);
    let values = rows::<f64>(6, 3, 2);
    let methods = [
        Method::delta(),
        Method::least_squares(),
        Method::hebbian(),
        Method::deep([]),
    ];
    for method in methods {
        let mut memory =
            AssociativeMemory::<f64>::with_features(8, 3, method, Features::Raw).unwrap();
        memory.write_batch(&keys, &values).unwrap();
        let before = memory.read_batch(&keys).unwrap();
        let length = memory.forget(keys.row(2)).unwrap();
        assert!((length - before.row(2).dot(&before.row(2)).sqrt()).abs() < 1e-12);
        let after = memory.read_batch(&keys).unwrap();
        for (row, (before, after)) in before.rows().into_iter().zip(after.rows()).enumerate() {
            let expected = if row == 2 {
                Array1::zeros(3)
            } else {
                before.to_owned()
            };
            let off = (&expected - &after).mapv(f64::abs).sum();
            assert!(off < 1e-10, "{:?}, row {row}: {off}", memory.method());
        }
        assert_eq!(memory.statistics().drift.unwrap().pairs, 5);
    }
    // A deep memory gets near.
    let mut deep = AssociativeMemory::<f64>::new(8, 3, Method::deep([24])).unwrap();
    deep.write_batch(&keys, &values).unwrap();
    let length = deep.forget(keys.row(2)).unwrap();
    let left = Array1::from(deep.read(keys.row(2)).unwrap())
        .mapv(|x| x * x)
        .sum()
        .sqrt();
    assert!(left < 1e-3 * length, "{length} -> {left}");
}

#[test]
fn load_norm_and_writes_are_what_was_written() {
    let mut memory = AssociativeMemory::<f64>::new(4, 2, Method::delta()).unwrap();
    memory.write(&[1.0, 0.0, 0.0, 0.0], &[3.0, 0.0]).unwrap();
    memory.write(&[0.0, 0.0, 2.0, 0.0], &[0.0, 8.0]).unwrap();
    memory.write(&[0.0, 1.0, 0.0, 0.0], &[0.0, 12.0]).unwrap();
    // W has the entries 3, 8 / 2 and 12.
    let statistics = memory.statistics();
    assert_eq!((statistics.writes, statistics.load), (3, 0.75));
    assert!(
        (statistics.norm - 13.0).abs() < 1e-12,
        "{}",
        statistics.norm
    );
    assert_eq!(statistics.known, None);
    let features = Features::tanh(12);
    let mut memory =
        AssociativeMemory::<f64>::with_features(4, 2, Method::delta(), features).unwrap();
    memory.write(&[1.0, 0.0, 0.0, 0.0], &[3.0, 0.0]).unwrap();
    assert_eq!(memory.statistics().load, 1.0 / 12.0);
}

#[test]
fn a_least_squares_memory_finds_a_linear_map_from_noise() {
    // What a table cannot do: 2,000 noisy pairs become the map behind them.
    let map = rows::<f64>(3, 12, 1);
    let keys = rows::<f64>(2000, 12, 2);
    let noise = rows::<f64>(2000, 3, 3);
    let values = keys.dot(&map.t()) + &noise;
    let mut memory = AssociativeMemory::<f64>::new(12, 3, Method::least_squares()).unwrap();
    memory.write_batch(&keys, &values).unwrap();
    let axes = Array2::<f64>::eye(12);
    let found = memory.read_batch(&axes).unwrap();
    let off = (found - map.t()).mapv(|x| x * x).mean().unwrap().sqrt();
    // Deviation of a coefficient: sqrt(1/3) / sqrt(2000 / 3) = 0.022.
    assert!(off < 0.03, "{off}");
}
