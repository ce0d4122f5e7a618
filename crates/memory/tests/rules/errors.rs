//! Errors name what did not fit, what would, and never come as a panic.

use mnm_memory::{
    GradientRule, Memory, MemoryError, MemoryShape, PerceptronRule, Sequence, Write, WriteRule,
    rule_named, rules, sequence, weight_name,
};
use mnm_tensor::{Parameters, Tape, Tensor};

fn memory(shapes: &[&[usize]]) -> Result<Memory<f64>, MemoryError> {
    Memory::new(shapes.iter().map(|s| Tensor::ones(s)).collect())
}

fn write(keys: &[usize], values: &[usize], rate: &[usize]) -> Write<f64> {
    Write::new(Tensor::ones(keys), Tensor::ones(values), Tensor::ones(rate))
}

fn ones(rule: &dyn WriteRule<f64>, shape: &MemoryShape) -> Parameters<Tensor<f64>> {
    let specs = rule.parameters(shape);
    specs
        .into_iter()
        .map(|s| (s.name, Tensor::ones(&s.shape)))
        .collect()
}

#[track_caller]
fn names<T>(result: Result<T, MemoryError>, parts: &[&str]) {
    let message = match result {
        Ok(_) => panic!("no error, expected one with {parts:?}"),
        Err(error) => error.to_string(),
    };
    for part in parts {
        assert!(message.contains(part), "`{message}` does not name `{part}`");
    }
}

#[test]
fn extents_of_zero_are_named() {
    names(MemoryShape::new(0, 1, 1), &["value", "at least 1"]);
    names(MemoryShape::new(1, 0, 1), &["hidden", "at least 1"]);
    names(MemoryShape::new(1, 1, 0), &["layers", "at least 1"]);
    names(memory(&[]), &["layers", "at least 1"]);
}

#[test]
fn weights_that_do_not_chain_name_the_layer_and_both_shapes() {
    names(
        memory(&[&[2, 4, 3], &[2, 3, 5]]),
        &["layer 1", "[2, 3, 5]", "[2, out, 4]"],
    );
    names(
        memory(&[&[2, 4, 3], &[1, 3, 4]]),
        &["layer 1", "[1, 3, 4]", "[2, out, 4]"],
    );
    names(memory(&[&[4, 3]]), &["layer 0", "[4, 3]", "[B, out, in]"]);
}

#[test]
fn an_unknown_rule_is_told_which_there_are() {
    names(rule_named::<f64>("hebb"), &["`hebb`", "mnm-p", "mnm-g"]);
    for rule in rules::<f32>() {
        assert_eq!(rule_named::<f32>(rule.name()).unwrap().name(), rule.name());
    }
}

#[test]
fn a_missing_parameter_is_named() {
    let (memory, write) = (
        memory(&[&[1, 3, 3]]).unwrap(),
        write(&[1, 1, 3], &[1, 1, 3], &[1]),
    );
    names(
        PerceptronRule.write(&Parameters::new(), &memory, &write),
        &["targets.weight"],
    );
    let mut half = Parameters::new();
    half.insert("targets.weight", Tensor::ones(&[3, 3]));
    names(
        PerceptronRule.write(&half, &memory, &write),
        &["targets.bias", "targets.weight"],
    );
    let shape = MemoryShape::new(3, 3, 2).unwrap();
    let first = [(weight_name(0), Tensor::<f64>::ones(&[3, 3]))]
        .into_iter()
        .collect();
    names(Memory::initial(&first, &shape, 1), &["memory.1.weight"]);
}

#[test]
fn initial_weights_of_another_shape_are_refused_even_where_they_would_stretch() {
    let shape = MemoryShape::new(3, 4, 2).unwrap();
    let with = |second: &[usize]| -> Parameters<Tensor<f64>> {
        [Tensor::ones(&[4, 3]), Tensor::ones(second)]
            .into_iter()
            .enumerate()
            .map(|(layer, w)| (weight_name(layer), w))
            .collect()
    };
    assert!(Memory::initial(&with(&[3, 4]), &shape, 2).is_ok());
    for wrong in [&[4, 3][..], &[1, 4], &[3, 1], &[4], &[2, 3, 4]] {
        let found = format!("{wrong:?}");
        names(
            Memory::initial(&with(wrong), &shape, 2),
            &["memory.1.weight", &found, "[3, 4]"],
        );
    }
}

#[test]
fn a_write_that_does_not_fit_is_refused_even_where_it_would_stretch() {
    let shape = MemoryShape::new(3, 4, 2).unwrap();
    let memory = memory(&[&[2, 4, 3], &[2, 3, 4]]).unwrap();
    let cases: [([&[usize]; 3], &str); 8] = [
        ([&[2, 3, 4], &[2, 3, 3], &[2]], "[2, 3, 4]"), // keys of another width
        ([&[2, 3, 3], &[2, 3, 4], &[2]], "[2, 3, 4]"), // values of another width
        ([&[2, 3, 3], &[2, 1, 3], &[2]], "[2, 1, 3]"), // one value for three keys
        ([&[2, 3, 3], &[2, 3, 1], &[2]], "[2, 3, 1]"), // values of one entry
        ([&[1, 3, 3], &[1, 3, 3], &[2]], "[1, 3, 3]"), // another batch
        ([&[2, 3, 3], &[2, 3, 3], &[1]], "[1]"),       // one rate for all sequences
        ([&[2, 3, 3], &[2, 3, 3], &[2, 1]], "[2, 1]"), // a rate of two axes
        ([&[3, 3], &[3, 3], &[2]], "[3, 3]"),          // no batch
    ];
    for rule in rules::<f64>() {
        let gated = |mut write: Write<f64>| {
            for gate in rule.gates().learned() {
                write = match gate {
                    "forget" => write.with_forget(Tensor::ones(&[2]).scale(0.5).unwrap()),
                    _ => write.with_momentum(Tensor::ones(&[2])),
                };
            }
            write
        };
        let good = gated(write(&[2, 3, 3], &[2, 3, 3], &[2]));
        assert!(
            rule.write(&ones(rule.as_ref(), &shape), &memory, &good)
                .is_ok()
        );
        for ([keys, values, rate], named) in cases {
            let bad = gated(write(keys, values, rate));
            names(
                rule.write(&ones(rule.as_ref(), &shape), &memory, &bad),
                &["write", named],
            );
        }
    }
}

#[test]
fn keys_that_do_not_fit_are_refused_when_read() {
    let memory = memory(&[&[2, 4, 3], &[2, 3, 4]]).unwrap();
    // The last two would stretch: one sequence to both, and without its heads a matrix to both.
    for shape in [&[2, 1, 4][..], &[3, 1, 3], &[1, 1, 3], &[2, 3]] {
        let keys = Tensor::ones(shape);
        let named = format!("{shape:?}");
        names(memory.read(&keys), &["read", &named, "[2, H, 3]"]);
        names(memory.activations(&keys), &["read", &named, "[2, H, 3]"]);
    }
    let key = Tensor::ones(&[2, 2, 3]);
    names(
        memory.discrepancy(&key, &Tensor::ones(&[2, 1, 3])),
        &["[2, 2, 3]", "[2, 1, 3]"],
    );
}

#[test]
fn a_sequence_has_keys_and_values_of_the_width_of_its_memory() {
    let refused = |weights: &[usize], width: usize, parts: &[&str]| {
        let rows = Tensor::ones(&[4, 2, 1, width]);
        let given = Sequence {
            keys: rows.clone(),
            values: rows.clone(),
            read_keys: rows,
            rate: Tensor::ones(&[4, 2]),
            forget: None,
            momentum: None,
        };
        let (rule, memory) = (GradientRule::default(), memory(&[weights]).unwrap());
        names(sequence(&rule, &Parameters::new(), &memory, &given), parts);
    };
    refused(&[1, 3, 3], 4, &["keys", "[4, 2, 1, 4]", "[T, B, H, 3]"]);
    // A single write takes such a memory.
    for width in [3, 5] {
        refused(&[1, 5, 3], width, &["keys", "from M to M", "from 3 to 5"]);
    }
}

#[test]
fn operands_on_two_tapes_are_refused() {
    let (one, other) = (Tape::<f64>::new(), Tape::<f64>::new());
    let weight = one.variable(ndarray::Array3::ones((1, 2, 2)));
    let memory = Memory::new(vec![weight]).unwrap();
    let key = other.variable(ndarray::Array3::ones((1, 1, 2)));
    let write = Write::new(key.clone(), key, Tensor::ones(&[1]));
    names(
        GradientRule::default().write(&Parameters::new(), &memory, &write),
        &["tapes"],
    );
}

#[test]
fn targets_of_another_height_are_refused() {
    let memory = memory(&[&[1, 4, 3], &[1, 3, 4]]).unwrap();
    let write = write(&[1, 1, 3], &[1, 1, 3], &[1]);
    for (hidden, layers) in [(3, 2), (5, 2), (4, 3)] {
        let other = ones(
            &PerceptronRule,
            &MemoryShape::new(3, hidden, layers).unwrap(),
        );
        let result = PerceptronRule.write(&other, &memory, &write);
        let found = format!("[{}, 3]", other.get("targets.bias").unwrap().shape()[0]);
        names(result, &["targets.weight", &found, "[7, 3]"]);
    }
}
