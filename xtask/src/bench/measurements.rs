//! What was measured, gathered into medians and ratios.

use serde_json::{Value, json};

use super::programs::Measured;
use crate::table;

/// All measurements, in the order in which they first occur.
#[derive(Default)]
pub struct Measurements {
    groups: Vec<Group>,
}

/// The measurements of one program on one shape with one rule.
struct Group {
    shape: String,
    rule: String,
    program: String,
    measured: Vec<Measured>,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The shape's letter.
    pub shape: String,
    /// The write rule.
    pub rule: String,
    /// The program.
    pub program: String,
    /// The median over rounds of a step's median time, in seconds.
    pub step_s: f64,
    /// The fastest step of all, in seconds.
    pub min_s: f64,
    /// The largest peak over rounds, in MiB.
    pub rss_mib: f64,
    /// Its step time over that of the group's first program (ours).
    pub time_ratio: f64,
    /// Its peak memory over that of the group's first program (ours).
    pub memory_ratio: f64,
    /// Every round's step time, in seconds.
    pub rounds: Vec<f64>,
}

impl Measurements {
    /// Adds one measurement.
    pub fn add(&mut self, shape: &str, rule: &str, program: &str, measured: Measured) {
        let same = |group: &&mut Group| {
            group.shape == shape && group.rule == rule && group.program == program
        };
        match self.groups.iter_mut().find(same) {
            Some(group) => group.measured.push(measured),
            None => self.groups.push(Group {
                shape: shape.to_owned(),
                rule: rule.to_owned(),
                program: program.to_owned(),
                measured: vec![measured],
            }),
        }
    }

    /// One row a group, with ratios to the first program that was measured on the same shape and rule.
    pub fn rows(&self) -> Vec<Row> {
        let step = |group: &Group| {
            median(
                group
                    .measured
                    .iter()
                    .map(|measured| measured.step_s)
                    .collect(),
            )
        };
        let peak = |group: &Group| {
            group
                .measured
                .iter()
                .map(|measured| measured.rss_mib)
                .fold(0.0, f64::max)
        };
        self.groups
            .iter()
            .map(|group| {
                let first = self
                    .groups
                    .iter()
                    .find(|other| other.shape == group.shape && other.rule == group.rule);
                let first = first.unwrap_or(group);
                Row {
                    shape: group.shape.clone(),
                    rule: group.rule.clone(),
                    program: group.program.clone(),
                    step_s: step(group),
                    min_s: group
                        .measured
                        .iter()
                        .map(|measured| measured.min_s)
                        .fold(f64::INFINITY, f64::min),
                    rss_mib: peak(group),
                    time_ratio: step(group) / step(first),
                    memory_ratio: peak(group) / peak(first),
                    rounds: group
                        .measured
                        .iter()
                        .map(|measured| measured.step_s)
                        .collect(),
                }
            })
            .collect()
    }
}

/// The middle value, or the mean of the two in the middle; 0 for none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.get(half) {
        None => 0.0,
        Some(&upper) if values.len() % 2 == 1 => upper,
        Some(&upper) => (values[half - 1] + upper) / 2.0,
    }
}

/// The table for people.
pub fn table(rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.shape.clone(),
                row.rule.clone(),
                row.program.clone(),
                format!("{:.2}", row.step_s * 1e3),
                format!("{:.2}", row.min_s * 1e3),
                format!("{:.1}x", row.time_ratio),
                format!("{:.0}", row.rss_mib),
                format!("{:.1}x", row.memory_ratio),
            ]
        })
        .collect();
    table::plain(
        &[
            "shape",
            "rule",
            "program",
            "step, ms",
            "min, ms",
            "time",
            "peak, MiB",
            "memory",
        ],
        &cells,
    )
}

/// The same for programs, with every round.
pub fn to_json(rows: &[Row], steps: u32, threads: usize) -> Value {
    let row = |row: &Row| {
        json!({
            "shape": row.shape, "rule": row.rule, "program": row.program,
            "step_s": row.step_s, "min_s": row.min_s, "rss_mib": row.rss_mib,
            "time_ratio": row.time_ratio, "memory_ratio": row.memory_ratio, "rounds_step_s": row.rounds,
        })
    };
    json!({"steps": steps, "threads": threads, "rows": rows.iter().map(row).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(step_s: f64, rss_mib: f64) -> Measured {
        Measured {
            step_s,
            min_s: step_s / 2.0,
            rss_mib,
        }
    }

    #[test]
    fn ratios_are_medians_over_our_median_on_the_same_shape_and_rule() {
        let mut all = Measurements::default();
        for (ours, theirs) in [(0.010, 0.2), (0.500, 0.1), (0.012, 0.3)] {
            all.add("S", "mnm-p", "mnm", measured(ours, 50.0));
            all.add("S", "mnm-p", "PyTorch, eager", measured(theirs, 1000.0));
        }
        all.add("L", "mnm-p", "mnm", measured(1.0, 100.0));
        let rows = all.rows();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0].step_s, 0.012);
        assert_eq!(rows[0].min_s, 0.005);
        assert!((rows[1].time_ratio - 0.2 / 0.012).abs() < 1e-12);
        assert_eq!((rows[1].memory_ratio, rows[2].time_ratio), (20.0, 1.0));
        let text = table(&rows);
        assert!(text.contains("16.7x") && text.contains("20.0x"), "{text}");
        let rounds = to_json(&rows, 10, 2)
            .pointer("/rows/1/rounds_step_s")
            .cloned();
        assert_eq!(rounds, Some(json!([0.2, 0.1, 0.3])));
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(vec![]), 0.0);
    }
}
