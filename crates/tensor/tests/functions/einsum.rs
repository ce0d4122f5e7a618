//! Einstein's sum: values against loops over all indices, and both derivatives.

use mnm_tensor::testkit::{Gradcheck, gradcheck, random_array};
use mnm_tensor::{SharedArray, Tensor};
use ndarray::IxDyn;
use rand::{SeedableRng, rngs::StdRng};

/// By the kind of letters that they have.
const SPECIFICATIONS: [(&str, &str); 13] = [
    ("a product of matrices", "ij,jk->ik"),
    ("its transpose", "ij,jk->ki"),
    ("a batch", "bij,bjk->bik"),
    ("a batch that is not in front", "ibj,kjb->ikb"),
    ("two letters of a batch", "bhij,bhjk->bhik"),
    ("nothing but a batch", "bi,bi->bi"),
    ("a row of a batch summed", "bi,bi->b"),
    ("two letters summed over", "ijk,jmk->mi"),
    ("a letter of the first alone, summed out", "ijk,jm->im"),
    ("letters of either alone, summed out", "bij,kbm->kb"),
    ("all summed out", "ij,jk->"),
    ("an outer product", "i,jk->jik"),
    ("a number and a vector", ",i->i"),
];

fn extent(letter: char) -> usize {
    match letter {
        'b' => 2,
        'h' => 3,
        'i' => 4,
        'j' => 5,
        'k' => 2,
        _ => 3,
    }
}

fn shape(letters: &str) -> Vec<usize> {
    letters.chars().map(extent).collect()
}

/// The letters of both operands and of the result.
fn parts(specification: &str) -> [&str; 3] {
    let (operands, result) = specification.split_once("->").expect("an arrow");
    let (first, second) = operands.split_once(',').expect("two operands");
    [first, second, result]
}

/// The sum of the products over all values of all letters.
fn by_loops(specification: &str, a: &SharedArray<f64>, b: &SharedArray<f64>) -> SharedArray<f64> {
    let [first, second, result] = parts(specification);
    let mut letters: Vec<char> = first.chars().chain(second.chars()).collect();
    letters.sort_unstable();
    letters.dedup();
    let extents: Vec<usize> = letters.iter().map(|&l| extent(l)).collect();
    let mut sum = SharedArray::zeros(shape(result));
    for values in ndarray::indices(IxDyn(&extents)) {
        let value = |l| values[letters.iter().position(|&m| m == l).expect("a letter")];
        let place = |part: &str| part.chars().map(value).collect::<Vec<usize>>();
        sum[IxDyn(&place(result))] += a[IxDyn(&place(first))] * b[IxDyn(&place(second))];
    }
    sum
}

fn operands(specification: &str) -> [SharedArray<f64>; 2] {
    let mut generator = StdRng::seed_from_u64(7);
    let [first, second, _] = parts(specification);
    let a = random_array(&shape(first), &mut generator);
    // Column-major.
    let turned: String = second.chars().rev().collect();
    [
        a,
        random_array(&shape(&turned), &mut generator).reversed_axes(),
    ]
}

#[test]
fn values_are_the_sums_over_all_indices() {
    for (kind, specification) in SPECIFICATIONS {
        let [a, b] = operands(specification);
        let found = Tensor::einsum(specification, Tensor::constant(&a), Tensor::constant(&b));
        let (found, expected) = (found.unwrap(), by_loops(specification, &a, &b));
        assert_eq!(found.shape(), expected.shape(), "{kind}");
        for (x, y) in found.value().iter().zip(&expected) {
            assert!((x - y).abs() <= 1e-12 * y.abs().max(1.0), "{kind}: {x} {y}");
        }
    }
}

#[test]
fn every_kind_of_letter_has_both_derivatives() {
    for (kind, specification) in SPECIFICATIONS {
        for seed in 0..4 {
            let how = Gradcheck {
                seed,
                ..Gradcheck::default()
            };
            let f = |x: &[Tensor<f64>]| Tensor::einsum(specification, &x[0], &x[1]);
            gradcheck(f, &operands(specification), how).unwrap_or_else(|e| panic!("{kind}: {e}"));
        }
    }
}

#[test]
fn a_specification_that_does_not_fit_is_refused() {
    let (a, b) = (Tensor::<f64>::zeros(&[2, 3]), Tensor::zeros(&[3, 4]));
    for (specification, part) in [
        ("ij,jk", "expected the form"),
        ("ij->ij", "two operands"),
        ("ii,ik->k", "found `i`"),
        ("ij,jk->il", "no operand has the axis `l`"),
        ("ijk,jk->i", "[[2, 3], [3, 4]]"),
        ("ij,kj->ik", "[[2, 3], [3, 4]]"),
    ] {
        let message = Tensor::einsum(specification, &a, &b)
            .unwrap_err()
            .to_string();
        assert!(message.contains(part), "{specification}: {message}");
    }
}
