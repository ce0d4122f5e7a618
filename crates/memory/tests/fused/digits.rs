//! In single precision, the way back keeps the digits that the definition keeps, though where writes last it takes them out of the
//! weights again.

use mnm_memory::fused::RuleForm;
use mnm_memory::{Memory, Reads, Sequence, WriteRule, rule_named, sequence, sequence_by_steps};
use mnm_tensor::kernels::Kernels;
use mnm_tensor::{Order, Parameters, Tape, Tensor, pull_back};

const STEPS: usize = 600;
const WIDTH: usize = 9;

/// Numbers without a pattern, within `size` of 0.
fn numbers<F: Kernels>(shape: &[usize], size: f64, seed: f64) -> Tensor<F> {
    let entry = |n: usize| F::of(size * (1e3 * (n as f64 * 0.7311 + seed).sin()).sin());
    let all = (0..shape.iter().product()).map(entry).collect();
    Tensor::from_vec(shape, all).unwrap()
}

type Run<F> = fn(
    &dyn WriteRule<F>,
    &Parameters<Tensor<F>>,
    &Memory<F>,
    &Sequence<F>,
) -> Result<Reads<F>, mnm_memory::MemoryError>;

/// The gradient of a weighted sum of all reads to the write keys and to the first weights.
fn gradient<F: Kernels>(name: &str, run: Run<F>) -> Vec<f64> {
    let tape = Tape::new();
    let rows = [STEPS, 1, 1, WIDTH];
    let given = [
        numbers(&rows, 1.0, 0.1),
        numbers(&[1, WIDTH, WIDTH], 0.5, 0.2),
        numbers(&[1, WIDTH, WIDTH], 0.5, 0.3),
    ];
    let given = given.map(|x: Tensor<F>| tape.variable(x.value()));
    let [keys, first, second] = given.clone();
    let rate: Tensor<F> = numbers(&[STEPS, 1], 0.1, 0.4);
    let sequence = Sequence {
        keys,
        values: numbers(&rows, 1.0, 0.5),
        read_keys: numbers(&rows, 1.0, 0.6),
        rate: rate.add(Tensor::full(&[STEPS, 1], F::of(0.2))).unwrap(),
        forget: None,
        momentum: None,
    };
    let rule = rule_named::<F>(name).unwrap();
    let memory = Memory::new(vec![first, second]).unwrap();
    let form = RuleForm::of(rule.as_ref(), &memory.shape().unwrap(), 1).unwrap();
    assert!(!form.fades(), "{name} runs fused, and its writes last");
    let out = run(rule.as_ref(), &Parameters::new(), &memory, &sequence).unwrap();
    let cotangent = numbers(&[STEPS, 1, WIDTH], 1.0, 0.7);
    let wrt: Vec<_> = given.iter().collect();
    let gradients = pull_back(&out.reads, &cotangent, &wrt, Order::First).unwrap();
    let each = gradients
        .iter()
        .flat_map(|g| g.value().iter().copied().collect::<Vec<_>>());
    each.map(|x| x.to_f64().unwrap()).collect()
}

fn distance(found: &[f64], expected: &[f64]) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut found.iter().zip(expected).map(|(a, b)| a - b)) / norm(&mut expected.iter().copied())
}

#[test]
fn taking_writes_out_again_loses_no_digits() {
    for name in ["mnm-g", "delta"] {
        let expected = gradient::<f64>(name, sequence_by_steps);
        let definition = distance(&gradient::<f32>(name, sequence_by_steps), &expected);
        let fused = distance(&gradient::<f32>(name, sequence), &expected);
        assert!(
            definition > 0.0 && fused < 2.0 * definition,
            "{name}: {fused:.1e}, {definition:.1e}"
        );
    }
}
