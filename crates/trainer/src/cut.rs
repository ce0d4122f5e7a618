//! Where a batch is cut into blocks.

use mnm_controller::BlockCost;

/// How many of some sequences, the longest first, go into each block, so that all blocks together cost least: a block of B
/// sequences, the longest of T steps, costs T (B + step) + block. Small blocks waste little on padding, large ones little on
/// what they cost by themselves; and that there are several lets threads share a batch.
///
/// `most` says how many sequences a block whose longest has so many steps may have, at least 1. The answer is a function of
/// the lengths, `most` and the cost, none of which may change from machine to machine: the order of summation, and so every bit
/// of a result, hangs on it.
pub fn cut(steps: &[usize], most: impl Fn(usize) -> usize, cost: BlockCost) -> Vec<usize> {
    debug_assert!(steps.is_sorted_by(|a, b| a >= b), "the longest first");
    // Of the sequences from each on: the least cost, and the size of the first block that has it. The largest of equals.
    let mut best = vec![(0.0, 0); steps.len() + 1];
    for (first, &longest) in steps.iter().enumerate().rev() {
        let rest = steps.len() - first;
        best[first] = (1..=most(longest).clamp(1, rest))
            .map(|size| {
                let block = longest as f64 * (size as f64 + cost.step) + cost.block;
                (block + best[first + size].0, size)
            })
            .fold((f64::INFINITY, 1), |least, other| {
                if other.0 <= least.0 { other } else { least }
            });
    }
    let mut sizes = Vec::new();
    let mut first = 0;
    while first < steps.len() {
        sizes.push(best[first].1);
        first += best[first].1;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: BlockCost = BlockCost {
        block: 20.0,
        step: 0.25,
    };

    #[test]
    fn sequences_of_one_length_are_cut_as_tall_as_may_be() {
        assert_eq!(cut(&[50; 32], |_| 8, COST), [8; 4]);
        assert_eq!(cut(&[50; 3], |_| 8, COST), [3]);
        for steps in [7, 50, 100, 333] {
            assert_eq!(
                cut(&[steps; 12], |_| 8, COST),
                [8, 4],
                "of equals, the largest first"
            );
        }
        assert_eq!(cut(&[], |_| 8, COST), [0; 0]);
    }

    #[test]
    fn long_sequences_are_not_padded_with_short_ones() {
        let steps = [900, 300, 290, 45, 45, 45, 45, 45, 45, 45];
        assert_eq!(cut(&steps, |_| 8, COST), [1, 2, 7]);
        let dear = BlockCost {
            step: 100.0,
            ..COST
        };
        assert_eq!(
            cut(&steps, |_| 8, dear).len(),
            2,
            "where a step of a block is dear, there are few"
        );
    }

    #[test]
    fn a_block_has_no_more_than_it_may() {
        let most = |steps| if steps > 500 { 2 } else { 4 };
        assert_eq!(cut(&[900; 5], most, COST).iter().max(), Some(&2));
        assert_eq!(cut(&[400; 5], most, COST).iter().max(), Some(&4));
        assert_eq!(cut(&[400; 3], |_| 0, COST), [1; 3]);
    }

    /// Against every way there is.
    #[test]
    fn no_other_cut_costs_less() {
        fn least(steps: &[usize], most: usize) -> f64 {
            let Some(&longest) = steps.first() else {
                return 0.0;
            };
            (1..=most.min(steps.len()))
                .map(|size| {
                    longest as f64 * (size as f64 + COST.step)
                        + COST.block
                        + least(&steps[size..], most)
                })
                .fold(f64::INFINITY, f64::min)
        }
        let mut steps: Vec<usize> = (0..13).map(|i| 5 + i * i * 7 % 190).collect();
        steps.sort_by_key(|&t| std::cmp::Reverse(t));
        for most in [1, 3, 8] {
            let mut first = 0;
            let mut total = 0.0;
            for size in cut(&steps, |_| most, COST) {
                total += steps[first] as f64 * (size as f64 + COST.step) + COST.block;
                first += size;
            }
            assert!((total - least(&steps, most)).abs() < 1e-6);
        }
    }
}
