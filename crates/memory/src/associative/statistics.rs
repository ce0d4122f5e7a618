//! What a memory can say of itself.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut};

use super::AssociativeMemory;

/// The state of a memory in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Writes since the memory was empty.
    pub writes: u64,
    /// Writes for each feature. A linear memory holds at most one pair of independent keys for each.
    pub load: f64,
    /// The Frobenius norm of all weights together.
    pub norm: f64,
    /// For least squares, the part of the directions of key space that is known: 0 in an empty memory, near 1 in a full one.
    pub known: Option<f64>,
    /// What has become of old pairs, if a sample is kept and has pairs.
    pub drift: Option<Drift>,
}

/// How far the memory is by now from pairs that were written into it, in a sample of them: a uniform one while nothing was forgotten.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Drift {
    /// Pairs in the sample.
    pub pairs: usize,
    /// The relative recall error: the root of `sum |v - read(k)|^2 / sum |v|^2`. 0 is perfect, 1 as good as reading zeros.
    pub error: f64,
    /// The distance `|v - read(k)|` of the pair that is worst off.
    pub worst: f64,
}

impl<F: Kernels> AssociativeMemory<F> {
    /// How full the memory is, and what has become of old pairs. It reads all pairs of the sample, and goes over the weights once.
    pub fn statistics(&self) -> Statistics {
        let norms = self.state.layers().iter().map(|w| w.norm());
        let features = self.features.count(self.key);
        Statistics {
            writes: self.writes,
            load: self.writes as f64 / features as f64,
            norm: norms.fold(0.0, f64::hypot),
            known: self.state.evidence().map(|evidence| evidence.known()),
            drift: self.drift(),
        }
    }

    fn drift(&self) -> Option<Drift> {
        let pairs = self.sample.len();
        if pairs == 0 {
            return None;
        }
        let (keys, values) = self.sample.pairs();
        let mut reads = vec![F::zero(); values.len()];
        let to = MatrixMut::dense(&mut reads, pairs, self.value);
        self.read_rows(Matrix::dense(keys, pairs, self.key), to);
        let (mut errors, mut norms, mut worst) = (0.0, 0.0, 0.0_f64);
        for (read, value) in reads.chunks(self.value).zip(values.chunks(self.value)) {
            let squares = read
                .iter()
                .zip(value)
                .map(|(r, v)| (r.as_f64() - v.as_f64()).powi(2));
            let error: f64 = squares.sum();
            errors += error;
            norms += value.iter().map(|v| v.as_f64().powi(2)).sum::<f64>();
            worst = worst.max(error.sqrt());
        }
        // Where all values are zero, their length says nothing: what is read is the error itself.
        let against = if norms > 0.0 { norms } else { 1.0 };
        Some(Drift {
            pairs,
            error: (errors / against).sqrt(),
            worst,
        })
    }
}
