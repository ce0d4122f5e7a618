//! The memory forward, a block of sequences at a time.

use std::sync::Arc;

use mnm_tensor::kernels::{Kernels, Scratch, dot};

use super::elementwise::add_scaled;
use super::history::{ChunkSteps, Fading, History, Initial, Side};
use super::instructions::{Numbers, Values, forward};
use super::layout::{Group, Region, only};
use super::plan::{MemorySizes, Plan, Planned};
use super::shared::SharedMatrix;
use crate::memory::unit_row;
use crate::program::{Op, Program, Scalar};

/// What a block of sequences is run by.
#[derive(Clone, Debug)]
pub struct PreparedRule<F> {
    /// What happens at a write.
    pub program: Program,
    /// The matrices that it shares, in the order in which it names them.
    pub matrices: Arc<Vec<SharedMatrix<F>>>,
    /// Whether a write makes those before it fade.
    pub fades: bool,
    /// Whether writes forget by a gate.
    pub forget: bool,
    /// Whether they carry momentum.
    pub momentum: bool,
    /// Whether keys have norm one.
    pub unit_keys: bool,
}

/// What the memory is before the first step.
#[derive(Clone, Copy, Debug)]
pub struct MemoryStart<'a, F> {
    /// W, layer by layer.
    pub weights: &'a [Initial<'a, F>],
    /// S of every layer that is written to, if there is momentum.
    pub momentum: &'a [Initial<'a, F>],
    /// Whether the cotangents of S are wanted, also where it is zero.
    pub with_momentum: bool,
}

/// How a block is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Whether to keep what the adjoint needs.
    pub save: bool,
    /// How many steps are taken before their writes are folded into weights; see [`super::RuleForm::chunk_steps`].
    pub chunk: ChunkSteps,
}

/// What one step takes and gives, for all sequences of the block.
#[derive(Debug)]
pub struct StepForward<'a, F> {
    /// The step, from 0.
    pub step: usize,
    /// Head after head k^w, v^w, k^r: row s is `interactions[s * interaction_stride..][..3HM]`.
    pub interactions: &'a [F],
    /// Elements from one sequence's interaction to the next.
    pub interaction_stride: usize,
    /// beta `[S]`.
    pub rates: &'a [F],
    /// phi `[S]`, if writes forget.
    pub forget: &'a [F],
    /// eta `[S]`, if they carry momentum.
    pub momentum: &'a [F],
    /// v_t, the mean over heads of f(k^r) after the write: row s is `reads[s * read_stride..][..M]`.
    pub reads: &'a mut [F],
    /// Elements from one sequence's read to the next.
    pub read_stride: usize,
    /// The meta losses `[S]`.
    pub meta: &'a mut [F],
}

/// What the backward pass needs: the chunks, and the records and numbers of every step.
#[derive(Debug)]
pub struct MemorySaved<F> {
    pub(super) rule: PreparedRule<F>,
    pub(super) plan: Plan,
    pub(super) history: History<F>,
    /// Which layers started from weights that all sequences share.
    pub(super) shared: Vec<bool>,
    /// Whether the momentum did.
    pub(super) shared_momentum: Vec<bool>,
    /// `[T]` of records; of one step only if nothing is saved.
    pub(super) records: Scratch<F>,
    /// beta, k = 1 - phi and eta `[T, S]`; the last two empty without those gates.
    pub(super) rates: Vec<F>,
    pub(super) keep: Vec<F>,
    pub(super) momentum: Vec<F>,
}

impl<F: Kernels> MemorySaved<F> {
    /// The numbers of a step.
    pub(super) fn numbers(&self, step: usize) -> Numbers<'_, F> {
        let samples = self.plan.sizes.samples;
        let of = |all: &'_ [F]| match all.is_empty() {
            true => 0..0,
            false => step * samples..(step + 1) * samples,
        };
        Numbers {
            rates: &self.rates[of(&self.rates)],
            keep: &self.keep[of(&self.keep)],
            momentum: &self.momentum[of(&self.momentum)],
        }
    }
}

/// The memory of a block of sequences on its way through the steps.
#[derive(Debug)]
pub struct MemoryForward<F> {
    state: MemorySaved<F>,
    save: bool,
    /// What a step makes and the way back does not need.
    scratch: Scratch<F>,
}

impl<F: Kernels> MemoryForward<F> {
    /// The memory before the first step.
    ///
    /// # Panics
    ///
    /// If there are not as many initial weights as layers, one has another length than its shape, or matrices are missing.
    pub fn new(
        rule: PreparedRule<F>,
        sizes: MemorySizes,
        start: MemoryStart<'_, F>,
        options: MemoryOptions,
    ) -> Self {
        let plan = Plan::new(&rule.program, sizes);
        assert_eq!(
            start.weights.len(),
            plan.layers.len(),
            "initial weights for each layer"
        );
        assert_eq!(
            rule.matrices.len(),
            rule.program.shared.len(),
            "shared matrices"
        );
        let shared = |all: &[Initial<'_, F>]| {
            all.iter()
                .map(|i| matches!(i, Initial::Shared(_)))
                .collect()
        };
        let history = History::new(
            &plan,
            start.weights,
            start.momentum,
            start.with_momentum,
            Fading {
                any: rule.fades,
                gated: rule.forget || rule.momentum,
                momentum: rule.momentum,
            },
            (options.chunk, options.save),
        );
        let kept = if options.save { sizes.steps } else { 1 };
        let of = |given: bool| vec![F::one(); if given { kept * sizes.samples } else { 0 }];
        MemoryForward {
            save: options.save,
            scratch: Scratch::new(plan.scratch_len),
            state: MemorySaved {
                shared: shared(start.weights),
                shared_momentum: shared(start.momentum),
                history,
                records: Scratch::new(kept * plan.record_len),
                rates: of(true),
                keep: of(rule.forget),
                momentum: of(rule.momentum),
                plan,
                rule,
            },
        }
    }

    /// One step of all sequences: write, then read.
    ///
    /// # Panics
    ///
    /// If a shape does not fit.
    pub fn step(&mut self, step: StepForward<'_, F>) {
        let kept = if self.save { step.step } else { 0 };
        let state = &mut self.state;
        let samples = state.plan.sizes.samples;
        let at = kept * samples..(kept + 1) * samples;
        state.rates[at.clone()].copy_from_slice(step.rates);
        if state.rule.forget {
            let keep = state.keep[at.clone()].iter_mut();
            keep.zip(step.forget)
                .for_each(|(k, phi)| *k = F::one() - *phi);
        }
        if state.rule.momentum {
            state.momentum[at].copy_from_slice(step.momentum);
        }
        let closes = state.history.closes(&state.plan, step.step);
        let MemorySaved {
            rule,
            plan,
            history,
            records,
            rates,
            keep,
            momentum,
            ..
        } = state;
        let one = |all: &'_ [F]| {
            if all.is_empty() {
                0..0
            } else {
                kept * samples..(kept + 1) * samples
            }
        };
        let numbers = Numbers {
            rates: &rates[one(rates)],
            keep: &keep[one(keep)],
            momentum: &momentum[one(momentum)],
        };
        let mut run = Run {
            rule,
            plan,
            local: step.step - history.chunk().first,
            history,
            values: Values {
                record: &mut records[kept * plan.record_len..][..plan.record_len],
                scratch: &mut self.scratch,
            },
            numbers,
        };
        run.take_in(&step);
        let groups = run.history.groups(samples);
        let all = Group {
            first: 0,
            count: samples,
        };
        let segments = plan.segments.len();
        run.read_fixed(all);
        for (n, (range, together)) in plan.segments.iter().enumerate() {
            let ops = &plan.ops[range.clone()];
            if *together {
                ops.iter().for_each(|op| run.instruction(op, all));
            }
            for group in &groups {
                if !*together {
                    ops.iter().for_each(|op| run.instruction(op, *group));
                }
                if n + 1 == segments {
                    run.fade(*group);
                    if !closes {
                        run.reading(*group, Some(run.local));
                    }
                }
            }
        }
        if segments == 0 {
            run.fade(all);
        }
        if closes {
            run.history.close(plan, self.save);
        }
        if closes || segments == 0 {
            let written = (!closes).then_some(run.local);
            let groups = run.history.groups(samples);
            groups.iter().for_each(|group| run.reading(*group, written));
        }
        run.outcome(step);
    }

    /// The weights of a layer after `steps` steps, which must be all that were taken, `[S, out, in]` without padding.
    pub fn weights(&self, layer: usize, steps: usize) -> Vec<F> {
        self.state
            .history
            .last_weights(&self.state.plan, layer, steps)
    }

    /// The momentum of a layer likewise, of a rule that carries it.
    pub fn momentum(&self, layer: usize, steps: usize) -> Vec<F> {
        self.state
            .history
            .last_momentum(&self.state.plan, layer, steps)
    }

    /// What the adjoint needs, if it was saved.
    pub fn into_saved(mut self) -> Option<MemorySaved<F>> {
        self.state.history.turn();
        self.save.then_some(self.state)
    }
}

/// A step on its way.
struct Run<'a, F> {
    rule: &'a PreparedRule<F>,
    plan: &'a Plan,
    history: &'a mut History<F>,
    /// The step of the chunk.
    local: usize,
    values: Values<'a, F>,
    numbers: Numbers<'a, F>,
}

impl<F: Kernels> Run<'_, F> {
    /// Keys and values from the interactions; keys of norm one, if they are to be.
    fn take_in(&mut self, step: &StepForward<'_, F>) {
        let (sizes, plan) = (self.plan.sizes, self.plan);
        let (heads, value) = (sizes.heads, sizes.shape.value());
        let (keys, reading) = (plan.places[0], plan.reading[0]);
        let place = plan.places[1];
        for s in 0..sizes.samples {
            for h in 0..heads {
                let head =
                    &step.interactions[s * step.interaction_stride + 3 * h * value..][..3 * value];
                for (which, part) in [(0, &head[..value]), (1, &head[2 * value..])] {
                    let row = (2 * s + which) * heads + h;
                    let to = reading.row_mut(self.values.record, row);
                    to.copy_from_slice(part);
                    if self.rule.unit_keys {
                        let norm = unit_row(to);
                        self.values.record[plan.norms.offset + row] = norm;
                    }
                }
                let (row, from) = (s * heads + h, 2 * s * heads + h);
                if keys.kept {
                    let (from, to) = (
                        reading.offset + from * reading.stride,
                        keys.region.offset + row * keys.region.stride,
                    );
                    self.values.record.copy_within(from..from + value, to);
                } else {
                    keys.region
                        .row_mut(self.values.scratch, row)
                        .copy_from_slice(reading.row(self.values.record, from));
                }
                let to = if place.kept {
                    &mut *self.values.record
                } else {
                    &mut *self.values.scratch
                };
                place
                    .region
                    .row_mut(to, row)
                    .copy_from_slice(&head[value..2 * value]);
            }
        }
    }

    fn instruction(&mut self, planned: &Planned, group: Group) {
        let (plan, heads) = (self.plan, self.plan.sizes.heads);
        let place = |rows: crate::program::Rows| plan.places[rows.0];
        match planned.op {
            Op::Apply { layer, x, y } | Op::Pull { layer, e: x, y } => {
                let side = match planned.op {
                    Op::Apply { .. } => Side::Apply,
                    _ => Side::Pull,
                };
                let (known, to) = self.values.split(place(y));
                let at = (self.local, planned.at.updates, planned.at.first);
                self.history
                    .product(side, plan, layer, group, heads, known.of(place(x)), to, at);
            }
            Op::Linear { matrix, x, y } => {
                let (known, (to, region)) = self.values.split(place(y));
                let (from, x) = known.of(place(x));
                let y = region.group(group, heads);
                self.rule.matrices[matrix].apply(x.group(group, heads).view(from), y.view_mut(to));
            }
            Op::Update { layer, e, a } => {
                let known = super::instructions::Known {
                    record: &*self.values.record,
                    scratch: &*self.values.scratch,
                };
                let (e, a) = (known.of(place(e)), known.of(place(a)));
                for s in group.sequences() {
                    let at = (self.local, planned.at.updates);
                    self.history
                        .append(plan, layer, s, at, self.numbers.rates[s], e, a);
                }
            }
            Op::Decay { layer, x } => {
                let known = super::instructions::Known {
                    record: &*self.values.record,
                    scratch: &*self.values.scratch,
                };
                let x = known.of(place(x));
                for s in group.sequences() {
                    self.history
                        .decay(layer, s, (self.local, heads), self.numbers.rates[s], x);
                }
            }
            ref op => forward(plan, op, group, &mut self.values, self.numbers),
        }
    }

    /// The read keys through the layers that no write touches.
    fn read_fixed(&mut self, group: Group) {
        let (plan, heads) = (self.plan, self.plan.sizes.heads);
        let Some(keys) = plan.fixed.read_keys.first() else {
            return;
        };
        for s in group.sequences() {
            let from = plan.reading[0].skip((2 * s + 1) * heads).first(heads);
            let to = keys.group(only(s), heads);
            copy_within(self.values.record, from, to);
        }
        for (l, layer) in plan.layers.iter().enumerate().take(plan.fixed.depth) {
            let (x, y) = (plan.fixed.read_keys[l], plan.fixed.read_keys[l + 1]);
            let (known, to) = self.values.record.split_at_mut(y.offset);
            self.history.product_after(
                plan,
                l,
                group,
                heads,
                (known, x),
                (to, y.rebased(y.offset)),
                (Some(self.local), layer.reading.first),
            );
            F::tanh_slice(y.group(group, heads).of_mut(self.values.record));
        }
    }

    /// What was written before this step fades.
    fn fade(&mut self, group: Group) {
        for s in group.sequences() {
            let keep = self.numbers.get(Scalar::Keep, s);
            let momentum = self.numbers.get(Scalar::Momentum, s);
            self.history.fade(s, self.local, keep, momentum);
        }
    }

    /// Write and read keys, or what the fixed layers have made of them, through the weights just written: in a step of the chunk, or
    /// those with which it opens.
    fn reading(&mut self, group: Group, written: Option<usize>) {
        let (plan, each) = (self.plan, 2 * self.plan.sizes.heads);
        let (layers, fixed) = (plan.layers.len(), &plan.fixed);
        if fixed.depth > 0 {
            let halves = [
                plan.places[fixed.write_keys.0].region,
                fixed.read_keys[fixed.depth],
            ];
            for s in group.sequences() {
                let rows = plan.reading[fixed.depth].group(only(s), each);
                for (from, first) in halves.into_iter().zip([0, each / 2]) {
                    let from = from.group(only(s), each / 2);
                    copy_within(self.values.record, from, rows.skip(first).first(each / 2));
                }
            }
        }
        for (l, layer) in plan.layers.iter().enumerate().skip(fixed.depth) {
            let (x, y) = (plan.reading[l], plan.reading[l + 1]);
            let (known, to) = self.values.record.split_at_mut(y.offset);
            self.history.product_after(
                plan,
                l,
                group,
                each,
                (known, x),
                (to, y.rebased(y.offset)),
                (written, layer.reading.first),
            );
            if l + 1 < layers {
                F::tanh_slice(y.group(group, each).of_mut(self.values.record));
            }
        }
    }

    /// The reads, and the meta losses.
    fn outcome(&mut self, step: StepForward<'_, F>) {
        let (sizes, plan) = (self.plan.sizes, self.plan);
        let (heads, value) = (sizes.heads, sizes.shape.value());
        let out = plan.reading[plan.layers.len()];
        let mean = F::one() / F::of(heads as f64);
        for s in 0..sizes.samples {
            let read = &mut step.reads[s * step.read_stride..][..value];
            read.fill(F::zero());
            let mut squares = F::zero();
            for h in 0..heads {
                add_scaled(
                    read,
                    mean,
                    out.row(self.values.record, (2 * s + 1) * heads + h),
                );
                let from = s * step.interaction_stride + (3 * h + 1) * value;
                let miss = out.row_mut(self.values.record, 2 * s * heads + h);
                add_scaled(miss, -F::one(), &step.interactions[from..from + value]);
                squares += dot(miss, miss);
            }
            step.meta[s] = squares / F::of((heads * value) as f64);
        }
    }
}

/// Copies rows of the same width from one region of a slice to another.
pub(super) fn copy_within<F: Copy>(data: &mut [F], from: Region, to: Region) {
    for r in 0..to.rows {
        let row = from.offset + r * from.stride;
        data.copy_within(row..row + from.columns, to.offset + r * to.stride);
    }
}
