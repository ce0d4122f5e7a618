//! Matrices inside slices.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, padded};

/// A matrix inside a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub offset: usize,
    pub rows: usize,
    pub columns: usize,
    pub stride: usize,
    /// Whether it is some columns of wider rows: what lies behind them is not padding, and stays as it is.
    pub part: bool,
}

impl Region {
    /// At the start of a slice, its rows padded to whole cache lines.
    pub fn new(rows: usize, columns: usize) -> Region {
        Region {
            offset: 0,
            rows,
            columns,
            stride: padded(columns),
            part: false,
        }
    }

    /// At the start of a slice, its rows one behind the other.
    pub fn dense(rows: usize, columns: usize) -> Region {
        Region {
            stride: columns,
            ..Region::new(rows, columns)
        }
    }

    pub fn len(&self) -> usize {
        self.rows * self.stride
    }

    /// The first `rows` rows.
    pub fn first(&self, rows: usize) -> Region {
        Region { rows, ..*self }
    }

    /// The rows from `first` on.
    pub fn skip(&self, first: usize) -> Region {
        Region {
            offset: self.offset + first * self.stride,
            rows: self.rows - first,
            ..*self
        }
    }

    /// The rows of some sequences, each of which has `each` of them.
    pub fn group(&self, group: Group, each: usize) -> Region {
        self.skip(group.first * each).first(group.count * each)
    }

    /// Some columns; the others stay as they are where it is written to.
    pub fn columns(&self, start: usize, columns: usize) -> Region {
        Region {
            offset: self.offset + start,
            columns,
            part: true,
            ..*self
        }
    }

    /// The first `columns` columns. The others are lost where it is written to.
    pub fn narrow(&self, columns: usize) -> Region {
        Region { columns, ..*self }
    }

    /// The same in a slice that starts at `offset`.
    pub fn rebased(&self, offset: usize) -> Region {
        Region {
            offset: self.offset - offset,
            ..*self
        }
    }

    /// Copies rows of the same width, in one piece where both lie alike: what is between the rows goes along, and means nothing. Into a part
    /// of wider rows they go one by one.
    pub fn copy_from<F: Copy>(&self, data: &mut [F], (from, at): (&[F], Region)) {
        if self.stride == at.stride && self.rows > 0 && !self.part {
            let length = (self.rows - 1) * self.stride + self.columns;
            data[self.offset..][..length].copy_from_slice(&from[at.offset..][..length]);
            return;
        }
        for r in 0..self.rows {
            self.row_mut(data, r).copy_from_slice(at.row(from, r));
        }
    }

    /// All of it, padding included.
    pub fn of_mut<'a, F>(&self, data: &'a mut [F]) -> &'a mut [F] {
        debug_assert!(
            !self.part,
            "between the rows of a part lies what is not its own"
        );
        &mut data[self.offset..][..self.len()]
    }

    pub fn view<'a, F: Kernels>(&self, data: &'a [F]) -> Matrix<'a, F> {
        Matrix::new(&data[self.offset..], self.rows, self.columns, self.stride)
    }

    /// For writing; what lies between a row's columns and the next multiple of 16 is overwritten, unless it belongs to wider rows.
    pub fn view_mut<'a, F: Kernels>(&self, data: &'a mut [F]) -> MatrixMut<'a, F> {
        let view = if self.part {
            MatrixMut::new
        } else {
            MatrixMut::padded
        };
        view(
            &mut data[self.offset..],
            self.rows,
            self.columns,
            self.stride,
        )
    }

    /// Row `r` without its padding.
    pub fn row<'a, F>(&self, data: &'a [F], r: usize) -> &'a [F] {
        &data[self.offset + r * self.stride..][..self.columns]
    }

    pub fn row_mut<'a, F>(&self, data: &'a mut [F], r: usize) -> &'a mut [F] {
        &mut data[self.offset + r * self.stride..][..self.columns]
    }
}

/// Sequences that go through a step together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub first: usize,
    pub count: usize,
}

impl Group {
    pub fn sequences(self) -> std::ops::Range<usize> {
        self.first..self.first + self.count
    }
}

/// One sequence.
pub(super) fn only(s: usize) -> Group {
    Group { first: s, count: 1 }
}

/// What lies behind the first elements of what may be empty.
pub(crate) fn behind<F>(all: &[F], first: usize) -> &[F] {
    match all.is_empty() {
        true => all,
        false => &all[first..],
    }
}

/// Hands out regions one after the other.
#[derive(Default)]
pub(super) struct Allocator(pub usize);

impl Allocator {
    pub fn region(&mut self, rows: usize, columns: usize) -> Region {
        let region = Region {
            offset: self.0,
            ..Region::new(rows, columns)
        };
        self.0 += region.len();
        region
    }

    /// A region of `rows` rows for each width.
    pub fn regions(&mut self, rows: usize, widths: impl Iterator<Item = usize>) -> Vec<Region> {
        widths.map(|columns| self.region(rows, columns)).collect()
    }
}
