//! Entries of the first axis by their numbers: gather and scatter, which are one sum and each other's adjoint.

use std::sync::Arc;

use crate::engine::{apply_own, own};
use crate::ops::runs::array;
use crate::ops::total::{SPAN, room};
use crate::ops::{Outcome, check_axis, one};
use crate::{Float, Primitive, SharedArray, Tensor, TensorError, dense};

pub(super) const NAMES: &[&str] = &["gather", "index_add"];

own!(Gather, IndexAdd);

/// Entries of the first axis, by number.
#[derive(Clone, Debug)]
struct Gather(Arc<[usize]>);

/// Adds entry `from[i]` of the operand to entry `to[i]` of zeros; the adjoint is the same the other way.
#[derive(Clone, Debug)]
struct IndexAdd {
    from: Arc<[usize]>,
    to: Arc<[usize]>,
    extent: usize,
}

fn check_rows(op: &'static str, shape: &[usize], rows: &[usize], extent: usize) -> Outcome<()> {
    match rows.iter().find(|&&row| row >= extent) {
        Some(row) => Err(TensorError::shape(
            op,
            &[shape],
            format!("rows below {extent}, not {row}"),
        )),
        None => Ok(()),
    }
}

/// The shape with another extent of the first axis, and the number of elements of an entry.
fn entries(op: &'static str, shape: &[usize], extent: usize) -> Outcome<(Vec<usize>, usize)> {
    check_axis(op, shape, 0)?;
    let mut shape = shape.to_vec();
    shape[0] = extent;
    let width = shape[1..].iter().product();
    Ok((shape, width))
}

/// The places to which more than [`SPAN`] entries are added, with sums in double precision, so that they do not drift.
struct Crowded {
    /// Of every place, which of the crowded ones it is.
    number: Vec<Option<u32>>,
    sums: Vec<f64>,
    width: usize,
}

impl Crowded {
    /// Those among the places `to`; none where none is.
    fn among(to: &[usize], extent: usize, width: usize) -> Outcome<Option<Self>> {
        if to.len() <= SPAN {
            return Ok(None);
        }
        let (mut counts, _) = room("index_add", &[extent])?;
        counts.resize(extent, 0_usize);
        to.iter().for_each(|&to| counts[to] += 1);
        let (mut number, _) = room("index_add", &[extent])?;
        let mut places = 0;
        number.extend(counts.iter().map(|&count| {
            let crowded = count > SPAN;
            places += u32::from(crowded);
            crowded.then(|| places - 1)
        }));
        if places == 0 {
            return Ok(None);
        }
        let (mut sums, count) = room("index_add", &[places as usize, width])?;
        sums.resize(count, 0.0);
        Ok(Some(Crowded {
            number,
            sums,
            width,
        }))
    }

    /// The sums of a place, if it is crowded.
    fn sums_of(&mut self, place: usize) -> Option<&mut [f64]> {
        let number = self.number[place]? as usize;
        Some(&mut self.sums[number * self.width..][..self.width])
    }

    /// Writes the sums to their places.
    fn write<F: Float>(&self, out: &mut [F]) {
        let places = self.number.iter().enumerate().filter(|(_, n)| n.is_some());
        for ((place, _), sums) in places.zip(self.sums.chunks(self.width)) {
            let out = &mut out[place * self.width..][..self.width];
            out.iter_mut()
                .zip(sums)
                .for_each(|(out, &sum)| *out = F::of(sum));
        }
    }
}

impl<F: Float> Primitive<F> for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("gather", operands)?;
        let (shape, width) = entries("gather", x.shape(), self.0.len())?;
        check_rows("gather", x.shape(), &self.0, x.shape()[0])?;
        let x = dense(x);
        let (mut out, _) = room("gather", &shape)?;
        for &row in &*self.0 {
            out.extend_from_slice(&x[row * width..][..width]);
        }
        array("gather", &shape, out)
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        let adjoint = IndexAdd {
            from: (0..self.0.len()).collect(),
            to: Arc::clone(&self.0),
            extent: operands[0].shape()[0],
        };
        apply_own(adjoint, &[g])
    }
}

impl<F: Float> Primitive<F> for IndexAdd {
    fn name(&self) -> &'static str {
        "index_add"
    }

    fn forward(&self, operands: &[&SharedArray<F>]) -> Outcome<SharedArray<F>> {
        let x = one("index_add", operands)?;
        let (shape, width) = entries("index_add", x.shape(), self.extent)?;
        check_rows("index_add", x.shape(), &self.from, x.shape()[0])?;
        check_rows("index_add", x.shape(), &self.to, self.extent)?;
        if self.from.len() != self.to.len() {
            let (from, to) = (self.from.len(), self.to.len());
            return Err(TensorError::shape(
                "index_add",
                &[x.shape()],
                format!("as many entries to take as places to add them to, not {from} and {to}"),
            ));
        }
        let x = dense(x);
        let (mut out, count) = room("index_add", &shape)?;
        out.resize(count, F::zero());
        if count == 0 {
            return array("index_add", &shape, out);
        }
        let entries = self.from.iter().map(|from| &x[from * width..][..width]);
        let entries = entries.zip(&*self.to);
        let add = |out: &mut [F], entry: &[F], to: usize| {
            let sums = &mut out[to * width..][..width];
            sums.iter_mut().zip(entry).for_each(|(sum, &e)| *sum += e);
        };
        // Two loops, so that where no place is crowded nothing is asked of each entry.
        let Some(mut crowded) = Crowded::among(&self.to, self.extent, width)? else {
            entries.for_each(|(entry, &to)| add(&mut out, entry, to));
            return array("index_add", &shape, out);
        };
        for (entry, &to) in entries {
            match crowded.sums_of(to) {
                Some(sums) => {
                    let pairs = sums.iter_mut().zip(entry);
                    pairs.for_each(|(sum, e)| *sum += e.as_f64());
                }
                None => add(&mut out, entry, to),
            }
        }
        crowded.write(&mut out);
        array("index_add", &shape, out)
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<F>],
        _: &Tensor<F>,
        g: &Tensor<F>,
    ) -> Outcome<Tensor<F>> {
        let adjoint = IndexAdd {
            from: Arc::clone(&self.to),
            to: Arc::clone(&self.from),
            extent: operands[0].shape()[0],
        };
        apply_own(adjoint, &[g])
    }
}

impl<F: Float> Tensor<F> {
    /// The entries `rows` of the first axis, in that order; an entry may be taken more than once.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no axis or no such entry.
    pub fn gather(&self, rows: &[usize]) -> Outcome<Tensor<F>> {
        apply_own(Gather(rows.into()), &[self])
    }

    /// Zeros of `extent` entries with entry `i` of this tensor added to entry `rows[i]`: the adjoint of
    /// [`gather`](Self::gather).
    ///
    /// # Errors
    /// [`TensorError::Shape`] if a row is not below `extent`, or there are more or fewer rows than entries.
    pub fn scatter(&self, rows: &[usize], extent: usize) -> Outcome<Tensor<F>> {
        let entries = self.shape().first().copied().unwrap_or(0);
        // Entries of no elements may be more than can be numbered.
        if entries != rows.len() {
            return Err(TensorError::shape(
                "scatter",
                &[self.shape()],
                format!(
                    "as many entries as places to add them to, not {}",
                    rows.len()
                ),
            ));
        }
        let from: Vec<usize> = (0..entries).collect();
        self.index_add(&from, rows, extent)
    }

    /// Zeros of `extent` entries with entry `from[i]` of this tensor added to entry `to[i]`, for every i in turn: gather and
    /// scatter in one, without what lies between them.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if there is no axis or no such entry, a place is not below `extent`, or `from` and `to` differ in
    /// length.
    pub fn index_add(&self, from: &[usize], to: &[usize], extent: usize) -> Outcome<Tensor<F>> {
        let op = IndexAdd {
            from: from.into(),
            to: to.into(),
            extent,
        };
        apply_own(op, &[self])
    }
}
