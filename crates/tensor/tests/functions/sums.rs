//! Sums of many elements do not drift.

use mnm_tensor::Tensor;

/// As many elements are added up in their own precision in one go.
const SPAN: usize = 4096;

#[test]
fn sums_over_many_elements_do_not_drift() {
    let count = 10_000_000;
    let x = Tensor::full(&[count], 0.1_f32);
    let near = |found: f32, expected: f64| {
        let relative = (f64::from(found) - expected).abs() / expected;
        // All in one sum would be off by a twentieth.
        assert!(relative < 1e-5, "{found} for {expected}");
    };
    let tenth = f64::from(0.1_f32);
    near(x.mean_all().unwrap().item().unwrap(), tenth);
    // Rows after rows, too.
    let rows = x.reshape(&[count / 2, 2]).unwrap();
    near(rows.mean(0).unwrap().value()[[1]], tenth);
    let last = x.cumsum(0).unwrap().value()[[count - 1]];
    near(last, tenth * count as f64);
    // Into two rows in turn, each of which gets half.
    let turns: Vec<usize> = (0..count / 2).map(|row| row % 2).collect();
    let added = rows.scatter(&turns, 3).unwrap();
    near(added.value()[[1, 1]], tenth * (count / 4) as f64);
    assert_eq!(added.value()[[2, 1]], 0.0);
    let flat = x.log_softmax().unwrap().value()[[7]];
    near(-flat, (count as f64).ln());
    let classes = vec![Some(0); count / 2];
    near(
        rows.cross_entropy(&classes).unwrap().item().unwrap(),
        (count / 2) as f64 * 2_f64.ln(),
    );
    let wide = x.reshape(&[1, count]).unwrap();
    near(
        wide.cross_entropy(&[Some(3)]).unwrap().item().unwrap(),
        (count as f64).ln(),
    );
}

#[test]
fn few_entries_of_a_place_are_added_in_their_own_precision() {
    let added = |rows: usize| {
        let x = Tensor::full(&[rows, 1], 0.1_f32);
        // Beside them, a place of few: it is not to be touched by how many there are elsewhere.
        let x = Tensor::concat(&[&x, &x.slice(0, 0, 100).unwrap()], 0).unwrap();
        let to: Vec<usize> = (0..rows + 100)
            .map(|row| usize::from(row >= rows))
            .collect();
        let sums = x.scatter(&to, 2).unwrap();
        let in_turn = |rows| (0..rows).fold(0.0_f32, |sum, _| sum + 0.1);
        assert_eq!(sums.value()[[1, 0]], in_turn(100), "{rows}");
        (sums.value()[[0, 0]], in_turn(rows))
    };
    let (found, in_turn) = added(SPAN);
    assert_eq!(found, in_turn);
    let (found, in_turn) = added(SPAN + 1);
    assert_ne!(found, in_turn);
    assert_eq!(found, (f64::from(0.1_f32) * (SPAN + 1) as f64) as f32);
}
