//! A write rule of one's own: normalised least mean squares, from its equation to a checked and fast rule.
//!
//! `cargo run --release -p mnm-memory --example a_rule_of_your_own`
//!
//! docs/guide-new-rule.md goes through this file and says how a rule gets a name that configs can use.

use std::time::Instant;

use mnm_memory::testkit::check_rule;
use mnm_memory::{
    Gate, Gates, Memory, MemoryShape, Program, Sequence, WriteRule, sequence, sequence_by_steps,
};
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Float, Order, Parameters, Tape, Tensor, gradient};
use rand::{SeedableRng, rngs::StdRng};

/// The delta rule with a step that fits the key: `E^L = (a^L - v) / (H (1e-3 + |a|^2))`, `A^L = a^{L-1} = a`, and a memory that forgets.
///
/// Source: Nagumo and Noda 1967 (normalised least mean squares).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NormalisedRule;

impl<F: Float> WriteRule<F> for NormalisedRule {
    fn name(&self) -> &str {
        "normalised"
    }

    fn gates(&self) -> Gates {
        Gates {
            forget: Gate::Learned,
            momentum: Gate::None,
        }
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let mut p = Program::new(shape, heads);
        let a = p.activations();
        let last = shape.layers() - 1;
        let miss = p.difference(1.0 / heads as f64, a[last + 1], p.values());
        let square = p.dot(a[last], a[last]);
        let size = p.affine(1.0, 1e-3, square);
        let error = p.quotient(miss, size);
        p.update(last, error, a[last]);
        Some(p)
    }
}

/// A step of 32 memories of width 64 through 128 writes and reads, forward and back, in milliseconds.
fn time(rule: &dyn WriteRule<f32>, fused: bool) -> Result<f64, Box<dyn std::error::Error>> {
    let generator = &mut StdRng::seed_from_u64(1);
    let mut draw = |shape: &[usize], scale: f64| {
        Tensor::shared(
            random_array(shape, generator)
                .mapv(|x| (scale * x) as f32)
                .into_shared(),
        )
    };
    let rows = [128, 32, 1, 64]; // [T, B, H, M]
    let (keys, values, read_keys) = (draw(&rows, 1.0), draw(&rows, 1.0), draw(&rows, 1.0));
    let memory = Memory::new(vec![draw(&[1, 64, 64], 0.1)])?;
    let learned = |name| rule.gates().learned().contains(&name);
    let gate = |value: f32| Tensor::from_vec(&[128, 32], vec![value; 128 * 32]);
    let tape = Tape::new();
    let given = Sequence {
        keys: tape.shared_variable(keys.value().clone()),
        values,
        read_keys,
        rate: gate(0.05)?,
        forget: learned("forget").then(|| gate(0.02)).transpose()?,
        momentum: None,
    };
    let start = Instant::now();
    let out = match fused {
        true => sequence(rule, &Parameters::new(), &memory, &given)?,
        false => sequence_by_steps(rule, &Parameters::new(), &memory, &given)?,
    };
    gradient(&out.reads.sum_all()?, &[&given.keys], Order::First)?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    check_rule(&NormalisedRule)?;
    println!("normalised: keeps every promise of a rule");
    let built_in = mnm_memory::DeltaRule::gated();
    let runs: [(&str, &dyn WriteRule<f32>, bool); 3] = [
        ("normalised, fused:", &NormalisedRule, true),
        ("gated-delta, fused:", &built_in, true),
        ("normalised, reference:", &NormalisedRule, false),
    ];
    // In turns, so that what else the machine does meets all of them.
    let mut least = [f64::INFINITY; 3];
    for _ in 0..9 {
        for (least, (_, rule, fused)) in least.iter_mut().zip(runs) {
            *least = least.min(time(rule, fused)?);
        }
    }
    for ((name, ..), least) in runs.iter().zip(least) {
        println!("{name:22} {least:6.1} ms");
    }
    Ok(())
}
