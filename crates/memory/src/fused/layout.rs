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

/// A matrix inside a slice, its rows padded to whole cache lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub offset: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Region {
    pub fn stride(&self) -> usize {
        padded(self.columns)
    }

    pub fn len(&self) -> usize {
        self.rows * self.stride()
    }

    pub fn end(&self) -> usize {
        self.offset + self.len()
    }

    /// The first `rows` rows.
    pub fn first(&self, rows: usize) -> Region {
        Region { rows, ..*self }
    }

    /// The rows from `first` on.
    pub fn skip(&self, first: usize) -> Region {
        Region {
            offset: self.offset + first * self.stride(),
            rows: self.rows - first,
            ..*self
        }
    }

    /// All of it, padding included.
    pub fn of<'a, F>(&self, data: &'a [F]) -> &'a [F] {
        &data[self.offset..self.end()]
    }

    pub fn of_mut<'a, F>(&self, data: &'a mut [F]) -> &'a mut [F] {
        &mut data[self.offset..self.end()]
    }

    pub fn view<'a, F: Kernels>(&self, data: &'a [F]) -> Matrix<'a, F> {
        Matrix::new(self.of(data), self.rows, self.columns, self.stride())
    }

    pub fn view_mut<'a, F: Kernels>(&self, data: &'a mut [F]) -> MatrixMut<'a, F> {
        let stride = self.stride();
        MatrixMut::new(self.of_mut(data), self.rows, self.columns, stride)
    }

    /// Row `r` without its padding.
    pub fn row<'a, F>(&self, data: &'a [F], r: usize) -> &'a [F] {
        &self.of(data)[r * self.stride()..][..self.columns]
    }

    pub fn row_mut<'a, F>(&self, data: &'a mut [F], r: usize) -> &'a mut [F] {
        let stride = self.stride();
        &mut self.of_mut(data)[r * stride..][..self.columns]
    }
}

/// Hands out regions one after the other.
#[derive(Default)]
pub(super) struct Allocator(pub usize);

impl Allocator {
    pub fn region(&mut self, rows: usize, columns: usize) -> Region {
        let region = Region {
            offset: self.0,
            rows,
            columns,
        };
        self.0 = region.end();
        region
    }
}

/// The regions of one sequence: its weights, and its record of a step.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Layers L.
    pub layers: usize,
    /// Heads H.
    pub heads: usize,
    /// W^{l+1} `[out, in]` (and its cotangent) among the weights of a sequence.
    pub weights: Vec<Region>,
    /// Elements of all weights of a sequence.
    pub weights_len: usize,
    /// What layer l of the memory saw with the weights before the write, a^l `[H, in]`; of layer 0, the write keys.
    pub before: Vec<Region>,
    /// The same with the weights after it, for the write keys, then the read keys `[2H, in]`; of layer 0, all keys.
    pub after: Vec<Region>,
    /// What makes E^l `[H, out]` in the backward pass: for each rule its own.
    pub errors: Vec<Region>,
    /// f(k^w) - v^w after the write `[H, M]`.
    pub miss: Region,
    /// Elements of a record. Its regions lie in the order in which they are computed.
    pub record_len: usize,
}

impl Layout {
    pub fn new(sizes: &MemorySizes) -> Layout {
        let (shape, heads) = (&sizes.shape, sizes.heads);
        let layers = shape.layers();
        let mut at = Allocator::default();
        let weights = (0..layers)
            .map(|l| at.region(shape.width(l + 1), shape.width(l)))
            .collect();
        let weights_len = at.0;
        let mut at = Allocator::default();
        let keys = at.region(2 * heads, shape.value());
        let mut before = vec![keys.first(heads)];
        before.extend((1..layers).map(|l| at.region(heads, shape.width(l))));
        let errors = (0..layers)
            .map(|l| at.region(heads, shape.width(l + 1)))
            .collect();
        let mut after = vec![keys];
        after.extend((1..layers).map(|l| at.region(2 * heads, shape.width(l))));
        let miss = at.region(heads, shape.value());
        Layout {
            layers,
            heads,
            weights,
            weights_len,
            before,
            after,
            errors,
            miss,
            record_len: at.0,
        }
    }
}
