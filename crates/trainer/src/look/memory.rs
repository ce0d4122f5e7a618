//! The numbers of one memory in one episode, step by step.

use mnm_controller::{ControllerError, State, Unrolled, memory_part};
use mnm_memory::Memory;
use mnm_tensor::{SharedArray, Tensor};
use ndarray::{Array1, Array2, Axis};

use crate::error::TrainError;
use crate::linalg::{least_squares_memory, singular_values};

/// What happened to a neural memory. Errors are means over heads and entries of `(f(k) - v)^2`.
#[derive(Clone, Debug)]
pub struct MemoryLook {
    /// The write rate of each step.
    pub rate: Vec<f64>,
    /// The error of what is written at a step, before it is written.
    pub before: Vec<f64>,
    /// The same, just written: the meta loss.
    pub after: Vec<f64>,
    /// The same, after the whole episode: what is left of each write.
    pub at_end: Vec<f64>,
    /// The same, by the linear memory of least squares for all writes of the episode: no linear
    /// memory leaves a smaller mean.
    pub closed_form: Vec<f64>,
    /// The cosine of each step's read key (rows) to each step's write key (columns), the largest over pairs of heads;
    /// NaN where the write is still to come.
    pub similarity: Array2<f64>,
    /// The singular values of each layer.
    pub spectra: Vec<Spectrum>,
}

/// Singular values of a layer's weights, the largest first.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// Before the episode.
    pub before: Array1<f64>,
    /// After it.
    pub after: Array1<f64>,
    /// Of the difference: how many directions the writes took, and how far.
    pub change: Array1<f64>,
}

/// What the trace tells of the memory; `None` for a model whose memory is no network.
pub(super) fn of(
    unrolled: &Unrolled<f32>,
    start: &State<f32>,
    layers: usize,
) -> Result<Option<MemoryLook>, TrainError> {
    let trace = &unrolled.trace;
    let keys = [
        "rate",
        "error_before",
        "write_key",
        "write_value",
        "read_key",
    ];
    let [
        Some(rate),
        Some(before),
        Some(write_key),
        Some(write_value),
        Some(read_key),
    ] = keys.map(|key| trace.get(key))
    else {
        return Ok(None);
    };
    if start.get(&memory_part(0)).is_err() {
        return Ok(None);
    }
    Ok(Some(MemoryLook {
        rate: column(rate),
        before: column(before),
        after: column(&unrolled.meta),
        at_end: left(&unrolled.state, layers, write_key, write_value)?,
        closed_form: fitted(write_key.value(), write_value.value())?,
        similarity: similarity(read_key.value(), write_key.value()),
        spectra: (0..layers)
            .map(|layer| spectrum(start, &unrolled.state, layer))
            .collect::<Result<_, _>>()?,
    }))
}

/// `[T, 1]` as T numbers.
fn column(values: &Tensor<f32>) -> Vec<f64> {
    values.value().iter().map(|&x| f64::from(x)).collect()
}

/// The error of every write, `keys` and `values` `[T, 1, H, M]`, with the weights of `state`.
fn left(
    state: &State<f32>,
    layers: usize,
    keys: &Tensor<f32>,
    values: &Tensor<f32>,
) -> Result<Vec<f64>, TrainError> {
    let weights = (0..layers)
        .map(|layer| Ok(state.get(&memory_part(layer))?.clone()))
        .collect::<Result<_, TrainError>>()?;
    let &[steps, batch, heads, width] = keys.shape() else {
        return Ok(Vec::new());
    };
    // One sequence whose heads are those of all steps.
    let flat = [batch, steps * heads, width];
    let memory = Memory::new(weights).map_err(ControllerError::from)?;
    let found = memory
        .read(&keys.reshape(&flat)?)
        .map_err(ControllerError::from)?;
    let error = found.sub(&values.reshape(&flat)?)?;
    let squares = error.mul(&error)?.reshape(&[steps, heads * width])?;
    Ok(column(&squares.mean(1)?))
}

/// The error of every write, `keys` and `values` `[T, 1, H, M]`, by the linear memory that is fitted to all of them at once.
fn fitted(keys: &SharedArray<f32>, values: &SharedArray<f32>) -> Result<Vec<f64>, TrainError> {
    let &[steps, _, heads, width] = keys.shape() else {
        return Ok(Vec::new());
    };
    let pairs = |all: &SharedArray<f32>| {
        let mut entries = all.iter().map(|&x| f64::from(x));
        Array2::from_shape_simple_fn((steps * heads, width), || entries.next().unwrap_or(0.0))
    };
    let (keys, values) = (pairs(keys), pairs(values));
    let memory = least_squares_memory(&keys, &values)?;
    let squares = (keys.dot(&memory.t()) - values).mapv(|x| x * x);
    let of_step = squares.axis_chunks_iter(Axis(0), heads);
    Ok(of_step.map(|step| step.mean().unwrap_or(0.0)).collect())
}

/// The largest cosine over pairs of heads; both keys are `[T, 1, H, M]`.
pub(crate) fn similarity(reads: &SharedArray<f32>, writes: &SharedArray<f32>) -> Array2<f64> {
    let (reads, writes) = (unit_keys(reads), unit_keys(writes));
    Array2::from_shape_fn((reads.len(), writes.len()), |(read, write)| {
        if write > read {
            return f64::NAN;
        }
        let cosine = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let pairs = reads[read]
            .iter()
            .flat_map(|r| writes[write].iter().map(move |w| cosine(r, w)));
        pairs.fold(f64::NEG_INFINITY, f64::max)
    })
}

/// The length of a vector.
pub(super) fn norm(elements: impl Iterator<Item = f32>) -> f64 {
    let squares = elements.map(|x| f64::from(x) * f64::from(x));
    squares.sum::<f64>().sqrt()
}

/// The keys `[T, 1, H, M]`, each of length one: step, head, entries.
fn unit_keys(keys: &SharedArray<f32>) -> Vec<Vec<Vec<f64>>> {
    keys.outer_iter()
        .map(|step| {
            step.rows()
                .into_iter()
                .map(|key| {
                    let length = norm(key.iter().copied()).max(f64::MIN_POSITIVE);
                    key.iter().map(|&x| f64::from(x) / length).collect()
                })
                .collect()
        })
        .collect()
}

fn spectrum(start: &State<f32>, end: &State<f32>, layer: usize) -> Result<Spectrum, TrainError> {
    let matrix = |state: &State<f32>| -> Result<Array2<f64>, TrainError> {
        let weight = state.get(&memory_part(layer))?.select(0, 0)?;
        let shape = (weight.shape()[0], weight.shape()[1]);
        Ok(Array2::from_shape_fn(shape, |(i, j)| {
            f64::from(weight.value()[[i, j]])
        }))
    };
    let (before, after) = (matrix(start)?, matrix(end)?);
    Ok(Spectrum {
        change: singular_values(&(&after - &before))?,
        before: singular_values(&before)?,
        after: singular_values(&after)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::ArrayD;

    /// `[3, 1, 1, 2]`: three steps, one head.
    fn steps(entries: [f32; 6]) -> SharedArray<f32> {
        let array = ArrayD::from_shape_vec(vec![3, 1, 1, 2], entries.to_vec());
        array.unwrap().into_shared()
    }

    #[test]
    fn what_the_best_linear_memory_cannot_recall_is_two_values_of_one_key() {
        let keys = steps([1.0, 0.0, 1.0, 0.0, 0.0, 2.0]);
        let values = steps([0.0, 0.0, 2.0, 0.0, 5.0, 5.0]);
        // The first entry of the first two is recalled as 1, their mean; the other entries as they are.
        let errors = fitted(&keys, &values).unwrap();
        for (error, expected) in errors.iter().zip([0.5, 0.5, 0.0]) {
            assert!((error - expected).abs() < 1e-12, "{errors:?}");
        }
    }
}
