//! How long a chunk is.

use super::history::ChunkSteps;
use crate::MemoryShape;

/// The steps of a chunk, for layers of width w and H heads: `w (1/3 + 1/(2H)) / H` while all sequences share their weights; after that
/// `w / (6H)` where writes fade, `sqrt(w / 6) / H` where they last.
///
/// The cost model, for a layer of w x w and one step of one sequence, forward and back: some 24 H rows go through the n rows of A and D
/// since the chunk began, which is 72 H n w operations; while weights are shared, all else is products of all sequences together, at
/// the full rate of packed products, and a fold gives that up. Later, a chunk costs its fold, forward and back, which is a pass over the
/// weights however few its rows are, and where writes fade a copy of the weights that waits for the way back.
/// The constants are those of measurements at w = 100 with one and four heads (docs/fused.md).
pub fn chunk_steps(shape: &MemoryShape, heads: usize, fades: bool) -> ChunkSteps {
    let weights = (0..shape.layers()).map(|l| shape.weight(l));
    let (area, side) = weights.fold((0, 0), |(area, side), [out, input]| {
        (area + out * input, side + out + input)
    });
    let (width, heads) = (2 * area / side.max(1), heads.max(1));
    let rows = width / 3 + width / (2 * heads);
    let own = if fades {
        width / 6
    } else {
        (width / 6).isqrt()
    };
    ChunkSteps {
        shared: (rows / heads).max(1),
        own: (own / heads).max(1),
    }
}
