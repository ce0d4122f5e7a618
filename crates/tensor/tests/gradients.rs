//! Every primitive against central differences, to second order: random shapes, both memory orders, broadcast axes,
//! extents of 1.

use mnm_tensor::ops::{Mask, primitives};
use mnm_tensor::testkit::{Gradcheck, gradcheck, random_array};
use mnm_tensor::{
    Order, Primitive, SharedArray, Tape, Tensor, TensorError, apply, gradient, pull_back,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

type Function = Box<dyn Fn(&[Tensor<f64>]) -> Result<Tensor<f64>, TensorError>>;

/// Where and what: random arguments and a function of them that exercises one primitive.
struct Case {
    at: Vec<SharedArray<f64>>,
    f: Function,
}

fn case(
    at: Vec<SharedArray<f64>>,
    f: impl Fn(&[Tensor<f64>]) -> Result<Tensor<f64>, TensorError> + 'static,
) -> Case {
    Case { at, f: Box::new(f) }
}

fn extent(g: &mut StdRng) -> usize {
    [1, 1, 2, 3, 5][g.random_range(0..5)]
}

fn shape(g: &mut StdRng, rank: usize) -> Vec<usize> {
    (0..rank).map(|_| extent(g)).collect()
}

/// A random array, in row-major or column-major order.
fn array(g: &mut StdRng, shape: &[usize]) -> SharedArray<f64> {
    if g.random::<bool>() {
        return random_array(shape, g);
    }
    let reversed: Vec<usize> = shape.iter().rev().copied().collect();
    random_array(&reversed, g).reversed_axes()
}

fn any_array(g: &mut StdRng) -> SharedArray<f64> {
    let rank = g.random_range(0..4);
    let shape = shape(g, rank);
    array(g, &shape)
}

fn positive(g: &mut StdRng) -> SharedArray<f64> {
    any_array(g).mapv(|x| 1.0 + 0.5 * x).into_shared()
}

/// Two arrays whose shapes broadcast: axes of extent 1 and missing axes on either side.
fn pair(g: &mut StdRng) -> (SharedArray<f64>, SharedArray<f64>) {
    let full = shape(g, 3);
    let one = |g: &mut StdRng| {
        let skip = g.random_range(0..3);
        let s: Vec<usize> = full[skip..]
            .iter()
            .map(|&n| if g.random_range(0..3) == 0 { 1 } else { n })
            .collect();
        array(g, &s)
    };
    (one(g), one(g))
}

/// A tensor, away from the kink of `relu`.
fn kink_free(g: &mut StdRng) -> SharedArray<f64> {
    any_array(g)
        .mapv(|x| if x.abs() < 0.01 { 0.5 } else { x })
        .into_shared()
}

/// Positive or negative, of magnitude 0.5 to 1.5.
fn away_from_zero(g: &mut StdRng) -> SharedArray<f64> {
    any_array(g)
        .mapv(|x| (x.abs() + 0.5).copysign(x))
        .into_shared()
}

/// The same elements on a grid of width 0.1, moved by `offset`: two such arrays of different offsets have no ties.
fn grid(x: &SharedArray<f64>, offset: f64) -> SharedArray<f64> {
    x.mapv(|x| (x * 10.0).round() / 10.0 + offset).into_shared()
}

fn make(primitive: &str, g: &mut StdRng) -> Option<Case> {
    Some(match primitive {
        "neg" => case(vec![any_array(g)], |x| x[0].neg()),
        "exp" => case(vec![any_array(g)], |x| x[0].exp()),
        "ln" => case(vec![positive(g)], |x| x[0].ln()),
        "sqrt" => case(vec![positive(g)], |x| x[0].sqrt()),
        "tanh" => case(vec![any_array(g)], |x| x[0].tanh()),
        "sigmoid" => case(vec![any_array(g)], |x| x[0].sigmoid()),
        "softplus" => case(vec![any_array(g)], |x| x[0].softplus()),
        // The factor makes the cotangent depend on the operand, and so the second derivative go through `share`.
        "relu" | "share" => case(vec![kink_free(g)], |x| x[0].relu()?.mul(&x[0])),
        "abs" => case(vec![kink_free(g)], |x| x[0].abs()),
        "sin" => case(vec![any_array(g)], |x| x[0].sin()),
        "cos" => case(vec![any_array(g)], |x| x[0].cos()),
        "erf" => case(vec![any_array(g)], |x| x[0].erf()),
        "powf" => {
            let whole = g.random::<bool>();
            let x = if whole {
                away_from_zero(g)
            } else {
                positive(g)
            };
            let exponent = if whole { -3.0 } else { 2.7 };
            case(vec![x], move |x| x[0].powf(exponent))
        }
        "maximum" => {
            let (a, b) = pair(g);
            // Distinct, so that no difference steps over a tie.
            let (a, b) = (grid(&a, 0.0), grid(&b, 0.05));
            case(vec![a, b], |x| {
                let y = x[0].maximum(&x[1])?;
                y.mul(&x[0].minimum(&x[1])?.scale(0.5)?.shift(1.0)?)
            })
        }
        "clamp" => {
            let x = grid(&any_array(g), 0.05);
            case(vec![x], |x| x[0].mul(&x[0])?.clamp(0.2, 0.6)?.mul(&x[0]))
        }
        "choose" => {
            let (a, b) = pair(g);
            let mask: Mask = a.mapv(|_| g.random::<bool>()).into_shared();
            case(vec![a, b], move |x| {
                let y = x[0].choose(&mask, &x[1])?;
                y.mul(&y)
            })
        }
        "max_keep" => {
            let s = shape(g, 3);
            let axis = g.random_range(0..3);
            let mut places: Vec<f64> = (0..s.iter().product()).map(|i| i as f64 * 0.1).collect();
            for i in (1..places.len()).rev() {
                places.swap(i, g.random_range(0..=i));
            }
            let x = SharedArray::from_shape_vec(s, places).expect("one an element");
            case(vec![x], move |x| {
                let y = x[0].max_keep(axis)?;
                y.mul(&y)?.mul(&x[0])
            })
        }
        "affine" => case(vec![any_array(g)], |x| x[0].affine(1.5, -0.25)),
        "add" => {
            let (a, b) = pair(g);
            case(vec![a, b], |x| x[0].add(&x[1]))
        }
        "sub" => {
            let (a, b) = pair(g);
            case(vec![a, b], |x| x[0].sub(&x[1]))
        }
        "mul" => {
            let (a, b) = pair(g);
            case(vec![a, b], |x| x[0].mul(&x[1]))
        }
        "div" => {
            let (a, b) = pair(g);
            let b = b.mapv(|x| if x < 0.0 { x - 0.5 } else { x + 0.5 });
            case(vec![a, b.into_shared()], |x| x[0].div(&x[1]))
        }
        "matmul" => {
            let (m, k, n) = (extent(g), extent(g), extent(g));
            let batch = shape(g, 2);
            let operand = |g: &mut StdRng, tail: [usize; 2]| {
                let skip = g.random_range(0..3);
                let mut s: Vec<usize> = batch[skip..]
                    .iter()
                    .map(|&n| if g.random_range(0..3) == 0 { 1 } else { n })
                    .collect();
                s.extend(tail);
                array(g, &s)
            };
            let (a, b) = (operand(g, [m, k]), operand(g, [k, n]));
            case(vec![a, b], |x| x[0].matmul(&x[1]))
        }
        "sum_to" => {
            let s = shape(g, 3);
            let x = array(g, &s);
            let skip = g.random_range(0..3);
            let to: Vec<usize> = s[skip..]
                .iter()
                .map(|&n| if g.random::<bool>() { 1 } else { n })
                .collect();
            case(vec![x], move |x| x[0].sum_to(&to)?.mul(&x[0]))
        }
        "broadcast_to" => {
            let s = shape(g, 3);
            let from: Vec<usize> = s[1..]
                .iter()
                .map(|&n| if g.random::<bool>() { 1 } else { n })
                .collect();
            let weight = Tensor::shared(random_array(&s, g));
            case(vec![array(g, &from)], move |x| {
                let y = x[0].broadcast_to(&s)?;
                y.mul(&y)?.mul(&weight)
            })
        }
        "reshape" => {
            let s = shape(g, 3);
            let to = [s[2], s[0] * s[1]];
            case(vec![array(g, &s)], move |x| {
                let y = x[0].reshape(&to)?;
                y.mul(&y)
            })
        }
        "permute" => {
            let s = shape(g, 3);
            let weight = Tensor::shared(random_array(&[s[2], s[0], s[1]], g));
            case(vec![array(g, &s)], move |x| {
                let y = x[0].permute(&[2, 0, 1])?;
                y.mul(&y)?.mul(&weight)
            })
        }
        "slice" | "pad" => {
            let s = shape(g, 3);
            let axis = g.random_range(0..3);
            let start = g.random_range(0..s[axis]);
            let length = g.random_range(0..=s[axis] - start);
            let padding = primitive == "pad";
            case(vec![array(g, &s)], move |x| {
                let y = if padding {
                    x[0].pad(axis, start, s[axis] + start + 1)?
                } else {
                    x[0].slice(axis, start, length)?
                };
                y.mul(&y)
            })
        }
        "concat" => {
            let s = shape(g, 3);
            let axis = g.random_range(0..3);
            let mut t = s.clone();
            t[axis] = extent(g);
            case(vec![array(g, &s), array(g, &t)], move |x| {
                let y = Tensor::concat(&[&x[0], &x[1], &x[0]], axis)?;
                y.mul(&y)
            })
        }
        "gather" => {
            let s = shape(g, 2);
            let rows: Vec<usize> = (0..4).map(|_| g.random_range(0..s[0])).collect();
            case(vec![array(g, &s)], move |x| {
                let y = x[0].gather(&rows)?;
                y.mul(&y)
            })
        }
        "index_add" => {
            let s = shape(g, 2);
            let mut numbers = |count: usize, below: usize| -> Vec<usize> {
                (0..count).map(|_| g.random_range(0..below)).collect()
            };
            let (from, to) = (numbers(5, s[0]), numbers(5, 3));
            let rows = numbers(s[0], 4);
            case(vec![array(g, &s)], move |x| {
                let y = x[0].index_add(&from, &to, 3)?;
                let z = x[0].scatter(&rows, 4)?;
                Tensor::concat(&[&y.mul(&y)?, &z.mul(&z)?], 0)
            })
        }
        "log_softmax" => {
            let s = shape(g, 2);
            case(vec![array(g, &s)], |x| x[0].log_softmax())
        }
        "linear" => {
            let (rows, input, out) = (extent(g), extent(g), extent(g));
            let at = [vec![rows, input], vec![out, input], vec![out]];
            case(at.map(|s| array(g, &s)).to_vec(), |x| {
                x[0].linear(&x[1], Some(&x[2]))
            })
        }
        "cross_entropy" | "cross_entropy_slope" => {
            let s = shape(g, 2);
            let classes: Vec<Option<usize>> = (0..s[0])
                .map(|_| (g.random_range(0..4) > 0).then(|| g.random_range(0..s[1])))
                .collect();
            let slope = primitive == "cross_entropy_slope";
            case(vec![array(g, &s)], move |x| {
                let loss = x[0].cross_entropy(&classes)?;
                if !slope {
                    return Ok(loss);
                }
                // The slope is the derivative of the loss; so it is itself checked to second order.
                let tape = x[0].tape().unwrap_or_default();
                let at = match x[0].is_recorded() {
                    true => x[0].clone(),
                    false => tape.shared_variable(x[0].value().clone()),
                };
                let loss = at.mul(&at)?.cross_entropy(&classes)?;
                let found = gradient(&loss, &[&at], Order::Higher)?;
                found[0].mul(&found[0])
            })
        }
        "cumsum" => {
            let s = shape(g, 3);
            let axis = g.random_range(0..3);
            let back = g.random::<bool>();
            case(vec![array(g, &s)], move |x| {
                let y = if back {
                    x[0].cumsum_back(axis)?
                } else {
                    x[0].cumsum(axis)?
                };
                y.mul(&y)
            })
        }
        _ => return None,
    })
}

/// A primitive that nobody checks fails here, by name.
#[test]
fn every_primitive_has_a_case() {
    let mut g = StdRng::seed_from_u64(1);
    let missing: Vec<_> = primitives()
        .into_iter()
        .filter(|name| make(name, &mut g).is_none())
        .collect();
    assert!(missing.is_empty(), "no gradient case for {missing:?}");
}

/// A primitive left out of `primitives()` fails here: the list is as long as there are implementations.
#[test]
fn every_implementation_is_listed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ops");
    let mut implementations = 0;
    for entry in std::fs::read_dir(folder).expect("the ops folder") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a source file");
        implementations += text.matches("Primitive<F> for ").count()
            - text.matches("Primitive<F> for $Op").count();
        // Lines of the two tables: `Op method: arguments => value; ...`.
        implementations += text
            .lines()
            .filter(|line| {
                line.starts_with("    ") && line.contains(" => ") && line.contains("g) => ")
            })
            .count();
    }
    assert_eq!(implementations, primitives().len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn gradients_match_central_differences(seed in any::<u64>()) {
        let mut g = StdRng::seed_from_u64(seed);
        for primitive in primitives() {
            let Some(case) = make(primitive, &mut g) else { continue };
            let how = Gradcheck { seed, ..Gradcheck::default() };
            if let Err(message) = gradcheck(&case.f, &case.at, how) {
                let shapes: Vec<_> = case.at.iter().map(|a| a.shape().to_vec()).collect();
                prop_assert!(false, "{primitive} at {shapes:?}: {message}");
            }
        }
    }
}

/// The kit itself must notice a wrong derivative.
#[test]
fn gradcheck_notices_a_lost_term() {
    let at = [random_array(&[3], &mut StdRng::seed_from_u64(2))];
    let f = |x: &[Tensor<f64>]| x[0].mul(x[0].detach());
    let message =
        gradcheck(f, &at, Gradcheck::default()).expect_err("half of the gradient is lost");
    assert!(
        message.contains("first order") && message.contains("seed 0"),
        "{message}"
    );
}

/// The cube, with a derivative that is right and a constant.
#[derive(Debug)]
struct FlatCube;

impl Primitive<f64> for FlatCube {
    fn name(&self) -> &'static str {
        "flat cube"
    }

    fn forward(&self, operands: &[&SharedArray<f64>]) -> Result<SharedArray<f64>, TensorError> {
        Ok(operands[0].mapv(|x| x * x * x).into_shared())
    }

    fn vjp(
        &self,
        _: usize,
        operands: &[Tensor<f64>],
        _: &Tensor<f64>,
        cotangent: &Tensor<f64>,
    ) -> Result<Tensor<f64>, TensorError> {
        let x = operands[0].detach();
        cotangent.mul(&x.mul(&x)?.scale(3.0)?)
    }
}

#[test]
fn gradcheck_notices_a_lost_second_derivative() {
    let at = [random_array(&[3], &mut StdRng::seed_from_u64(2))];
    let f = |x: &[Tensor<f64>]| apply(FlatCube, &[&x[0]]);
    let first = Gradcheck {
        second_order: false,
        ..Gradcheck::default()
    };
    assert_eq!(gradcheck(f, &at, first), Ok(()));
    let message =
        gradcheck(f, &at, Gradcheck::default()).expect_err("a constant has no derivative");
    assert!(message.contains("second order"), "{message}");
}

/// Cotangents are summed in place: the one that came from outside must stay as it was.
#[test]
fn a_cotangent_handed_in_is_not_changed() {
    let tape = Tape::new();
    let x = tape.variable(ndarray::array![1.0_f64, 2.0]);
    let y = x.add(&x).unwrap().add(&x).unwrap();
    let cotangent = Tensor::constant(ndarray::array![3.0, 5.0]);
    let g = pull_back(&y, &cotangent, &[&x], Order::First).unwrap();
    assert_eq!(g[0].value().as_slice(), Some(&[9.0, 15.0][..]));
    assert_eq!(cotangent.value().as_slice(), Some(&[3.0, 5.0][..]));
}
