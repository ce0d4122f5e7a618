//! How many sequences make a block.

use super::prepared::CellSizes;
use crate::BlockCost;

/// Sequences of a block that is not long: as many rows as the tallest tile of the products has. With 16 the packed weights are
/// read half as often, but writes, cotangents and scratch of twice as many sequences no longer fit into the second-level cache; 8
/// was no slower on S and a little faster on L (docs/log/performance.md), and half as many are alive at once.
const SEQUENCES: usize = 8;

/// Sequences of the longest blocks: with 2 a pass of 1000 steps takes some 5 % longer than with 4, with 1 some 20 %.
const FEWEST: usize = 2;

/// Numbers that a block may record: 64 MiB in single precision. What is alive at once is this for every thread.
const RECORDED: usize = 16 << 20;

/// What a block costs beside its sequences: the weights are read at every step, and once they are packed and their gradients
/// added up. A pass of one sequence takes some 20 % longer than a quarter of a pass of four, so a step costs a quarter of a
/// sequence. What a block costs was not measured by itself: bAbI trains about as fast with 0, 20 and 60
/// (docs/log/performance.md). Numbers that `f64` holds exactly, so that no cut hangs on rounding.
pub const BLOCK_COST: BlockCost = BlockCost {
    block: 20.0,
    step: 0.25,
};

/// How many sequences of `steps` steps the fused kernel takes forward and back together: 8, or 4 or 2 where what it must keep
/// of 8 (of 4) for the way back is too much.
///
/// Kept are, for each sequence and step: inputs, gates, cell state and interaction, X + 5C + M(1 + 3H); outputs, their cotangents and
/// what of them the output layer saw, 3(C + M); keys, activations before and after the write, and errors, about
/// 6H times the sum of the layers' widths. Only the sizes count, so that every bit of a result is the same on any machine.
pub fn block_size(sizes: &CellSizes, steps: usize) -> usize {
    let cell = sizes.input + 5 * sizes.controller + sizes.interaction() + 3 * sizes.output();
    let memory = 6 * sizes.heads * sizes.memory.targets();
    let fits = |sequences: &usize| sequences * steps * (cell + memory) <= RECORDED;
    [SEQUENCES, SEQUENCES / 2]
        .into_iter()
        .find(fits)
        .unwrap_or(FEWEST)
}

#[cfg(test)]
mod tests {
    use mnm_memory::MemoryShape;

    use super::*;

    #[test]
    fn longer_sequences_come_in_smaller_blocks() {
        let sizes = CellSizes {
            input: 100,
            controller: 100,
            heads: 1,
            memory: MemoryShape::new(100, 100, 3).expect("a shape"),
            recurrent: true,
        };
        let found = [1, 50, 1000, 10_000].map(|steps| block_size(&sizes, steps));
        assert_eq!(found, [8, 8, 4, 2]);
    }
}
