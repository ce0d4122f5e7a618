//! A write rule as a short straight-line program over rows, scalars and matrices.
//!
//! It is written once and read three ways: in tensor ops ([`crate::reference`]; the definition, differentiable to any
//! order), forward on slices, and backwards instruction by instruction ([`crate::fused`]).

use crate::MemoryShape;

/// Some rows `[H, width]`, one for each head; a column if `width` is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows(pub(crate) usize);

/// A number that each sequence has of its own at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// beta, the write rate.
    Rate,
    /// `1 - phi`: what a write keeps of the memory. 1 without the gate.
    Keep,
    /// eta: what it keeps of the last change. 0 without the gate.
    Momentum,
}

/// A matrix that all sequences share, by the names of its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shared {
    pub weight: String,
    pub bias: Option<String>,
    /// Rows and columns.
    pub shape: [usize; 2],
}

/// One instruction; `y` is what it makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Op {
    /// y = x W^T.
    Apply {
        layer: usize,
        x: Rows,
        y: Rows,
    },
    /// y = e W.
    Pull {
        layer: usize,
        e: Rows,
        y: Rows,
    },
    Tanh {
        x: Rows,
        y: Rows,
    },
    /// y = e (1 - a a): back through a = tanh.
    ThroughTanh {
        e: Rows,
        a: Rows,
        y: Rows,
    },
    /// y = scale (a - b).
    Difference {
        scale: f64,
        a: Rows,
        b: Rows,
        y: Rows,
    },
    Sum {
        a: Rows,
        b: Rows,
        y: Rows,
    },
    /// y = a b, where b may be a column.
    Product {
        a: Rows,
        b: Rows,
        y: Rows,
    },
    /// y = a / b, where b is a column.
    Quotient {
        a: Rows,
        b: Rows,
        y: Rows,
    },
    /// The sum of the products of a row's elements, as a column.
    Dot {
        a: Rows,
        b: Rows,
        y: Rows,
    },
    /// y = scale x + offset.
    Affine {
        scale: f64,
        offset: f64,
        x: Rows,
        y: Rows,
    },
    /// y = s x.
    Scaled {
        by: Scalar,
        x: Rows,
        y: Rows,
    },
    /// y = x between -bound and bound.
    Clip {
        bound: f64,
        x: Rows,
        y: Rows,
    },
    /// y = x M^T + b.
    Linear {
        matrix: usize,
        x: Rows,
        y: Rows,
    },
    /// y = some columns of x.
    Slice {
        start: usize,
        x: Rows,
        y: Rows,
    },
    /// S += beta e^T a.
    Update {
        layer: usize,
        e: Rows,
        a: Rows,
    },
    /// W_ji loses the part beta sum_h x_hj of itself.
    Decay {
        layer: usize,
        x: Rows,
    },
}

/// What a rule does at a write, for a memory of one shape and a number of heads.
///
/// Begin with [`Program::keys`] and [`Program::values`]; every instruction gives new rows; an [`update`](Program::update) says
/// what is written. A write is then
///
/// ```text
/// S^l <- eta S^l + beta sum over the updates of the layer of E^T A
/// W^l <- (1 - phi) W^l - S^l
/// ```
///
/// and what is applied after an update, within the program, sees `W - beta E^T A` of the updates so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    pub(crate) shape: MemoryShape,
    pub(crate) heads: usize,
    /// The width of all rows: of the keys, of the values, then of what each instruction makes.
    pub(crate) widths: Vec<usize>,
    pub(crate) ops: Vec<Op>,
    pub(crate) shared: Vec<Shared>,
    /// The first instruction whose operands do not fit.
    misfit: Option<String>,
}

impl Program {
    /// An empty program, which writes nothing.
    pub fn new(shape: &MemoryShape, heads: usize) -> Self {
        Self {
            shape: *shape,
            heads,
            widths: vec![shape.key(), shape.value()],
            ops: Vec::new(),
            shared: Vec::new(),
            misfit: None,
        }
    }

    /// The number of heads H.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// The write keys `a^0 = k^w` `[H, M]`, as they enter the memory.
    pub fn keys(&self) -> Rows {
        Rows(0)
    }

    /// The write values `v^w` `[H, M]`.
    pub fn values(&self) -> Rows {
        Rows(1)
    }

    /// The width of some rows.
    pub fn width(&self, rows: Rows) -> usize {
        self.widths.get(rows.0).copied().unwrap_or(0)
    }

    /// What is wrong with the program, if anything.
    pub fn misfit(&self) -> Option<&str> {
        self.misfit.as_deref()
    }

    /// The layers that it writes to.
    pub fn written(&self) -> Vec<usize> {
        let writes = |l: usize| {
            self.ops.iter().any(|op| match op {
                Op::Update { layer, .. } | Op::Decay { layer, .. } => *layer == l,
                _ => false,
            })
        };
        (0..self.shape.layers()).filter(|l| writes(*l)).collect()
    }

    /// Whether a layer forgets row by row.
    pub(crate) fn decays(&self, l: usize) -> bool {
        let decays = |op: &Op| matches!(op, Op::Decay { layer, .. } if *layer == l);
        self.ops.iter().any(decays)
    }

    fn expect(&mut self, what: &str, fits: bool) {
        if !fits && self.misfit.is_none() {
            self.misfit = Some(format!("instruction {} ({what})", self.ops.len()));
        }
    }

    fn push(&mut self, width: usize, op: impl FnOnce(Rows) -> Op) -> Rows {
        let y = Rows(self.widths.len());
        self.widths.push(width);
        self.ops.push(op(y));
        y
    }

    fn weight(&self, layer: usize) -> [usize; 2] {
        if layer < self.shape.layers() {
            self.shape.weight(layer)
        } else {
            [0, 0]
        }
    }

    /// `x W^T` with the weights of a layer, counted from 0.
    pub fn apply(&mut self, layer: usize, x: Rows) -> Rows {
        let [out, input] = self.weight(layer);
        self.expect(
            "apply: rows as wide as the layer's inputs",
            self.width(x) == input && out > 0,
        );
        self.push(out, |y| Op::Apply { layer, x, y })
    }

    /// `e W`: what an error of a layer's outputs is to its inputs.
    pub fn pull(&mut self, layer: usize, e: Rows) -> Rows {
        let [out, input] = self.weight(layer);
        self.expect(
            "pull: rows as wide as the layer's outputs",
            self.width(e) == out && out > 0,
        );
        self.push(input, |y| Op::Pull { layer, e, y })
    }

    /// `a^0 .. a^L` of the write keys: a tanh behind every layer but the last.
    pub fn activations(&mut self) -> Vec<Rows> {
        let mut all = vec![self.keys()];
        let mut below = self.keys();
        for layer in 0..self.shape.layers() {
            below = self.apply(layer, below);
            if layer + 1 < self.shape.layers() {
                below = self.tanh(below);
            }
            all.push(below);
        }
        all
    }

    /// `a^{L-1}` of the write keys: what the last layer sees.
    pub fn features(&mut self) -> Rows {
        let mut below = self.keys();
        for layer in 0..self.shape.layers() - 1 {
            let sum = self.apply(layer, below);
            below = self.tanh(sum);
        }
        below
    }

    /// `tanh x`.
    pub fn tanh(&mut self, x: Rows) -> Rows {
        self.push(self.width(x), |y| Op::Tanh { x, y })
    }

    /// `e (1 - a a)`: back through `a = tanh y`.
    pub fn through_tanh(&mut self, e: Rows, a: Rows) -> Rows {
        self.expect(
            "through_tanh: rows of one width",
            self.width(e) == self.width(a),
        );
        self.push(self.width(e), |y| Op::ThroughTanh { e, a, y })
    }

    /// `scale (a - b)`.
    pub fn difference(&mut self, scale: f64, a: Rows, b: Rows) -> Rows {
        self.expect(
            "difference: rows of one width",
            self.width(a) == self.width(b),
        );
        self.push(self.width(a), |y| Op::Difference { scale, a, b, y })
    }

    /// `a + b`.
    pub fn sum(&mut self, a: Rows, b: Rows) -> Rows {
        self.expect("sum: rows of one width", self.width(a) == self.width(b));
        self.push(self.width(a), |y| Op::Sum { a, b, y })
    }

    /// `a b`, element by element; b may be a column.
    pub fn product(&mut self, a: Rows, b: Rows) -> Rows {
        let width = self.width(b);
        self.expect(
            "product: rows of one width, or a column",
            width == self.width(a) || width == 1,
        );
        self.push(self.width(a), |y| Op::Product { a, b, y })
    }

    /// `a / b` with a column b.
    pub fn quotient(&mut self, a: Rows, b: Rows) -> Rows {
        self.expect("quotient: by a column", self.width(b) == 1);
        self.push(self.width(a), |y| Op::Quotient { a, b, y })
    }

    /// The sum of the products of the elements of each row, a column.
    pub fn dot(&mut self, a: Rows, b: Rows) -> Rows {
        self.expect("dot: rows of one width", self.width(a) == self.width(b));
        self.push(1, |y| Op::Dot { a, b, y })
    }

    /// `scale x`.
    pub fn scale(&mut self, scale: f64, x: Rows) -> Rows {
        self.affine(scale, 0.0, x)
    }

    /// `scale x + offset`.
    pub fn affine(&mut self, scale: f64, offset: f64, x: Rows) -> Rows {
        self.push(self.width(x), |y| Op::Affine {
            scale,
            offset,
            x,
            y,
        })
    }

    /// `s x` with a number of the sequence's own.
    pub fn scaled(&mut self, by: Scalar, x: Rows) -> Rows {
        self.push(self.width(x), |y| Op::Scaled { by, x, y })
    }

    /// x, held between `-bound` and `bound`.
    pub fn clip(&mut self, bound: f64, x: Rows) -> Rows {
        self.expect("clip: a bound above 0", bound > 0.0);
        self.push(self.width(x), |y| Op::Clip { bound, x, y })
    }

    /// `x M^T + b` with parameters that all sequences share: `weight` `[out, width of x]` and, if there is one, `bias` `[out]`.
    pub fn linear(&mut self, x: Rows, out: usize, weight: &str, bias: Option<&str>) -> Rows {
        self.expect("linear: at least one output", out > 0);
        let matrix = self.shared.len();
        self.shared.push(Shared {
            weight: weight.to_owned(),
            bias: bias.map(str::to_owned),
            shape: [out, self.width(x)],
        });
        self.push(out, |y| Op::Linear { matrix, x, y })
    }

    /// The columns of x from `start` on, `width` of them.
    pub fn slice(&mut self, x: Rows, start: usize, width: usize) -> Rows {
        self.expect(
            "slice: columns that there are",
            start + width <= self.width(x) && width > 0,
        );
        self.push(width, |y| Op::Slice { start, x, y })
    }

    /// Writes: `S += beta e^T a` for a layer.
    pub fn update(&mut self, layer: usize, e: Rows, a: Rows) {
        let [out, input] = self.weight(layer);
        let fits = (self.width(e), self.width(a)) == (out, input) && out > 0;
        self.expect("update: errors and inputs of the layer", fits);
        self.ops.push(Op::Update { layer, e, a });
    }

    /// Forgets row by row: at the end of the write `W_ji` is multiplied by `1 - beta sum_h x_hj`. Said once for a layer, before its
    /// updates.
    pub fn decay(&mut self, layer: usize, x: Rows) {
        let [out, _] = self.weight(layer);
        self.expect(
            "decay: rows as wide as the layer's outputs",
            self.width(x) == out && out > 0,
        );
        self.expect(
            "decay: once, before the layer's updates",
            !self.written().contains(&layer),
        );
        self.ops.push(Op::Decay { layer, x });
    }
}
