//! The cells under test at small odd sizes, with parameters drawn from a seed.

use mnm_controller::addressing::SlotMemory;
use mnm_controller::dnc::DncCell;
use mnm_controller::ntm::NtmCell;
use mnm_controller::{Cell, LstmSaluCell};
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Parameters, SharedArray, Tensor};
use rand::{SeedableRng, rngs::StdRng};

pub const INPUT: usize = 3;
pub const CONTROLLER: usize = 5;

pub struct Named {
    pub name: &'static str,
    pub cell: Box<dyn Cell<f64>>,
}

pub fn baselines() -> Vec<Named> {
    let memory = |slots, width, read_heads| SlotMemory {
        slots,
        width,
        read_heads,
    };
    vec![
        Named {
            name: "lstm-salu, one head",
            cell: Box::new(LstmSaluCell::new(INPUT, CONTROLLER, 1, 4)),
        },
        Named {
            name: "lstm-salu, two heads",
            cell: Box::new(LstmSaluCell::new(INPUT, CONTROLLER, 2, 3)),
        },
        Named {
            name: "ntm, one read head",
            cell: Box::new(NtmCell::new(INPUT, CONTROLLER, memory(6, 3, 1))),
        },
        Named {
            name: "ntm, two read heads",
            cell: Box::new(NtmCell::new(INPUT, CONTROLLER, memory(4, 3, 2))),
        },
        Named {
            name: "dnc, one read head",
            cell: Box::new(DncCell::new(INPUT, CONTROLLER, memory(5, 3, 1))),
        },
        Named {
            name: "dnc, three read heads",
            cell: Box::new(DncCell::new(INPUT, CONTROLLER, memory(4, 3, 3))),
        },
    ]
}

/// Every parameter uniform in [-1, 1]: wide enough that gates and keys differ from step to step.
pub fn draw(cell: &dyn Cell<f64>, seed: u64) -> Vec<(String, SharedArray<f64>)> {
    let mut generator = StdRng::seed_from_u64(seed);
    cell.parameters()
        .iter()
        .map(|spec| {
            let value = random_array(&spec.shape, &mut generator);
            (spec.name.clone(), value)
        })
        .collect()
}

pub fn constants(drawn: &[(String, SharedArray<f64>)]) -> Parameters<Tensor<f64>> {
    drawn
        .iter()
        .map(|(name, value)| (name.clone(), Tensor::shared(value.clone())))
        .collect()
}

/// Inputs `[T, B, X]`.
pub fn inputs(steps: usize, batch: usize, seed: u64) -> SharedArray<f64> {
    let mut generator = StdRng::seed_from_u64(seed ^ 0x1a9);
    random_array(&[steps, batch, INPUT], &mut generator)
}
