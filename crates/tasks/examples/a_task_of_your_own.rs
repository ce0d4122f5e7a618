//! A task of one's own: give back a sequence of bit vectors in reverse order.
//!
//! `cargo run -p mnm-tasks --example a_task_of_your_own`
//!
//! docs/guide-new-task.md goes through this file and says how a task gets a name that configs can use.

use mnm_tasks::{
    Episode, Input, InputKind, Interface, Labels, OutputKind, Split, Task, TaskError, stream,
};
use ndarray::{Array2, ArrayView1, ArrayView2, s};
use rand::RngExt;

/// The longest sequence.
const LONGEST: usize = 10;

/// L vectors of `bits` bits, one a step; a step with the end flag; then L blank steps, at which the vectors are to be
/// given back, the last first. Inputs are `[2 L + 1, bits + 1]`: the bits, the end flag.
#[derive(Debug, Clone)]
struct Reverse {
    seed: u64,
    bits: usize,
    interface: Interface,
}

impl Reverse {
    fn new(bits: usize, seed: u64) -> Self {
        let interface = Interface {
            input: InputKind::Dense { width: bits + 1 },
            outputs: OutputKind::Bits { width: bits },
        };
        Self {
            seed,
            bits,
            interface,
        }
    }
}

impl Task for Reverse {
    fn name(&self) -> &str {
        "reverse"
    }

    fn interface(&self) -> &Interface {
        &self.interface
    }

    fn len(&self, _split: Split) -> Option<u64> {
        None // generated without end
    }

    fn steps(&self, split: Split, index: u64) -> usize {
        // The length is the first number drawn, so that it can be had without the episode.
        let mut generator = stream(self.seed, &format!("reverse/{split}"), index);
        2 * generator.random_range(1..=LONGEST) + 1
    }

    fn episode(&self, split: Split, index: u64) -> Result<Episode, TaskError> {
        let mut generator = stream(self.seed, &format!("reverse/{split}"), index);
        let length = generator.random_range(1..=LONGEST);
        let vectors = Array2::from_shape_simple_fn((length, self.bits), || {
            f32::from(generator.random_bool(0.5))
        });
        let mut input = Array2::zeros((2 * length + 1, self.bits + 1));
        input.slice_mut(s![..length, ..self.bits]).assign(&vectors);
        input[[length, self.bits]] = 1.0;
        Ok(Episode {
            group: self.name().to_owned(),
            line_starts: Vec::new(),
            input: Input::Dense(input),
            target_steps: (length + 1..2 * length + 1).collect(),
            labels: Labels::Bits(vectors.slice(s![..;-1, ..]).to_owned()),
            text: None,
        })
    }

    fn render(&self, episode: &Episode, logits: Option<ArrayView2<f32>>) -> String {
        let (Input::Dense(input), Labels::Bits(answers)) = (&episode.input, &episode.labels) else {
            return String::new();
        };
        let marks = |row: ArrayView1<f32>| -> String {
            let mark = |&x: &f32| if x > 0.0 { '#' } else { '.' };
            row.iter().map(mark).collect()
        };
        let mut text = String::new();
        for (step, row) in input.rows().into_iter().enumerate() {
            text += &format!("{step:4}  {}", marks(row));
            if let Ok(target) = episode.target_steps.binary_search(&step) {
                text += &format!("  -> {}", marks(answers.row(target)));
                if let Some(logits) = logits {
                    text += &format!("  model {}", marks(logits.row(target)));
                }
            }
            text.push('\n');
        }
        text
    }
}

fn main() -> Result<(), TaskError> {
    let task = Reverse::new(6, 1);
    let episode = task.episode(Split::Train, 2)?;
    assert_eq!(episode.steps(), task.steps(Split::Train, 2));
    assert_eq!(episode, task.episode(Split::Train, 2)?, "a pure function");
    print!("{}", task.render(&episode, None));

    // A model that always answers 1 is wrong about half of the bits.
    let ones = Array2::ones((episode.targets(), 6));
    let errors = task.errors(&episode, ones.view());
    println!(
        "all ones: {:.0} of {:.0} bits wrong",
        errors.wrong, errors.total
    );
    Ok(())
}
