//! A test kit: what every write rule promises, for a rule of one's own in one line.
//!
//! ```
//! # fn main() -> Result<(), String> {
//! mnm_memory::testkit::check_rule(&mnm_memory::HebbianRule)
//! # }
//! ```

use mnm_tensor::testkit::{Gradcheck, gradcheck, random_array};
use mnm_tensor::{Order, Parameters, SharedArray, Tape, Tensor, pull_back};
use ndarray::{Axis, IxDyn};
use rand::{SeedableRng, rngs::StdRng};

mod trial;

pub use trial::Trial;

use crate::fused::RuleForm;
use crate::{Memory, MemoryError, Reads, WriteRule, sequence, sequence_by_steps};
use trial::Problem;

/// Widths of layers, number of layers, of heads, of sequences and of steps that rules are checked at.
const SIZES: [[usize; 6]; 6] = [
    [1, 1, 1, 1, 1, 3],
    [3, 3, 1, 2, 2, 4],
    [3, 5, 2, 1, 3, 3],
    [5, 2, 3, 3, 2, 5],
    [17, 9, 2, 2, 1, 12],
    [63, 17, 2, 1, 2, 9],
];

/// From which width on central differences are left out: they take too long, and the small sizes have shown what there is.
const NARROW: usize = 6;

/// Everything that comes out, by name.
fn results(out: Reads<f64>) -> Vec<(String, Tensor<f64>)> {
    let mut all = vec![
        ("the reads".to_owned(), out.reads),
        ("the meta losses".to_owned(), out.meta),
    ];
    let weights = out.memory.weights().iter().enumerate();
    all.extend(weights.map(|(l, w)| (format!("the last weights of layer {l}"), w.clone())));
    all.extend(
        out.memory
            .slots()
            .map(|(n, s)| (format!("the last slot {n}"), s.clone())),
    );
    all
}

fn flat(all: &[(String, Tensor<f64>)]) -> Result<Tensor<f64>, MemoryError> {
    let each = all.iter().map(|(_, x)| x.reshape(&[x.value().len()]));
    let each = each.collect::<Result<Vec<_>, _>>()?;
    Ok(Tensor::concat(&each.iter().collect::<Vec<_>>(), 0)?)
}

/// How far two lists of arrays of the same names lie apart, each against its largest entry.
fn compare<'a>(
    what: &str,
    pairs: impl Iterator<Item = (&'a String, &'a SharedArray<f64>, &'a SharedArray<f64>)>,
    tolerance: f64,
) -> Result<(), String> {
    for (name, expected, found) in pairs {
        if expected.shape() != found.shape() {
            return Err(format!(
                "{what}: {name} has shape {:?}, not {:?}",
                found.shape(),
                expected.shape()
            ));
        }
        let scale = expected.iter().fold(1e-3_f64, |most, x| most.max(x.abs()));
        for (e, f) in expected.iter().zip(found.iter()) {
            let off = (e - f).abs() / scale;
            if off.is_nan() || off > tolerance {
                return Err(format!(
                    "{what}: {name} holds {f:e} where {e:e} is expected (off by {off:.1e}, at most {tolerance:.0e})"
                ));
            }
        }
    }
    Ok(())
}

/// Values and gradients of a problem, by the kernel or by its definition.
type Solved = (Vec<(String, SharedArray<f64>)>, Vec<SharedArray<f64>>);

fn solve(
    rule: &dyn WriteRule<f64>,
    trial: &Trial,
    problem: &Problem,
    fused: bool,
) -> Result<Solved, MemoryError> {
    let tape = Tape::new();
    let given: Vec<_> = problem
        .arrays
        .iter()
        .map(|a| tape.shared_variable(a.clone()))
        .collect();
    let (parameters, memory, given_sequence) = problem.parts(&given)?;
    let out = results(match fused {
        true => sequence(rule, &parameters, &memory, &given_sequence)?,
        false => sequence_by_steps(rule, &parameters, &memory, &given_sequence)?,
    });
    let all = flat(&out)?;
    let cotangent = random_array(all.shape(), &mut StdRng::seed_from_u64(trial.seed ^ 7));
    let wrt: Vec<_> = given.iter().collect();
    let gradients = pull_back(&all, &Tensor::shared(cotangent), &wrt, Order::First)?;
    let values = out
        .into_iter()
        .map(|(n, x)| (n, x.value().clone()))
        .collect();
    Ok((
        values,
        gradients.iter().map(|g| g.value().clone()).collect(),
    ))
}

/// Holds the fused kernel to the definition: values, last memory and slots, and the gradient to everything that goes in, with a
/// random cotangent on everything that comes out. A rule without a fused kernel passes.
///
/// # Errors
/// What differs, and by how much.
pub fn check_fused(rule: &dyn WriteRule<f64>, trial: &Trial, tolerance: f64) -> Result<(), String> {
    let problem = trial.problem(rule);
    let solved =
        |fused| solve(rule, trial, &problem, fused).map_err(|e| format!("{}: {e}", rule.name()));
    let (expected, found) = (solved(false)?, solved(true)?);
    let what = format!("{}, fused, {trial:?}", rule.name());
    let values = expected
        .0
        .iter()
        .zip(&found.0)
        .map(|((n, e), (_, f))| (n, e, f));
    compare(&what, values, tolerance)?;
    let gradients = problem
        .names
        .iter()
        .zip(&expected.1)
        .zip(&found.1)
        .map(|((n, e), f)| (n, e, f));
    compare(&format!("{what}, gradient"), gradients, tolerance)
}

/// Holds first and second derivatives to central differences.
fn check_gradients(rule: &dyn WriteRule<f64>, trial: &Trial) -> Result<(), String> {
    let problem = trial.problem(rule);
    let run = |given: &[Tensor<f64>]| -> Result<Tensor<f64>, MemoryError> {
        let (parameters, memory, given_sequence) = problem.parts(given)?;
        flat(&results(sequence_by_steps(
            rule,
            &parameters,
            &memory,
            &given_sequence,
        )?))
    };
    let how = Gradcheck {
        seed: trial.seed,
        ..Gradcheck::default()
    };
    gradcheck(run, &problem.arrays, how).map_err(|e| format!("{}: {e} ({trial:?})", rule.name()))
}

/// What comes out of a problem, from its own memory or another, by the kernel or by the definition.
fn run(
    rule: &dyn WriteRule<f64>,
    problem: &Problem,
    memory: Option<Memory<f64>>,
    fused: bool,
) -> Result<Reads<f64>, String> {
    let run = || {
        let (parameters, start, given) = problem.parts(&problem.constants())?;
        let memory = memory.unwrap_or(start);
        match fused {
            true => sequence(rule, &parameters, &memory, &given),
            false => sequence_by_steps(rule, &parameters, &memory, &given),
        }
    };
    run().map_err(|e| format!("{}: {e}", rule.name()))
}

fn arrays(out: Reads<f64>) -> Vec<(String, SharedArray<f64>)> {
    results(out)
        .into_iter()
        .map(|(n, x)| (n, x.value().clone()))
        .collect()
}

/// Some steps and then the others are all steps, by the definition to the bit; a batch is its sequences one by one. Both by the
/// definition and by the kernel.
fn check_cuts(rule: &dyn WriteRule<f64>, trial: &Trial) -> Result<(), String> {
    let problem = trial.problem(rule);
    for (fused, tolerance) in [(false, 0.0), (true, 1e-9)] {
        check_carry(rule, &problem, trial.steps, (fused, tolerance))?;
    }
    for (fused, tolerance) in [(false, 1e-11), (true, 1e-9)] {
        check_batch(rule, &problem, trial.batch, (fused, tolerance))?;
    }
    Ok(())
}

/// What `fused` is called in a message.
fn kernel(fused: bool) -> &'static str {
    match fused {
        true => ", fused",
        false => "",
    }
}

/// A batch is its sequences one by one.
fn check_batch(
    rule: &dyn WriteRule<f64>,
    problem: &Problem,
    batch: usize,
    (fused, tolerance): (bool, f64),
) -> Result<(), String> {
    let whole = arrays(run(rule, problem, None, fused)?);
    for b in 0..batch {
        let one = arrays(run(rule, &problem.sequence(b), None, fused)?);
        let row = |name: &str, x: &SharedArray<f64>| {
            let axis = Axis(usize::from(!name.contains("last")));
            x.slice_axis(axis, (b..b + 1).into()).to_shared()
        };
        let rows: Vec<(String, SharedArray<f64>)> =
            whole.iter().map(|(n, x)| (n.clone(), row(n, x))).collect();
        let pairs = rows.iter().zip(&one).map(|((n, e), (_, f))| (n, e, f));
        let what = format!("{}{}, sequence {b} alone", rule.name(), kernel(fused));
        compare(&what, pairs, tolerance)?;
    }
    Ok(())
}

/// What comes out of each step is that of both parts, one after the other; what is left at the end is that of the second.
fn check_carry(
    rule: &dyn WriteRule<f64>,
    problem: &Problem,
    steps: usize,
    (fused, tolerance): (bool, f64),
) -> Result<(), String> {
    let cut = steps / 2;
    if cut == 0 {
        return Ok(());
    }
    let whole = arrays(run(rule, problem, None, fused)?);
    let first = run(rule, &problem.steps(0, cut), None, fused)?;
    let carried = Some(first.memory.clone());
    let second = run(rule, &problem.steps(cut, steps), carried, fused)?;
    let (early, late) = (arrays(first), arrays(second));
    let parts = early.iter().zip(&late).map(|((name, early), (_, late))| {
        if name.contains("last") {
            return Ok(late.clone());
        }
        let joined = ndarray::concatenate(Axis(0), &[early.view(), late.view()]);
        joined.map(|joined| joined.into_shared())
    });
    let parts = parts
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| e.to_string())?;
    let pairs = whole.iter().zip(&parts).map(|((n, e), f)| (n, e, f));
    let what = format!(
        "{}{}, carried on after step {cut}",
        rule.name(),
        kernel(fused)
    );
    compare(&what, pairs, tolerance)
}

/// A rate of zero that forgets nothing leaves every bit of the weights.
fn check_zero_rate(rule: &dyn WriteRule<f64>, trial: &Trial) -> Result<(), String> {
    let mut problem = trial.problem(rule);
    for (name, array) in problem.names.iter().zip(&mut problem.arrays) {
        if name == "rate" || name == "forget" {
            array.fill(0.0);
        }
    }
    if !rule.gates().learned().contains(&"forget") && rule.gates().forget != crate::Gate::None {
        return Ok(());
    }
    let (_, before, _) = problem
        .parts(&problem.constants())
        .map_err(|e| e.to_string())?;
    let before = before.for_each(trial.batch).map_err(|e| e.to_string())?;
    let bits = |x: &Tensor<f64>| x.value().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for fused in [false, true] {
        let after = run(rule, &problem, None, fused)?.memory;
        for (l, (before, after)) in before.weights().iter().zip(after.weights()).enumerate() {
            if bits(before) != bits(after) {
                let (name, kernel) = (rule.name(), kernel(fused));
                return Err(format!("{name}{kernel}: a rate of zero changes layer {l}"));
            }
        }
    }
    Ok(())
}

/// What does not fit is an error, and neither a panic nor a result.
fn check_errors(rule: &dyn WriteRule<f64>, trial: &Trial) -> Result<(), String> {
    let problem = trial.problem(rule);
    let (parameters, memory, given) = problem
        .parts(&problem.constants())
        .map_err(|e| e.to_string())?;
    let memory = memory.for_each(trial.batch).map_err(|e| e.to_string())?;
    let select = |x: &Tensor<f64>| x.select(0, 0).map_err(|e| e.to_string());
    let gate = |x: &Option<Tensor<f64>>| x.as_ref().map(select).transpose();
    let good = crate::Write {
        forget: gate(&given.forget)?,
        momentum: gate(&given.momentum)?,
        ..crate::Write::new(
            select(&given.keys)?,
            select(&given.values)?,
            select(&given.rate)?,
        )
    };
    let wider = |x: &Tensor<f64>| {
        let mut shape = x.shape().to_vec();
        if let Some(last) = shape.last_mut() {
            *last += 1;
        }
        Tensor::shared(SharedArray::zeros(IxDyn(&shape)))
    };
    let mut bad = vec![
        (
            "keys",
            crate::Write {
                keys: wider(&good.keys),
                ..good.clone()
            },
        ),
        (
            "values",
            crate::Write {
                values: wider(&good.values),
                ..good.clone()
            },
        ),
        (
            "rate",
            crate::Write {
                rate: wider(&good.rate),
                ..good.clone()
            },
        ),
    ];
    // A gate that is missing, one that does not fit, and one that the rule does not ask for.
    let batch = Tensor::shared(SharedArray::zeros(IxDyn(&[trial.batch])));
    let learned = rule.gates().learned();
    for name in ["forget", "momentum"] {
        let wrong = match learned.contains(&name) {
            true => vec![None, Some(wider(&batch))],
            false => vec![Some(batch.clone())],
        };
        for gate in wrong {
            let mut write = good.clone();
            match name {
                "forget" => write.forget = gate,
                _ => write.momentum = gate,
            }
            bad.push((name, write));
        }
    }
    for (part, write) in bad {
        match rule.write(&parameters, &memory, &write) {
            Ok(_) => return Err(format!("{}: takes {part} that do not fit", rule.name())),
            Err(error) if error.to_string().contains(part) => {}
            Err(error) => return Err(format!("{}: does not name {part}: {error}", rule.name())),
        }
    }
    for spec in rule.parameters(&trial.shape) {
        let others = parameters.iter().filter(|(name, _)| *name != spec.name);
        let others: Parameters<_> = others
            .map(|(name, x)| (name.to_owned(), x.clone()))
            .collect();
        let named = rule
            .write(&others, &memory, &good)
            .map_or_else(|e| e.to_string().contains(&spec.name), |_| false);
        if !named {
            return Err(format!(
                "{}: without `{}` it does not say so",
                rule.name(),
                spec.name
            ));
        }
    }
    Ok(())
}

/// Holds a rule to what every rule promises, at several sizes that it supports: right first and second derivatives, a fused kernel
/// (if it has one) that is its definition, some steps and then the others equal to all, a batch equal to its sequences, a rate of zero
/// that leaves every bit, and errors that name what does not fit.
///
/// # Errors
/// The first promise that is broken, in a sentence with the figures.
pub fn check_rule(rule: &dyn WriteRule<f64>) -> Result<(), String> {
    let mut checked = 0;
    for (seed, sizes) in (1..).zip(SIZES) {
        let trial = Trial::of(sizes, seed)?;
        if rule.supports(&trial.shape, trial.heads).is_err() {
            continue;
        }
        checked += 1;
        let carried = Trial {
            carried: true,
            shared: false,
            edge: 1e-3,
            ..trial.clone()
        };
        if trial.shape.value() < NARROW {
            let few = Trial {
                steps: trial.steps.min(3),
                shared: false,
                carried: true,
                ..trial.clone()
            };
            check_gradients(rule, &few)?;
        }
        let shut = Trial {
            edge: 0.0,
            ..carried.clone()
        };
        for trial in [&trial, &carried, &shut] {
            if RuleForm::of(rule, &trial.shape, trial.heads).is_some() {
                check_fused(rule, trial, 1e-9)?;
            }
            check_cuts(rule, trial)?;
        }
        check_zero_rate(rule, &trial)?;
        check_errors(rule, &trial)?;
    }
    match checked {
        0 => Err(format!(
            "{}: supports none of the sizes that rules are checked at",
            rule.name()
        )),
        _ => Ok(()),
    }
}
