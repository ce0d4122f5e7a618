//! Environment steps a second beside PyTorch.

use crate::raw::{json, list, median, name, numbers, table};

#[test]
fn the_throughput_of_agents_has_the_medians_of_the_readings() {
    let raw = json("rl/throughput.json");
    let page = "../log/rl.md";
    let rows = table(page, "## Throughput");
    assert_eq!(rows.len(), 2 + list(&raw["rows"]).len());
    for cells in &rows[2..] {
        let mut readings = list(&raw["rows"]).iter();
        let row = readings.find(|row| row["model"] == name(&cells[0]));
        let row = row.unwrap_or_else(|| panic!("{page}: no readings of {}", cells[0]));
        let [ours, theirs] = ["mnm", "pytorch"].map(|of| median(numbers(&row[of])));
        for (cell, steps) in cells[1..3].iter().zip([ours, theirs]) {
            let hundreds = (steps / 100.0).round() / 10.0;
            let printed: f64 = cell.replace(',', "").parse().unwrap_or_default();
            assert_eq!(printed / 1000.0, hundreds, "{page}, {}", cells[0]);
        }
        assert_eq!(
            cells[3],
            format!("{:.1}", ours / theirs),
            "{page}, {}",
            cells[0]
        );
    }
}
