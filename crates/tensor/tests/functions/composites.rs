//! Functions made of primitives: both derivatives against differences.

use std::collections::BTreeSet;
use std::path::Path;

use mnm_tensor::ops::primitives;
use mnm_tensor::testkit::{Gradcheck, gradcheck, random_array};
use mnm_tensor::{SharedArray, Tensor, TensorError};
use rand::{SeedableRng, rngs::StdRng};

type Function = fn(&Tensor<f64>, &Tensor<f64>) -> Result<Tensor<f64>, TensorError>;

/// A method, after which may stand of what case of it, and a function of two tensors `[3, 4, 5]`.
const CASES: [(&str, Function); 42] = [
    ("scale", |x, _| x.scale(-1.5)),
    ("shift", |x, _| x.shift(0.5)),
    ("powi", |x, _| x.powi(3)),
    ("powi of a negative power", |x, _| {
        x.square()?.shift(1.0)?.powi(-2)
    }),
    ("square", |x, _| x.square()),
    ("silu", |x, _| x.silu()),
    ("gelu", |x, _| x.gelu()),
    ("minimum", |x, y| x.minimum(y)),
    ("minimum, broadcast", |x, y| {
        x.minimum(y.select(1, 0)?.unsqueeze(1)?)
    }),
    ("max", |x, _| x.max(1)),
    ("min", |x, _| x.min(0)),
    ("sum_all", |x, _| x.sum_all()),
    ("sum_keep", |x, _| x.sum_keep(1)),
    ("sum", |x, _| x.sum(0)),
    ("sum_axes", |x, _| x.sum_axes(&[2, 0])),
    ("sum_axes, none", |x, _| x.sum_axes(&[])),
    ("mean", |x, _| x.mean(2)),
    ("mean_all", |x, _| x.mean_all()),
    ("var", |x, _| x.var(1, 1)),
    ("var of a population", |x, _| x.var(2, 0)),
    ("norm", |x, _| x.norm(2)),
    ("norm_keep", |x, _| x.norm_keep(0)),
    ("logsumexp", |x, _| x.logsumexp(1)),
    ("softmax", |x, _| x.softmax()),
    ("layer_norm", |x, _| x.layer_norm(1e-5)),
    ("rms_norm", |x, _| x.rms_norm(1e-5)),
    ("squeeze", |x, _| x.slice(1, 2, 1)?.squeeze(1)),
    ("unsqueeze", |x, y| x.unsqueeze(1)?.mul(y.unsqueeze(2)?)),
    ("transpose", |x, y| x.transpose()?.mul(y.transpose()?)),
    ("select", |x, _| x.select(1, 2)),
    ("stack", |x, y| Tensor::stack(&[x, y, x])),
    ("scatter", |x, _| x.scatter(&[3, 0, 3], 4)),
    ("sort", |x, _| Ok(x.sort()?.0)),
    ("topk", |x, _| Ok(x.topk(2)?.0)),
    ("cumsum_back", |x, _| x.cumsum_back(1)),
    ("linear without bias", |x, y| {
        x.linear(y.select(0, 0)?, None)
    }),
    ("linear of a batch", |x, y| {
        let bias = y.select(0, 1)?.select(1, 2)?;
        x.linear(y.select(0, 0)?, Some(&bias))
    }),
    ("matmul of batches", |x, y| x.matmul(y.transpose()?)),
    ("einsum of a batch", |x, y| {
        Tensor::einsum("bij,bkj->bik", x, y)
    }),
    ("einsum of one tensor twice", |x, _| {
        Tensor::einsum("bij,bkj->ik", x, x)
    }),
    ("cumsum", |x, _| x.cumsum(2)),
    ("cross_entropy of a batch", |x, _| {
        x.reshape(&[12, 5])?.cross_entropy(&[Some(1); 12])
    }),
];

fn operands() -> [[SharedArray<f64>; 2]; 2] {
    let mut generator = StdRng::seed_from_u64(5);
    let mut draw = |shape: &[usize]| random_array(shape, &mut generator);
    // Row-major, and in another order of axes.
    let rows = [draw(&[3, 4, 5]), draw(&[3, 4, 5])];
    let turned = [draw(&[5, 3, 4]), draw(&[5, 3, 4])];
    [rows, turned.map(|x| x.permuted_axes(vec![1, 2, 0]))]
}

#[test]
fn every_function_has_the_derivatives_of_its_differences() {
    for (name, f) in CASES {
        for at in operands() {
            // Linear functions have no second derivative of their own: their square has.
            let squared = |x: &[Tensor<f64>]| f(&x[0], &x[1])?.square();
            for seed in 0..4 {
                let how = Gradcheck {
                    seed,
                    ..Gradcheck::default()
                };
                gradcheck(squared, &at, how).unwrap_or_else(|e| panic!("{name}: {e}"));
            }
        }
    }
}

/// The method that a case is of.
fn method(case: &str) -> &str {
    let end = case.find([' ', ',']).unwrap_or(case.len());
    &case[..end]
}

/// All text of the sources below `folder`.
fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("a folder of sources");
    let texts = entries.map(|entry| match entry.expect("an entry").path() {
        path if path.is_dir() => sources(&path),
        path => std::fs::read_to_string(path).expect("a source file"),
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// The names of the public methods in `text` that make a tensor of tensors.
fn methods(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for block in text.split("\nimpl<F: Float> Tensor<F> {").skip(1) {
        let block = &block[..block.find("\n}\n").expect("the end of the block")];
        for rest in block.split("pub fn ").skip(1) {
            let head = &rest[..rest.find('{').expect("a body")];
            let (takes, gives) = head.split_once("->").unwrap_or((head, ""));
            let tensors = |part: &str| part.contains("Tensor<F>") || part.contains("Self");
            if (takes.contains("&self") || tensors(takes)) && tensors(gives) {
                found.insert(&head[..head.find(['(', '<']).expect("arguments")]);
            }
        }
    }
    found
}

/// A method without a case fails here, by name.
#[test]
fn every_function_has_a_case() {
    let text = sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    let found = methods(&text);
    let primitives = primitives();
    // `detach` is a constant.
    let differentiable = |name: &&&str| !primitives.contains(*name) && **name != "detach";
    let composites: BTreeSet<&str> = found.iter().filter(differentiable).copied().collect();
    let cases: BTreeSet<&str> = CASES.iter().map(|(name, _)| method(name)).collect();
    let missing: Vec<_> = composites.difference(&cases).collect();
    assert!(missing.is_empty(), "no gradient case for {missing:?}");
    // Nor is a name left that is no method any more, and every case calls what it is called by.
    for name in cases {
        assert!(found.contains(name), "no method `{name}`");
        let calls = [format!(".{name}("), format!("Tensor::{name}(")];
        let own = include_str!("composites.rs");
        assert!(
            calls.iter().any(|call| own.contains(call)),
            "no call of `{name}`"
        );
    }
}

#[test]
fn a_method_is_found_by_what_it_takes_and_gives() {
    let text = "
impl<F: Float> Tensor<F> {
    pub fn made(&self, n: usize) -> Outcome<Tensor<F>> {}
    pub fn places(&self) -> Outcome<(Tensor<F>, ArrayD<usize>)> {}
    pub fn joined(parts: &[impl Borrow<Tensor<F>>]) -> Outcome<Tensor<F>> {}
    pub fn constant(shape: &[usize]) -> Self {}
    pub fn shape(&self) -> &[usize] {}
    fn private(&self) -> Outcome<Tensor<F>> {}
}
";
    assert_eq!(methods(text), BTreeSet::from(["joined", "made", "places"]));
}
