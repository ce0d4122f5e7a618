//! How long a chunk is.

use super::form::RuleForm;
use super::history::ChunkSteps;

impl RuleForm {
    /// The steps of a chunk, for layers of width w and H heads: `w (1/3 + 1/(2H)) / H` while all sequences share their weights, or
    /// `w / (4H)` where a layer forgets row by row; after that `w / (6H)` where writes fade, `sqrt(w / 6) / H` where they last.
    ///
    /// The cost model, for a layer of w x w and one step of one sequence, forward and back: some 24 H rows go through the n rows of A
    /// and D since the chunk began, which is 72 H n w operations, and a layer that forgets row by row copies D besides; while weights
    /// are shared, all else is products of all sequences together, at the full rate of packed products, and a fold gives that up. Later, a
    /// chunk costs its fold, forward and back, which is a pass over the weights however few its rows are, and where writes fade a
    /// copy of the weights that waits for the way back. The constants are those of measurements at w = 100 with one and four heads
    /// (docs/fused.md).
    pub fn chunk_steps(&self, heads: usize) -> ChunkSteps {
        let shape = &self.program.shape;
        let weights = (0..shape.layers()).map(|l| shape.weight(l));
        let (area, side) = weights.fold((0, 0), |(area, side), [out, input]| {
            (area + out * input, side + out + input)
        });
        let (width, heads) = (2 * area / side.max(1), heads.max(1));
        let shared = match self.fades_by_row() {
            true => width / 4,
            false => width / 3 + width / (2 * heads),
        };
        let own = match self.fades() {
            true => width / 6,
            false => (width / 6).isqrt(),
        };
        let [shared, own] = [shared, own].map(|rows| (rows / heads).max(1));
        ChunkSteps { shared, own }
    }
}
