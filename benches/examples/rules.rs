//! What a training step costs with each rule: beside MNM-g's, and beside the rule's own definition on the tape.
//!
//! `cargo run --release -p mnm-benches --example rules [rounds] [rule..] [file.json]`
//!
//! Whole steps of shape S (forward, backward, clipping, Adam) on one thread. In every round each fused rule takes its steps between two turns
//! of MNM-g, and its ratio is to their mean, so that what else the machine does meets both. Printed are medians over the rounds, and how
//! the least of all rounds compare. A file gets the figures of every round.

use mnm_benches::shape;
use mnm_controller::{Kernel, ModelConfig};
use mnm_memory::rule_names;
use mnm_trainer::{BenchRun, BenchShape, bench};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

/// Steps of a turn: of the fused kernel, and of the reference.
const STEPS: [usize; 2] = [6, 2];

/// The least seconds of a step.
fn step(rule: &str, kernel: Kernel) -> Result<f64, Failure> {
    let shape = shape("S").ok_or("no shape S")?;
    let model = ModelConfig {
        rule: rule.to_owned(),
        kernel,
        ..ModelConfig::default()
    };
    let (sizes, model) = BenchShape::of(shape.sizes(), model);
    let run = BenchRun {
        steps: match kernel {
            Kernel::Fused => STEPS[0],
            Kernel::Reference => STEPS[1],
        },
        threads: 1,
        block: None,
    };
    Ok(bench(&model, sizes, run)?.min_s)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let (files, wanted): (Vec<String>, Vec<String>) =
        arguments.partition(|argument| argument.ends_with(".json"));
    let mut all = Vec::new();
    println!(
        "| rule | kernel | ms a step | times MNM-g | reference, times the rule's own | by the least |"
    );
    println!("|---|---|---|---|---|---|");
    for rule in rule_names() {
        if !wanted.is_empty() && !wanted.contains(&rule) {
            continue;
        }
        let runs_by = ModelConfig {
            rule: rule.clone(),
            ..ModelConfig::default()
        }
        .runs_by();
        let (mut own, mut ratios, mut references) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let before = step("mnm-g", Kernel::Fused)?;
            let seconds = step(&rule, Kernel::Fused)?;
            let after = step("mnm-g", Kernel::Fused)?;
            own.push(1e3 * seconds);
            ratios.push(2.0 * seconds / (before + after));
            if runs_by == Some(Kernel::Fused) {
                references.push(1e3 * step(&rule, Kernel::Reference)?);
            }
        }
        all.push(json!({
            "rule": rule,
            "kernel": runs_by.map(Kernel::name),
            "milliseconds": own,
            "times_mnm_g": ratios,
            "reference_milliseconds": references,
        }));
        let least = |numbers: &[f64]| numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let reference = match references.is_empty() {
            true => " |".to_owned(),
            false => {
                let by_the_least = least(&references) / least(&own);
                let pairs = references.iter().zip(&own).map(|(r, own)| r / own);
                format!("{:.1} | {by_the_least:.1}", median(pairs.collect()))
            }
        };
        println!(
            "| `{rule}` | {} | {:.1} | {:.2} | {reference} |",
            runs_by.map_or("", Kernel::name),
            median(own),
            median(ratios),
        );
    }
    for file in files {
        let text = serde_json::to_string_pretty(&json!({"rounds": rounds, "rules": all}))?;
        mnm_files::write_file(file.as_ref(), text.as_bytes())?;
    }
    Ok(())
}
