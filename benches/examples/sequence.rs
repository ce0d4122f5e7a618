//! Times the fused cell, forward and adjoint, on the two standard shapes: `sequence [S|L|...] [rule] [block] [threads] [repeats] [steps of a shared chunk] [of an own one]`.
//!
//! Prints the least and the median time of a pass over the whole batch, and the arithmetic that it amounts to. A target for
//! profilers: everything else (output layer, optimiser) is left out.

use std::time::Instant;

use mnm_benches::{CellProblem, fused_rule, shape};
use mnm_controller::fused::{ChunkSteps, block_size};
use rayon::prelude::*;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |i: usize, default: usize| {
        arguments
            .get(i)
            .and_then(|a| a.parse().ok())
            .unwrap_or(default)
    };
    let name = arguments.first().map_or("S", String::as_str);
    let Some(shape) = shape(name) else {
        eprintln!("no shape {name}; there are S, S200, T1000, L and L10");
        std::process::exit(2);
    };
    let rule_name = arguments.get(1).map_or("mnm-p", String::as_str);
    let Some(rule) = fused_rule(rule_name, &shape) else {
        eprintln!("no fused rule {rule_name}");
        std::process::exit(2);
    };
    let block = argument(2, block_size(&shape.cell, shape.steps));
    let (threads, repeats) = (argument(3, 2), argument(4, 10));
    let chunk = rule.chunk_steps(shape.cell.heads);
    let chunk = ChunkSteps {
        shared: argument(5, chunk.shared),
        own: argument(6, chunk.own),
    };
    let problem = CellProblem::new(rule, shape, block);
    let run = || {
        let prepared = problem.prepared().with_chunk(chunk);
        let one = |_| problem.pass(&prepared).map(|phase| phase.as_secs_f64());
        let each: Vec<[f64; 2]> = (0..shape.batch / block).into_par_iter().map(one).collect();
        each.iter().fold([f64::INFINITY; 2], |least, x| {
            [least[0].min(x[0]), least[1].min(x[1])]
        })
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a pool");
    let share = (shape.batch / block) as f64 / threads as f64;
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
        "{name} {rule_name} block {block} threads {threads} chunks {} and {}: least {:.2} ms, median {:.2} ms; the least that a block took, times the blocks by the threads: forward {:.2} ms, adjoint {:.2} ms",
        chunk.shared,
        chunk.own,
        times[0] * 1e3,
        times[repeats / 2] * 1e3,
        least[0] * 1e3 * share,
        least[1] * 1e3 * share,
    );
}
