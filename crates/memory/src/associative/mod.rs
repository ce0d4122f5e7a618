//! A memory in a program: this vector goes with that one, from now on, without training.

mod deep;
mod delta;
mod each;
mod error;
mod features;
mod file;
mod hebbian;
mod least_squares;
mod method;
mod network;
mod reservoir;
mod state;
mod statistics;
mod weights;

use std::borrow::Cow;

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Scratch, dot};
use ndarray::{Array2, ArrayView1, ArrayView2};

pub use each::{read_each, write_each};
pub use error::AssociativeError;
pub use features::Features;
pub use method::Method;
pub use statistics::{Drift, Statistics};

use features::FeatureMap;
use reservoir::Reservoir;
use state::State;

/// Pairs that are remembered to measure drift, unless set otherwise.
const SAMPLE: usize = 32;

/// A key-value memory of fixed size: written in one shot, read by a key that need not be exact.
///
/// ```
/// use mnm_memory::{AssociativeMemory, Method};
///
/// let mut memory = AssociativeMemory::<f32>::new(4, 2, Method::delta())?;
/// memory.write(&[1.0, 0.0, 0.0, 0.0], &[5.0, -7.0])?;
/// memory.write(&[0.0, 0.6, 0.8, 0.0], &[1.0, 2.0])?;
/// assert_eq!(memory.read(&[1.0, 0.0, 0.0, 0.0])?, [5.0, -7.0]);
/// # Ok::<(), mnm_memory::AssociativeError>(())
/// ```
///
/// Keys and values are slices, arrays or `ndarray` views. An empty memory reads zeros. It has no tape, no batch axis and no training; it
/// is `Send + Sync`, and reading takes `&self`, so that an `RwLock` makes it a shared one. Reading into a slice and writing allocate nothing
/// after the first time, but to copy a view whose entries do not lie side by side, and to let a sample of more than 4,096 pairs grow.
///
/// **Which method.** In figures: pairs for each entry of a random key up to a relative recall error of a half, from `docs/results/capacity.md`. Of
/// correlated keys only least squares holds as many, the others 0.25 or less.
///
/// - [`Method::LeastSquares`] recalls best: 1 pair an entry, 4 on [`Features::tanh`] with 4 features an entry, and knows how new a key is; a write
///   takes features x features.
/// - [`Method::Delta`] is the cheapest and holds the newest pair exactly, for values that change and wide keys: 0.25 (1 if keys are
///   orthogonal; 1 to 1.5 on [`Features::nearest`]).
/// - [`Method::Hebbian`] adds up outer products, whatever is there: 0.25 at best.
/// - [`Method::Deep`] goes on with a network that was trained; from scratch it holds no more than the delta rule, 0.125 to 0.25.
///
/// Every error leaves the memory as it was: widths that do not fit, NaN and infinities, a write that would make it infinite. Of a batch, the
/// rows before an overflow or a key of zeros stay written.
#[derive(Clone, Debug)]
pub struct AssociativeMemory<F: Kernels = f32> {
    key: usize,
    value: usize,
    method: Method,
    features: Features,
    map: FeatureMap<F>,
    state: Box<dyn State<F>>,
    writes: u64,
    sample: Reservoir<F>,
    /// The features of the key that is written, what their map works in, and a value of zeros.
    row: Vec<F>,
    work: Vec<F>,
    nothing: Vec<F>,
}

impl<F: Kernels> AssociativeMemory<F> {
    /// An empty memory for keys and values of these widths. A deep memory takes the directions of its keys, the others take the keys
    /// as they are; [`AssociativeMemory::with_features`] has the choice.
    ///
    /// # Errors
    /// A width of zero, or a setting out of range.
    pub fn new(key: usize, value: usize, method: Method) -> Result<Self, AssociativeError> {
        let features = match method {
            Method::Deep { .. } => Features::Unit,
            _ => Features::Raw,
        };
        Self::with_features(key, value, method, features)
    }

    /// An empty memory that stores values under features of the keys. Least squares keeps a matrix of features x features.
    ///
    /// # Errors
    /// A width of zero, a setting out of range, or more than the machine has room for.
    pub fn with_features(
        key: usize,
        value: usize,
        method: Method,
        features: Features,
    ) -> Result<Self, AssociativeError> {
        check_widths(key, value)?;
        method.check::<F>()?;
        features.check::<F>()?;
        state::check_room::<F>([key, value], &method, &features)?;
        let layers = state::empty(&method, features.count(key), value);
        let state = state::with_weights(&method, layers, None);
        let map = FeatureMap::drawn(&features, key);
        let sample = Reservoir::new([key, value], SAMPLE);
        Ok(Self::assemble(
            [key, value],
            (method, state),
            (features, map),
            sample,
        ))
    }

    fn assemble(
        [key, value]: [usize; 2],
        (method, state): (Method, Box<dyn State<F>>),
        (features, map): (Features, FeatureMap<F>),
        sample: Reservoir<F>,
    ) -> Self {
        let zeros = |length| vec![F::zero(); length];
        Self {
            row: zeros(features.count(key)),
            work: zeros(map.work(1, key)),
            nothing: zeros(value),
            key,
            value,
            method,
            features,
            map,
            state,
            writes: 0,
            sample,
        }
    }

    /// The same memory with a sample of `pairs` written pairs, from which [`AssociativeMemory::statistics`] tells the drift: 32 unless set, 0 switches it off. The
    /// sample starts anew.
    #[must_use]
    pub fn with_sample(mut self, pairs: usize) -> Self {
        self.sample = Reservoir::new([self.key, self.value], pairs);
        self
    }

    /// The width of keys.
    pub fn key_width(&self) -> usize {
        self.key
    }

    /// The width of values.
    pub fn value_width(&self) -> usize {
        self.value
    }

    /// How pairs are stored.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// What they are stored under.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Stores a pair. What it gives is how far off the memory was: the distance `|v - read(k)|` before the write.
    ///
    /// # Errors
    /// Widths, entries that are not finite, a key of zeros, or an overflow; the memory is then as it was.
    ///
    /// Squares have to be numbers. A key is taken for zeros where that of its length is below the smallest normal number: where it is shorter than about 1.1e-19 in
    /// single precision and 1.5e-154 in double, unless features take its direction; least squares goes down to where the square is 0. An overflow is
    /// also a value, or a distance, longer than about 1.8e19 in single precision and 1.3e154 in double.
    pub fn write<'k, 'v>(
        &mut self,
        key: impl Into<ArrayView1<'k, F>>,
        value: impl Into<ArrayView1<'v, F>>,
    ) -> Result<F, AssociativeError> {
        let (key, value) = (contiguous(key.into()), contiguous(value.into()));
        width("the key", key.len(), self.key)?;
        width("the value", value.len(), self.value)?;
        if !self.map.is_raw() {
            check("key", &key, self.key)?;
        }
        // Every method refuses features and values that are not finite: only then are the entries looked through.
        self.store(&key, &value).or_else(|refused| {
            check("key", &key, self.key)?;
            check("value", &value, self.value)?;
            Err(refused)
        })
    }

    /// Stores the rows of `keys` \[N, key] and `values` \[N, value] one after another; how far off the memory was before each.
    ///
    /// # Errors
    /// [`AssociativeError::Row`] names the row. Widths and entries are checked before anything is written; if a write overflows,
    /// the rows before it are stored.
    pub fn write_batch<'k, 'v>(
        &mut self,
        keys: impl Into<ArrayView2<'k, F>>,
        values: impl Into<ArrayView2<'v, F>>,
    ) -> Result<Vec<F>, AssociativeError> {
        let (keys, values) = (keys.into(), values.into());
        if keys.nrows() != values.nrows() {
            return Err(AssociativeError::Rows {
                keys: keys.nrows(),
                what: "rows of values",
                others: values.nrows(),
            });
        }
        check_rows("key", &keys, self.key)?;
        check_rows("value", &values, self.value)?;
        let pairs = keys.rows().into_iter().zip(values.rows()).enumerate();
        pairs
            .map(|(row, (key, value))| {
                let key = contiguous(key);
                self.store(&key, &contiguous(value)).map_err(in_row(row))
            })
            .collect()
    }

    /// Stores a pair of these widths.
    fn store(&mut self, key: &[F], value: &[F]) -> Result<F, AssociativeError> {
        let x = features_in(&self.map, key, &mut self.row, &mut self.work);
        let distance = self.state.write(x, value)?;
        self.writes += 1;
        self.sample.see(key, value);
        Ok(distance)
    }

    /// What the memory holds under a key: a vector of the width of values.
    ///
    /// # Errors
    /// A key of another width or that is not finite, or a result that is not.
    pub fn read<'k>(&self, key: impl Into<ArrayView1<'k, F>>) -> Result<Vec<F>, AssociativeError> {
        let mut value = vec![F::zero(); self.value];
        self.read_into(key, &mut value)?;
        Ok(value)
    }

    /// Reads into a slice of the width of values, without allocating.
    ///
    /// # Errors
    /// Those of [`AssociativeMemory::read`], and a slice of another width.
    pub fn read_into<'k>(
        &self,
        key: impl Into<ArrayView1<'k, F>>,
        value: &mut [F],
    ) -> Result<(), AssociativeError> {
        let key = contiguous(key.into());
        check("key", &key, self.key)?;
        width("the result", value.len(), self.value)?;
        let to = MatrixMut::dense(value, 1, self.value);
        self.read_rows(Matrix::dense(&key, 1, self.key), to);
        finite(value)
    }

    /// Reads with every row of `keys` \[N, key]: \[N, value]. Many rows at a time are one matrix product.
    ///
    /// # Errors
    /// [`AssociativeError::Row`], as [`AssociativeMemory::read`].
    pub fn read_batch<'k>(
        &self,
        keys: impl Into<ArrayView2<'k, F>>,
    ) -> Result<Array2<F>, AssociativeError> {
        let keys = keys.into();
        check_rows("key", &keys, self.key)?;
        let rows = keys.nrows();
        let keys = keys.as_standard_layout();
        let mut values = vec![F::zero(); rows * self.value];
        if let Some(keys) = keys.as_slice() {
            let to = MatrixMut::dense(&mut values, rows, self.value);
            self.read_rows(Matrix::dense(keys, rows, self.key), to);
        }
        for (row, value) in values.chunks_exact(self.value).enumerate() {
            finite(value).map_err(in_row(row))?;
        }
        // The length is that of the shape.
        Ok(Array2::from_shape_vec((rows, self.value), values).unwrap_or_default())
    }

    /// The features \[N, count] under which the rows of `keys` \[N, key] are stored: what every method sees of them.
    ///
    /// # Errors
    /// [`AssociativeError::Row`], as [`AssociativeMemory::read`].
    pub fn features_of<'k>(
        &self,
        keys: impl Into<ArrayView2<'k, F>>,
    ) -> Result<Array2<F>, AssociativeError> {
        let keys = keys.into();
        check_rows("key", &keys, self.key)?;
        let (rows, count) = (keys.nrows(), self.features.count(self.key));
        let keys = keys.as_standard_layout();
        let mut features = vec![F::zero(); rows * count];
        let mut work = vec![F::zero(); self.map.work(rows, self.key)];
        if let Some(keys) = keys.as_slice() {
            let keys = Matrix::dense(keys, rows, self.key);
            self.map.map(keys, &mut features, &mut work);
        }
        // The length is that of the shape.
        Ok(Array2::from_shape_vec((rows, count), features).unwrap_or_default())
    }

    fn read_rows(&self, keys: Matrix<'_, F>, values: MatrixMut<'_, F>) {
        if self.map.is_raw() {
            return self.state.read(keys, values);
        }
        let (rows, count) = (keys.rows(), self.features.count(self.key));
        let mut features = Scratch::new(rows * count);
        let mut work = Scratch::new(self.map.work(rows, self.key));
        self.map.map(keys, &mut features, &mut work);
        self.state
            .read(Matrix::dense(&features, rows, count), values);
    }

    /// How new a key is, where the method knows it (least squares): `q / (w + q)` with `q = x^T P x`, near 1 for a key unlike any that was
    /// written, about `1 / (n + 1)` for one that was written n times. The next write under it takes away this part of the error: w is the inverse of the
    /// weight that it gives the pair, `1 - forgetting`, or more under a long key.
    ///
    /// # Errors
    /// A key of another width or that is not finite.
    pub fn novelty<'k>(
        &self,
        key: impl Into<ArrayView1<'k, F>>,
    ) -> Result<Option<F>, AssociativeError> {
        let key = contiguous(key.into());
        check("key", &key, self.key)?;
        if self.state.evidence().is_none() {
            return Ok(None);
        }
        let count = self.features.count(self.key);
        let mut features = Scratch::new(count);
        let mut work = Scratch::new(self.map.work(1, self.key));
        let mut projected = Scratch::new(count);
        self.map
            .map(Matrix::dense(&key, 1, self.key), &mut features, &mut work);
        Ok(self.state.novelty(&features, &mut projected))
    }

    /// Makes the memory read zeros for a key, and drops the key from the sample; the length of what it read before.
    ///
    /// Other keys keep what they read as far as they are orthogonal to it, or, for least squares, as far as the evidence sets them apart. A deep memory
    /// gets there by gradient steps, and may stop short of zero.
    ///
    /// Least squares forgets what is known of the key, too, and no more: the next write under it counts as the first, and nothing is known less than in
    /// the empty memory. The key need not be exact: of 32 unit keys of width 64, written ten times each, one is forgotten by itself plus a vector of length 0.1 with
    /// the norm of the weights at 13.4 (13.9 before), 31 of 32 directions known as before, and other values (of length 1.6) off by 0.08 at most.
    ///
    /// # Errors
    /// Those of [`AssociativeMemory::write`].
    pub fn forget<'k>(&mut self, key: impl Into<ArrayView1<'k, F>>) -> Result<F, AssociativeError> {
        let key = contiguous(key.into());
        check("key", &key, self.key)?;
        let x = features_in(&self.map, &key, &mut self.row, &mut self.work);
        let length = self.state.forget(x, &self.nothing)?;
        self.sample.forget(&key);
        Ok(length)
    }

    /// Forgets everything: the memory is as [`AssociativeMemory::new`] made it.
    pub fn clear(&mut self) {
        let layers = state::empty(&self.method, self.features.count(self.key), self.value);
        self.state = state::with_weights(&self.method, layers, None);
        self.sample.clear();
        self.writes = 0;
    }
}

fn check_widths(key: usize, value: usize) -> Result<(), AssociativeError> {
    for (name, width) in [("the key width", key), ("the value width", value)] {
        if width == 0 {
            return Err(AssociativeError::setting(name, 0, "at least 1"));
        }
    }
    Ok(())
}

/// The entries of a view one after another, copied only where they do not lie so already.
fn contiguous<F: Kernels>(view: ArrayView1<'_, F>) -> Cow<'_, [F]> {
    match view.to_slice() {
        Some(entries) => Cow::Borrowed(entries),
        None => Cow::Owned(view.iter().copied().collect()),
    }
}

fn width(what: &'static str, found: usize, expected: usize) -> Result<(), AssociativeError> {
    if found != expected {
        return Err(AssociativeError::Width {
            what,
            found,
            expected,
        });
    }
    Ok(())
}

fn vector_width(what: &'static str, found: usize, expected: usize) -> Result<(), AssociativeError> {
    let vector = if what == "key" {
        "the key"
    } else {
        "the value"
    };
    width(vector, found, expected)
}

/// Refuses another width, and entries that are not finite; the sum of their squares.
fn check<F: Kernels>(
    what: &'static str,
    entries: &[F],
    expected: usize,
) -> Result<F, AssociativeError> {
    vector_width(what, entries.len(), expected)?;
    // A finite sum of squares says that every entry is; where it overflows they are looked at one by one.
    let square = dot(entries, entries);
    if square.is_finite() {
        return Ok(square);
    }
    match entries.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(AssociativeError::NotFinite {
            what,
            index,
            value: entries[index].as_f64(),
        }),
        None => Ok(square),
    }
}

fn check_rows<F: Kernels>(
    what: &'static str,
    rows: &ArrayView2<'_, F>,
    expected: usize,
) -> Result<(), AssociativeError> {
    // Without a row there is none to name.
    if rows.nrows() == 0 {
        return vector_width(what, rows.ncols(), expected);
    }
    for (row, entries) in rows.rows().into_iter().enumerate() {
        check(what, &contiguous(entries), expected).map_err(in_row(row))?;
    }
    Ok(())
}

fn in_row(row: usize) -> impl Fn(AssociativeError) -> AssociativeError {
    move |source| AssociativeError::Row {
        row,
        source: Box::new(source),
    }
}

/// Refuses a result that is not finite: weights and key are, so it has overflowed.
fn finite<F: Kernels>(value: &[F]) -> Result<(), AssociativeError> {
    if dot(value, value).is_finite() || value.iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    Err(AssociativeError::Overflow {
        what: "the read",
        scalar: F::NAME,
    })
}

/// The features of a key.
fn features_in<'a, F: Kernels>(
    map: &FeatureMap<F>,
    key: &'a [F],
    row: &'a mut [F],
    work: &mut [F],
) -> &'a [F] {
    if map.is_raw() {
        return key;
    }
    map.map(Matrix::dense(key, 1, key.len()), row, work);
    row
}
