//! Where everything of a sequence and step lies.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, padded};

use crate::MemoryShape;

/// The extents of a block of sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySizes {
    /// Widths and depth of the memory network.
    pub shape: MemoryShape,
    /// Heads H.
    pub heads: usize,
    /// Sequences S of the block.
    pub samples: usize,
    /// Steps T.
    pub steps: usize,
}

impl MemorySizes {
    /// The width of a head's part of the interaction vector: k^w, v^w, k^r.
    pub fn head(&self) -> usize {
        3 * self.shape.value()
    }

    /// The width of all heads' parts.
    pub fn interaction(&self) -> usize {
        self.heads * self.head()
    }
}

/// A matrix inside a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub offset: usize,
    pub rows: usize,
    pub columns: usize,
    pub stride: usize,
}

impl Region {
    /// At the start of a slice, its rows padded to whole cache lines.
    pub fn new(rows: usize, columns: usize) -> Region {
        Region {
            offset: 0,
            rows,
            columns,
            stride: padded(columns),
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

    /// The first `columns` columns. The others are lost where it is written to.
    pub fn narrow(&self, columns: usize) -> Region {
        Region { columns, ..*self }
    }

    /// The same in a slice that starts at `offset`.
    pub fn after(&self, offset: usize) -> Region {
        Region {
            offset: self.offset - offset,
            ..*self
        }
    }

    /// All of it, padding included.
    pub fn of<'a, F>(&self, data: &'a [F]) -> &'a [F] {
        &data[self.offset..][..self.len()]
    }

    pub fn of_mut<'a, F>(&self, data: &'a mut [F]) -> &'a mut [F] {
        &mut data[self.offset..][..self.len()]
    }

    pub fn view<'a, F: Kernels>(&self, data: &'a [F]) -> Matrix<'a, F> {
        Matrix::new(&data[self.offset..], self.rows, self.columns, self.stride)
    }

    /// For writing; what lies between a row's columns and the next multiple of 16 may be overwritten, and must mean nothing.
    pub fn view_mut<'a, F: Kernels>(&self, data: &'a mut [F]) -> MatrixMut<'a, F> {
        MatrixMut::padded(
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

    /// Row `r` of each of `count` sequences whose buffers follow each other at `step` elements.
    pub fn across(&self, r: usize, count: usize, step: usize) -> Region {
        Region {
            offset: self.offset + r * self.stride,
            rows: count,
            stride: step,
            ..*self
        }
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

/// The regions of one sequence, each kind in a buffer of its own.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Layers L.
    pub layers: usize,
    /// Heads H.
    pub heads: usize,
    /// Width M of keys and values.
    pub value: usize,
    /// The sum of the widths of the layers' outputs: how many targets there are.
    pub targets: usize,

    /// W^{l+1} `[out, in]`, and its cotangent.
    pub weights: Vec<Region>,
    pub weights_len: usize,

    /// Record: a^0 .. a^L `[H, width]` of the write keys with the weights before the write. The first lies in the keys, the last
    /// is also the last of `errors`, which overwrites it.
    pub before: Vec<Region>,
    /// Record: the same with the weights after it, for the write keys, then the read keys `[2H, width]`. The first are all
    /// keys, the first H rows of the last become what the memory misses the values by, f(k^w) - v^w.
    pub after: Vec<Region>,
    /// Record: what makes E^l `[H, out]` in the backward pass, for each rule its own.
    pub errors: Vec<Region>,
    /// The regions of a record lie in the order in which they are computed.
    pub record_len: usize,

    /// D^l = beta E^l `[H, out]`; also for dD^l, and for a rule's own use.
    pub changes: Vec<Region>,
    pub changes_len: usize,

    /// Cotangents of layer l's products `[R, out]`: of the 2H keys after the write, then the rows that wait since the step after
    /// to be added to G.
    pub cotangents: Vec<Region>,
    /// What was multiplied, row for row as `cotangents` `[R, in]`.
    pub inputs: Vec<Region>,
    pub rows_len: usize,
    /// Cotangents of `before[l]` `[H, in]`: dA, then what comes down from the layers above as well.
    pub carry: Vec<Region>,
    pub carry_len: usize,
    /// Cotangents of layer l's inputs after the write `[2H, in]`; all in one place.
    pub below: Vec<Region>,
    pub below_len: usize,
}

impl Layout {
    /// `pending`: how many rows, for each head, wait in a layer.
    pub fn new(sizes: &MemorySizes, pending: impl Fn(usize) -> usize) -> Layout {
        let (shape, heads, layers) = (&sizes.shape, sizes.heads, sizes.shape.layers());
        let inputs = |l: usize| shape.width(l);
        let outputs = |l: usize| shape.width(l + 1);

        let mut weights = Allocator::default();
        let mut record = Allocator::default();
        let keys = record.region(2 * heads, shape.value());
        let mut before = vec![keys.first(heads)];
        before.extend(record.regions(heads, (1..layers).map(inputs)));
        let errors = record.regions(heads, (0..layers).map(outputs));
        before.extend(errors.last());
        let mut after = vec![keys];
        after.extend(record.regions(2 * heads, (0..layers).map(outputs)));
        let mut changes = Allocator::default();
        let mut rows = Allocator::default();
        let mut carry = Allocator::default();
        let below: Vec<Region> = (0..layers)
            .map(|l| Region::new(2 * heads, inputs(l)))
            .collect();
        let waiting = |l: usize| (2 + pending(l)) * heads;
        Layout {
            layers,
            heads,
            value: shape.value(),
            targets: shape.targets(),
            weights: (0..layers)
                .map(|l| weights.region(outputs(l), inputs(l)))
                .collect(),
            weights_len: weights.0,
            before,
            after,
            errors,
            record_len: record.0,
            changes: changes.regions(heads, (0..layers).map(outputs)),
            changes_len: changes.0,
            cotangents: (0..layers)
                .map(|l| rows.region(waiting(l), outputs(l)))
                .collect(),
            inputs: (0..layers)
                .map(|l| rows.region(waiting(l), inputs(l)))
                .collect(),
            rows_len: rows.0,
            carry: carry.regions(heads, (0..layers).map(inputs)),
            carry_len: carry.0,
            below_len: below.iter().map(Region::len).max().unwrap_or(0),
            below,
        }
    }
}
