//! What the look-up table of LSTM+SALU means.

use mnm_controller::LookUpTable;
use mnm_controller::heads::Interaction;
use mnm_tensor::Tensor;

fn tensor(shape: &[usize], elements: &[f64]) -> Tensor<f64> {
    Tensor::from_vec(shape, elements.to_vec()).unwrap()
}

fn empty(batch: usize, width: usize) -> LookUpTable<f64> {
    LookUpTable {
        keys: Tensor::zeros(&[batch, 0, width]),
        values: Tensor::zeros(&[batch, 0, width]),
        rates: Tensor::zeros(&[batch, 0]),
    }
}

fn pair(key: [f64; 2], value: [f64; 2], rate: f64) -> Interaction<f64> {
    Interaction {
        write_key: tensor(&[1, 1, 2], &key),
        write_value: tensor(&[1, 1, 2], &value),
        read_key: tensor(&[1, 1, 2], &key),
        rate: tensor(&[1], &[rate]),
        control: tensor(&[1, 2], &[0.0; 2]),
    }
}

fn read(table: &LookUpTable<f64>, key: [f64; 2]) -> Vec<f64> {
    let read = table.read(&tensor(&[1, 1, 2], &key)).unwrap();
    read.value().iter().copied().collect()
}

#[test]
fn the_first_read_is_what_was_just_written() {
    let table = empty(1, 2)
        .write(&pair([0.3, -0.2], [0.5, 0.25], 0.01))
        .unwrap();
    let found = read(&table, [-0.9, 0.1]);
    assert!(
        (found[0] - 0.5).abs() < 1e-12 && (found[1] - 0.25).abs() < 1e-12,
        "{found:?}"
    );
}

#[test]
fn a_dominant_key_returns_its_value() {
    let mut table = empty(1, 2);
    for (key, value) in [
        ([1.0, 0.0], [0.1, 0.2]),
        ([0.0, 1.0], [0.3, -0.4]),
        ([-1.0, 0.0], [0.7, 0.7]),
    ] {
        table = table.write(&pair(key, value, 0.5)).unwrap();
    }
    let found = read(&table, [0.0, 60.0]);
    assert!(
        (found[0] - 0.3).abs() < 1e-12 && (found[1] + 0.4).abs() < 1e-12,
        "{found:?}"
    );
}

/// Two entries by the formula: shares beta e^(k . k^w / sqrt 2).
#[test]
fn entries_count_as_often_as_their_rate_says() {
    let table = empty(1, 2)
        .write(&pair([1.0, 0.5], [1.0, 0.0], 0.8))
        .and_then(|t| t.write(&pair([-0.5, 0.25], [0.0, 1.0], 0.2)))
        .unwrap();
    let key = [0.6, -0.4];
    let share =
        |k: [f64; 2], rate: f64| rate * ((key[0] * k[0] + key[1] * k[1]) / 2.0_f64.sqrt()).exp();
    let (a, b) = (share([1.0, 0.5], 0.8), share([-0.5, 0.25], 0.2));
    let found = read(&table, key);
    assert!((found[0] - a / (a + b)).abs() < 1e-12, "{found:?}");
    assert!((found[1] - b / (a + b)).abs() < 1e-12, "{found:?}");
}

#[test]
fn an_entry_of_rate_zero_is_not_there() {
    let written = empty(1, 2)
        .write(&pair([0.2, 0.4], [0.6, -0.6], 0.3))
        .unwrap();
    let with_nothing = written.write(&pair([0.9, 0.9], [5.0, 5.0], 0.0)).unwrap();
    let (a, b) = (read(&written, [1.0, 1.0]), read(&with_nothing, [1.0, 1.0]));
    assert!(
        (a[0] - b[0]).abs() < 1e-12 && (a[1] - b[1]).abs() < 1e-12,
        "{a:?} {b:?}"
    );
    // Nothing at all was written: zeros, not 0 / 0.
    let nothing = empty(1, 2)
        .write(&pair([0.9, 0.9], [5.0, 5.0], 0.0))
        .unwrap();
    assert_eq!(read(&nothing, [1.0, 1.0]), [0.0, 0.0]);
}

#[test]
fn heads_share_the_table() {
    let said = Interaction {
        write_key: tensor(&[1, 2, 2], &[1.0, 0.0, 0.0, 1.0]),
        write_value: tensor(&[1, 2, 2], &[0.1, 0.2, 0.3, 0.4]),
        read_key: tensor(&[1, 2, 2], &[0.0; 4]),
        rate: tensor(&[1], &[0.5]),
        control: tensor(&[1, 2], &[0.0; 2]),
    };
    let table = empty(1, 2).write(&said).unwrap();
    assert_eq!(table.rates.shape(), [1, 2]);
    // The first head reads what the second wrote, and the other way round.
    let found = table
        .read(&tensor(&[1, 2, 2], &[0.0, 60.0, 60.0, 0.0]))
        .unwrap();
    let expected = [0.3, 0.4, 0.1, 0.2];
    for (f, e) in found.value().iter().zip(expected) {
        assert!((f - e).abs() < 1e-12, "{found:?}");
    }
}
