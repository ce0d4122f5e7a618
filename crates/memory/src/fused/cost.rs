//! How long a chunk is.

use super::history::ChunkSteps;
use crate::MemoryShape;

/// The steps of a chunk: `w (2/(3H) + 1/6) / H` for layers of width w while all sequences share their weights.
///
/// The cost model of the shared form, for a layer of w x w and one step of one sequence, forward and back: it multiplies 6 H rows
/// with W_0, together with those of the other sequences and at the full rate of packed products, and goes through the n rows
/// of A and D with 36 H n w operations; past the break-even, a product with weights of one's own is cheaper.
pub fn chunk_steps(shape: &MemoryShape, heads: usize) -> ChunkSteps {
    let weights = (0..shape.layers()).map(|l| shape.weight(l));
    let (area, side) = weights.fold((0, 0), |(area, side), [out, input]| {
        (area + out * input, side + out + input)
    });
    let (width, heads) = (2 * area / side.max(1), heads.max(1));
    let rows = 2 * width / (3 * heads) + width / 6;
    ChunkSteps {
        shared: (rows / heads).max(1),
        own: (width / (3 * heads)).max(1),
    }
}
