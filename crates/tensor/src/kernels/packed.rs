//! A right operand packed once and used for hundreds of products.

use super::buffer::ROW_MULTIPLE;
use super::level::Level;
use super::matmul::agree;
use super::scalar::Kernels;
use super::scratch::Scratch;
use super::tile::{Rows, Strided, Target};
use super::view::{Matrix, MatrixMut, Store};

/// Columns of a panel: three AVX-512 registers, six AVX2 registers.
const PANEL: usize = 48;

/// A matrix B \[k, n] in panels of 48 columns, each panel contiguous and row-major, the last one narrower and padded with
/// zeros to a multiple of 16 columns; aligned to cache lines.
///
/// Costs one pass over B, and saves the strided, unaligned reads of it in every product after. The format does not depend
/// on the instruction set.
#[derive(Clone, Debug)]
pub struct Packed<F> {
    data: Scratch<F>,
    rows: usize,
    columns: usize,
}

impl<F: Kernels> Default for Packed<F> {
    fn default() -> Self {
        Packed {
            data: Scratch::new(0),
            rows: 0,
            columns: 0,
        }
    }
}

impl<F: Kernels> Packed<F> {
    /// Packs B \[k, n].
    pub fn new(b: Matrix<'_, F>) -> Self {
        let mut packed = Packed::default();
        packed.repack(b);
        packed
    }

    /// Packs the transpose of B \[n, k], for products A B^T.
    pub fn transposed(b: Matrix<'_, F>) -> Self {
        let mut packed = Packed::default();
        packed.reserve(b.columns, b.rows);
        if b.columns == 0 {
            return packed;
        }
        for first in (0..b.rows).step_by(ROW_MULTIPLE) {
            // A cache line of the panel at a time, from as many rows of B.
            let (offset, width) = packed.panel(first / PANEL);
            let count = ROW_MULTIPLE.min(b.rows - first);
            let mut rows = [&b.data[..0]; ROW_MULTIPLE];
            for (j, row) in rows.iter_mut().take(count).enumerate() {
                *row = &b.data[(first + j) * b.stride..][..b.columns];
            }
            let panel = &mut packed.data[offset + first % PANEL..];
            for p in 0..b.columns {
                let line = &mut panel[p * width..][..ROW_MULTIPLE];
                for (to, row) in line.iter_mut().zip(&rows[..count]) {
                    *to = row[p];
                }
                line[count..].fill(F::zero());
            }
        }
        packed
    }

    /// Packs another B into the same memory, which grows if it must.
    pub fn repack(&mut self, b: Matrix<'_, F>) {
        self.reserve(b.rows, b.columns);
        for index in 0..b.columns.div_ceil(PANEL) {
            let (offset, width) = self.panel(index);
            let first = index * PANEL;
            let valid = PANEL.min(b.columns - first);
            for (p, line) in self.data[offset..]
                .chunks_exact_mut(width)
                .take(b.rows)
                .enumerate()
            {
                let from = &b.data[p * b.stride + first..][..valid];
                match from.first_chunk::<PANEL>() {
                    // In cache lines, each of a length that is known here: a call would cost as much as the copy.
                    Some(from) => {
                        for at in [0, ROW_MULTIPLE, 2 * ROW_MULTIPLE] {
                            line[at..at + ROW_MULTIPLE]
                                .copy_from_slice(&from[at..at + ROW_MULTIPLE]);
                        }
                    }
                    None => {
                        line[..valid].copy_from_slice(from);
                        line[valid..].fill(F::zero());
                    }
                }
            }
        }
    }

    fn reserve(&mut self, rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        let length = rows * columns.next_multiple_of(ROW_MULTIPLE);
        if self.data.len() < length {
            self.data = Scratch::new(length);
        }
    }

    /// Where a panel starts and how wide it is.
    fn panel(&self, index: usize) -> (usize, usize) {
        let first = index * PANEL;
        (
            first * self.rows,
            PANEL.min((self.columns - first).next_multiple_of(ROW_MULTIPLE)),
        )
    }

    /// k, the rows of the packed matrix.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// n, the columns of the packed matrix.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// C (op)= A B with A \[m, k] and C \[m, n] row-major.
    ///
    /// # Panics
    ///
    /// If the shapes do not agree.
    pub fn multiply(&self, a: Matrix<'_, F>, mut c: MatrixMut<'_, F>, store: Store) {
        agree(
            "Packed::multiply",
            (a.rows, self.columns, a.columns),
            (c.rows, c.columns, self.rows),
        );
        let left = Strided {
            data: a.data.as_ptr(),
            row: a.stride,
            column: 1,
        };
        let target = c.target(store);
        // SAFETY: the views hold what their sizes say.
        unsafe { self.multiply_to(a.rows, left, target) }
    }

    /// C = bias + A B, the bias \[n] added to every row.
    ///
    /// # Panics
    ///
    /// If the shapes do not agree.
    pub fn multiply_plus(&self, a: Matrix<'_, F>, bias: &[F], mut c: MatrixMut<'_, F>) {
        agree(
            "Packed::multiply_plus",
            (a.rows, self.columns, a.columns),
            (c.rows, c.columns, self.rows),
        );
        assert_eq!(bias.len(), self.columns, "Packed::multiply_plus: bias");
        let left = Strided {
            data: a.data.as_ptr(),
            row: a.stride,
            column: 1,
        };
        let from = Rows {
            data: bias.as_ptr(),
            stride: 0,
        };
        let target = Target {
            from,
            ..c.target(Store::Add)
        };
        // SAFETY: the views hold what their sizes say, and every row of `from` is the bias.
        unsafe { self.multiply_to(a.rows, left, target) }
    }

    /// How many panels there are.
    pub(super) fn panels(&self) -> usize {
        self.columns.div_ceil(PANEL)
    }

    /// The columns of C that one panel gives, with A lying either way.
    ///
    /// # Safety
    ///
    /// There must be such a panel, `a` must hold `m` by k elements at its strides, and `c` must be \[m, n].
    pub(super) unsafe fn multiply_panel(
        &self,
        panel: usize,
        m: usize,
        a: Strided<F>,
        mut c: MatrixMut<'_, F>,
        store: Store,
    ) {
        // SAFETY: the contract is the callee's.
        unsafe { self.panel_to(panel, m, a, c.target(store)) }
    }

    /// The product to any target.
    ///
    /// # Safety
    ///
    /// `a` must hold `m` by k elements at its strides, and both sides of `c` `m` rows of n, up to whole registers if padded.
    unsafe fn multiply_to(&self, m: usize, a: Strided<F>, c: Target<F>) {
        for index in 0..self.panels() {
            // SAFETY: the contract is the same, and there is such a panel.
            unsafe { self.panel_to(index, m, a, c) }
        }
    }

    /// The columns of the product that one panel gives.
    ///
    /// # Safety
    ///
    /// As for [`Self::multiply_to`], and there must be such a panel.
    unsafe fn panel_to(&self, index: usize, m: usize, a: Strided<F>, c: Target<F>) {
        let (offset, width) = self.panel(index);
        let first = index * PANEL;
        let columns = PANEL.min(self.columns - first);
        let right = Rows {
            data: self.data[offset..].as_ptr(),
            stride: width,
        };
        // SAFETY: the panel has `rows` rows of `width`, a multiple of every register; C has these columns.
        unsafe {
            let size = (m, columns, self.rows);
            F::outer(Level::current(), size, a, right, true, c.at(0, first));
        }
    }
}
