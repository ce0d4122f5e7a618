//! What enters the LSTM beside the inputs: `[h_{t-1} ; v_{t-1}]`, h multiplied by its dropout mask, or without h where the LSTM
//! hands nothing to its next step.
//!
//! It is what the step before put out, and so is read there. Only the first step's, and with a mask every step's, lies in memory
//! of its own.

use mnm_tensor::kernels::{Kernels, Matrix, MatrixMut, Scratch, Store, matmul_tn};

use super::prepared::CellSizes;

/// `[h ; v]` before every step that does not read it from the outputs.
#[derive(Debug)]
pub(super) struct States<F> {
    /// Of step 0 `[S, width]`, or with a mask of all recorded steps `[T, S, width]`.
    own: Scratch<F>,
    masked: bool,
    samples: usize,
    /// The part of h that is carried, C or nothing.
    carried: usize,
    /// That and M.
    width: usize,
    /// The width C + M of an output, of which the last `width` are the state.
    output: usize,
}

/// A mask `[T, S, C]`, and C.
pub(super) type Mask<'a, F> = (Option<&'a [F]>, usize);

impl<F: Kernels> States<F> {
    /// Before the first step: from `hidden` `[S, C]` and `read` `[S, M]`. `steps` are those to keep, at least 1.
    pub fn new(
        hidden: &[F],
        read: &[F],
        (mask, c): Mask<'_, F>,
        sizes: CellSizes,
        samples: usize,
        steps: usize,
    ) -> Self {
        let (m, carried) = (sizes.value(), sizes.carried());
        let width = carried + m;
        let kept = if mask.is_some() { steps } else { 1 };
        let mut states = States {
            own: Scratch::new(kept * samples * width),
            masked: mask.is_some(),
            samples,
            carried,
            width,
            output: sizes.output(),
        };
        for (s, row) in states.own.chunks_exact_mut(width).take(samples).enumerate() {
            row[..carried].copy_from_slice(&hidden[s * c..][..carried]);
            row[carried..].copy_from_slice(&read[s * m..][..m]);
        }
        states.apply((mask, c), 0, 0);
        states
    }

    /// Multiplies the hidden states at place `at` by the mask of `step`.
    fn apply(&mut self, (mask, c): Mask<'_, F>, step: usize, at: usize) {
        let Some(mask) = mask else {
            return;
        };
        let size = self.samples * self.width;
        let rows = self.own[at * size..][..size].chunks_exact_mut(self.width);
        let masks = mask[step * self.samples * c..].chunks_exact(c);
        for (row, mask) in rows.zip(masks) {
            let hidden = row[..self.carried].iter_mut();
            hidden.zip(mask).for_each(|(h, m)| *h *= *m);
        }
    }

    /// The states that the outputs of `steps` steps hold, from `first` on.
    fn within<'a>(&self, outputs: &'a [F], first: usize, steps: usize) -> Matrix<'a, F> {
        let start = first * self.samples * self.output + self.output - self.width;
        let rows = steps * self.samples;
        let from = outputs.get(start..).unwrap_or_default();
        Matrix::new(from, rows, self.width, self.output)
    }

    /// Those before `step`, which is taken next, of the outputs `[T, S, C+M]` so far.
    pub fn before<'a>(
        &'a mut self,
        step: usize,
        outputs: &'a [F],
        mask: Mask<'_, F>,
    ) -> Matrix<'a, F> {
        if step == 0 {
            return Matrix::dense(&self.own, self.samples, self.width);
        }
        let last = self.within(outputs, step - 1, 1);
        if !self.masked {
            return last;
        }
        // A pass that records nothing has room for one step.
        let size = self.samples * self.width;
        let at = if self.own.len() > size { step } else { 0 };
        let rows = self.own[at * size..][..size].chunks_exact_mut(self.width);
        for (s, row) in rows.enumerate() {
            row.copy_from_slice(last.row(s));
        }
        self.apply(mask, step, at);
        Matrix::dense(&self.own[at * size..], self.samples, self.width)
    }

    /// `to` `[rows, width]` = the sum over all steps of d^T [h ; v], with the cotangents d `[T, S, rows]` of what was made of them.
    pub fn weight_gradient(&self, d: &[F], steps: usize, outputs: &[F], mut to: MatrixMut<'_, F>) {
        let rows = to.as_ref().rows();
        let d = |first: usize, steps: usize| {
            let from = &d[first * self.samples * rows..];
            Matrix::dense(from, steps * self.samples, rows)
        };
        let own = |steps: usize| Matrix::dense(&self.own, steps * self.samples, self.width);
        if self.masked || steps == 0 {
            return matmul_tn(d(0, steps), own(steps), to, Store::Overwrite);
        }
        let rest = self.within(outputs, 0, steps - 1);
        matmul_tn(d(1, steps - 1), rest, to.reborrow(), Store::Overwrite);
        matmul_tn(d(0, 1), own(1), to, Store::Add);
    }
}
