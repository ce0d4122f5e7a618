//! A DeltaNet layer without a controller, trained on recall: embedding, shift, memory, output.
//!
//! `cargo run --release -p mnm-trainer --example delta_layer [RULE]`
//!
//! An episode shows eight pairs of a key and a value, a symbol a step, and then asks for the value of every key, in another order (multi-query
//! associative recall, Arora et al. 2023). Keys of the memory are known in advance: at every step the layer writes the symbol that
//! it sees under the symbol before it, and reads what was written under the one that it sees. So all steps are one op,
//! `mnm_memory::sequence`. Each head is a memory of its own: a batch of B sequences has 2 B memories.

use mnm_memory::{Memory, MemoryShape, RuleOptions, Sequence, rule_with};
use mnm_tasks::stream;
use mnm_tensor::{Array, Init, Order, ParameterSpec, Parameters, Tape, Tensor, gradient};
use mnm_trainer::TrainConfig;
use mnm_trainer::adam::{Adam, global_norm};
use rand::RngExt;
use rand::seq::SliceRandom;

const SYMBOLS: usize = 64; // keys are the first half, values the second
const PAIRS: usize = 8;
const STEPS: usize = 3 * PAIRS;
const WIDTH: usize = 64;
const HEADS: usize = 2;
const HEAD: usize = WIDTH / HEADS;
const BATCH: usize = 32;

type Failure = Box<dyn std::error::Error>;

/// Symbols `[T, B]`, and at each step the value that is asked for.
fn episodes(number: u64) -> (Vec<usize>, Vec<Option<usize>>) {
    let (mut symbols, mut classes) = (vec![0; STEPS * BATCH], vec![None; STEPS * BATCH]);
    for b in 0..BATCH {
        let generator = &mut stream(1, "recall", number * BATCH as u64 + b as u64);
        let mut keys: Vec<usize> = (0..SYMBOLS / 2).collect();
        keys.shuffle(generator);
        let mut pairs: Vec<(usize, usize)> = (keys.into_iter().take(PAIRS))
            .map(|key| (key, generator.random_range(SYMBOLS / 2..SYMBOLS)))
            .collect();
        for (n, (key, value)) in pairs.iter().enumerate() {
            symbols[2 * n * BATCH + b] = *key;
            symbols[(2 * n + 1) * BATCH + b] = *value;
        }
        pairs.shuffle(generator);
        for (n, (key, value)) in pairs.iter().enumerate() {
            let at = (2 * PAIRS + n) * BATCH + b;
            (symbols[at], classes[at]) = (*key, Some(*value));
        }
    }
    (symbols, classes)
}

fn specs() -> Vec<ParameterSpec> {
    let linear =
        |name: &str, out: usize| ParameterSpec::new(name, &[out, WIDTH], Init::fan_in(WIDTH));
    vec![
        ParameterSpec::new(
            "embedding",
            &[SYMBOLS, WIDTH],
            Init::Normal { deviation: 1.0 },
        ),
        linear("key", WIDTH),
        linear("value", WIDTH),
        linear("rate", HEADS),
        linear("output", SYMBOLS),
    ]
}

/// The logits `[T B, SYMBOLS]`.
fn layer(
    rule: &str,
    p: &Parameters<Tensor<f32>>,
    symbols: &[usize],
) -> Result<Tensor<f32>, Failure> {
    let unit = RuleOptions {
        unit_keys: Some(true),
        ..RuleOptions::default()
    };
    let rule = rule_with::<f32>(rule, &unit)?;
    let x = p.get("embedding")?.gather(symbols)?; // [T B, WIDTH]
    let before = x
        .slice(0, 0, (STEPS - 1) * BATCH)?
        .pad(0, BATCH, STEPS * BATCH)?; // shifted by a step
    let heads = |x: &Tensor<f32>, name: &str| -> Result<Tensor<f32>, Failure> {
        Ok(x.linear(p.get(name)?, None)?
            .reshape(&[STEPS, BATCH * HEADS, 1, HEAD])?)
    };
    let given = Sequence {
        keys: heads(&before, "key")?,
        values: heads(&x, "value")?,
        read_keys: heads(&x, "key")?,
        rate: x
            .linear(p.get("rate")?, None)?
            .sigmoid()?
            .reshape(&[STEPS, BATCH * HEADS])?,
        forget: None,
        momentum: None,
    };
    let empty = Memory::new(vec![Tensor::zeros(&[1, HEAD, HEAD])])?;
    let out = mnm_memory::sequence(rule.as_ref(), &Parameters::new(), &empty, &given)?;
    let reads = out.reads.reshape(&[STEPS * BATCH, WIDTH])?;
    Ok(reads.linear(p.get("output")?, None)?)
}

/// The part of the questions that are answered right.
fn right(logits: &Array<f32>, classes: &[Option<usize>]) -> f64 {
    let asked = classes
        .iter()
        .enumerate()
        .filter_map(|(row, class)| class.map(|class| (row, class)));
    let answers = asked.map(|(row, class)| {
        let row = logits.index_axis(ndarray::Axis(0), row);
        let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.map(|(n, _)| n) == Some(class)
    });
    let answers: Vec<bool> = answers.collect();
    answers.iter().filter(|right| **right).count() as f64 / answers.len() as f64
}

fn main() -> Result<(), Failure> {
    let rule = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "delta".to_owned());
    let shape = MemoryShape::new(HEAD, HEAD, 1)?; // M, U, L
    let specs = specs();
    let mut parameters = Parameters::draw(&specs, &mut stream(1, "init", 0));
    let settings = TrainConfig::default();
    let mut adam = Adam::new(&parameters, specs.iter().map(|spec| spec.name.as_str()));
    for step in 1..=600 {
        let (symbols, classes) = episodes(step);
        let tape = Tape::new();
        let variables = parameters.variables(&tape);
        let logits = layer(&rule, &variables, &symbols)?;
        let loss = logits
            .cross_entropy(&classes)?
            .scale(1.0 / (PAIRS * BATCH) as f64)?;
        let wrt: Vec<&Tensor<f32>> = variables.iter().map(|(_, x)| x).collect();
        let found = gradient(&loss, &wrt, Order::First)?;
        let named = variables
            .names()
            .map(str::to_owned)
            .zip(found.iter().map(|g| g.value().clone()));
        let gradients: Parameters<Array<f32>> = named.collect();
        let factor = (1.0 / global_norm(&gradients)).min(1.0);
        adam.step(&mut parameters, &gradients, factor, &settings, 3e-3, step);
        if step % 100 == 0 {
            let (symbols, classes) = episodes(u64::MAX / 64 + step); // not trained on
            let logits = layer(&rule, &parameters.constants(), &symbols)?;
            println!(
                "step {step}: loss {:.3}, {:.1} % of new questions right",
                loss.item()?,
                100.0 * right(logits.value(), &classes)
            );
        }
    }
    println!(
        "{rule}: {} memories of {} weights",
        BATCH * HEADS,
        shape.weight(0).iter().product::<usize>()
    );
    Ok(())
}
