//! A DeltaNet layer without a controller: embedding, short convolution, memory, output. With another rule it is a Gated DeltaNet, TTT
//! (`mnm-g`), Titans or Hebbian layer.
//!
//! `cargo run --release -p mnm-trainer --example delta_layer -- [RULE] [--data DIR]`
//!
//! It learns multi-query associative recall (`mqar`), 8 pairs in 64 steps: 1.5 % of the test questions are wrong after a minute on one
//! core. With the folder of the bAbI data set it learns task 6 (yes or no questions): 1.6 % of the validation questions are wrong after 40
//! seconds. A step shows a word, or a sentence. What the memory writes and reads at each of them is known in advance, so all steps
//! are one op, `mnm_memory::sequence`. Each head is a memory of its own: a batch of B sequences has 4 B memories.

use std::path::PathBuf;

use mnm_memory::{Memory, MemoryShape, RuleOptions, Sequence, WriteRule, rule_with};
use mnm_tasks::{Babi, BabiOptions, Episode, Input, InputKind, Labels, Mqar, MqarOptions};
use mnm_tasks::{Split, Task, stream};
use mnm_tensor::{Init, Order, ParameterSpec, Parameters, SharedArray, Tape, Tensor, gradient};
use mnm_trainer::TrainConfig;
use mnm_trainer::adam::{Adam, global_norm};
use rand::RngExt;

const WIDTH: usize = 64;
const HEADS: usize = 4;
const HEAD: usize = WIDTH / HEADS;
const BATCH: usize = 32;
const STEPS: u64 = 2000;
const TESTED: u64 = 1000;

type Failure = Box<dyn std::error::Error>;

/// The task, and the most words that a step of it shows.
fn task(data: Option<PathBuf>) -> Result<Box<dyn Task>, Failure> {
    Ok(match data {
        Some(dir) => Box::new(Babi::load(BabiOptions {
            tasks: vec![6],
            ..BabiOptions::new(dir)
        })?),
        None => {
            println!("multi-query recall; with --data DIR, bAbI's task 6");
            Box::new(Mqar::new(MqarOptions::default(), 1)?)
        }
    })
}

/// Episodes side by side: words `[T, B, W]`, short ones filled up, and at each step `[T, B]` the class that is asked for.
struct Batch {
    steps: usize,
    words: Vec<usize>,
    classes: Vec<Option<usize>>,
}

impl Batch {
    fn of(episodes: &[Episode], blank: usize, wide: usize) -> Self {
        let steps = episodes.iter().map(Episode::steps).max().unwrap_or(0);
        let count = episodes.len();
        let mut words = vec![blank; steps * count * wide];
        let mut classes = vec![None; steps * count];
        for (b, episode) in episodes.iter().enumerate() {
            if let Input::Tokens(shown) = &episode.input {
                for (t, step) in shown.iter().enumerate() {
                    let to = &mut words[(t * count + b) * wide..][..step.len()];
                    to.iter_mut()
                        .zip(step)
                        .for_each(|(to, w)| *to = *w as usize);
                }
            }
            if let Labels::Classes(asked) = &episode.labels {
                for (t, class) in episode.target_steps.iter().zip(asked) {
                    classes[t * count + b] = Some(*class as usize);
                }
            }
        }
        Self {
            steps,
            words,
            classes,
        }
    }
}

fn specs(
    rule: &dyn WriteRule<f32>,
    words: usize,
    wide: usize,
    classes: usize,
) -> Result<Vec<ParameterSpec>, Failure> {
    let drawn = |name: &str, out: usize, input: usize| {
        ParameterSpec::new(name, &[out, input], Init::fan_in(input))
    };
    let normal = |name: &str, rows: usize, deviation: f64| {
        ParameterSpec::new(name, &[rows, WIDTH], Init::Normal { deviation })
    };
    let mut specs = vec![
        normal("embedding", words + 1, 0.3),
        normal("position", wide, 1.0),
        normal("before", 1, 0.1),
        drawn("key", WIDTH, WIDTH),
        drawn("value", WIDTH, WIDTH),
        drawn("query", WIDTH, WIDTH),
        drawn("rate", HEADS, WIDTH),
        drawn("hidden", WIDTH, 2 * WIDTH),
        drawn("output", classes, WIDTH),
    ];
    let gates = rule.gates().learned().into_iter();
    specs.extend(gates.map(|gate| drawn(gate, HEADS, WIDTH)));
    specs.extend(rule.parameters(&MemoryShape::new(HEAD, HEAD, 1)?));
    Ok(specs)
}

/// The logits `[T B, classes]`.
fn layer(
    rule: &dyn WriteRule<f32>,
    p: &Parameters<Tensor<f32>>,
    batch: &Batch,
    count: usize,
) -> Result<Tensor<f32>, Failure> {
    let (steps, rows) = (batch.steps, batch.steps * count);
    let wide = batch.words.len() / rows;
    let words = p.get("embedding")?.gather(&batch.words)?;
    let placed = words
        .reshape(&[rows, wide, WIDTH])?
        .mul(p.get("position")?)?;
    let sentence = placed.sum(1)?; // [T B, WIDTH]
    // A convolution over two steps: each sentence, and of the one before it what is learned.
    let before = sentence
        .slice(0, 0, rows - count)?
        .pad(0, count, rows)?
        .mul(p.get("before")?)?;
    let x = sentence.add(&before)?.tanh()?;
    let heads = |name: &str| -> Result<Tensor<f32>, Failure> {
        let made = x.linear(p.get(name)?, None)?;
        Ok(made.reshape(&[steps, count * HEADS, 1, HEAD])?)
    };
    // Gates of each head and step; those beside the rate begin nearly shut.
    let gate = |name: &str, shut: f64| -> Result<Tensor<f32>, Failure> {
        let open = x.linear(p.get(name)?, None)?.shift(-shut)?.sigmoid()?;
        Ok(open.reshape(&[steps, count * HEADS])?)
    };
    let learned = |name: &str, shut: f64| {
        let asked = rule.gates().learned().contains(&name);
        asked.then(|| gate(name, shut)).transpose()
    };
    let given = Sequence {
        keys: heads("key")?,
        values: heads("value")?,
        read_keys: heads("query")?,
        rate: gate("rate", 0.0)?,
        forget: learned("forget", 4.0)?,
        momentum: learned("momentum", 2.0)?,
    };
    let empty = Memory::new(vec![Tensor::zeros(&[1, HEAD, HEAD])])?;
    let out = mnm_memory::sequence(rule, p, &empty, &given)?;
    let read = out.reads.reshape(&[rows, WIDTH])?;
    let hidden = Tensor::concat(&[&read, &x], 1)?.linear(p.get("hidden")?, None)?;
    Ok(hidden.tanh()?.linear(p.get("output")?, None)?)
}

/// How many questions there are, and how many are answered right.
fn right(logits: &SharedArray<f32>, classes: &[Option<usize>]) -> [usize; 2] {
    let asked = (classes.iter().enumerate()).filter_map(|(row, class)| Some((row, (*class)?)));
    asked.fold([0, 0], |[asked, right], (row, class)| {
        let logits = logits.index_axis(ndarray::Axis(0), row);
        let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let hit = best.is_some_and(|(n, _)| n == class);
        [asked + 1, right + usize::from(hit)]
    })
}

fn main() -> Result<(), Failure> {
    let (mut name, mut data) = ("delta".to_owned(), None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--data" => data = arguments.next().map(PathBuf::from),
            _ => name = argument,
        }
    }
    let options = RuleOptions {
        unit_keys: Some(true),
        ..RuleOptions::default()
    };
    let rule = rule_with::<f32>(&name, &options)?;
    let task = task(data)?;
    let interface = task.interface();
    let InputKind::Tokens {
        vocabulary,
        words_per_step: wide,
    } = &interface.input
    else {
        return Err("the task shows no words".into());
    };
    let blank = vocabulary.len();
    let specs = specs(rule.as_ref(), blank, *wide, interface.outputs.width())?;
    let mut parameters = Parameters::draw(&specs, &mut stream(1, "init", 0));
    let settings = TrainConfig::default();
    let mut adam = Adam::new(&parameters, specs.iter().map(|spec| spec.name.as_str()));
    let stories = task.len(Split::Train);
    for step in 1..=STEPS {
        let generator = &mut stream(1, "order", step);
        let drawn = (0..BATCH as u64).map(|b| match stories {
            Some(stories) => generator.random_range(0..stories),
            None => step * BATCH as u64 + b,
        });
        let episodes = drawn.map(|index| task.episode(Split::Train, index));
        let batch = Batch::of(&episodes.collect::<Result<Vec<_>, _>>()?, blank, *wide);
        let asked = batch.classes.iter().flatten().count();
        let tape = Tape::new();
        let variables = parameters.variables(&tape);
        let logits = layer(rule.as_ref(), &variables, &batch, BATCH)?;
        let loss = logits
            .cross_entropy(&batch.classes)?
            .scale(1.0 / asked as f64)?;
        let wrt: Vec<&Tensor<f32>> = variables.iter().map(|(_, x)| x).collect();
        let found = gradient(&loss, &wrt, Order::First)?;
        let named = (variables.names().map(str::to_owned)).zip(found);
        let gradients: Parameters<SharedArray<f32>> =
            named.map(|(name, g)| (name, g.value().clone())).collect();
        let factor = (1.0 / global_norm(&gradients)).min(1.0);
        adam.step(&mut parameters, &gradients, factor, &settings, 2e-3, step);
        if step % 200 == 0 {
            println!("step {step}: loss {:.4}", loss.item()?);
        }
    }
    let constants = parameters.constants();
    // Whoever keeps the test questions back has the others.
    let split = match task.len(Split::Test) {
        Some(0) => Split::Valid,
        _ => Split::Test,
    };
    let mut found = [0, 0];
    for index in 0..task.len(split).unwrap_or(TESTED) {
        let batch = Batch::of(&[task.episode(split, index)?], blank, *wide);
        let logits = layer(rule.as_ref(), &constants, &batch, 1)?;
        let [asked, hits] = right(logits.value(), &batch.classes);
        found = [found[0] + asked, found[1] + hits];
    }
    let wrong = 100.0 * (found[0] - found[1]) as f64 / found[0] as f64;
    println!(
        "{name} on {}: {wrong:.2} % of {} {split} questions wrong",
        task.name(),
        found[0]
    );
    Ok(())
}
