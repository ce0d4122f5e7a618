//! Threads without work.

/// What a person should know where a batch has fewer blocks than there are threads, those of all ranks together: which
/// `train.block` would give them work. `block` sequences (or worlds) are a block at most.
pub(super) fn idle(batch: usize, block: usize, threads: usize) -> Option<String> {
    let blocks = batch.div_ceil(block);
    let smaller = (batch / threads).max(1);
    (blocks < threads && smaller < block).then(|| {
        let busy = batch.div_ceil(smaller).min(threads);
        let busy = if busy == threads { "all".to_owned() } else { busy.to_string() };
        format!(
            "a batch of {batch} in blocks of {block} keeps {blocks} of {threads} threads busy; train.block={smaller} keeps \
             {busy} busy, and sums in another order"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_blocks_are_advised_where_threads_would_idle() {
        let says = |batch, block, threads, text: &str| {
            let note = idle(batch, block, threads).expect("a note");
            assert!(note.contains(text), "{note}");
        };
        says(
            32,
            8,
            16,
            "4 of 16 threads busy; train.block=2 keeps all busy",
        );
        says(32, 8, 12, "train.block=2 keeps all busy");
        says(4, 8, 2, "1 of 2 threads busy; train.block=2 keeps all busy");
        says(3, 8, 4, "1 of 4 threads busy; train.block=1 keeps 3 busy");
    }

    #[test]
    fn nothing_is_advised_where_it_would_not_help() {
        for (batch, block, threads) in [(32, 8, 4), (32, 8, 1), (32, 2, 16), (5, 1, 16), (33, 8, 5)]
        {
            assert_eq!(idle(batch, block, threads), None);
        }
    }
}
