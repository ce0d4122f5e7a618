//! Sixteen threads, and a GPU beside them.

use serde_json::Value;

use crate::raw::{as_printed, json, list, median, numbers, table};

/// Milliseconds of ours; `None` if it was not measured.
fn ours(raw: &Value, rule: &str, step: (&str, u64), block: u64, threads: u64) -> Option<f64> {
    let is = |row: &&Value| {
        row["rule"] == rule
            && (row["shape"] == step.0 && row["sequences"] == step.1)
            && (row["block"] == block && row["threads"] == threads)
    };
    let row = list(&raw["ours"]).iter().find(is)?;
    Some(median(numbers(&row["step_ms"])))
}

#[test]
fn the_table_of_threads_has_the_medians_of_the_readings() {
    let raw = json("../sixteen-cores.json");
    let rows = table("../scaling.md", "<!-- threads -->");
    assert_eq!(rows[0][3..], ["1 thread", "4", "8", "16"]);
    for cells in &rows[2..] {
        let number = |at: usize| cells[at].parse().expect("a whole number");
        for (threads, printed) in [1, 4, 8, 16].into_iter().zip(&cells[3..]) {
            let step = (cells[0].as_str(), number(1));
            let found = ours(&raw, "mnm-p", step, number(2), threads).expect("a reading");
            assert_eq!(*printed, as_printed(found, printed), "{cells:?}");
        }
    }
}

#[test]
fn the_table_beside_a_gpu_has_the_readings() {
    let raw = json("../sixteen-cores.json");
    let rows = table("../scaling.md", "<!-- gpu -->");
    let steps = [("S", 32), ("L", 64), ("S", 512)];
    let peers = [
        ("JAX 0.11, H200", "jax 0.11.2 jit", "H200"),
        (
            "PyTorch 2.11, compiled cell, CUDA graph, H200",
            "torch 2.11.0 compiled in a CUDA graph",
            "H200",
        ),
        (
            "PyTorch, CUDA graph, H200",
            "torch 2.11.0 eager in a CUDA graph",
            "H200",
        ),
        ("PyTorch, eager, H200", "torch 2.11.0 eager", "H200"),
        (
            "PyTorch, eager, best of 4, 8 and 16 cores",
            "torch 2.11.0 eager",
            "processor",
        ),
    ];
    for cells in &rows[2..] {
        for (at, printed) in cells[1..].iter().enumerate() {
            let (step, rule) = (steps[at / 2], ["mnm-p", "mnm-g"][at % 2]);
            let found = if cells[0] == "ours, 16 threads" {
                ours(&raw, rule, step, 2, 16).or_else(|| ours(&raw, rule, step, 8, 16))
            } else {
                let peer = peers.iter().find(|peer| peer.0 == cells[0]);
                let &(_, name, device) = peer.unwrap_or_else(|| panic!("{}", cells[0]));
                let is = |row: &&Value| {
                    row["peer"] == name
                        && row["device"] == device
                        && row["rule"] == rule
                        && (row["shape"] == step.0 && row["sequences"] == step.1)
                };
                let of = list(&raw["peers"]).iter().filter(is);
                of.filter_map(|row| row["step_ms"].as_f64())
                    .min_by(f64::total_cmp)
            };
            let found = found.map_or("-".to_owned(), |ms| as_printed(ms, printed));
            assert_eq!(*printed, found, "{cells:?}");
        }
    }
}
