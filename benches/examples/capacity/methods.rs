//! The memories that are compared.

use mnm_memory::{AssociativeMemory, Features, Method};

use crate::Failure;

/// Features for every entry of a key, where there is a feature map.
pub const EXPANSION: usize = 4;

/// One memory of the study, for keys of any width.
#[derive(Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    /// The widest keys that it is tried with.
    pub widest: usize,
    method: fn(usize) -> Method,
    features: fn(usize) -> Features,
}

fn tanh(width: usize) -> Features {
    Features::tanh(EXPANSION * width)
}

fn nearest(width: usize) -> Features {
    Features::nearest(EXPANSION * width, (EXPANSION * width / 32).max(4))
}

/// `layers` of weights, hidden ones as wide as the key.
fn deep(width: usize, layers: usize, steps: usize) -> Method {
    Method::Deep {
        hidden: vec![width; layers - 1],
        steps,
        rate: 1.0,
        seed: 0,
    }
}

const fn kind(
    name: &'static str,
    method: fn(usize) -> Method,
    features: fn(usize) -> Features,
) -> Kind {
    Kind {
        name,
        widest: 512,
        method,
        features,
    }
}

/// Least squares keeps features x features.
const fn up_to(kind: Kind, widest: usize) -> Kind {
    Kind { widest, ..kind }
}

/// All of them, in the order of the tables.
pub const KINDS: [Kind; 12] = [
    kind("hebbian", |_| Method::hebbian(), |_| Features::Raw),
    kind("delta", |_| Method::delta(), |_| Features::Raw),
    kind("delta, tanh features", |_| Method::delta(), tanh),
    kind("delta, nearest places", |_| Method::delta(), nearest),
    kind(
        "least squares",
        |_| Method::least_squares(),
        |_| Features::Raw,
    ),
    up_to(
        kind(
            "least squares, tanh features",
            |_| Method::least_squares(),
            tanh,
        ),
        256,
    ),
    up_to(
        kind(
            "least squares, nearest places",
            |_| Method::least_squares(),
            nearest,
        ),
        256,
    ),
    kind(
        "mnm-g, 1 layer",
        |width| deep(width, 1, 1),
        |_| Features::Unit,
    ),
    kind(
        "mnm-g, 2 layers",
        |width| deep(width, 2, 1),
        |_| Features::Unit,
    ),
    kind(
        "mnm-g, 3 layers",
        |width| deep(width, 3, 1),
        |_| Features::Unit,
    ),
    kind(
        "deep, 2 layers, 4 steps",
        |width| deep(width, 2, 4),
        |_| Features::Unit,
    ),
    kind(
        "deep, 3 layers, 4 steps",
        |width| deep(width, 3, 4),
        |_| Features::Unit,
    ),
];

impl Kind {
    /// An empty memory of this kind.
    pub fn memory(&self, key: usize, value: usize) -> Result<AssociativeMemory<f32>, Failure> {
        let memory =
            AssociativeMemory::with_features(key, value, (self.method)(key), (self.features)(key))?;
        Ok(memory.with_sample(0))
    }
}
