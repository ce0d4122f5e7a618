//! Where everything that a program makes lies, and what of it the way back needs: decided once, for a block of S sequences.

use super::layout::{Allocator, Region};
use crate::MemoryShape;
use crate::program::{Op, Program, Rows};

/// The extents of a block of sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySizes {
    /// Widths and depth of the memory network.
    pub shape: MemoryShape,
    /// Heads H.
    pub heads: usize,
    /// Sequences S of the block.
    pub samples: usize,
    /// Steps T.
    pub steps: usize,
}

impl MemorySizes {
    /// The width of a head's part of the interaction vector: k^w, v^w, k^r.
    pub fn head(&self) -> usize {
        3 * self.shape.value()
    }

    /// The width of all heads' parts.
    pub fn interaction(&self) -> usize {
        self.heads * self.head()
    }
}

/// The rows of a value, one for each sequence and head `[S H, width]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Whether it lies in the record, of which every step has one, or in working memory that the next step uses again.
    pub kept: bool,
    pub region: Region,
}

/// A product with a layer's weights: y = x W^T or y = e W.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    /// Its first row among the layer's coefficients of a step.
    pub first: usize,
    /// Its first row among those of its batch: the products with the same weights, after one write and before the next.
    pub in_batch: usize,
    /// How many updates of the layer came before it in the step.
    pub updates: usize,
}

/// An instruction and what was decided about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    pub op: Op,
    /// Of products with weights, and of updates, whose `updates` are those before it.
    pub at: Use,
    /// Whether anything comes back to what it makes.
    pub live: bool,
    /// Whether its operands (the first and the second) have no cotangent yet where the way back reaches it, and did not
    /// begin as zeros.
    pub fresh: [bool; 2],
}

/// What a layer needs.
#[derive(Clone, Debug)]
pub(super) struct LayerPlan {
    /// `[out, in]`.
    pub out: usize,
    pub input: usize,
    /// Updates of a step.
    pub updates: usize,
    /// Whether it forgets row by row, each row of its weights by a number of its own.
    pub by_row: bool,
    /// Rows of coefficients of a step: those of the program, then 2H after the write; of a fixed layer H, the read keys.
    pub step_rows: usize,
    /// The rows of the largest batch.
    pub batch_rows: usize,
    /// The products of the step after the write.
    pub reading: Use,
    /// Rows of the program's products before its first update of the layer.
    pub early_rows: usize,
    /// Between each update and the next: their first row among the step's coefficients, and how many there are.
    pub between: Vec<(usize, usize)>,
}

impl LayerPlan {
    /// Whether gates alone make what was written to it fade.
    pub fn fades(&self) -> bool {
        self.updates > 0 && !self.by_row
    }
}

/// The lowest layers, if no write touches them: the program has taken the write keys through them, and a write changes nothing of what comes
/// out. Only the read keys are left, and they need not wait for the write.
#[derive(Clone, Debug)]
pub(super) struct FixedLayers {
    /// How many there are; 0 if the program does not take its keys through them.
    pub depth: usize,
    /// What the write keys become in them.
    pub write_keys: Rows,
    /// a^0 .. a^depth of the read keys `[S H, width]`, in the record; none if there are no such layers.
    pub read_keys: Vec<Region>,
}

/// A program laid out.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub sizes: MemorySizes,
    pub ops: Vec<Planned>,
    /// Runs of instructions, and whether all sequences go through one together: those that need no weights of a sequence's own.
    pub segments: Vec<(std::ops::Range<usize>, bool)>,
    pub places: Vec<Place>,
    pub record_len: usize,
    pub scratch_len: usize,
    /// Where cotangents lie, as the values; of working memory.
    pub d_places: Vec<Region>,
    pub d_len: usize,
    /// Whether cotangents come to keys and values within the program.
    pub reached: [bool; 2],
    /// The rows whose cotangent begins as zeros.
    pub zeros: Vec<usize>,
    /// What keys go through before the first layer that is written to.
    pub fixed: FixedLayers,
    /// a^0 .. a^L of write keys and read keys with the weights after the write `[S 2H, width]`, in the record; between a^0 and
    /// what the fixed layers end with there are none. The first H rows of the last become what the memory misses the values by.
    pub reading: Vec<Region>,
    /// The norms of the keys `[S 2H]`, in the record.
    pub norms: Region,
    pub layers: Vec<LayerPlan>,
}

/// The rows that an instruction takes, the first operand first.
pub(super) fn operands(op: &Op) -> [Option<Rows>; 2] {
    match *op {
        Op::Apply { x, .. }
        | Op::Tanh { x, .. }
        | Op::Affine { x, .. }
        | Op::Scaled { x, .. }
        | Op::Clip { x, .. }
        | Op::Linear { x, .. }
        | Op::Slice { x, .. }
        | Op::Decay { x, .. } => [Some(x), None],
        Op::Pull { e, .. } => [Some(e), None],
        Op::ThroughTanh { e, a, .. } | Op::Update { e, a, .. } => [Some(e), Some(a)],
        Op::Difference { a, b, .. }
        | Op::Sum { a, b, .. }
        | Op::Product { a, b, .. }
        | Op::Quotient { a, b, .. }
        | Op::Dot { a, b, .. } => [Some(a), Some(b)],
    }
}

/// What it makes.
fn made(op: &Op) -> Option<Rows> {
    match *op {
        Op::Apply { y, .. }
        | Op::Pull { y, .. }
        | Op::Tanh { y, .. }
        | Op::ThroughTanh { y, .. }
        | Op::Difference { y, .. }
        | Op::Sum { y, .. }
        | Op::Product { y, .. }
        | Op::Quotient { y, .. }
        | Op::Dot { y, .. }
        | Op::Affine { y, .. }
        | Op::Scaled { y, .. }
        | Op::Clip { y, .. }
        | Op::Linear { y, .. }
        | Op::Slice { y, .. } => Some(y),
        Op::Update { .. } | Op::Decay { .. } => None,
    }
}

/// What its adjoint looks at again.
fn needed(op: &Op) -> [Option<Rows>; 2] {
    match *op {
        Op::Tanh { y, .. } => [Some(y), None],
        Op::Quotient { b, y, .. } => [Some(b), Some(y)],
        Op::Difference { .. } | Op::Sum { .. } | Op::Affine { .. } | Op::Slice { .. } => {
            [None, None]
        }
        ref op => operands(op),
    }
}

impl Plan {
    pub fn new(program: &Program, sizes: MemorySizes) -> Plan {
        let count = program.widths.len();
        let spans = spans(program);
        let mut keep = vec![false; count];
        for rows in program.ops.iter().flat_map(needed).flatten() {
            keep[spans[rows.0].0] = true;
        }
        let layers = sizes.shape.layers();
        let rows = sizes.samples * sizes.heads;
        let (mut record, mut scratch) = (Allocator::default(), Allocator::default());
        let mut cotangents = Allocator::default();
        let (mut places, mut d_places) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let over = in_place(program);
        for (n, width) in program.widths.iter().enumerate() {
            let makes = |op: &&Op| made(op).is_some_and(|y| y.0 == n);
            let (place, d_place) = match program.ops.iter().find(makes) {
                Some(Op::Slice { start, x, .. }) => {
                    let from: &Place = &places[x.0];
                    let d_from: &Region = &d_places[x.0];
                    let region = from.region.columns(*start, *width);
                    (Place { region, ..*from }, d_from.columns(*start, *width))
                }
                Some(Op::Tanh { x, .. }) if over[x.0] => (places[x.0], d_places[x.0]),
                _ => {
                    // A sum that lies where its tanh will lie is kept if that is.
                    let kept = keep[n] || over[n];
                    let from = if kept { &mut record } else { &mut scratch };
                    let region = from.region(rows, *width);
                    (Place { kept, region }, cotangents.region(rows, *width))
                }
            };
            places.push(place);
            d_places.push(d_place);
        }
        let (depth, write_keys) = fixed_layers(program);
        let taken = if depth > 0 { 0..depth + 1 } else { 0..0 };
        let fixed = FixedLayers {
            depth,
            write_keys,
            read_keys: record.regions(rows, taken.map(|l| sizes.shape.width(l))),
        };
        let reading = (0..=layers)
            .map(|l| {
                let needed = l == 0 || l >= depth;
                record.region(if needed { 2 * rows } else { 0 }, sizes.shape.width(l))
            })
            .collect();
        let norms = record.region(1, 2 * rows);
        let (mut ops, layers) = plan_ops(program, sizes, depth);
        let (reached, zeros) =
            mark_cotangents(&mut ops, program, (depth > 0).then_some(write_keys));
        Plan {
            segments: segments(program),
            sizes,
            ops,
            places,
            record_len: record.0,
            scratch_len: scratch.0,
            d_places,
            d_len: cotangents.0,
            reached,
            zeros,
            fixed,
            reading,
            norms,
            layers,
        }
    }
}

/// Which rows a tanh may overwrite: those that only it looks at, and no adjoint, not even that of what makes them.
fn in_place(program: &Program) -> Vec<bool> {
    let mut over = vec![false; program.widths.len()];
    for op in &program.ops {
        if let Op::Tanh { x, .. } = op {
            let looks = |op: &&Op| operands(op).into_iter().flatten().any(|rows| rows == *x);
            let made_here = program
                .ops
                .iter()
                .any(|op| made(op) == Some(*x) && !matches!(op, Op::Slice { .. }));
            let alone = program.ops.iter().filter(looks).count() == 1;
            let again = (program.ops.iter().flat_map(needed).flatten()).any(|rows| rows == *x);
            over[x.0] = made_here && alone && !again;
        }
    }
    over
}

/// The lowest layers that no write touches and through which the program takes its keys, and what these become there.
fn fixed_layers(program: &Program) -> (usize, Rows) {
    let (written, ops) = (program.written(), &program.ops);
    let (mut depth, mut keys) = (0, Rows(0));
    while depth + 1 < program.shape.layers() && !written.contains(&depth) {
        let sums = ops.iter().find_map(|op| match *op {
            Op::Apply { layer, x, y } if (layer, x) == (depth, keys) => Some(y),
            _ => None,
        });
        let activations = ops.iter().find_map(|op| match *op {
            Op::Tanh { x, y } if Some(x) == sums => Some(y),
            _ => None,
        });
        let Some(next) = activations else { break };
        (depth, keys) = (depth + 1, next);
    }
    (depth, keys)
}

/// Instructions that need no weights of a sequence's own, and those that do. Those without weights stand where the one before stands.
fn segments(program: &Program) -> Vec<(std::ops::Range<usize>, bool)> {
    let written = program.written();
    let mut segments: Vec<(std::ops::Range<usize>, bool)> = Vec::new();
    for (n, op) in program.ops.iter().enumerate() {
        let together = match op {
            Op::Linear { .. } => Some(true),
            Op::Apply { layer, .. } | Op::Pull { layer, .. } => Some(!written.contains(layer)),
            _ => None,
        };
        match segments.last_mut() {
            Some((range, of_last)) if together.is_none_or(|all| all == *of_last) => {
                range.end = n + 1;
            }
            _ => segments.push((n..n + 1, together.unwrap_or(true))),
        }
    }
    segments
}

fn plan_ops(program: &Program, sizes: MemorySizes, fixed: usize) -> (Vec<Planned>, Vec<LayerPlan>) {
    let heads = sizes.heads;
    let nothing = Use {
        first: 0,
        in_batch: 0,
        updates: 0,
    };
    let mut layers: Vec<LayerPlan> = (0..sizes.shape.layers())
        .map(|l| {
            let [out, input] = sizes.shape.weight(l);
            LayerPlan {
                out,
                input,
                updates: 0,
                by_row: program.decays(l),
                step_rows: 0,
                batch_rows: 2 * heads,
                reading: nothing,
                early_rows: 0,
                between: Vec::new(),
            }
        })
        .collect();
    // The rows of the batch that a layer is in, which begins after a write. Where there are none, all that weights of a sequence's own are used for waits
    // for the end of the chunk, and nothing waits for shared ones.
    let mut batch = vec![2 * heads; layers.len()];
    let mut ops: Vec<Planned> = Vec::with_capacity(program.ops.len());
    for op in &program.ops {
        let mut at = nothing;
        match *op {
            Op::Apply { layer, .. } | Op::Pull { layer, .. } => {
                let plan = &mut layers[layer];
                at = Use {
                    first: plan.step_rows,
                    in_batch: batch[layer],
                    updates: plan.updates,
                };
                plan.step_rows += heads;
                match plan.between.last_mut() {
                    Some((_, count)) => *count += heads,
                    None => plan.early_rows += heads,
                }
                batch[layer] += heads;
                plan.batch_rows = plan.batch_rows.max(batch[layer]);
            }
            Op::Update { layer, .. } => {
                at.updates = layers[layer].updates;
                let plan = &mut layers[layer];
                plan.updates += 1;
                plan.between.push((plan.step_rows, 0));
                batch[layer] = 0;
            }
            _ => {}
        }
        ops.push(Planned {
            op: *op,
            at,
            live: false,
            fresh: [false; 2],
        });
    }
    for (l, plan) in layers.iter_mut().enumerate() {
        plan.reading = Use {
            first: plan.step_rows,
            in_batch: 0,
            updates: plan.updates,
        };
        plan.step_rows += if l < fixed { heads } else { 2 * heads };
    }
    (ops, layers)
}

/// Of all rows, what they are a part of, and from which column on.
fn spans(program: &Program) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = (0..program.widths.len()).map(|n| (n, 0)).collect();
    for op in &program.ops {
        if let Op::Slice { start, x, y } = *op {
            let (root, first) = spans[x.0];
            spans[y.0] = (root, first + start);
        }
    }
    spans
}

/// Marks which instructions something comes back to, and where a cotangent is the first. Returns whether one comes to keys and values, and
/// the rows that have to begin as zeros: those of which an instruction reaches columns that have a cotangent together with some that have
/// none, or of which some columns never get one. To `read`, reading comes first of all.
fn mark_cotangents(
    ops: &mut [Planned],
    program: &Program,
    read: Option<Rows>,
) -> ([bool; 2], Vec<usize>) {
    let spans = spans(program);
    let mut come: Vec<Vec<bool>> = program.widths.iter().map(|w| vec![false; *w]).collect();
    if let Some(read) = read {
        come[read.0].fill(true);
    }
    let mut uneven = vec![false; come.len()];
    let any = |columns: &[bool]| columns.contains(&true);
    let partly = |columns: &[bool]| columns.contains(&true) && columns.contains(&false);
    for planned in ops.iter_mut().rev() {
        // A slice is never live: what comes to it was put into the rows that it is cut from.
        planned.live = made(&planned.op).is_none_or(|y| any(&come[y.0]));
        if !planned.live {
            continue;
        }
        for (fresh, rows) in planned.fresh.iter_mut().zip(operands(&planned.op)) {
            let Some(rows) = rows else { continue };
            let (root, first) = spans[rows.0];
            let columns = &mut come[root][first..first + program.width(rows)];
            *fresh = !any(columns);
            uneven[root] |= partly(columns);
            columns.fill(true);
        }
    }
    for (uneven, columns) in uneven.iter_mut().zip(&come) {
        *uneven |= partly(columns);
    }
    for planned in ops.iter_mut() {
        for (fresh, rows) in planned.fresh.iter_mut().zip(operands(&planned.op)) {
            *fresh &= rows.is_some_and(|rows| !uneven[spans[rows.0].0]);
        }
    }
    let zeros = (0..uneven.len()).filter(|n| uneven[*n]).collect();
    ([any(&come[0]), any(&come[1])], zeros)
}
