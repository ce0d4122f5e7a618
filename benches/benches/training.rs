//! The fused cell on one block of sequences, and whole training steps, on the standard shapes S and L with both rules.
#![allow(missing_docs)]

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mnm_benches::{CellProblem, fused_rule, shape};
use mnm_controller::ModelConfig;
use mnm_controller::fused::block_size;
use mnm_trainer::{BenchRun, BenchShape, bench};

const SHAPES: [&str; 2] = ["S", "L"];
const RULES: [&str; 2] = ["mnm-p", "mnm-g"];

/// Forward and back of one block on one thread, in steps of a sequence per second.
fn cell(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cell");
    for name in SHAPES {
        let shape = shape(name).expect("a standard shape");
        let block = block_size(&shape.cell, shape.steps);
        group.throughput(Throughput::Elements((block * shape.steps) as u64));
        for rule in RULES {
            let fused = fused_rule(rule, &shape).expect("a fused rule");
            let problem = CellProblem::new(fused, shape, block);
            let prepared = problem.prepared();
            for (phase, direction) in ["forward", "adjoint"].into_iter().enumerate() {
                let id = BenchmarkId::new(format!("{rule} {direction}"), name);
                group.bench_function(id, |bench| {
                    bench.iter_custom(|times| {
                        (0..times).map(|_| problem.pass(&prepared)[phase]).sum()
                    });
                });
            }
        }
    }
    group.finish();
}

/// Forward, backward, clipping and Adam on all cores, in sequences per second.
fn step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("training step");
    for name in SHAPES {
        let shape = shape(name).expect("a standard shape");
        group.throughput(Throughput::Elements(shape.batch as u64));
        for rule in RULES {
            let model = ModelConfig {
                rule: rule.to_owned(),
                ..ModelConfig::default()
            };
            let (sizes, model) = BenchShape::of(shape.sizes(), model);
            group.bench_function(BenchmarkId::new(rule, name), |criterion| {
                criterion.iter_custom(|times| {
                    let run = BenchRun {
                        steps: times as usize,
                        threads: 0,
                        block: None,
                    };
                    let found = bench(&model, sizes, run).expect("sizes in range");
                    Duration::from_secs_f64(found.step_s * times as f64)
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = training;
    config = Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(2)).sample_size(10);
    targets = cell, step
}
criterion_main!(training);
