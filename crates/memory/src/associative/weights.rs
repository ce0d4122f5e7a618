//! A matrix of weights that stays finite.

use mnm_tensor::kernels::{
    AlignedBuffer, Kernels, Matrix, MatrixMut, Store, dot, matmul_nt, matmul_tn, padded,
};

use super::AssociativeError;

/// W \[out, in], row-major, each row on whole cache lines.
#[derive(Clone, Debug)]
pub(super) struct Weights<F> {
    out: usize,
    input: usize,
    data: AlignedBuffer<F>,
    /// Not below the Frobenius norm, and with it not below any entry. Every change adds its own norm, which is known from its factors;
    /// the norm itself is only computed where this sum says nothing any more.
    bound: f64,
}

impl<F: Kernels> Weights<F> {
    pub(super) fn zeros(out: usize, input: usize) -> Self {
        Self {
            out,
            input,
            data: AlignedBuffer::zeros(out * padded(input)),
            bound: 0.0,
        }
    }

    /// From its entries in row-major order.
    pub(super) fn dense(out: usize, input: usize, entries: &[F]) -> Self {
        let mut weights = Self::zeros(out, input);
        for (to, from) in weights.rows_mut().zip(entries.chunks_exact(input)) {
            to.copy_from_slice(from);
        }
        weights.bound = weights.norm();
        weights
    }

    pub(super) fn identity(width: usize) -> Self {
        let mut weights = Self::zeros(width, width);
        for (place, row) in weights.rows_mut().enumerate() {
            row[place] = F::one();
        }
        weights.bound = (width as f64).sqrt();
        weights
    }

    /// `[out, in]`.
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.out, self.input]
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[F]> {
        self.data
            .chunks_exact(padded(self.input))
            .map(|row| &row[..self.input])
    }

    pub(super) fn row(&self, place: usize) -> &[F] {
        &self.data[place * padded(self.input)..][..self.input]
    }

    fn rows_mut(&mut self) -> impl Iterator<Item = &mut [F]> {
        let input = self.input;
        self.data
            .chunks_exact_mut(padded(input))
            .map(move |row| &mut row[..input])
    }

    /// The entries in row-major order.
    pub(super) fn entries(&self) -> Vec<F> {
        self.rows().flatten().copied().collect()
    }

    pub(super) fn view(&self) -> Matrix<'_, F> {
        Matrix::new(&self.data, self.out, self.input, padded(self.input))
    }

    pub(super) fn view_mut(&mut self) -> MatrixMut<'_, F> {
        MatrixMut::padded(&mut self.data, self.out, self.input, padded(self.input))
    }

    /// `count` rows from `first` on: to read them, and to change them.
    pub(super) fn block_mut(&mut self, first: usize, count: usize) -> MatrixMut<'_, F> {
        let stride = padded(self.input);
        MatrixMut::padded(&mut self.data[first * stride..], count, self.input, stride)
    }

    /// `y = W x`.
    pub(super) fn apply(&self, x: &[F], y: &mut [F]) {
        self.apply_rows(
            Matrix::dense(x, 1, self.input),
            MatrixMut::dense(y, 1, self.out),
        );
    }

    /// `Y = X W^T` with rows of keys.
    pub(super) fn apply_rows(&self, x: Matrix<'_, F>, y: MatrixMut<'_, F>) {
        matmul_nt(x, self.view(), y, Store::Overwrite);
    }

    /// `error = v - W x`; its length.
    pub(super) fn error(&self, x: &[F], v: &[F], error: &mut [F]) -> F {
        self.apply(x, error);
        for (e, &v) in error.iter_mut().zip(v) {
            *e = v - *e;
        }
        length(error)
    }

    /// Refuses a change of this Frobenius norm if an entry might overflow by it.
    pub(super) fn admit(&mut self, change: f64) -> Result<(), AssociativeError> {
        // Room for the rounding of a sum. Written so that NaN is refused.
        let limit = F::max_value().as_f64() / 4.0;
        let fits = |bound: f64| bound + change <= limit;
        if !fits(self.bound) {
            if !change.is_finite() {
                return Err(overflow::<F>());
            }
            self.bound = self.norm();
            if !fits(self.bound) {
                return Err(overflow::<F>());
            }
        }
        Ok(())
    }

    /// Says so if the norm of layer `layer` is beyond what can be written to.
    pub(super) fn writable(&mut self, layer: usize) -> Result<(), String> {
        self.admit(0.0).map_err(|_| {
            let (name, norm, scalar) = (crate::weight_name(layer), self.norm(), F::NAME);
            format!("`{name}` has norm {norm}: more than a memory of {scalar} is written to")
        })
    }

    /// `W (op)= D^T A` with factors in rows, D \[s, out] and A \[s, in], whose norm was admitted.
    pub(super) fn change(
        &mut self,
        d: Matrix<'_, F>,
        a: Matrix<'_, F>,
        store: Store,
        admitted: f64,
    ) {
        matmul_tn(d, a, self.view_mut(), store);
        self.bound += admitted;
    }

    /// `W += d a^T`, whose norm was admitted.
    pub(super) fn add(&mut self, d: &[F], a: &[F], admitted: f64) {
        let (d, a) = (
            Matrix::dense(d, 1, self.out),
            Matrix::dense(a, 1, self.input),
        );
        self.change(d, a, Store::Add, admitted);
    }

    pub(super) fn scale(&mut self, factor: F) {
        for row in self.rows_mut() {
            row.iter_mut().for_each(|w| *w *= factor);
        }
        self.bound *= factor.as_f64();
    }

    /// The Frobenius norm, in double precision.
    pub(super) fn norm(&self) -> f64 {
        let norm = self.squares(|w| w).sqrt();
        // The square of a double may overflow, or vanish, where the double does not.
        if norm.is_finite() && norm > 1e-150 {
            return norm;
        }
        let sizes = self.rows().flatten().map(|w| w.as_f64().abs());
        match sizes.fold(0.0, f64::max) {
            0.0 => 0.0,
            largest => largest * self.squares(|w| w / largest).sqrt(),
        }
    }

    /// The sum of squares of all entries, each scaled before; in eight sums, which a processor forms side by side.
    fn squares(&self, scaled: impl Fn(f64) -> f64) -> f64 {
        let mut sums = [0.0; 8];
        let square = |w: F| scaled(w.as_f64()).powi(2);
        for row in self.rows() {
            let (eights, rest) = row.as_chunks::<8>();
            for eight in eights {
                for (sum, &w) in sums.iter_mut().zip(eight) {
                    *sum += square(w);
                }
            }
            for (sum, &w) in sums.iter_mut().zip(rest) {
                *sum += square(w);
            }
        }
        sums.iter().sum()
    }
}

pub(super) fn overflow<F: Kernels>() -> AssociativeError {
    AssociativeError::Overflow {
        what: "the write",
        scalar: F::NAME,
    }
}

/// The Euclidean length of a vector, infinite or NaN where the sum of squares is.
pub(super) fn length<F: Kernels>(x: &[F]) -> F {
    let square = dot(x, x);
    match square < F::min_positive_value() {
        true => F::of(reach(x)),
        false => square.sqrt(),
    }
}

/// The Euclidean length, whether or not the sum of squares is a number of the vector's type. NaN if an entry is not finite.
pub(super) fn reach<F: Kernels>(x: &[F]) -> f64 {
    let square = dot(x, x).as_f64();
    if square.is_finite() && square >= F::min_positive_value().as_f64() {
        return square.sqrt();
    }
    let largest = x
        .iter()
        .fold(0.0, |most: f64, x| most.max(x.as_f64().abs()));
    // Zeros, or none but NaN.
    if largest == 0.0 {
        return square.sqrt();
    }
    let squares: f64 = x.iter().map(|x| (x.as_f64() / largest).powi(2)).sum();
    largest * squares.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_lets_a_long_row_of_writes_through_and_stops_the_one_that_overflows() {
        let mut weights = Weights::<f32>::zeros(2, 3);
        let step = [1e37_f32, -1e37];
        let key = [1.0_f32, 0.0, 0.0];
        let norm = 2f64.sqrt() * 1e37;
        for round in 0..1000 {
            // To and fro: the sum of the norms passes every limit, the weights do not.
            let sign = if round % 2 == 0 { 1.0 } else { -1.0 };
            weights.admit(norm).unwrap();
            weights.add(&step.map(|x| sign * x), &key, norm);
        }
        assert!(weights.norm() < 1e32, "{}", weights.norm());
        let mut taken = 0;
        while weights.admit(norm).is_ok() {
            weights.add(&step, &key, norm);
            taken += 1;
        }
        assert!((3..40).contains(&taken), "{taken}");
        assert!(weights.entries().iter().all(|w| w.is_finite()));
        assert!(weights.admit(f64::NAN).is_err() && weights.admit(f64::INFINITY).is_err());
    }

    #[test]
    fn the_length_of_vectors_whose_squares_are_no_numbers() {
        for scale in [1e-300, 1e-160, 1.0, 1e160, 1e300] {
            let found = reach(&[3.0 * scale, -4.0 * scale]);
            assert!((found / (5.0 * scale) - 1.0).abs() < 1e-12, "{found}");
        }
        assert_eq!(length(&[3e-30_f32, 4e-30]), 5e-30);
        assert_eq!((length(&[0.0_f32; 3]), reach(&[0.0_f32; 3])), (0.0, 0.0));
        // A write refuses what is not finite: it is not hidden.
        assert!(length(&[1e30_f32, 0.0]).is_infinite() && length(&[f64::NAN, 1.0]).is_nan());
        for bad in [[f64::NAN, 1.0], [f64::NAN; 2], [f64::INFINITY, 1.0]] {
            assert!(reach(&bad).is_nan(), "{bad:?}");
        }
    }

    /// Entries of which the square overflows a double, or vanishes, and does neither itself.
    #[test]
    fn the_norm_of_the_largest_and_the_smallest_entries() {
        for entry in [1e300, 1e-300] {
            let mut weights = Weights::<f64>::dense(1, 2, &[3.0 * entry, 4.0 * entry]);
            assert!((weights.norm() / (5.0 * entry) - 1.0).abs() < 1e-12);
            weights.admit(entry).unwrap();
        }
        assert_eq!(Weights::<f64>::zeros(2, 3).norm(), 0.0);
        assert!(
            Weights::<f64>::dense(1, 2, &[f64::MAX; 2])
                .admit(0.0)
                .is_err()
        );
    }
}
