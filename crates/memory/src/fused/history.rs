//! The weights as a chunk of steps sees them: as they were where it began, and what was written since.
//!
//! ```text
//! x W^T = p (x W_a^T) - q (x S_a^T) - ((x A^T) o r) D        e W = p (e W_a) - q (e S_a) - ((e D^T) o r) A
//! ```
//!
//! with the rows of A and D of all writes since, and the numbers of [`super::decay`]; without gates p = r = 1 and q = 0. At the end
//! of a chunk the writes are folded into the weights, with which the next one begins ([`super::fold`]).

use mnm_tensor::kernels::{Kernels, Matrix, Packed, Scratch};

use super::by_row::ByRow;
use super::decay::Decays;
use super::elementwise::scaled;
use super::fold::Live;
use super::layout::{Allocator, Group, Region};
use super::plan::{LayerPlan, Plan};

/// A matrix of a layer before the first step.
#[derive(Clone, Copy, Debug)]
pub enum Initial<'a, F> {
    /// One `[out, in]` for all sequences, W_0.
    Shared(&'a [F]),
    /// Each sequence its own, `[S, out, in]`: a carried state.
    Each(&'a [F]),
}

/// Which product with a layer's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// x W^T.
    Apply,
    /// e W.
    Pull,
}

/// Weights that all sequences share.
#[derive(Debug)]
pub(super) struct SharedWeights<F> {
    pub(super) dense: Vec<F>,
    /// W^T, for x W^T.
    pub(super) forward: Packed<F>,
    /// W, for e W.
    pub(super) backward: Packed<F>,
}

/// Where the writes of one sequence lie.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// A `[n, in]` and D `[n, out]` of every layer; their cotangents lie alike.
    pub a: Vec<Region>,
    pub d: Vec<Region>,
    pub factors_len: usize,
    /// W_a and S_a of a sequence, layer by layer; empty for layers that all share.
    pub weights: Vec<Region>,
    pub weights_len: usize,
}

/// A chunk of steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub first: usize,
    pub steps: usize,
    /// Whether sequences have weights W_a of their own, or they all share all.
    pub own: bool,
    /// Whether S_a is not zero.
    pub moves: bool,
    /// Where its coefficients `[S]` begin.
    pub coefficients: usize,
}

/// Coefficients `[rows, n]` of every product of a chunk's steps, layer by layer: x A^T or e D^T.
#[derive(Clone, Debug)]
pub(super) struct CoefficientPlaces {
    pub regions: Vec<Region>,
    pub len: usize,
}

/// How many steps a chunk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSteps {
    /// Of one that begins with weights that all sequences share.
    pub shared: usize,
    /// Of one that begins with weights of each sequence's own.
    pub own: usize,
}

/// What makes earlier writes fade.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fading {
    /// Whether anything does.
    pub any: bool,
    /// Whether gates do.
    pub gated: bool,
    /// Whether there is momentum.
    pub momentum: bool,
}

/// The chunks so far, and the writes of the present one.
#[derive(Debug)]
pub(super) struct History<F> {
    pub(super) shared: Vec<Option<SharedWeights<F>>>,
    pub chunks: Vec<Chunk>,
    samples: usize,
    pub places: Places,
    /// Of the first chunk, and of those after it.
    pub(super) coefficient_places: [CoefficientPlaces; 2],
    /// What the present chunk began with; on the way back only where writes last.
    pub(super) live: Option<Live<F>>,
    /// Where writes fade, what all chunks began with, for the way back: W_a `[S]` of each, S_a likewise, in one piece each.
    pub(super) anchors: Scratch<F>,
    pub(super) momenta: Scratch<F>,
    /// The coefficients of all chunks.
    pub stored: Scratch<F>,
    /// A and D `[S]` of the present chunk.
    pub factors: Scratch<F>,
    pub decays: Option<Decays<F>>,
    /// Of layers that forget row by row.
    pub by_row: ByRow<F>,
    /// Which of the layers are written to.
    pub(super) written: Vec<bool>,
    pub(super) length: ChunkSteps,
    pub(super) fading: Fading,
    pub(super) scaled: Scratch<F>,
}

/// Whether every number is zero.
fn zeros<F: Kernels>(numbers: &[F]) -> bool {
    numbers.iter().all(|x| *x == F::zero())
}

/// Copies `[S, rows, columns]`, or one of them for all, into each sequence's region.
fn spread<F: Kernels>(region: &Region, to: &mut [F], each: usize, from: Initial<'_, F>) {
    let size = region.rows * region.columns;
    for (s, to) in to.chunks_exact_mut(each).enumerate() {
        let from = match from {
            Initial::Shared(w) => w,
            Initial::Each(w) => &w[s * size..][..size],
        };
        for (r, row) in from.chunks_exact(region.columns).enumerate() {
            region.row_mut(to, r).copy_from_slice(row);
        }
    }
}

impl<F: Kernels> History<F> {
    /// Before the first step. `momentum` holds S_0 of every layer that is written to, if there is momentum; `with_momentum` says that
    /// its cotangent is asked for, even if it is zero.
    pub fn new(
        plan: &Plan,
        initial: &[Initial<'_, F>],
        momentum: &[Initial<'_, F>],
        with_momentum: bool,
        fading: Fading,
        (length, save): (ChunkSteps, bool),
    ) -> Self {
        let sizes = &plan.sizes;
        let written: Vec<bool> = plan.layers.iter().map(|l| l.updates > 0).collect();
        let shared: Vec<_> = initial
            .iter()
            .zip(&plan.layers)
            .map(|(initial, layer)| match initial {
                Initial::Each(_) => None,
                Initial::Shared(w) => {
                    let matrix = Matrix::dense(w, layer.out, layer.input);
                    Some(SharedWeights {
                        dense: w.to_vec(),
                        forward: Packed::transposed(matrix),
                        backward: Packed::new(matrix),
                    })
                }
            })
            .collect();
        let all_shared = shared.iter().all(Option::is_some);
        let first = if all_shared {
            length.shared
        } else {
            length.own
        };
        let longest = first.max(length.own).min(sizes.steps.max(1));
        let places = Places::new(plan, &written, &shared, longest);
        let steps = first.min(sizes.steps);
        let coefficient_places =
            [steps, length.own].map(|steps| CoefficientPlaces::new(plan, steps));
        let length_of_all = sizes.samples * places.weights_len;
        let later = (sizes.steps - steps).div_ceil(length.own);
        let kept = if save && fading.any { later + 1 } else { 0 };
        let coefficients = if save { later } else { later.min(1) };
        let nothing = |(Initial::Shared(s) | Initial::Each(s)): &Initial<'_, F>| zeros(s);
        let moves = !momentum.is_empty() && (with_momentum || !momentum.iter().all(nothing));
        let some = |needed: bool, places: usize| {
            Scratch::new(if needed { places * length_of_all } else { 0 })
        };
        let anchored = !all_shared || later > 0;
        let moved = fading.momentum && (moves || later > 0);
        let mut live = Live {
            weights: some(anchored, 1),
            momentum: some(moved, 1),
        };
        let (mut anchors, mut momenta) = (some(anchored, kept), some(moved, kept));
        let layers = || places.weights.iter().zip(&written);
        if !all_shared {
            for ((region, _), initial) in layers().zip(initial).filter(|((r, _), _)| r.rows > 0) {
                spread(region, &mut live.weights, places.weights_len, *initial);
            }
        }
        if moves {
            live.momentum.fill(F::zero());
            for ((region, _), initial) in layers().filter(|(_, written)| **written).zip(momentum) {
                spread(region, &mut live.momentum, places.weights_len, *initial);
            }
        }
        for (known, anchors, live) in [
            (!all_shared, &mut anchors, &live.weights),
            (moves, &mut momenta, &live.momentum),
        ] {
            if known && kept > 0 {
                anchors[..length_of_all].copy_from_slice(live);
            }
        }
        let chunk = Chunk {
            first: 0,
            steps,
            own: !all_shared,
            moves,
            coefficients: 0,
        };
        let of_first = sizes.samples * coefficient_places[0].len;
        let of_later = sizes.samples * coefficient_places[1].len;
        let stored = Scratch::new(of_first + coefficients * of_later);
        let columns = plan
            .layers
            .iter()
            .map(|l| longest * l.updates * sizes.heads)
            .max();
        let mut history = History {
            factors: Scratch::new(sizes.samples * places.factors_len),
            decays: fading.gated.then(|| Decays::new(sizes.samples, longest)),
            by_row: ByRow::new(plan, longest),
            fading,
            scaled: Scratch::new(Region::new(2 * sizes.heads, columns.unwrap_or(1).max(1)).len()),
            shared,
            chunks: vec![chunk],
            samples: sizes.samples,
            places,
            coefficient_places,
            live: Some(live),
            anchors,
            momenta,
            stored,
            written,
            length,
        };
        history.begin_decays(sizes.samples);
        history
    }

    /// Before the first step of a chunk: nothing has faded.
    pub fn begin_decays(&mut self, samples: usize) {
        for s in 0..samples {
            self.by_row.begin(s);
            if let Some(decays) = &mut self.decays {
                decays.begin(s);
            }
        }
    }

    /// The chunk of the present step.
    pub fn chunk(&self) -> Chunk {
        // There is one from the beginning.
        self.chunks[self.chunks.len() - 1]
    }

    /// The sequences that go through a step together: all of them while they share all weights, which one product then
    /// multiplies; else one after the other, so that a sequence's weights stay in the cache for all that is done to them.
    pub fn groups(&self, samples: usize) -> Vec<Group> {
        if !self.chunk().own {
            return vec![Group {
                first: 0,
                count: samples,
            }];
        }
        (0..samples).map(super::layout::only).collect()
    }

    /// Where the coefficients of one sequence and layer lie in the present chunk: in which part of those stored, and there.
    pub fn coefficients(&self, s: usize, l: usize) -> (std::ops::Range<usize>, Region) {
        let chunk = self.chunk();
        let places = &self.coefficient_places[usize::from(chunk.first > 0)];
        let at = chunk.coefficients + s * places.len;
        (at..at + places.len, places.regions[l])
    }

    /// The steps of the longest chunk that begins with weights of each sequence's own.
    pub fn longest_own(&self) -> usize {
        let own = self.chunks.iter().filter(|chunk| chunk.own);
        own.map(|chunk| chunk.steps).max().unwrap_or(0)
    }

    /// The most columns that coefficients have in a layer.
    pub fn widest(&self, l: usize) -> usize {
        let widths = self
            .coefficient_places
            .iter()
            .map(|places| places.regions[l].columns);
        widths.max().unwrap_or(1)
    }

    /// D with each row times the number of its step.
    pub fn faded(&self, l: usize, s: usize, rows: usize, each: usize, numbers: &[F]) -> Scratch<F> {
        let d = self.places.d[l].first(rows);
        let to = d.rebased(d.offset);
        let mut faded = Scratch::new(d.len());
        for r in 0..rows {
            scaled(
                to.row_mut(&mut faded, r),
                numbers[r / each],
                d.row(self.factors(s), r),
            );
        }
        faded
    }

    pub fn factors(&self, s: usize) -> &[F] {
        &self.factors[s * self.places.factors_len..][..self.places.factors_len]
    }

    /// W_a of one sequence, where sequences have their own.
    pub fn own(&self, s: usize, l: usize) -> Option<(&[F], Region)> {
        let region = self.places.weights[l];
        let known = self.chunk().own && region.rows > 0;
        let all = || match &self.live {
            Some(live) => &live.weights[self.places.own(s)],
            None => &self.anchors[self.anchor()..][self.places.own(s)],
        };
        known.then(|| (all(), region))
    }

    /// S_a of one sequence, if it is not zero.
    pub fn own_momentum(&self, s: usize, l: usize) -> Option<(&[F], Region)> {
        let known = self.chunk().moves && self.written[l];
        let all = || match &self.live {
            Some(live) => &live.momentum[self.places.own(s)],
            None => &self.momenta[self.anchor()..][self.places.own(s)],
        };
        known.then(|| (all(), self.places.weights[l]))
    }

    /// Where what the present chunk began with lies among the anchors.
    fn anchor(&self) -> usize {
        (self.chunks.len() - 1) * self.samples * self.places.weights_len
    }

    /// From the last step to the way back: anchors are read from now on where there are some.
    pub fn turn(&mut self) {
        if self.fading.any {
            self.live = None;
        }
    }

    /// W_0 of a layer that all sequences share, unpacked.
    pub fn dense(&self, l: usize) -> Option<&[F]> {
        self.shared[l]
            .as_ref()
            .map(|shared| shared.dense.as_slice())
    }
}

impl CoefficientPlaces {
    /// Of a chunk of so many steps.
    fn new(plan: &Plan, steps: usize) -> Self {
        let mut all = Allocator::default();
        let region = |l: &LayerPlan| match l.updates {
            0 => all.region(0, 1),
            updates => all.region(
                steps * l.step_rows,
                (steps * updates * plan.sizes.heads).max(1),
            ),
        };
        let regions = plan.layers.iter().map(region).collect();
        CoefficientPlaces {
            regions,
            len: all.0,
        }
    }
}

impl Places {
    /// Where the weights of a sequence lie among those of all.
    pub fn own(&self, s: usize) -> std::ops::Range<usize> {
        s * self.weights_len..(s + 1) * self.weights_len
    }

    fn new<F>(
        plan: &Plan,
        written: &[bool],
        shared: &[Option<SharedWeights<F>>],
        steps: usize,
    ) -> Places {
        let rows = |l: &LayerPlan| steps * l.updates * plan.sizes.heads;
        let (mut factors, mut weights) = (Allocator::default(), Allocator::default());
        let layers = || plan.layers.iter();
        Places {
            a: layers().map(|l| factors.region(rows(l), l.input)).collect(),
            d: layers().map(|l| factors.region(rows(l), l.out)).collect(),
            factors_len: factors.0,
            weights: layers()
                .enumerate()
                .map(|(n, l)| match written[n] || shared[n].is_none() {
                    true => weights.region(l.out, l.input),
                    false => weights.region(0, l.input),
                })
                .collect(),
            weights_len: weights.0,
        }
    }
}
