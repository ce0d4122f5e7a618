#![allow(missing_docs)]
use std::time::Instant;
use mnm_tensor::kernels::*;
fn numbers(length: usize) -> AlignedBuffer<f32> {
    let mut buffer = AlignedBuffer::zeros(length);
    buffer.iter_mut().enumerate().for_each(|(i, x)| *x = (i * 37 % 101) as f32 * 0.01 - 0.5);
    buffer
}
fn time(name: &str, flops: f64, n: usize, mut f: impl FnMut(usize)) {
    let mut best = f64::MAX;
    for _ in 0..200 {
        let s = Instant::now();
        for i in 0..n { f(i); }
        best = best.min(s.elapsed().as_secs_f64() / n as f64);
    }
    println!("{name:40} {:9.1} ns {:7.1} GF/s", best * 1e9, flops / best * 1e-9);
}
fn m(x: &[f32], r: usize) -> Matrix<'_, f32> { Matrix::new(x, r, 100, padded(100)) }
fn main() {
    let (out, input, stride) = (100, 100, padded(100));
    for samples in [1, 8, 32] {
        for heads in [1, 4] {
            println!("samples {samples} heads {heads}");
            let mut w: Vec<_> = (0..samples).map(|_| numbers(out * stride)).collect();
            let mut d = numbers(heads * stride);
            d.iter_mut().for_each(|x| *x *= 1e-6);
            let a = numbers(heads * stride);
            let rows = numbers(3 * heads * stride);
            let mut result = numbers(3 * heads * stride);
            let (mut dd, mut da) = (numbers(heads * stride), numbers(heads * stride));
            let one = (2 * heads * out * input) as f64;
            let write = Write { d: m(&d, heads), a: m(&a, heads) };
            time("apply", one, 64, |i| matmul_nt(m(&rows, heads), m(&w[i % samples][..], 100), MatrixMut::new(&mut result, heads, out, stride), Store::Overwrite));
            time("apply transposed", one, 64, |i| matmul(m(&rows, heads), m(&w[i % samples][..], 100), MatrixMut::new(&mut result, heads, out, stride), Store::Overwrite));
            time("write", one, 64, |i| matmul_tn(m(&d, heads), m(&a, heads), MatrixMut::new(&mut w[i % samples], 100, 100, stride), Store::Subtract));
            time("write then apply 2H", 3.0 * one, 64, |i| write_then_apply(MatrixMut::new(&mut w[i % samples], 100, 100, stride), write, m(&rows, 2 * heads), MatrixMut::new(&mut result, 2 * heads, 100, stride)));
            time("apply transposed 2H then undo", 3.0 * one, 64, |i| apply_then_undo(MatrixMut::new(&mut w[i % samples], 100, 100, stride), write, m(&rows, 2 * heads), MatrixMut::new(&mut result, 2 * heads, 100, stride), Store::Overwrite));
            time("accumulate 3H", 5.0 * one, 64, |i| accumulate(MatrixMut::new(&mut w[i % samples], 100, 100, stride), m(&rows, 3 * heads), m(&rows, 3 * heads), write, MatrixMut::new(&mut dd, heads, 100, stride), MatrixMut::new(&mut da, heads, 100, stride)));
        }
    }
    for n in [1, 4, 8, 16, 25, 50] {
        let (a, mut c, x, mut y) = (numbers(64 * 112), numbers(8 * 64), numbers(8 * 112), numbers(8 * 112));
        for m_ in [1, 2] {
            let f = (2 * m_ * n * 100) as f64;
            time(&format!("dots {m_} x {n}"), f, 64, |_| matmul_nt(m(&x, m_), m(&a, n), MatrixMut::new(&mut c, m_, n, 64), Store::Overwrite));
            time(&format!("combine {m_} x {n}"), f, 64, |_| matmul(Matrix::new(&c, m_, n, 64), m(&a, n), MatrixMut::new(&mut y, m_, 100, 112), Store::Subtract));
        }
        let mut a = numbers(64 * 112);
        let c = numbers(8 * 64).iter().map(|x| x * 1e-6).collect::<Vec<_>>();
        time(&format!("update 3 x {n}"), (6 * n * 100) as f64, 64, |_| matmul_tn(Matrix::new(&c, 3, n, 64), m(&x, 3), MatrixMut::new(&mut a, n, 100, 112), Store::Subtract));
    }
    for (m_, n, k) in [(1024, 484, 1600), (400, 300, 400), (400, 300, 800), (400, 100, 400), (1300, 256, 1600), (300, 100, 800), (300, 100, 6400)] {
        let (a, b, mut c) = (numbers(m_ * k), numbers(k * n), numbers(m_ * n));
        time(&format!("A^T B {m_} {n} {k}"), (2 * m_ * n * k) as f64, 1, |_| matmul_tn(Matrix::dense(&a, k, m_), Matrix::dense(&b, k, n), MatrixMut::dense(&mut c, m_, n), Store::Overwrite));
    }
    for (m_, n, k) in [(4, 400, 200), (8, 400, 200), (16, 400, 200), (16, 200, 400), (16, 1024, 356), (16, 356, 1024), (16, 1300, 256), (16, 256, 1300), (64, 300, 100), (64, 100, 300), (16, 300, 100), (8, 100, 300), (800, 400, 100), (800, 100, 400)] {
        let (a, b, mut c) = (numbers(m_ * k), numbers(k * n), numbers(m_ * n));
        let p = Packed::new(Matrix::dense(&b, k, n));
        time(&format!("packed {m_} {n} {k}"), (2 * m_ * n * k) as f64, 4, |_| p.multiply(Matrix::dense(&a, m_, k), MatrixMut::dense(&mut c, m_, n), Store::Overwrite));
    }
    let from = numbers(400);
    let mut to = numbers(400);
    for (name, f) in [("exp", f32::exp_slice as fn(&mut [f32])), ("tanh", f32::tanh_slice), ("sigmoid", f32::sigmoid_slice)] {
        time(name, 400.0, 64, |_| { to.copy_from_slice(&from); f(std::hint::black_box(&mut to)); });
    }
}
