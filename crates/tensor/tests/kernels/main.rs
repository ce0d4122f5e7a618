//! The kernels against plain loops in double precision, at every instruction set of this machine.

mod activations;
mod buffers;
mod products;

use mnm_tensor::kernels::{Kernels, Level, Matrix, MatrixMut, Store, padded, with_level};
use proptest::prelude::*;

/// A matrix whose padding is NaN, so that a read of it shows in every sum.
#[derive(Clone, Debug)]
struct Poisoned<F> {
    data: Vec<F>,
    rows: usize,
    columns: usize,
    stride: usize,
    /// Elements after each row that may be overwritten.
    free: usize,
}

impl<F: Kernels> Poisoned<F> {
    fn new(
        rows: usize,
        columns: usize,
        padding: usize,
        mut value: impl FnMut(usize, usize) -> f64,
    ) -> Self {
        let stride = columns + padding;
        let mut data = vec![F::nan(); rows * stride];
        for i in 0..rows {
            for j in 0..columns {
                data[i * stride + j] = F::of(value(i, j));
            }
        }
        Poisoned {
            data,
            rows,
            columns,
            stride,
            free: 0,
        }
    }

    /// The same, with the padding up to whole registers free to be overwritten; there must be as much.
    fn freed(self) -> Self {
        let free = padded(self.columns) - self.columns;
        Poisoned { free, ..self }
    }

    /// Entries in [-1, 1], a function of the seed.
    fn random(rows: usize, columns: usize, padding: usize, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self::new(rows, columns, padding, |_, _| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        })
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.data[i * self.stride + j].as_f64()
    }

    fn view(&self) -> Matrix<'_, F> {
        Matrix::new(&self.data, self.rows, self.columns, self.stride)
    }

    fn view_mut(&mut self) -> MatrixMut<'_, F> {
        let (rows, columns, stride) = (self.rows, self.columns, self.stride);
        if self.free > 0 {
            MatrixMut::padded(&mut self.data, rows, columns, stride)
        } else {
            MatrixMut::new(&mut self.data, rows, columns, stride)
        }
    }

    /// What `store` is to leave, given the result of the operation.
    fn expected(&self, store: Store, result: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let of = |i, j| match store {
            Store::Overwrite => result(i, j),
            Store::Add => self.at(i, j) + result(i, j),
            Store::Subtract => self.at(i, j) - result(i, j),
        };
        (0..self.rows * self.columns)
            .map(|e| of(e / self.columns, e % self.columns))
            .collect()
    }

    /// Entries equal to `expected` up to rounding of sums of `terms` products, padding that is not free still NaN.
    fn check(&self, expected: &[f64], terms: usize) -> Result<(), TestCaseError> {
        let tolerance = 4.0 * F::epsilon().as_f64() * (terms + 1) as f64;
        for i in 0..self.rows {
            for j in 0..self.columns {
                let (found, expected) = (self.at(i, j), expected[i * self.columns + j]);
                prop_assert!(
                    (found - expected).abs() <= tolerance,
                    "({i}, {j}): {found} for {expected}"
                );
            }
            let padding =
                &self.data[i * self.stride + self.columns + self.free..(i + 1) * self.stride];
            prop_assert!(
                padding.iter().all(|x| x.is_nan()),
                "padding of row {i} was written"
            );
        }
        Ok(())
    }
}

/// So many cases, or as few as Miri gets through, which interprets.
fn cases(count: u32) -> ProptestConfig {
    let mut config = ProptestConfig::with_cases(count);
    if cfg!(miri) {
        (config.cases, config.failure_persistence) = (4, None);
    }
    config
}

/// Sizes that meet every edge of tiles, registers and blocks; under Miri small ones.
fn size() -> BoxedStrategy<usize> {
    if cfg!(miri) {
        return (1_usize..20).boxed();
    }
    prop_oneof![
        Just(1),
        Just(2),
        Just(3),
        Just(4),
        Just(8),
        Just(16),
        Just(17),
        Just(48),
        Just(63),
        Just(100),
        1_usize..130
    ]
    .boxed()
}

fn store() -> impl Strategy<Value = Store> {
    prop_oneof![
        Just(Store::Overwrite),
        Just(Store::Add),
        Just(Store::Subtract)
    ]
}

/// Runs the body at every level of the machine.
fn at_every_level(body: impl Fn() -> Result<(), TestCaseError>) -> Result<(), TestCaseError> {
    for level in Level::available() {
        with_level(level, &body).map_err(|e| TestCaseError::fail(format!("at {level:?}: {e}")))?;
    }
    Ok(())
}

#[test]
fn a_forced_level_ends_with_its_scope() {
    let before = Level::current();
    with_level(Level::Portable, || {
        assert_eq!(Level::current(), Level::Portable)
    });
    assert_eq!(Level::current(), before);
}
