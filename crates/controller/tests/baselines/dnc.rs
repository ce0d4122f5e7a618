//! What allocation and temporal links in the DNC mean.

use mnm_controller::dnc::{allocation, links, precedence, read_weightings, usage, write_weighting};
use mnm_tensor::testkit::{Gradcheck, gradcheck, random_array};
use mnm_tensor::{Order, SharedArray, Tape, Tensor, TensorError, pull_back};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

fn tensor(shape: &[usize], elements: &[f64]) -> Tensor<f64> {
    Tensor::from_vec(shape, elements.to_vec()).unwrap()
}

fn assert_near(t: &Tensor<f64>, expected: &[f64], tolerance: f64) {
    let found: Vec<f64> = t.value().iter().copied().collect();
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!(
            (f - e).abs() <= tolerance,
            "{found:?}, expected {expected:?}"
        );
    }
}

fn one_hot(slots: usize, row: usize) -> Tensor<f64> {
    let mut w = vec![0.0; slots];
    w[row] = 1.0;
    tensor(&[1, slots], &w)
}

/// Weighting of all on one row, in a chain of writes that fills precedence and links.
fn write_in_order(slots: usize, rows: &[usize]) -> (Tensor<f64>, Tensor<f64>) {
    let mut last = Tensor::zeros(&[1, slots]);
    let mut linked = Tensor::zeros(&[1, slots, slots]);
    for &row in rows {
        let write = one_hot(slots, row);
        linked = links(&linked, &last, &write).unwrap();
        last = precedence(&last, &write).unwrap();
    }
    (last, linked)
}

/// The free list counts with usages of at least 1e-6, which bounds what it can be off.
const FREE_LIST: f64 = 1e-5;

#[test]
fn allocation_goes_to_the_least_used_row() {
    let used = tensor(&[2, 4], &[1.0, 1.0, 0.0, 1.0, 0.3, 1.0, 1.0, 1.0]);
    assert_near(
        &allocation(&used).unwrap(),
        &[0.0, 0.0, 1.0, 0.0, 0.7, 0.0, 0.0, 0.0],
        FREE_LIST,
    );
}

/// By the formula, in the order of usage: rows 1, 3, 0, 2.
#[test]
fn allocation_follows_the_free_list() {
    let used = tensor(&[1, 4], &[0.5, 0.1, 0.9, 0.2]);
    let expected = [
        (1.0 - 0.5) * 0.1 * 0.2,
        1.0 - 0.1,
        (1.0 - 0.9) * 0.1 * 0.2 * 0.5,
        (1.0 - 0.2) * 0.1,
    ];
    assert_near(&allocation(&used).unwrap(), &expected, FREE_LIST);
}

#[test]
fn an_empty_memory_allocates_its_first_row_and_a_full_one_none() {
    let empty = allocation(&Tensor::<f64>::zeros(&[1, 5])).unwrap();
    assert_near(&empty, &[1.0, 0.0, 0.0, 0.0, 0.0], FREE_LIST);
    let full = allocation(&Tensor::<f64>::ones(&[1, 5])).unwrap();
    assert_near(&full, &[0.0; 5], 0.0);
}

#[test]
fn a_memory_of_one_row_can_be_allocated() {
    assert_near(
        &allocation(&tensor(&[2, 1], &[0.25, 1.0])).unwrap(),
        &[0.75, 0.0],
        FREE_LIST,
    );
}

#[test]
fn the_gradient_of_allocation_passes_through_the_sorted_usages() {
    let mut generator = StdRng::seed_from_u64(4);
    let at = [random_array(&[3, 6], &mut generator)
        .mapv(|x| 0.5 + 0.45 * x)
        .into_shared()];
    let f = |x: &[Tensor<f64>]| {
        allocation(&x[0]).map_err(|e| TensorError::Op {
            op: "allocation",
            reason: e.to_string(),
        })
    };
    gradcheck(f, &at, Gradcheck::default()).unwrap();
}

#[test]
fn a_write_uses_a_row_and_a_freed_read_gives_it_back() {
    let none = Tensor::zeros(&[1, 3]);
    let no_reads = Tensor::zeros(&[1, 2, 3]);
    let gates = |f: [f64; 2]| tensor(&[1, 2, 1], &f);
    let used = usage(&none, &one_hot(3, 1), &no_reads, &gates([1.0, 1.0])).unwrap();
    assert_near(&used, &[0.0, 1.0, 0.0], 0.0);
    let reads = tensor(&[1, 2, 3], &[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let kept = usage(&used, &none, &reads, &gates([0.0, 1.0])).unwrap();
    assert_near(&kept, &[0.0, 1.0, 0.0], 0.0);
    let freed = usage(&used, &none, &reads, &gates([1.0, 0.0])).unwrap();
    assert_near(&freed, &[0.0, 0.0, 0.0], 0.0);
    // u + w - u w at u = 0.5, w = 0.5; then half of it freed.
    let half = tensor(&[1, 3], &[0.5, 0.0, 0.0]);
    let more = usage(&half, &half, &no_reads, &gates([0.0, 0.0])).unwrap();
    assert_near(&more, &[0.75, 0.0, 0.0], 1e-15);
}

/// Write after write by allocation alone takes a row that is still free, until none is left.
#[test]
fn writes_by_allocation_take_every_row_once() {
    let (mut used, mut write) = (Tensor::zeros(&[1, 4]), Tensor::zeros(&[1, 4]));
    let (reads, gates) = (Tensor::zeros(&[1, 1, 4]), Tensor::ones(&[1, 1, 1]));
    let (content, open) = (tensor(&[1, 4], &[0.25; 4]), tensor(&[1, 1], &[1.0]));
    let mut taken = Vec::new();
    for _ in 0..4 {
        used = usage(&used, &write, &reads, &gates).unwrap();
        write = write_weighting(&allocation(&used).unwrap(), &content, &open, &open).unwrap();
        let row = write.value().iter().position(|&w| w > 0.9999);
        taken.push(row.expect("a row that takes nearly all of the write"));
    }
    assert_eq!(taken[0], 0);
    taken.sort_unstable();
    assert_eq!(taken, [0, 1, 2, 3]);
    used = usage(&used, &write, &reads, &gates).unwrap();
    let full = allocation(&used).unwrap();
    assert_near(&full, &[0.0; 4], 1e-4);
}

#[test]
fn the_gates_of_a_write_choose_and_close() {
    let (a, c) = (one_hot(3, 0), one_hot(3, 2));
    let gate = |g: f64| tensor(&[1, 1], &[g]);
    let w = |g_a: f64, g_w: f64| write_weighting(&a, &c, &gate(g_a), &gate(g_w)).unwrap();
    assert_near(&w(1.0, 1.0), &[1.0, 0.0, 0.0], 0.0);
    assert_near(&w(0.0, 1.0), &[0.0, 0.0, 1.0], 0.0);
    assert_near(&w(0.5, 0.5), &[0.25, 0.0, 0.25], 1e-15);
    assert_near(&w(0.5, 0.0), &[0.0; 3], 0.0);
}

#[test]
fn the_links_follow_the_order_of_the_writes() {
    let (last, linked) = write_in_order(4, &[2, 0, 3]);
    assert_near(&last, &[0.0, 0.0, 0.0, 1.0], 0.0);
    let mut expected = [0.0; 16];
    expected[2] = 1.0; // row 0 after row 2
    expected[3 * 4] = 1.0; // row 3 after row 0
    assert_near(&linked, &expected, 0.0);
}

#[test]
fn a_row_written_again_forgets_its_old_place() {
    let (_, linked) = write_in_order(3, &[0, 1, 2, 1]);
    // 1 after 2; "1 after 0" and "2 after 1" are gone with the row's old content.
    assert_near(&linked, &[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], 0.0);
}

#[test]
fn no_row_follows_itself() {
    let mut generator = StdRng::seed_from_u64(5);
    let (mut last, mut linked) = (Tensor::zeros(&[1, 4]), Tensor::zeros(&[1, 4, 4]));
    for _ in 0..5 {
        let write = random_array(&[1, 4], &mut generator).mapv(|x| (1.0 + x) / 8.0);
        let write = Tensor::shared(write.into_shared());
        linked = links(&linked, &last, &write).unwrap();
        last = precedence(&last, &write).unwrap();
    }
    for row in 0..4 {
        assert_eq!(linked.value()[[0, row, row]], 0.0);
    }
    assert!(linked.value().iter().any(|&l| l > 0.01));
}

/// Random links off the diagonal, precedence and write weighting of `batch` sequences, for a memory of `slots` rows.
fn linked_memory(batch: usize, slots: usize, generator: &mut StdRng) -> [SharedArray<f64>; 3] {
    let mut before = random_array(&[batch, slots, slots], generator);
    for row in 0..batch * slots {
        before[[row / slots, row % slots, row % slots]] = 0.0;
    }
    let mut weighting = || random_array(&[batch, slots], generator);
    let (precedence, write) = (weighting(), weighting());
    [before, precedence, write]
}

/// The links after a write, of those before, the precedence and the write weighting.
type Links = fn(&[Tensor<f64>]) -> Result<Tensor<f64>, TensorError>;

/// The equation of the links in tensor ops, which the primitive is held to.
fn links_in_ops(x: &[Tensor<f64>]) -> Result<Tensor<f64>, TensorError> {
    let [before, precedence, write] = x else {
        panic!("three operands")
    };
    let &[batch, slots] = write.shape() else {
        panic!("a weighting")
    };
    let (to, from) = ([batch, slots, 1], [batch, 1, slots]);
    let off_diagonal =
        SharedArray::from_shape_fn(vec![slots, slots], |at| f64::from(at[0] != at[1]));
    let kept = write.reshape(&to)?.affine(-1.0, 1.0)?;
    let kept = kept.sub(&write.reshape(&from)?)?;
    let new = write.reshape(&to)?.mul(&precedence.reshape(&from)?)?;
    let new = new.mul(Tensor::shared(off_diagonal))?;
    before.mul(&kept)?.add(&new)
}

fn links_at_once(x: &[Tensor<f64>]) -> Result<Tensor<f64>, TensorError> {
    links(&x[0], &x[1], &x[2]).map_err(|e| TensorError::Op {
        op: "links",
        reason: e.to_string(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn links_and_their_cotangents_are_those_of_the_ops(
        batch in 1_usize..4, slots in 1_usize..12, seed in any::<u64>()
    ) {
        let mut generator = StdRng::seed_from_u64(seed);
        let at = linked_memory(batch, slots, &mut generator);
        let cotangent = Tensor::shared(random_array(at[0].shape(), &mut generator));
        let run = |f: Links| {
            let tape = Tape::new();
            let x: Vec<_> = at.iter().map(|a| tape.shared_variable(a.clone())).collect();
            let y = f(&x).unwrap();
            let wrt: Vec<_> = x.iter().collect();
            let mut all = pull_back(&y, &cotangent, &wrt, Order::First).unwrap();
            all.push(y);
            all
        };
        for (found, expected) in run(links_at_once).iter().zip(run(links_in_ops)) {
            prop_assert_eq!(found.shape(), expected.shape());
            for (f, e) in found.value().iter().zip(expected.value()) {
                prop_assert!((f - e).abs() <= 1e-12, "{} and {}", f, e);
            }
        }
    }

    #[test]
    fn the_gradient_of_the_links_is_right_to_second_order(seed in any::<u64>()) {
        let at = linked_memory(2, 3, &mut StdRng::seed_from_u64(seed));
        let how = Gradcheck { seed, ..Gradcheck::default() };
        gradcheck(links_at_once, &at, how).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn links_of_another_memory_are_named() {
    let [before, weighting] = [vec![2, 3, 4], vec![2, 3]].map(|s| Tensor::<f64>::zeros(&s));
    let message = links(&before, &weighting, &weighting)
        .unwrap_err()
        .to_string();
    for part in ["[2, 3, 4]", "[2, 3]", "[B, N, N]"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn the_read_modes_go_back_by_content_and_on() {
    let (_, linked) = write_in_order(4, &[2, 0, 3]);
    let previous = one_hot(4, 0).reshape(&[1, 1, 4]).unwrap();
    let content = one_hot(4, 1).reshape(&[1, 1, 4]).unwrap();
    let read = |pi: [f64; 3]| {
        read_weightings(&previous, &linked, &content, &tensor(&[1, 1, 3], &pi)).unwrap()
    };
    assert_near(&read([1.0, 0.0, 0.0]), &[0.0, 0.0, 1.0, 0.0], 0.0);
    assert_near(&read([0.0, 1.0, 0.0]), &[0.0, 1.0, 0.0, 0.0], 0.0);
    assert_near(&read([0.0, 0.0, 1.0]), &[0.0, 0.0, 0.0, 1.0], 0.0);
    assert_near(&read([0.2, 0.5, 0.3]), &[0.0, 0.5, 0.2, 0.3], 1e-15);
}
