//! The fused kernel is the definition: values, last memory and slots, and the gradient to everything that goes in, in f64, with
//! random cotangents on everything that comes out.

use mnm_memory::{
    Gate, InnerLoss, Memory, MemoryShape, Reads, RuleOptions, Sequence, Slot, WriteRule,
    fused::RuleForm, rule_named, rule_names, rule_with, sequence, sequence_by_steps,
};
use mnm_tensor::testkit::{random_array, relative_difference};
use mnm_tensor::{Array, Order, Parameters, Tape, Tensor, pull_back};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The sizes of a problem, and its choices.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    steps: usize,
    batch: usize,
    value: usize,
    hidden: usize,
    layers: usize,
    heads: usize,
    /// Whether all sequences begin with the same weights.
    shared: bool,
    /// Whether slots are carried in.
    carried: bool,
    /// How near to 0 or 1 the gates are.
    edge: f64,
}

fn width() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), Just(3), Just(8), Just(17), Just(63)]
}

fn case() -> impl Strategy<Value = Case> {
    let sizes = (
        1..12_usize,
        1..4_usize,
        width(),
        width(),
        1..4_usize,
        1..4_usize,
    );
    let choices = (
        any::<u64>(),
        any::<[bool; 2]>(),
        prop_oneof![Just(0.5), Just(1e-3)],
    );
    (sizes, choices).prop_map(
        |((steps, batch, value, hidden, layers, heads), (seed, [shared, carried], edge))| Case {
            seed,
            steps,
            batch,
            value,
            hidden,
            layers,
            heads,
            shared,
            carried,
            edge,
        },
    )
}

/// The names of everything that goes in, with its values.
type Arguments = Vec<(String, Array<f64>)>;

fn arguments(case: &Case, rule: &dyn WriteRule<f64>) -> Arguments {
    let shape = MemoryShape::new(case.value, case.hidden, case.layers).unwrap();
    let generator = &mut StdRng::seed_from_u64(case.seed);
    let scaled = |shape: &[usize], scale: f64, generator: &mut StdRng| {
        random_array(shape, generator)
            .mapv(|x| scale * x)
            .into_shared()
    };
    let rows = [case.steps, case.batch, case.heads, case.value];
    let mut all: Arguments = ["keys", "values", "read keys"]
        .iter()
        .map(|name| ((*name).to_owned(), scaled(&rows, 1.0, generator)))
        .collect();
    let (rate, edge) = (8.0 / (8 + case.value.max(case.hidden)) as f64, case.edge);
    let gate = |scale: f64, generator: &mut StdRng| {
        Array::from_shape_simple_fn(vec![case.steps, case.batch], || {
            let x: f64 = generator.random();
            let near = if generator.random::<bool>() {
                edge * x
            } else {
                1.0 - edge * x
            };
            scale * near
        })
    };
    all.push(("rate".to_owned(), gate(rate, generator)));
    for name in rule.gates().learned() {
        all.push((
            name.to_owned(),
            gate(if name == "momentum" { 0.9 } else { 1.0 }, generator),
        ));
    }
    for spec in rule.parameters(&shape) {
        let unit = 1.0 / (*spec.shape.last().unwrap() as f64).sqrt();
        all.push((
            format!("parameter {}", spec.name),
            scaled(&spec.shape, unit, generator),
        ));
    }
    let copies = if case.shared { 1 } else { case.batch };
    for layer in 0..case.layers {
        let [out, input] = shape.weight(layer);
        let unit = 1.0 / (out.max(input) as f64).sqrt();
        all.push((
            format!("weight {layer}"),
            scaled(&[copies, out, input], unit, generator),
        ));
    }
    if case.carried {
        for Slot {
            name,
            shape: [rows, columns],
            ..
        } in rule.slots(&shape)
        {
            all.push((
                format!("slot {name}"),
                scaled(&[copies, rows, columns], 0.1, generator),
            ));
        }
    }
    all
}

/// Everything that comes out, by name.
fn run(
    rule: &dyn WriteRule<f64>,
    names: &[String],
    given: &[Tensor<f64>],
    with: impl Fn(&Parameters<Tensor<f64>>, &Memory<f64>, &Sequence<f64>) -> Reads<f64>,
) -> Vec<(String, Tensor<f64>)> {
    let get = |wanted: &str| {
        names
            .iter()
            .position(|n| n == wanted)
            .map(|n| given[n].clone())
    };
    let named = |start: &str| -> Vec<(String, Tensor<f64>)> {
        let found = names.iter().zip(given);
        found
            .filter_map(|(n, t)| n.strip_prefix(start).map(|n| (n.to_owned(), t.clone())))
            .collect()
    };
    let parameters = named("parameter ").into_iter().collect();
    let weights = named("weight ").into_iter().map(|(_, w)| w).collect();
    let mut memory = Memory::new(weights).unwrap();
    for (name, slot) in named("slot ") {
        memory = memory.with_slot(&name, slot);
    }
    let sequence = Sequence {
        keys: get("keys").unwrap(),
        values: get("values").unwrap(),
        read_keys: get("read keys").unwrap(),
        rate: get("rate").unwrap(),
        forget: get("forget"),
        momentum: get("momentum"),
    };
    let out = with(&parameters, &memory, &sequence);
    let mut all = vec![
        ("reads".to_owned(), out.reads),
        ("meta".to_owned(), out.meta),
    ];
    let weights = out.memory.weights().iter().enumerate();
    all.extend(weights.map(|(l, w)| (format!("last weight {l}"), w.clone())));
    all.extend(
        out.memory
            .slots()
            .map(|(n, s)| (format!("last slot {n}"), s.clone())),
    );
    let _ = rule;
    all
}

/// Values and gradients of both, held together.
fn equal(case: &Case, rule: &dyn WriteRule<f64>, tolerance: f64) -> Result<(), TestCaseError> {
    let (names, arrays): (Vec<String>, Vec<Array<f64>>) = arguments(case, rule).into_iter().unzip();
    let solve = |fused: bool| {
        let tape = Tape::new();
        let given: Vec<_> = arrays
            .iter()
            .map(|a| tape.shared_variable(a.clone()))
            .collect();
        let out = run(rule, &names, &given, |p, m, s| match fused {
            true => sequence(rule, p, m, s).unwrap(),
            false => sequence_by_steps(rule, p, m, s).unwrap(),
        });
        let flat: Vec<_> = out
            .iter()
            .map(|(_, x)| x.reshape(&[x.value().len()]).unwrap())
            .collect();
        let all = Tensor::concat(&flat.iter().collect::<Vec<_>>(), 0).unwrap();
        let cotangent = random_array(all.shape(), &mut StdRng::seed_from_u64(case.seed ^ 7));
        let wrt: Vec<_> = given.iter().collect();
        let gradients = pull_back(&all, &Tensor::shared(cotangent), &wrt, Order::First).unwrap();
        let values: Vec<(String, Array<f64>)> = out
            .into_iter()
            .map(|(n, x)| (n, x.value().clone()))
            .collect();
        let gradients: Vec<Array<f64>> = gradients.iter().map(|g| g.value().clone()).collect();
        (values, gradients)
    };
    let (expected, found) = (solve(false), solve(true));
    prop_assert_eq!(expected.0.len(), found.0.len());
    for ((name, e), (other, f)) in expected.0.iter().zip(&found.0) {
        prop_assert_eq!(name, other);
        let difference = relative_difference(f, e);
        prop_assert!(
            difference < tolerance,
            "{}: {name} differs by {difference:.1e}",
            rule.name()
        );
    }
    for ((name, e), f) in names.iter().zip(&expected.1).zip(&found.1) {
        let scale = e.iter().fold(1e-3_f64, |m, x| m.max(x.abs()));
        for (i, (e, f)) in e.iter().zip(f.iter()).enumerate() {
            let off = (e - f).abs() / scale;
            prop_assert!(
                off < tolerance,
                "{}: d {name}[{i}] is {f:e} for {e:e}",
                rule.name()
            );
        }
    }
    Ok(())
}

fn choices() -> Vec<(&'static str, RuleOptions)> {
    let plain = RuleOptions::default();
    let learned = Some(Gate::Learned);
    vec![
        (
            "mnm-p",
            RuleOptions {
                forget: learned,
                ..plain
            },
        ),
        (
            "mnm-p",
            RuleOptions {
                momentum: learned,
                unit_keys: Some(true),
                ..plain
            },
        ),
        (
            "mnm-g",
            RuleOptions {
                forget: Some(Gate::Fixed(0.3)),
                momentum: Some(Gate::Fixed(0.6)),
                ..plain
            },
        ),
        (
            "mnm-g",
            RuleOptions {
                inner_steps: 2,
                ..plain
            },
        ),
        (
            "mnm-g",
            RuleOptions {
                inner_steps: 3,
                forget: learned,
                momentum: learned,
                ..plain
            },
        ),
        (
            "mnm-g",
            RuleOptions {
                inner_loss: InnerLoss::Huber,
                huber: 0.3,
                ..plain
            },
        ),
        (
            "dfa",
            RuleOptions {
                forget: learned,
                momentum: learned,
                ..plain
            },
        ),
        (
            "delta",
            RuleOptions {
                momentum: learned,
                ..plain
            },
        ),
        (
            "gated-delta",
            RuleOptions {
                forget: Some(Gate::Fixed(0.2)),
                unit_keys: Some(true),
                ..plain
            },
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_rule_of_the_table(case in case()) {
        for name in rule_names() {
            let rule = rule_named::<f64>(&name).unwrap();
            let tolerance = if name == "rls" { 1e-7 } else { 1e-10 };
            equal(&case, rule.as_ref(), tolerance)?;
        }
    }

    #[test]
    fn every_choice_about_them(case in case()) {
        for (name, options) in choices() {
            equal(&case, rule_with::<f64>(name, &options).unwrap().as_ref(), 1e-10)?;
        }
    }
}

/// T beyond several chunks of both kinds, at a size where each holds several steps.
#[test]
fn many_chunks_stay_equal() {
    let case = Case {
        seed: 3,
        steps: 40,
        batch: 2,
        value: 17,
        hidden: 20,
        layers: 3,
        heads: 2,
        shared: true,
        carried: false,
        edge: 0.5,
    };
    for name in rule_names() {
        let rule = rule_named::<f64>(&name).unwrap();
        if name != "rls" {
            equal(&case, rule.as_ref(), 1e-9).unwrap();
        }
    }
    for (name, options) in choices() {
        let rule = rule_with::<f64>(name, &options).unwrap();
        equal(&case, rule.as_ref(), 1e-9).unwrap();
        let carried = Case {
            carried: true,
            shared: false,
            ..case.clone()
        };
        equal(&carried, rule.as_ref(), 1e-9).unwrap();
    }
}

/// What the table says of kernels: a rule that silently left the fused one would pass every test above.
#[test]
fn the_rules_that_run_fused_are_these() {
    let shape = MemoryShape::new(4, 5, 2).unwrap();
    let fused = |name: &&String| {
        let rule = rule_named::<f64>(name).unwrap();
        RuleForm::of(rule.as_ref(), &shape, 2).is_some()
    };
    let names = rule_names();
    let found: Vec<&String> = names.iter().filter(fused).collect();
    let expected = [
        "mnm-p",
        "mnm-g",
        "titans",
        "delta",
        "gated-delta",
        "hebbian",
        "dfa",
    ];
    assert_eq!(found, expected);
}
