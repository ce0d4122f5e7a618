//! A Hessian-vector product without ever forming the Hessian: the gradient of `<gradient f(x), v>`.
//!
//! `cargo run -p mnm-tensor --example hessian_vector_product`

use mnm_tensor::{Order, Tape, Tensor, TensorError, gradient};
use ndarray::array;

pub(crate) fn main() -> Result<(), TensorError> {
    // The Rosenbrock function f(x, y) = (1 - x)^2 + 100 (y - x^2)^2 at (-1.2, 1).
    let tape = Tape::new();
    let (x, y) = (tape.variable(array![-1.2_f64]), tape.variable(array![1.0]));
    let a = x.neg()?.shift(1.0)?;
    let b = y.sub(&x.mul(&x)?)?;
    let f = a.mul(&a)?.add(&b.mul(&b)?.scale(100.0)?)?.sum_all()?;

    let g = gradient(&f, &[&x, &y], Order::Higher)?;
    let v = [Tensor::constant(array![1.0]), Tensor::constant(array![2.0])];
    let along = g[0].mul(&v[0])?.add(&g[1].mul(&v[1])?)?.sum_all()?;
    let product = gradient(&along, &[&x, &y], Order::First)?;

    println!("gradient  ({:8.2}, {:8.2})", g[0].item()?, g[1].item()?);
    println!(
        "H (1, 2)  ({:8.2}, {:8.2})",
        product[0].item()?,
        product[1].item()?
    );
    // By hand: H = [[2 - 400 (y - 3 x^2), -400 x], [-400 x, 200]] = [[1330, 480], [480, 200]].
    assert!(
        (product[0].item()? - 2290.0).abs() < 1e-9 && (product[1].item()? - 880.0).abs() < 1e-9
    );
    Ok(())
}
