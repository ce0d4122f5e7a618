//! Kinks, ties, bounds and zeros, where PyTorch's derivatives are a choice: ours are the same, to second order.
//!
//! `kinks.json` is what `benches/peers/kinks.py` prints, and says of which PyTorch.

use mnm_tensor::{Order, SharedArray, Tape, Tensor, TensorError, gradient};
use serde_json::Value;

type Function = fn(&[Tensor<f64>]) -> Result<Tensor<f64>, TensorError>;

const FUNCTIONS: [(&str, Function); 32] = [
    ("relu", |x| x[0].relu()),
    ("abs", |x| x[0].abs()),
    ("clamp to -1, 1", |x| x[0].clamp(-1.0, 1.0)),
    ("clamp to 1, 1", |x| x[0].clamp(1.0, 1.0)),
    ("sqrt", |x| x[0].sqrt()),
    ("ln", |x| x[0].ln()),
    ("powf 0", |x| x[0].powf(0.0)),
    ("powf 0.5", |x| x[0].powf(0.5)),
    ("powf 1", |x| x[0].powf(1.0)),
    ("powf 1.5", |x| x[0].powf(1.5)),
    ("powf 2", |x| x[0].powf(2.0)),
    ("powf 3", |x| x[0].powi(3)),
    ("powf -1", |x| x[0].powf(-1.0)),
    ("maximum", |x| x[0].maximum(&x[1])),
    ("minimum", |x| x[0].minimum(&x[1])),
    ("maximum with itself", |x| x[0].maximum(&x[0])),
    ("maximum, broadcast", |x| x[0].maximum(&x[1])),
    ("max", |x| x[0].max(1)),
    ("min", |x| x[0].min(1)),
    ("max, NaN", |x| x[0].max(0)),
    ("sort", |x| Ok(x[0].sort()?.0)),
    ("topk 1", |x| Ok(x[0].topk(1)?.0)),
    ("topk 2", |x| Ok(x[0].topk(2)?.0)),
    ("norm", |x| x[0].norm(1)),
    ("norm of one", |x| x[0].norm(1)),
    ("sqrt of relu", |x| x[0].relu()?.sqrt()),
    ("sqrt of abs", |x| x[0].abs()?.sqrt()),
    ("sqrt of clamp to 0, 4", |x| x[0].clamp(0.0, 4.0)?.sqrt()),
    ("sqrt of maximum with 0", |x| {
        x[0].maximum(Tensor::scalar(0.0))?.sqrt()
    }),
    ("sqrt of max", |x| x[0].max(0)?.sqrt()),
    ("sqrt of powf 0, less 1", |x| {
        x[0].powf(0.0)?.shift(-1.0)?.sqrt()
    }),
    ("sqrt of norm", |x| x[0].norm(0)?.sqrt()),
];

/// Where PyTorch has no second derivative (or, of the root of a norm, none at all), and ours is that of a constant.
const ZERO_FOR_NAN: [&str; 3] = ["norm", "norm of one", "sqrt of norm"];

/// Which of the elements that tie is taken, PyTorch leaves open. Whichever it is, it has the whole gradient.
const ANY_OF_A_TIE: [&str; 2] = ["topk 1", "topk 2"];

fn pytorch() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/functions/kinks.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the file")).expect("JSON")
}

/// The array that lists of lists of numbers stand for.
fn array(nested: &Value) -> SharedArray<f64> {
    fn fill(nested: &Value, elements: &mut Vec<f64>) {
        match nested {
            Value::Array(parts) => parts.iter().for_each(|part| fill(part, elements)),
            Value::String(other) => elements.push(other.parse().expect("inf or nan")),
            number => elements.push(number.as_f64().expect("a number")),
        }
    }
    let (mut shape, mut elements) = (Vec::new(), Vec::new());
    let mut inner = nested;
    while let Value::Array(parts) = inner {
        shape.push(parts.len());
        inner = &parts[0];
    }
    fill(nested, &mut elements);
    SharedArray::from_shape_vec(shape, elements).expect("no list is shorter than its neighbours")
}

fn arrays(list: &Value) -> Vec<SharedArray<f64>> {
    list.as_array().expect("a list").iter().map(array).collect()
}

/// The gradient of the sum of `1, 2, 3 ..` times the elements of each output.
fn pull(outputs: &[Tensor<f64>], operands: &[&Tensor<f64>]) -> Vec<Tensor<f64>> {
    let weighted = outputs.iter().map(|output| {
        let weights = Tensor::arange(output.value().len()) + 1.0;
        (weights.reshape(output.shape()).unwrap() * output).sum_all()
    });
    let total = weighted.reduce(|a, b| a?.add(b?)).expect("an output");
    gradient(&total.unwrap(), operands, Order::Higher).unwrap()
}

/// The same, to the last bits of a quotient; NaN is NaN.
fn same(found: f64, expected: f64) -> bool {
    found == expected
        || (found.is_nan() && expected.is_nan())
        || (found - expected).abs() <= 2.0 * f64::EPSILON * expected.abs()
}

/// What is wrong with the figures called `which` of the case `name`.
fn wrong(name: &str, which: &str, found: &[Tensor<f64>], case: &Value) -> Option<String> {
    let expected = match which {
        "value" => vec![array(&case[which])],
        _ => arrays(&case[which]),
    };
    assert_eq!(found.len(), expected.len(), "{name}: {which}");
    let agree = found.iter().zip(&expected).all(|(found, expected)| {
        assert_eq!(found.shape(), expected.shape(), "{name}: {which}");
        let (mut ours, mut theirs) = (Vec::from_iter(found.value()), Vec::from_iter(expected));
        if ANY_OF_A_TIE.contains(&name) {
            ours.sort_by(|a, b| a.total_cmp(b));
            theirs.sort_by(|a, b| a.total_cmp(b));
        }
        let zero = ZERO_FOR_NAN.contains(&name);
        let mut pairs = ours.into_iter().zip(theirs);
        pairs.all(|(&a, &b)| same(a, if zero && b.is_nan() { 0.0 } else { b }))
    });
    let found: Vec<_> = found.iter().map(Tensor::value).collect();
    (!agree).then(|| format!("{name}: {which}: {found:?} and not {expected:?}"))
}

#[test]
fn derivatives_are_those_of_pytorch() {
    let pytorch = pytorch();
    let mut failures = Vec::new();
    for (name, f) in FUNCTIONS {
        let case = &pytorch["cases"][name];
        assert!(case.is_object(), "no case `{name}`");
        let tape = Tape::new();
        let at: Vec<Tensor<f64>> = arrays(&case["at"])
            .iter()
            .map(|x| tape.variable(x))
            .collect();
        let operands: Vec<&Tensor<f64>> = at.iter().collect();
        let value = f(&at).unwrap();
        let square = value.square().unwrap();
        let mut check = |which: &str, found: &[Tensor<f64>]| {
            failures.extend(wrong(name, which, found, case));
        };
        check("value", std::slice::from_ref(&value));
        for (of, output) in [("", value), (" of the square", square)] {
            let first = pull(&[output], &operands);
            check(&format!("first{of}"), &first);
            // The weights of the first derivatives go by place, and a tie of `topk` may lie at another one.
            if !ANY_OF_A_TIE.contains(&name) || of.is_empty() {
                check(&format!("second{of}"), &pull(&first, &operands));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_case_is_compared() {
    let pytorch = pytorch();
    let cases = pytorch["cases"].as_object().expect("cases by name");
    let left_out = cases
        .keys()
        .filter(|&case| case != "torch.max" && FUNCTIONS.iter().all(|(name, _)| name != case));
    assert_eq!(left_out.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// `torch.amax` shares a tie evenly, and so does [`Tensor::max`]; `torch.max` along an axis gives all to one element.
#[test]
fn a_tie_is_shared_unlike_in_torch_max() {
    let pytorch = pytorch();
    let case = &pytorch["cases"]["torch.max"];
    let tape = Tape::new();
    let x = tape.variable(array(&case["at"][0]));
    let found = pull(&[x.max(1).unwrap()], &[&x]).remove(0);
    let theirs = array(&case["first"][0]);
    assert_ne!(found.value(), &theirs);
    let by_row = |a: &SharedArray<f64>| a.sum_axis(ndarray::Axis(1));
    assert_eq!(by_row(found.value()), by_row(&theirs));
}
