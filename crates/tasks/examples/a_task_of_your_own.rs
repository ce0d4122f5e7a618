//! A task of one's own: give back a sequence of bit vectors in reverse order.
//!
//! `cargo run -p mnm-tasks --example a_task_of_your_own`
//!
//! docs/guide-new-task.md goes through this file and says how a task gets a name that configs can use.

use mnm_tasks::generated::{LengthDraw, LengthOption};
use mnm_tasks::{
    Episode, Generated, Generator, Input, InputKind, Interface, Labels, Lengths, OptionError,
    OutputKind, Split, Task, TaskError,
};
use ndarray::{Array2, ArrayView1, ArrayView2, s};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// L vectors of `bits` bits, one a step; a step with the end flag; then L blank steps, at which the vectors are to be
/// given back, the last first. Inputs are `[2 L + 1, bits + 1]`: the bits, the end flag.
#[derive(Debug, Clone)]
struct ReverseOptions {
    /// 1 to 100.
    bits: usize,
    /// 1 to 1000.
    lengths: Lengths,
}

type Reverse = Generated<ReverseOptions>;

impl Generator for ReverseOptions {
    const NAME: &'static str = "reverse";
    type Sizes = usize;

    fn lengths(&mut self) -> Vec<LengthOption<'_>> {
        vec![LengthOption::new("lengths", &mut self.lengths, 1, 1000)]
    }

    fn check(&self) -> Result<(), OptionError> {
        OptionError::within(Self::NAME, "bits", self.bits, 1..=100)
    }

    fn interface(&self) -> Interface {
        Interface {
            input: InputKind::Dense {
                width: self.bits + 1,
            },
            outputs: OutputKind::Bits { width: self.bits },
        }
    }

    fn sizes(&self, draw: &mut LengthDraw) -> usize {
        draw.length(&self.lengths)
    }

    fn steps(&self, &length: &usize) -> usize {
        2 * length + 1
    }

    fn episode(&self, length: usize, random: &mut ChaCha8Rng) -> Episode {
        let vectors = Array2::from_shape_simple_fn((length, self.bits), || {
            f32::from(random.random_bool(0.5))
        });
        let mut input = Array2::zeros((2 * length + 1, self.bits + 1));
        input.slice_mut(s![..length, ..self.bits]).assign(&vectors);
        input[[length, self.bits]] = 1.0;
        let answers = Labels::Bits(vectors.slice(s![..;-1, ..]).to_owned());
        let asked = length + 1..2 * length + 1;
        Episode::new(Self::NAME, Input::Dense(input), asked, answers)
    }

    fn render(
        &self,
        _interface: &Interface,
        episode: &Episode,
        logits: Option<ArrayView2<f32>>,
    ) -> String {
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
    let options = ReverseOptions {
        bits: 6,
        lengths: Lengths::new(1, 10).with_test(20, 20),
    };
    let task = Reverse::new(options, 1)?;
    let episode = task.episode(Split::Train, 2)?;
    assert_eq!(episode.steps(), task.steps(Split::Train, 2));
    assert_eq!(episode, task.episode(Split::Train, 2)?, "a pure function");
    assert_eq!(task.steps(Split::Test, 0), 41, "longer than in training");
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
