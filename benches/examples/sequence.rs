//! Times the fused cell, forward and adjoint, on the two standard shapes: `sequence [S|L|...] [rule] [block] [threads] [repeats] [dual rows]`.
//!
//! Prints the least and the median time of a pass over the whole batch, and the arithmetic that it amounts to. A target for
//! profilers: everything else (output layer, optimiser) is left out.

use std::time::Instant;

use mnm_controller::fused::{
    CellSizes, Cotangents, FusedRule, Initial, InitialState, Inputs, Keep, Prepared,
    TargetsWeights, Wanted, Weights, break_even_rows,
};
use mnm_memory::MemoryShape;
use rayon::prelude::*;

struct Shape {
    batch: usize,
    steps: usize,
    cell: CellSizes,
}

fn shape(name: &str) -> Option<Shape> {
    let [batch, steps, input, controller, value, hidden, heads] = match name {
        "S" => [32, 50, 100, 100, 100, 100, 1],
        "L" => [64, 100, 128, 256, 100, 100, 4],
        "L10" => [64, 10, 128, 256, 100, 100, 4],
        "S200" => [32, 200, 100, 100, 100, 100, 1],
        "T1000" => [32, 1000, 100, 100, 100, 100, 1],
        _ => return None,
    };
    let memory = MemoryShape::new(value, hidden, 3).ok()?;
    Some(Shape {
        batch,
        steps,
        cell: CellSizes {
            input,
            controller,
            heads,
            memory,
        },
    })
}

fn numbers(length: usize, scale: f32, seed: &mut u64) -> Vec<f32> {
    let next = || {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        scale * ((*seed >> 40) as f32 / (1_u64 << 23) as f32 - 1.0)
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |i: usize, default: usize| {
        arguments
            .get(i)
            .and_then(|a| a.parse().ok())
            .unwrap_or(default)
    };
    let name = arguments.first().map_or("S", String::as_str);
    let Some(Shape { batch, steps, cell }) = shape(name) else {
        eprintln!("no shape {name}; there are S, L and T1000");
        std::process::exit(2);
    };
    let rule_name = arguments.get(1).map_or("mnm-p", String::as_str);
    let Some(rule) = FusedRule::named(rule_name) else {
        eprintln!("no rule {rule_name}; there are mnm-p and mnm-g");
        std::process::exit(2);
    };
    let (block, threads, repeats) = (argument(2, 16), argument(3, 2), argument(4, 10));
    let dual_rows = argument(5, break_even_rows(&cell.memory, cell.heads));
    let seed = &mut 1;
    let (c, m, x, z, targets) = (
        cell.controller,
        cell.value(),
        cell.input,
        cell.interaction(),
        cell.memory.targets(),
    );
    let mut weight =
        |rows: usize, columns: usize| numbers(rows * columns, 1.0 / (columns as f32).sqrt(), seed);
    let (weight_ih, weight_hh, bias) = (weight(4 * c, x + m), weight(4 * c, c), weight(1, 4 * c));
    let (interaction, interaction_bias) = (weight(z, c), weight(1, z));
    let (rate, rate_bias) = (weight(1, m), weight(1, 1));
    let (targets_weight, targets_bias) = (weight(targets, m), weight(1, targets));
    let memory: Vec<Vec<f32>> = (0..cell.memory.layers())
        .map(|l| cell.memory.weight(l))
        .map(|[o, i]| weight(o, i))
        .collect();
    let weights = Weights {
        weight_ih: &weight_ih,
        weight_hh: &weight_hh,
        bias_ih: &bias,
        bias_hh: &bias,
        interaction_weight: &interaction,
        interaction_bias: &interaction_bias,
        rate_weight: &rate,
        rate_bias: &rate_bias,
        targets: Some(TargetsWeights {
            weight: &targets_weight,
            bias: &targets_bias,
        }),
    };
    let inputs = numbers(steps * block * x, 1.0, seed);
    let d_outputs = numbers(steps * block * (c + m), 1e-3, seed);
    let d_meta = vec![1.0 / (batch * steps) as f32; steps * block];
    let zeros = vec![0.0; block * c.max(m)];
    let initial: Vec<Initial<'_, f32>> = memory.iter().map(|w| Initial::Shared(w)).collect();
    let run = || {
        let prepared = Prepared::new(rule, cell, &weights).expect("weights fill their shapes");
        let prepared = prepared.with_dual_rows(dual_rows);
        let one = |_| {
            let state = InitialState {
                hidden: &zeros[..block * c],
                cell: &zeros[..block * c],
                read: &zeros[..block * m],
                memory: &initial,
            };
            let inputs = Inputs {
                steps,
                samples: block,
                inputs: &inputs,
                hidden_mask: None,
            };
            let start = Instant::now();
            let forward = prepared
                .forward(
                    &inputs,
                    &state,
                    Keep {
                        record: true,
                        memory: false,
                    },
                )
                .expect("inputs fill their shapes");
            let middle = Instant::now();
            let cotangents = Cotangents {
                outputs: &d_outputs,
                meta: &d_meta,
                ..Cotangents::default()
            };
            let gradients = forward.saved.expect("recorded").adjoint(
                &prepared,
                &cotangents,
                Wanted {
                    inputs: true,
                    memory: false,
                },
            );
            std::hint::black_box(gradients.expect("cotangents fill their shapes"));
            [middle - start, Instant::now() - middle].map(|d| d.as_secs_f64())
        };
        let each: Vec<[f64; 2]> = (0..batch / block).into_par_iter().map(one).collect();
        each.iter().fold([f64::INFINITY; 2], |least, x| {
            [least[0].min(x[0]), least[1].min(x[1])]
        })
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a pool");
    let share = (batch / block) as f64 / threads as f64;
    let mut times = Vec::new();
    let mut least = [f64::INFINITY; 2];
    for _ in 0..repeats {
        let start = Instant::now();
        let phases = pool.install(run);
        times.push(start.elapsed().as_secs_f64());
        least = [least[0].min(phases[0]), least[1].min(phases[1])];
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{name} {rule_name} block {block} threads {threads} dual rows {dual_rows}: least {:.2} ms, median {:.2} ms; the least that a block took, times the blocks by the threads: forward {:.2} ms, adjoint {:.2} ms",
        times[0] * 1e3,
        times[repeats / 2] * 1e3,
        least[0] * 1e3 * share,
        least[1] * 1e3 * share,
    );
}
