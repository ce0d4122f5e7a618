//! Microseconds of a write and a read of `AssociativeMemory`, beside thirty plain lines on the same kernels.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mnm_benches::plain::Plain;
use mnm_memory::{AssociativeMemory, Method};

/// Keys of about unit length, and values: 64 of each, so that they stay in the nearest cache no better than a program's would.
fn pairs(width: usize) -> Vec<(Vec<f32>, Vec<f32>)> {
    let entry = |i: usize, j: usize| ((i * 7919 + j * 104_729) % 2003) as f32 / 1001.5 - 1.0;
    let scale = (3.0 / width as f32).sqrt();
    (0..64)
        .map(|i| {
            let key = (0..width).map(|j| scale * entry(i, j)).collect();
            (key, (0..width).map(|j| entry(i + 64, j)).collect())
        })
        .collect()
}

fn operations(criterion: &mut Criterion) {
    for width in [64, 128, 256, 512] {
        let pairs = pairs(width);
        let mut group = criterion.benchmark_group(format!("associative {width}"));
        let mut turn = 0;
        let mut next = || {
            turn = (turn + 1) % pairs.len();
            &pairs[turn]
        };
        for (name, method) in [
            ("delta", Method::delta()),
            ("least squares", Method::least_squares()),
            ("hebbian", Method::hebbian()),
            ("deep", Method::deep([width])),
        ] {
            for sample in [32, 0] {
                let memory = AssociativeMemory::<f32>::new(width, width, method.clone());
                let mut memory = memory.expect("valid").with_sample(sample);
                let id = BenchmarkId::new(format!("{name} write"), format!("sample {sample}"));
                group.bench_function(id, |bench| {
                    bench.iter(|| {
                        let (key, value) = next();
                        memory.write(key, value).expect("finite")
                    });
                });
                if sample == 0 {
                    continue;
                }
                let mut value = vec![0.0; width];
                group.bench_function(BenchmarkId::new(format!("{name} read"), "ours"), |bench| {
                    bench.iter(|| memory.read_into(&next().0, &mut value).expect("finite"));
                });
            }
        }
        let mut plain = Plain::new(width, width);
        group.bench_function("delta write/plain", |bench| {
            bench.iter(|| {
                let (key, value) = next();
                plain.delta(key, value);
            });
        });
        let mut value = vec![0.0; width];
        group.bench_function("delta read/plain", |bench| {
            bench.iter(|| plain.read(black_box(&next().0), &mut value));
        });
        let mut plain = Plain::new(width, width);
        group.bench_function("least squares write/plain", |bench| {
            bench.iter(|| {
                let (key, value) = next();
                plain.least_squares(key, value);
            });
        });
        group.finish();
    }
}

criterion_group!(benches, operations);
criterion_main!(benches);
