//! What addressing in the NTM means.

use mnm_controller::addressing::{SlotMemory, content_weighting, erase_and_add, read_rows};
use mnm_controller::ntm::{Focus, INITIAL_MEMORY, NtmCell, interpolate, sharpen, shift};
use mnm_controller::{Cell, StateMasks};
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Parameters, Tensor};
use rand::{SeedableRng, rngs::StdRng};

fn tensor(shape: &[usize], elements: &[f64]) -> Tensor<f64> {
    Tensor::from_vec(shape, elements.to_vec()).unwrap()
}

fn elements(t: &Tensor<f64>) -> Vec<f64> {
    t.value().iter().copied().collect()
}

fn assert_near(t: &Tensor<f64>, expected: &[f64], tolerance: f64) {
    let found = elements(t);
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!(
            (f - e).abs() <= tolerance,
            "{found:?}, expected {expected:?}"
        );
    }
}

#[test]
fn a_strong_key_reads_its_row() {
    let mut generator = StdRng::seed_from_u64(1);
    let memory = Tensor::shared(random_array(&[2, 6, 4], &mut generator));
    let row = |b: usize, n: usize| memory.select(0, b).unwrap().select(0, n).unwrap();
    // Half of row 4 and three times row 1: only the direction counts.
    let key =
        Tensor::stack(&[row(0, 4).scale(0.5).unwrap(), row(1, 1).scale(3.0).unwrap()]).unwrap();
    let key = key.reshape(&[2, 1, 4]).unwrap();
    let strength = tensor(&[2, 1, 1], &[300.0, 300.0]);
    let weighting = content_weighting(&memory, &key, &strength).unwrap();
    let read = read_rows(&memory, &weighting).unwrap();
    assert_near(&read.select(0, 0).unwrap(), &elements(&row(0, 4)), 1e-6);
    assert_near(&read.select(0, 1).unwrap(), &elements(&row(1, 1)), 1e-6);
}

#[test]
fn strength_zero_and_an_empty_memory_look_everywhere() {
    let mut generator = StdRng::seed_from_u64(2);
    let memory = Tensor::shared(random_array(&[1, 4, 3], &mut generator));
    let key = Tensor::shared(random_array(&[1, 1, 3], &mut generator));
    let weak = content_weighting(&memory, &key, &tensor(&[1, 1, 1], &[0.0])).unwrap();
    assert_near(&weak, &[0.25; 4], 1e-15);
    let empty = Tensor::zeros(&[1, 4, 3]);
    let strong = content_weighting(&empty, &key, &tensor(&[1, 1, 1], &[50.0])).unwrap();
    assert_near(&strong, &[0.25; 4], 1e-15);
}

#[test]
fn a_shift_moves_the_focus_around_the_rows() {
    let at = |row: usize| {
        let mut w = vec![0.0; 5];
        w[row] = 1.0;
        tensor(&[1, 1, 5], &w)
    };
    let (back, stay, on) = (
        tensor(&[1, 1, 3], &[1.0, 0.0, 0.0]),
        tensor(&[1, 1, 3], &[0.0, 1.0, 0.0]),
        tensor(&[1, 1, 3], &[0.0, 0.0, 1.0]),
    );
    assert_eq!(shift(&at(2), &on).unwrap().value(), at(3).value());
    assert_eq!(shift(&at(2), &back).unwrap().value(), at(1).value());
    assert_eq!(shift(&at(2), &stay).unwrap().value(), at(2).value());
    assert_eq!(shift(&at(4), &on).unwrap().value(), at(0).value());
    assert_eq!(shift(&at(0), &back).unwrap().value(), at(4).value());
    let spread = tensor(&[1, 1, 3], &[0.1, 0.7, 0.2]);
    assert_near(
        &shift(&at(0), &spread).unwrap(),
        &[0.7, 0.2, 0.0, 0.0, 0.1],
        1e-15,
    );
}

#[test]
fn a_memory_of_one_row_can_be_shifted() {
    let one = Tensor::ones(&[2, 1, 1]);
    let shifts = tensor(&[2, 1, 3], &[0.2, 0.3, 0.5, 0.0, 1.0, 0.0]);
    assert_near(&shift(&one, &shifts).unwrap(), &[1.0, 1.0], 1e-15);
}

#[test]
fn the_gate_chooses_between_content_and_place() {
    let (content, place) = (
        tensor(&[1, 1, 3], &[0.2, 0.5, 0.3]),
        tensor(&[1, 1, 3], &[1.0, 0.0, 0.0]),
    );
    let by = |g: f64| interpolate(&content, &place, &tensor(&[1, 1, 1], &[g])).unwrap();
    assert_near(&by(1.0), &elements(&content), 1e-15);
    assert_near(&by(0.0), &elements(&place), 0.0);
    assert_near(&by(0.5), &[0.6, 0.25, 0.15], 1e-15);
}

#[test]
fn sharpening_is_a_power() {
    let w = [0.5, 0.3, 0.2, 0.0];
    let by = |gamma: f64| sharpen(&tensor(&[1, 1, 4], &w), &tensor(&[1, 1, 1], &[gamma])).unwrap();
    assert_near(&by(1.0), &w, 1e-12);
    let squares: f64 = 0.25 + 0.09 + 0.04;
    assert_near(
        &by(2.0),
        &[0.25 / squares, 0.09 / squares, 0.04 / squares, 0.0],
        1e-12,
    );
    assert_near(&by(400.0), &[1.0, 0.0, 0.0, 0.0], 1e-12);
}

/// Content finds row 1, the shift goes on to row 2: what associative recall needs of a head.
#[test]
fn a_head_finds_a_row_and_reads_the_next() {
    let memory = tensor(&[1, 4, 2], &[1.0, 0.0, 0.0, 1.0, 0.5, 0.5, -1.0, 0.0]);
    let focus = Focus {
        key: tensor(&[1, 1, 2], &[0.0, 1.0]),
        strength: tensor(&[1, 1, 1], &[80.0]),
        gate: tensor(&[1, 1, 1], &[1.0]),
        shifts: tensor(&[1, 1, 3], &[0.0, 0.0, 1.0]),
        sharpness: tensor(&[1, 1, 1], &[2.0]),
    };
    let previous = tensor(&[1, 1, 4], &[0.0, 0.0, 0.0, 1.0]);
    let weighting = focus.address(&memory, &previous).unwrap();
    assert_near(&weighting, &[0.0, 0.0, 1.0, 0.0], 1e-8);
}

#[test]
fn a_write_erases_and_adds_where_its_weighting_says() {
    let memory = tensor(&[1, 2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let write = |w: [f64; 2], e: [f64; 2]| {
        let (w, e, a) = (
            tensor(&[1, 2, 1], &w),
            tensor(&[1, 1, 2], &e),
            tensor(&[1, 1, 2], &[0.5, -0.5]),
        );
        erase_and_add(&memory, &w, &e, &a).unwrap()
    };
    assert_near(
        &write([0.0, 1.0], [1.0, 1.0]),
        &[1.0, 2.0, 0.5, -0.5],
        1e-15,
    );
    assert_near(
        &write([0.0, 1.0], [0.0, 1.0]),
        &[1.0, 2.0, 3.5, -0.5],
        1e-15,
    );
    // M (1 - w e) + w a at w = 0.5, e = 1.
    assert_near(
        &write([0.5, 0.0], [1.0, 1.0]),
        &[0.75, 0.75, 3.0, 4.0],
        1e-15,
    );
}

#[test]
fn a_sequence_starts_on_the_first_row_of_a_constant_memory() {
    let cell = NtmCell::new(
        2,
        3,
        SlotMemory {
            slots: 3,
            width: 2,
            read_heads: 1,
        },
    );
    let state = Cell::<f64>::initial_state(&cell, &Parameters::new(), 2).unwrap();
    assert!(
        state
            .get("memory")
            .unwrap()
            .value()
            .iter()
            .all(|&m| m == INITIAL_MEMORY)
    );
    let first = [1.0, 0.0, 0.0];
    assert_near(state.get("weighting").unwrap(), &[first; 4].concat(), 0.0);
}

/// Weightings stay distributions over many steps, in single precision too.
#[test]
fn weightings_stay_distributions() {
    let memory = SlotMemory {
        slots: 7,
        width: 3,
        read_heads: 2,
    };
    let cell = NtmCell::new(2, 4, memory);
    let mut generator = StdRng::seed_from_u64(3);
    let parameters: Parameters<Tensor<f32>> = Cell::<f32>::parameters(&cell)
        .iter()
        .map(|spec| {
            let wide = random_array(&spec.shape, &mut generator).mapv(|x| 20.0 * x as f32);
            (spec.name.clone(), Tensor::shared(wide.into_shared()))
        })
        .collect();
    let x = random_array(&[60, 1, 2], &mut generator).mapv(|x| x as f32);
    let state = cell.initial_state(&parameters, 1).unwrap();
    let end = cell
        .unroll(
            &parameters,
            &Tensor::shared(x.into_shared()),
            &state,
            &StateMasks::default(),
        )
        .unwrap();
    for weighting in end.trace["read_weighting"].value().rows() {
        let sum: f32 = weighting.sum();
        assert!(
            (sum - 1.0).abs() < 1e-5 && weighting.iter().all(|&w| w >= 0.0),
            "{weighting}"
        );
    }
    assert!(end.outputs.value().iter().all(|x| x.is_finite()));
}
