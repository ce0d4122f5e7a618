//! Rules that the table does not have: the guide's, and one that says every instruction there is.

use mnm_memory::fused::RuleForm;
use mnm_memory::testkit::{Trial, check_fused, check_rule};
use mnm_memory::{
    Gate, Gates, Memory, MemoryError, MemoryShape, Program, Scalar, Sequence, Write, WriteRule,
    sequence, sequence_by_steps,
};
use mnm_tensor::{Float, Init, ParameterSpec, Parameters, Tensor};

use crate::rules::trial_of;

/// Every instruction of a program once, for every layer, with both gates or, where rows decay, without momentum.
#[derive(Debug)]
struct EveryInstruction {
    decays: bool,
}

impl<F: Float> WriteRule<F> for EveryInstruction {
    fn name(&self) -> &str {
        "every-instruction"
    }

    fn parameters(&self, shape: &MemoryShape) -> Vec<ParameterSpec> {
        let (out, value) = (shape.targets() + 2, shape.value());
        let init = Init::fan_in(value);
        vec![
            ParameterSpec::new("wide.weight", &[out, value], init),
            ParameterSpec::new("wide.bias", &[out], init),
            ParameterSpec::new("column.weight", &[1, out], init),
        ]
    }

    fn gates(&self) -> Gates {
        let momentum = if self.decays {
            Gate::None
        } else {
            Gate::Learned
        };
        Gates {
            forget: Gate::Learned,
            momentum,
        }
    }

    fn unit_keys(&self) -> bool {
        true
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let mut p = Program::new(shape, heads);
        let (value, part) = (p.values(), 1.0 / heads as f64);
        let wide = p.linear(value, shape.targets() + 2, "wide.weight", Some("wide.bias"));
        let column = p.linear(wide, 1, "column.weight", None);
        let column = p.tanh(column);
        if self.decays {
            // Between 0 and 0.3 of each row goes.
            let square = p.product(column, column);
            for layer in 0..shape.layers() {
                let ones = p.slice(wide, 0, shape.width(layer + 1));
                let ones = p.affine(0.0, 0.3 * part, ones);
                let lost = p.product(ones, square);
                p.decay(layer, lost);
            }
        }
        let a = p.activations();
        let mut start = 1;
        for layer in (0..shape.layers()).rev() {
            let width = shape.width(layer + 1);
            let target = p.slice(wide, start, width);
            let kept = p.scaled(Scalar::Keep, a[layer + 1]);
            let miss = p.difference(0.5, kept, target);
            let held = p.clip(0.8, miss);
            let square = p.dot(held, held);
            let size = p.affine(0.5, 1.0, square);
            let error = p.quotient(held, size);
            let weighted = p.product(error, column);
            let eager = p.scaled(Scalar::Rate, weighted);
            let lazy = p.scaled(Scalar::Momentum, error);
            let sum = p.sum(eager, lazy);
            let bent = p.through_tanh(sum, target);
            let bent = p.scale(part, bent);
            if !self.decays {
                // An error that comes down through the weights, and from there up again.
                let below = p.pull(layer, bent);
                let again = p.apply(layer, below);
                let again = p.scale(0.3, again);
                p.update(layer, again, below);
            }
            p.update(layer, bent, a[layer]);
            // Targets of neighbouring layers overlap: some columns are looked at twice.
            start += usize::from(layer > 0);
        }
        Some(p)
    }
}

/// The example checks its rule, and times it.
#[test]
fn the_guides_rule_keeps_every_promise() {
    crate::guide::main().unwrap();
}

#[test]
fn a_rule_of_every_instruction_keeps_every_promise() {
    for rule in [
        EveryInstruction { decays: false },
        EveryInstruction { decays: true },
    ] {
        let shape = MemoryShape::new(3, 4, 2).unwrap();
        assert!(
            RuleForm::of::<f64>(&rule, &shape, 2).is_some(),
            "{rule:?} is not fused"
        );
        check_rule(&rule).unwrap();
    }
}

/// A rule of one linear layer of width 3, said in a few lines, with `matrix.weight` `[3, 2]`.
struct Small(fn(&mut Program));

impl std::fmt::Debug for Small {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Small")
    }
}

impl<F: Float> WriteRule<F> for Small {
    fn name(&self) -> &str {
        "small"
    }

    fn parameters(&self, _: &MemoryShape) -> Vec<ParameterSpec> {
        vec![ParameterSpec::new(
            "matrix.weight",
            &[3, 2],
            Init::fan_in(2),
        )]
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        let mut p = Program::new(shape, heads);
        (self.0)(&mut p);
        Some(p)
    }
}

fn is_its_definition(program: fn(&mut Program)) {
    let trial = Trial {
        shared: false,
        ..trial_of(1, [3, 1, 1], [2, 2, 3])
    };
    check_fused(&Small(program), &trial, 1e-10).unwrap();
}

/// A product stores whole registers: behind some columns lie others.
#[test]
fn a_product_back_to_some_columns_leaves_the_others() {
    is_its_definition(|p| {
        let whole = p.tanh(p.values());
        let part = p.slice(p.values(), 0, 2);
        let made = p.linear(part, 3, "matrix.weight", None);
        let error = p.sum(made, whole);
        p.update(0, error, p.values());
    });
}

#[test]
fn columns_of_columns_get_the_cotangents_of_both() {
    is_its_definition(|p| {
        let part = p.slice(p.keys(), 0, 3);
        let inner = p.slice(part, 0, 3);
        let error = p.tanh(part);
        p.update(0, error, inner);
    });
}

#[test]
fn columns_that_nothing_looks_at_get_no_cotangent() {
    is_its_definition(|p| {
        let (part, _) = (p.slice(p.keys(), 1, 2), p.slice(p.keys(), 0, 1));
        let error = p.linear(part, 3, "matrix.weight", None);
        p.update(0, error, p.values());
    });
}

/// A quotient's adjoint looks at it again.
#[test]
fn a_tanh_leaves_the_quotient_that_it_is_of() {
    is_its_definition(|p| {
        let square = p.dot(p.values(), p.values());
        let size = p.affine(0.5, 1.0, square);
        let quotient = p.quotient(p.values(), size);
        let error = p.tanh(quotient);
        p.update(0, error, p.keys());
    });
}

/// A rule for two layers and one head, whose program makes no sense for others.
#[derive(Debug)]
struct TwoLayers;

impl<F: Float> WriteRule<F> for TwoLayers {
    fn name(&self) -> &str {
        "two-layers"
    }

    fn supports(&self, shape: &MemoryShape, heads: usize) -> Result<(), MemoryError> {
        let refused = |key, found, allowed: &str| MemoryError::Unsupported {
            rule: "two-layers".to_owned(),
            key,
            found,
            allowed: allowed.to_owned(),
        };
        match (shape.layers(), heads) {
            (2, 1) => Ok(()),
            (2, _) => Err(refused("heads", heads, "expected one")),
            (layers, _) => Err(refused("layers", layers, "expected two")),
        }
    }

    fn program(&self, shape: &MemoryShape, heads: usize) -> Option<Program> {
        assert_eq!(
            (shape.layers(), heads),
            (2, 1),
            "asked for what it does not support"
        );
        let mut p = Program::new(shape, heads);
        let a = p.activations();
        let error = p.difference(0.5, a[2], p.values());
        p.update(1, error, a[1]);
        Some(p)
    }
}

#[test]
fn a_rule_that_supports_one_shape_keeps_every_promise_there() {
    check_rule(&TwoLayers).unwrap();
}

#[test]
fn what_a_rule_does_not_support_is_refused_wherever_it_is_used() {
    for (layers, heads, expected) in [
        (
            2,
            3,
            "the rule `two-layers` does not support heads = 3: expected one",
        ),
        (
            1,
            1,
            "the rule `two-layers` does not support layers = 1: expected two",
        ),
    ] {
        let shape = MemoryShape::new(4, 5, layers).unwrap();
        assert!(RuleForm::of::<f64>(&TwoLayers, &shape, heads).is_none());
        let weights = (0..layers).map(|l| {
            let [out, input] = shape.weight(l);
            Tensor::<f64>::ones(&[1, out, input])
        });
        let memory = Memory::new(weights.collect()).unwrap();
        let rows = Tensor::ones(&[2, 1, heads, 4]);
        let given = Sequence {
            keys: rows.clone(),
            values: rows.clone(),
            read_keys: rows.clone(),
            rate: Tensor::ones(&[2, 1]),
            forget: None,
            momentum: None,
        };
        let none = Parameters::new();
        let row = rows.select(0, 0).unwrap();
        let write = Write::new(row.clone(), row, Tensor::ones(&[1]));
        let told = [
            sequence(&TwoLayers, &none, &memory, &given).map(|_| ()),
            sequence_by_steps(&TwoLayers, &none, &memory, &given).map(|_| ()),
            TwoLayers.write(&none, &memory, &write).map(|_| ()),
        ];
        for error in told {
            assert_eq!(error.unwrap_err().to_string(), expected);
        }
    }
}
