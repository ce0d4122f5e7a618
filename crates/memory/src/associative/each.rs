//! Many memories that know nothing of each other, such as one for every user or room.

use mnm_tensor::kernels::Kernels;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::{AssociativeError, AssociativeMemory, in_row};

/// Writes row n of `keys` and `values` into memory n, in parallel; how far off each was before.
///
/// # Errors
/// [`AssociativeError::Rows`] if there is not one row for every memory, before anything is written; [`AssociativeError::Row`] with the first memory that
/// refuses its pair. The others have theirs.
pub fn write_each<F: Kernels>(
    memories: &mut [AssociativeMemory<F>],
    keys: ArrayView2<'_, F>,
    values: ArrayView2<'_, F>,
) -> Result<Vec<F>, AssociativeError> {
    one_each(&keys, "memories", memories.len())?;
    one_each(&keys, "rows of values", values.nrows())?;
    let written: Vec<_> = memories
        .par_iter_mut()
        .enumerate()
        .map(|(row, memory)| {
            memory
                .write(keys.row(row), values.row(row))
                .map_err(in_row(row))
        })
        .collect();
    written.into_iter().collect()
}

/// Reads memory n with row n of `keys`, in parallel: \[N, value].
///
/// # Errors
/// [`AssociativeError::Rows`] if there is not one row for every memory, [`AssociativeError::Row`] with the first that cannot be read;
/// memories of different value widths.
pub fn read_each<F: Kernels>(
    memories: &[AssociativeMemory<F>],
    keys: ArrayView2<'_, F>,
) -> Result<Array2<F>, AssociativeError> {
    one_each(&keys, "memories", memories.len())?;
    let width = memories.first().map_or(0, AssociativeMemory::value_width);
    let mut values = Array2::zeros((memories.len(), width));
    if let Some(values) = values.as_slice_mut().filter(|_| width > 0) {
        let read: Vec<_> = memories
            .par_iter()
            .zip(values.par_chunks_mut(width))
            .enumerate()
            .map(|(row, (memory, value))| {
                memory.read_into(keys.row(row), value).map_err(in_row(row))
            })
            .collect();
        read.into_iter().collect::<Result<(), _>>()?;
    }
    Ok(values)
}

fn one_each<F: Kernels>(
    keys: &ArrayView2<'_, F>,
    what: &'static str,
    others: usize,
) -> Result<(), AssociativeError> {
    if keys.nrows() != others {
        return Err(AssociativeError::Rows {
            keys: keys.nrows(),
            what,
            others,
        });
    }
    Ok(())
}
