//! How long a chunk is.

use super::history::ChunkSteps;
use crate::MemoryShape;

/// The steps of a chunk, for layers of width w and H heads: `w (1/3 + 1/(2H)) / H` while all sequences share their weights,
/// `w / (6H)` after that.
///
/// The cost model, for a layer of w x w and one step of one sequence, forward and back: some 24 H rows go through the n rows of A and D
/// since the chunk began, which is 72 H n w operations; while weights are shared, all else is products of all sequences together, at
/// the full rate of packed products, and a fold gives that up. Later, a chunk costs its fold, forward and back, and a copy of the weights.
/// The constants are those of measurements at w = 100 with one and four heads (docs/fused.md).
pub fn chunk_steps(shape: &MemoryShape, heads: usize) -> ChunkSteps {
    let weights = (0..shape.layers()).map(|l| shape.weight(l));
    let (area, side) = weights.fold((0, 0), |(area, side), [out, input]| {
        (area + out * input, side + out + input)
    });
    let (width, heads) = (2 * area / side.max(1), heads.max(1));
    let rows = width / 3 + width / (2 * heads);
    ChunkSteps {
        shared: (rows / heads).max(1),
        own: (width / (6 * heads)).max(1),
    }
}
