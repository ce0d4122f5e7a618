//! Operators: the methods behind them, numbers on either side, and where they panic.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mnm_tensor::testkit::{Gradcheck, gradcheck, random_array};
use mnm_tensor::{Order, Tape, Tensor, TensorError, gradient};
use ndarray::array;
use rand::{SeedableRng, rngs::StdRng};

fn elements<F: mnm_tensor::Float>(t: Tensor<F>) -> Vec<F> {
    t.value().iter().copied().collect()
}

#[test]
fn operators_are_the_methods_behind_them() {
    let (a, b) = (
        Tensor::constant(array![1.0, 4.0]),
        Tensor::constant(array![2.0, 8.0]),
    );
    assert_eq!(elements(&a + &b), [3.0, 12.0]);
    assert_eq!(elements(&a - &b * 2.0), [-3.0, -12.0]);
    assert_eq!(elements((&a * &b + 1.0) / &b), [1.5, 33.0 / 8.0]);
    assert_eq!(elements(-(&a / 2.0 - 1.0)), [0.5, -1.0]);
    assert_eq!(elements(a.clone() - b.clone()), [-1.0, -4.0]);
    assert_eq!(elements(-&a), [-1.0, -4.0]);
}

/// `c + x`, `c - x`, `c * x` and `c / x`, by reference and by value, and the slopes of their sums.
macro_rules! numbers_on_the_left {
    ($($test:ident: $float:ty),*) => {$(
        #[test]
        fn $test() {
            let tape = Tape::new();
            let x = tape.variable(array![2.0 as $float, -4.0]);
            let results: [(&str, Tensor<$float>, Tensor<$float>, [$float; 2], [$float; 2]); 4] = [
                ("+", 1.0 + &x, 1.0 + x.clone(), [3.0, -3.0], [1.0, 1.0]),
                ("-", 1.0 - &x, 1.0 - x.clone(), [-1.0, 5.0], [-1.0, -1.0]),
                ("*", 3.0 * &x, 3.0 * x.clone(), [6.0, -12.0], [3.0, 3.0]),
                ("/", 8.0 / &x, 8.0 / x.clone(), [4.0, -2.0], [-2.0, -0.5]),
            ];
            for (operator, by_reference, by_value, value, slope) in results {
                for y in [by_reference, by_value] {
                    let sum = y.sum_all().unwrap();
                    assert_eq!(elements(y), value, "{operator}");
                    let found = gradient(&sum, &[&x], Order::First).unwrap().remove(0);
                    assert_eq!(elements(found), slope, "{operator}");
                }
            }
        }
    )*};
}

numbers_on_the_left!(
    numbers_on_the_left_of_single_precision: f32,
    numbers_on_the_left_of_double_precision: f64
);

type Function = fn(&Tensor<f64>) -> Tensor<f64>;

#[test]
fn numbers_on_either_side_have_both_derivatives() {
    // Away from zero, by which they are divided.
    let x = random_array(&[2, 3], &mut StdRng::seed_from_u64(3)).mapv(|x| x + 2.0);
    let functions: [(&str, Function); 8] = [
        ("c + x", |x| 1.5 + x),
        ("c - x", |x| 1.5 - x),
        ("c x", |x| 1.5 * x),
        ("c / x", |x| 1.5 / x),
        ("x + c", |x| x + 1.5),
        ("x - c", |x| x - 1.5),
        ("x c", |x| x * 1.5),
        ("x / c", |x| x / 1.5),
    ];
    for (name, f) in functions {
        // Linear functions have no second derivative of their own: their square has.
        let squared = |x: &[Tensor<f64>]| -> Result<_, TensorError> { f(&x[0]).square() };
        gradcheck(squared, &[x.clone().into_shared()], Gradcheck::default())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

thread_local! {
    /// Where this thread panicked last, and what it said.
    static PANIC: Cell<Option<(String, u32, String)>> = const { Cell::new(None) };
}

/// Runs `f`, which has to panic at the line where this function is called.
#[track_caller]
fn panics_here(f: impl FnOnce() -> Tensor<f64>, operator: &str) {
    let here = std::panic::Location::caller();
    PANIC.set(None);
    let ended = catch_unwind(AssertUnwindSafe(f));
    assert!(ended.is_err(), "{operator} of a misfit gives a tensor");
    let (file, line, message) = PANIC.take().expect("the hook saw the panic");
    assert_eq!(
        (file.as_str(), line),
        (here.file(), here.line()),
        "{operator}"
    );
    assert_eq!(
        message,
        format!(
            "{operator}: shapes [[2], [3]] do not fit: extents that are equal or 1, aligned on the right"
        ),
    );
}

#[test]
fn a_misfit_panics_at_the_line_that_used_the_operator() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let location = panic.location().map(|l| (l.file().to_owned(), l.line()));
        let message = panic.payload().downcast_ref::<String>().cloned();
        PANIC.set(
            location
                .zip(message)
                .map(|((file, line), said)| (file, line, said)),
        );
        // What other tests say when they fail is theirs.
        before(panic);
    }));
    let (a, b) = (Tensor::<f64>::zeros(&[2]), Tensor::zeros(&[3]));
    // Each in a line of its own, and in no macro, which would stand for all its lines.
    panics_here(|| &a + &b, "add");
    panics_here(|| &a + b.clone(), "add");
    panics_here(|| a.clone() + &b, "add");
    panics_here(|| a.clone() + b.clone(), "add");
    panics_here(|| &a - &b, "sub");
    panics_here(|| &a - b.clone(), "sub");
    panics_here(|| a.clone() - &b, "sub");
    panics_here(|| a.clone() - b.clone(), "sub");
    panics_here(|| &a * &b, "mul");
    panics_here(|| &a * b.clone(), "mul");
    panics_here(|| a.clone() * &b, "mul");
    panics_here(|| a.clone() * b.clone(), "mul");
    panics_here(|| &a / &b, "div");
    panics_here(|| &a / b.clone(), "div");
    panics_here(|| a.clone() / &b, "div");
    panics_here(|| a.clone() / b.clone(), "div");
}
