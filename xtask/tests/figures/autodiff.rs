//! The autodiff core beside others.

use crate::raw::{as_printed, json, list, median, numbers, table};

#[test]
fn the_table_of_the_autodiff_core_has_the_medians_of_the_readings() {
    let raw = json("../autodiff.json");
    let heading = "Milliseconds a step on one thread, in turns, medians over five rounds of 200 steps; in brackets that over ours:";
    let rows = table("../autodiff.md", heading);
    assert_eq!(rows.len(), 2 + list(&raw["rows"]).len());
    for (cells, row) in rows[2..].iter().zip(list(&raw["rows"])) {
        assert_eq!(cells[0].replace(", ", ","), row["shape"]);
        assert_eq!(cells[1], row["case"]);
        let mut ours = None;
        for library in list(&row["libraries"]) {
            let name = library["library"].as_str().unwrap_or_default();
            let at = rows[0].iter().position(|head| head == name);
            let cell = &cells[at.unwrap_or_else(|| panic!("no column {name:?}"))];
            let place = format!("autodiff.md, {}, {}, {name}", cells[0], cells[1]);
            let time = 1e3 * median(numbers(&library["rounds_step_s"]));
            let ours = *ours.get_or_insert(time);
            let (printed, ratio) = cell.split_once(" (").unwrap_or((cell, ""));
            assert_eq!(printed, as_printed(time, printed), "{place}");
            if let Some(ratio) = ratio.strip_suffix(" x)") {
                assert_eq!(ratio, as_printed(time / ours, ratio), "{place}");
            }
        }
    }
}
