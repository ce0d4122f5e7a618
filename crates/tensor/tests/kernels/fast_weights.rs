//! The fused passes over fast weights.

use mnm_tensor::kernels::{
    AlignedBuffer, Kernels, Matrix, Store, Write, accumulate, apply_then_undo, padded,
    write_then_apply,
};
use proptest::prelude::*;

use crate::{Poisoned, at_every_level, cases, size, store};

struct Case<F> {
    w: Poisoned<F>,
    d: Poisoned<F>,
    a: Poisoned<F>,
    x: Poisoned<F>,
    dy: Poisoned<F>,
    heads: usize,
    rows: usize,
    freed: bool,
}

impl<F: Kernels> Case<F> {
    fn new(out: usize, input: usize, heads: usize, rows: usize, seed: u64) -> Self {
        let pad = padded(input) - input + 2;
        Case {
            w: Poisoned::random(out, input, pad, seed),
            d: Poisoned::random(heads, out, 3, seed + 1),
            a: Poisoned::random(heads, input, 1, seed + 2),
            x: Poisoned::random(rows, input, 2, seed + 3),
            dy: Poisoned::random(rows, out, 5, seed + 4),
            heads,
            rows,
            freed: false,
        }
    }

    /// The same, with padding of the results that may be overwritten.
    fn freed(self) -> Self {
        Case {
            w: self.w.freed(),
            freed: true,
            ..self
        }
    }

    fn write(&self) -> Write<'_, F> {
        Write {
            d: self.d.view(),
            a: self.a.view(),
        }
    }

    /// (D^T A)[o, i].
    fn outer(&self, o: usize, i: usize) -> f64 {
        (0..self.heads)
            .map(|h| self.d.at(h, o) * self.a.at(h, i))
            .sum()
    }

    fn blank(&self, rows: usize, columns: usize) -> Poisoned<F> {
        let pad = padded(columns) - columns + 4;
        let blank = Poisoned::new(rows, columns, pad, |_, _| f64::NAN);
        if self.freed { blank.freed() } else { blank }
    }

    fn write_then_apply(&self) -> Result<(), TestCaseError> {
        let (out, input) = (self.w.rows, self.w.columns);
        let written = self.w.expected(Store::Subtract, |o, i| self.outer(o, i));
        at_every_level(|| {
            let (mut w, mut y) = (self.w.clone(), self.blank(self.rows, out));
            write_then_apply(w.view_mut(), self.write(), self.x.view(), y.view_mut());
            w.check(&written, self.heads)?;
            let applied = |r, o| {
                (0..input)
                    .map(|i| self.x.at(r, i) * written[o * input + i])
                    .sum()
            };
            y.check(
                &y.expected(Store::Overwrite, applied),
                (input + 1) * (self.heads + 1),
            )
        })
    }

    fn apply_then_undo(&self, store: Store) -> Result<(), TestCaseError> {
        let (out, input) = (self.w.rows, self.w.columns);
        let undone = self.w.expected(Store::Add, |o, i| self.outer(o, i));
        let before = if store == Store::Overwrite {
            self.blank(self.rows, input)
        } else {
            self.x.clone()
        };
        let applied = |r, i| (0..out).map(|o| self.dy.at(r, o) * self.w.at(o, i)).sum();
        let applied = before.expected(store, applied);
        at_every_level(|| {
            let (mut w, mut dx) = (self.w.clone(), before.clone());
            apply_then_undo(
                w.view_mut(),
                self.write(),
                self.dy.view(),
                dx.view_mut(),
                store,
            );
            w.check(&undone, self.heads)?;
            dx.check(&applied, out)
        })
    }

    fn accumulate(&self) -> Result<(), TestCaseError> {
        let (out, input) = (self.w.rows, self.w.columns);
        let gathered = |o, i| {
            (0..self.rows)
                .map(|r| self.dy.at(r, o) * self.x.at(r, i))
                .sum()
        };
        let g_after = self.w.expected(Store::Add, gathered);
        at_every_level(|| {
            let mut g = self.w.clone();
            let (mut dd, mut da) = (self.blank(self.heads, out), self.blank(self.heads, input));
            accumulate(
                g.view_mut(),
                self.dy.view(),
                self.x.view(),
                self.write(),
                dd.view_mut(),
                da.view_mut(),
            );
            g.check(&g_after, self.rows)?;
            let of_d = |h, o| {
                -(0..input)
                    .map(|i| self.a.at(h, i) * g_after[o * input + i])
                    .sum::<f64>()
            };
            dd.check(
                &dd.expected(Store::Overwrite, of_d),
                (input + 1) * (self.rows + 1),
            )?;
            let of_a = |h, i| {
                -(0..out)
                    .map(|o| self.d.at(h, o) * g_after[o * input + i])
                    .sum::<f64>()
            };
            da.check(
                &da.expected(Store::Overwrite, of_a),
                (out + 1) * (self.rows + 1),
            )
        })
    }

    fn check(&self, store: Store) -> Result<(), TestCaseError> {
        self.write_then_apply()?;
        self.apply_then_undo(store)?;
        self.accumulate()
    }
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn fused_passes_equal_the_loops(
        out in size(), input in size(), heads in 1_usize..6, rows in 1_usize..14, seed: u32, store in store(),
    ) {
        Case::<f32>::new(out, input, heads, rows, u64::from(seed)).check(store)?;
        Case::<f64>::new(out, input, heads, rows, u64::from(seed)).check(store)?;
        Case::<f32>::new(out, input, heads, rows, u64::from(seed)).freed().check(store)?;
        Case::<f64>::new(out, input, heads, rows, u64::from(seed)).freed().check(store)?;
    }
}

#[test]
fn a_zero_write_leaves_the_weights_bit_identical() {
    at_every_level(|| {
        write_zero();
        Ok(())
    })
    .unwrap();
}

fn write_zero() {
    let case = Case::<f32>::new(63, 17, 2, 3, 9);
    let zeros = Poisoned::<f32>::new(2, 63, 0, |_, _| 0.0);
    let (mut w, mut y) = (case.w.clone(), case.blank(3, 63));
    let write = Write {
        d: zeros.view(),
        a: case.a.view(),
    };
    write_then_apply(w.view_mut(), write, case.x.view(), y.view_mut());
    let bits = |m: &Poisoned<f32>| m.data.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&w), bits(&case.w));
}

#[test]
fn aligned_buffers_are_aligned() {
    for length in [0, 1, 15, 16, 1000] {
        let mut buffer = AlignedBuffer::<f32>::filled(length, 2.5);
        assert_eq!(buffer.len(), length);
        assert!(buffer.iter().all(|x| *x == 2.5));
        assert_eq!(buffer.as_ptr() as usize % 64, 0);
        buffer.iter_mut().for_each(|x| *x = 1.0);
        assert_eq!(buffer.iter().sum::<f32>(), length as f32);
        let copy = buffer.clone();
        assert_eq!(&copy[..], &buffer[..]);
        assert_eq!(copy.as_ptr() as usize % 64, 0);
    }
    assert_eq!(
        Matrix::new(
            &AlignedBuffer::<f64>::zeros(2 * padded(17)),
            2,
            17,
            padded(17)
        )
        .row(1)
        .len(),
        17
    );
}
