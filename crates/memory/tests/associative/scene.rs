//! Pairs to store, and short linear algebra to compare with.

use mnm_memory::{AssociativeMemory, Features, Method};
use mnm_tensor::kernels::Kernels;
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Rows with entries uniform in [-1, 1].
pub fn rows<F: Kernels>(count: usize, width: usize, seed: u64) -> Array2<F> {
    let mut generator = generator(seed);
    Array2::from_shape_simple_fn((count, width), || F::of(generator.random_range(-1.0..1.0)))
}

/// Orthonormal rows (Gram and Schmidt, twice over).
pub fn orthonormal(count: usize, width: usize, seed: u64) -> Array2<f64> {
    let mut rows = rows::<f64>(count, width, seed);
    for _ in 0..2 {
        for i in 0..count {
            for j in 0..i {
                let along = rows.row(i).dot(&rows.row(j));
                let other = rows.row(j).to_owned();
                rows.row_mut(i).scaled_add(-along, &other);
            }
            let length = rows.row(i).dot(&rows.row(i)).sqrt();
            rows.row_mut(i).mapv_inplace(|x| x / length);
        }
    }
    rows
}

/// The factor L of A = L L^T, or the row where A shows not to be positive definite.
pub fn cholesky(a: &Array2<f64>) -> Result<Array2<f64>, usize> {
    let width = a.nrows();
    let mut l = Array2::<f64>::zeros((width, width));
    for i in 0..width {
        for j in 0..=i {
            let sum = a[[i, j]] - (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum::<f64>();
            if i == j {
                if sum.is_nan() || sum <= 0.0 {
                    return Err(i);
                }
                l[[i, i]] = sum.sqrt();
            } else {
                l[[i, j]] = sum / l[[j, j]];
            }
        }
    }
    Ok(l)
}

/// X of A X = B for a positive definite A.
pub fn solve(a: &Array2<f64>, b: &Array2<f64>) -> Array2<f64> {
    let l = cholesky(a).expect("positive definite");
    let (width, mut x) = (a.nrows(), b.clone());
    for i in 0..width {
        for k in 0..i {
            let row = x.row(k).to_owned();
            x.row_mut(i).scaled_add(-l[[i, k]], &row);
        }
        x.row_mut(i).mapv_inplace(|entry| entry / l[[i, i]]);
    }
    for i in (0..width).rev() {
        for k in i + 1..width {
            let row = x.row(k).to_owned();
            x.row_mut(i).scaled_add(-l[[k, i]], &row);
        }
        x.row_mut(i).mapv_inplace(|entry| entry / l[[i, i]]);
    }
    x
}

/// Every method on every kind of features, 5 wide keys and 3 wide values.
pub fn every_kind<F: Kernels>() -> Vec<AssociativeMemory<F>> {
    let methods = [
        Method::delta(),
        Method::Delta { rate: 0.3 },
        Method::least_squares(),
        Method::LeastSquares {
            ridge: 0.1,
            forgetting: 0.05,
        },
        Method::hebbian(),
        Method::Hebbian {
            rate: 0.5,
            forgetting: 0.1,
        },
        Method::deep([]),
        Method::deep([7]),
        Method::deep([6, 9]),
    ];
    let features = [
        Features::Raw,
        Features::Unit,
        Features::tanh(11),
        Features::nearest(12, 3),
    ];
    let both = methods
        .iter()
        .flat_map(|method| features.iter().map(move |features| (method, features)));
    both.map(|(method, features)| {
        AssociativeMemory::with_features(5, 3, method.clone(), features.clone()).expect("valid")
    })
    .collect()
}

/// The bytes of a memory: everything that it is.
pub fn bytes<F: Kernels>(memory: &AssociativeMemory<F>) -> Vec<u8> {
    memory.to_bytes().expect("fits a file")
}
