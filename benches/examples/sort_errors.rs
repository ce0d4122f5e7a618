//! Where trained models get priority sort wrong: at vectors whose priority is near another one's?
//!
//! `cargo run --release -p mnm-benches --example sort_errors RUN [RUN ..]`
//!
//! Each wrong bit of 512 test episodes is counted by the distance between the priority of the vector that is asked for and the nearest other
//! priority, and by the vector's place in the order. Where the wrong vector came from is told by the bits in which the right one and its
//! neighbour in the order differ: of those that are wrong, how many more than of the other bits.

use std::path::Path;

use mnm_controller::Masks;
use mnm_tasks::{Episode, Input, Labels, Split};
use mnm_tensor::{Parameters, Tensor};
use mnm_trainer::batch::Block;
use mnm_trainer::{Run, Weights};

type Failure = Box<dyn std::error::Error>;

const EPISODES: u64 = 512;
const BATCH: u64 = 32;

/// Upper ends of the bins of distances.
const GAPS: [f32; 5] = [0.01, 0.03, 0.1, 0.3, f32::INFINITY];

/// Wrong and all.
#[derive(Clone, Copy, Default)]
struct Count([usize; 2]);

impl Count {
    fn add(&mut self, wrong: bool) {
        self.0[0] += usize::from(wrong);
        self.0[1] += 1;
    }

    fn percent(self) -> String {
        match self.0 {
            [_, 0] => "-".to_owned(),
            [wrong, all] => format!("{:.1}", 100.0 * wrong as f64 / all as f64),
        }
    }
}

#[derive(Default)]
struct Errors {
    all: Count,
    by_gap: [Count; GAPS.len()],
    /// Of the first, middle and last third of the answers.
    by_place: [Count; 3],
    /// Bits in which the right vector and the nearest one differ, and those in which they do not.
    differ: Count,
    alike: Count,
}

impl Errors {
    /// Counts an episode; `logits` are those of its answers, row by row.
    fn count(
        &mut self,
        episode: &Episode,
        logits: &dyn Fn(usize, usize) -> f32,
    ) -> Result<(), Failure> {
        let (Input::Dense(input), Labels::Bits(targets)) = (&episode.input, &episode.labels) else {
            return Err("not a run of priority-sort".into());
        };
        let bits = targets.ncols();
        let shown = episode.target_steps.first().map_or(0, |first| first - 1);
        let priority = |step: usize| input[[step, bits]];
        let mut order: Vec<usize> = (0..shown).collect();
        order.sort_by(|&a, &b| priority(b).total_cmp(&priority(a)));
        for (place, target) in targets.rows().into_iter().enumerate() {
            let own = priority(order[place]);
            let others = order.iter().filter(|&&step| step != order[place]);
            let distance = |step: usize| (priority(step) - own).abs();
            let nearest = others
                .copied()
                .min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
                .ok_or("one vector")?;
            let bin = GAPS.iter().position(|&end| distance(nearest) < end);
            for (bit, &right) in target.iter().enumerate() {
                let wrong = (logits(place, bit) > 0.0) != (right > 0.5);
                self.all.add(wrong);
                self.by_gap[bin.unwrap_or(GAPS.len() - 1)].add(wrong);
                self.by_place[3 * place / targets.nrows()].add(wrong);
                match (input[[nearest, bit]] > 0.5) == (right > 0.5) {
                    true => self.alike.add(wrong),
                    false => self.differ.add(wrong),
                }
            }
        }
        Ok(())
    }
}

fn errors(folder: &Path) -> Result<Errors, Failure> {
    let run = Run::open(folder, Weights::Best, &[])?;
    let parameters: Parameters<Tensor<f32>> = run.parameters.constants();
    let mut errors = Errors::default();
    for first in (0..EPISODES).step_by(BATCH as usize) {
        let episodes = (first..first + BATCH)
            .map(|index| run.task.episode(Split::Test, index))
            .collect::<Result<_, _>>()?;
        let block = Block::new(episodes, run.model.outputs())?;
        let state = run.model.initial_state(&parameters, block.batch())?;
        let ran = run
            .model
            .run(&parameters, &block.input, &state, &Masks::default())?;
        let logits = run.model.logits(&parameters, &ran.outputs, &block.rows)?;
        for (episode, rows) in block.rows_by_episode() {
            let of = |row: usize, bit: usize| logits.value()[[rows.start + row, bit]];
            errors.count(episode, &of)?;
        }
    }
    Ok(errors)
}

fn main() -> Result<(), Failure> {
    let gaps = ["< 0.01", "< 0.03", "< 0.1", "< 0.3", "more"].join(" | ");
    println!(
        "Wrong bits, %, by the distance to the nearest other priority, by the third of the order, and by whether the nearest vector has the bit."
    );
    println!("| run | all | {gaps} | first | middle | last | nearest differs | nearest agrees |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for folder in std::env::args().skip(1) {
        let found = errors(Path::new(&folder))?;
        let columns = std::iter::once(found.all)
            .chain(found.by_gap)
            .chain(found.by_place)
            .chain([found.differ, found.alike]);
        let columns: Vec<String> = columns.map(Count::percent).collect();
        println!("| {folder} | {} |", columns.join(" | "));
    }
    Ok(())
}
