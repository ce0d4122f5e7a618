//! The kernels alone on one core, in elements per second where an element is one floating-point operation (or one
//! activation); with `--features gemm` beside the crate of that name where it has the same operation.
//!
//! `MNM_LEVEL=avx2` or `portable` holds ours to a smaller instruction set.
#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mnm_tensor::kernels::{
    AlignedBuffer, Kernels, Level, Matrix, MatrixMut, Packed, Store, matmul, matmul_nt, matmul_tn,
    padded, with_level,
};

/// An activation of a slice, in place.
type InPlace = fn(&mut [f32]);

fn level() -> Level {
    match std::env::var("MNM_LEVEL").as_deref() {
        Ok("avx2") => Level::Avx2,
        Ok("portable") => Level::Portable,
        _ => Level::detected(),
    }
}

fn numbers(length: usize) -> AlignedBuffer<f32> {
    let mut buffer = AlignedBuffer::zeros(length);
    buffer
        .iter_mut()
        .enumerate()
        .for_each(|(i, x)| *x = (i * 37 % 101) as f32 * 0.01 - 0.5);
    buffer
}

/// C = A B of the `gemm` crate; `a` and `b` as (data, row stride, column stride).
#[cfg(feature = "gemm")]
fn theirs(
    (m, n, k): (usize, usize, usize),
    a: (&[f32], usize, usize),
    b: (&[f32], usize, usize),
    c: &mut [f32],
) {
    // SAFETY: the slices hold the matrices at these strides.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.0.as_ptr(),
            a.2 as isize,
            a.1 as isize,
            b.0.as_ptr(),
            b.2 as isize,
            b.1 as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("products");
    for (m, n, k) in [
        (1, 400, 200),
        (4, 400, 200),
        (8, 400, 200),
        (16, 400, 200),
        (32, 400, 200),
        (16, 300, 100),
        (16, 100, 400),
        (32, 1300, 256),
        (32, 1024, 356),
        (800, 400, 100),
    ] {
        let (a, b, mut c) = (numbers(m * k), numbers(k * n), numbers(m * n));
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
        let id = |name| BenchmarkId::new(name, format!("{m}x{n}x{k}"));
        let packed = Packed::new(Matrix::dense(&b, k, n));
        group.bench_function(id("packed"), |bench| {
            bench.iter(|| {
                packed.multiply(
                    Matrix::dense(&a, m, k),
                    MatrixMut::dense(&mut c, m, n),
                    Store::Overwrite,
                )
            });
        });
        group.bench_function(id("unpacked"), |bench| {
            bench.iter(|| {
                matmul(
                    Matrix::dense(&a, m, k),
                    Matrix::dense(&b, k, n),
                    MatrixMut::dense(&mut c, m, n),
                    Store::Overwrite,
                )
            });
        });
        #[cfg(feature = "gemm")]
        group.bench_function(id("gemm"), |bench| {
            bench.iter(|| theirs((m, n, k), (&a, k, 1), (&b, n, 1), &mut c))
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("weight gradients");
    for (m, n, k) in [
        (400, 300, 800),
        (400, 100, 800),
        (1024, 484, 3200),
        (1300, 256, 3200),
        (300, 100, 800),
        (100, 100, 32),
    ] {
        let (a, b, mut c) = (numbers(m * k), numbers(k * n), numbers(m * n));
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
        let id = |name| BenchmarkId::new(name, format!("{m}x{n}x{k}"));
        group.bench_function(id("ours"), |bench| {
            bench.iter(|| {
                matmul_tn(
                    Matrix::dense(&a, k, m),
                    Matrix::dense(&b, k, n),
                    MatrixMut::dense(&mut c, m, n),
                    Store::Overwrite,
                )
            });
        });
        #[cfg(feature = "gemm")]
        group.bench_function(id("gemm"), |bench| {
            bench.iter(|| theirs((m, n, k), (&a, 1, m), (&b, n, 1), &mut c))
        });
    }
    group.finish();
}

/// Fast weights of eight sequences in turn, as in a block of them: together they do not fit the nearest cache.
fn fast_weights(criterion: &mut Criterion) {
    let (out, input, stride) = (100, 100, padded(100));
    let mut group = criterion.benchmark_group("fast weights");
    for heads in [1, 4] {
        let mut weights: Vec<_> = (0..8).map(|_| numbers(out * stride)).collect();
        let mut d = numbers(heads * out);
        d.iter_mut().for_each(|x| *x *= 1e-6);
        let a = numbers(heads * input);
        let (rows, mut result) = (numbers(3 * heads * stride), numbers(3 * heads * stride));
        let mut next = 0;
        let mut run = |name: &str, matrices: usize, body: &mut dyn FnMut(&mut [f32])| {
            group.throughput(Throughput::Elements(
                (2 * matrices * heads * out * input) as u64,
            ));
            group.bench_function(BenchmarkId::new(name, format!("H={heads}")), |bench| {
                bench.iter(|| {
                    next = (next + 1) % 8;
                    body(&mut weights[next]);
                });
            });
        };
        run("apply", 1, &mut |w| {
            let y = MatrixMut::dense(&mut result, heads, out);
            matmul_nt(
                Matrix::dense(&rows, heads, input),
                Matrix::new(w, out, input, stride),
                y,
                Store::Overwrite,
            );
        });
        run("apply transposed", 1, &mut |w| {
            let y = MatrixMut::dense(&mut result, heads, input);
            matmul(
                Matrix::dense(&rows, heads, out),
                Matrix::new(w, out, input, stride),
                y,
                Store::Overwrite,
            );
        });
        run("write", 1, &mut |w| {
            let w = MatrixMut::new(w, out, input, stride);
            matmul_tn(
                Matrix::dense(&d, heads, out),
                Matrix::dense(&a, heads, input),
                w,
                Store::Subtract,
            );
        });
    }
    group.finish();
}

fn activations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("activations");
    group.throughput(Throughput::Elements(400));
    let functions: [(&str, InPlace); 3] = [
        ("exp", f32::exp_slice),
        ("tanh", f32::tanh_slice),
        ("sigmoid", f32::sigmoid_slice),
    ];
    for (name, function) in functions {
        let from = numbers(400);
        let mut to = numbers(400);
        group.bench_function(name, |bench| {
            bench.iter(|| {
                to.copy_from_slice(&from);
                function(black_box(&mut to));
            });
        });
    }
    group.finish();
}

fn all(criterion: &mut Criterion) {
    with_level(level(), || {
        products(criterion);
        fast_weights(criterion);
        activations(criterion);
    });
}

criterion_group! {
    name = kernels;
    config = Criterion::default().warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(400)).sample_size(20);
    targets = all
}
criterion_main!(kernels);
