//! Whatever a config can name has a colour of its own in pictures.

use std::collections::BTreeSet;

use mnm_report::plot::{Axis, Group, LinePlot, Series};

/// The colour of the line of a group, shown beside others that are no models.
fn colour(label: &str) -> String {
    let group = |label: &str| Group {
        label: label.to_owned(),
        series: vec![Series::from_iter([(0.0, 1.0), (1.0, 2.0)])],
    };
    let plot = LinePlot {
        x: Axis::plain("steps"),
        y: Axis::plain("error"),
        groups: vec![group("one"), group(label), group("two")],
        ..LinePlot::default()
    };
    let svg = plot.svg().unwrap();
    // The swatches of the legend are in the order of the groups.
    let before = &svg[..svg.find(&format!("\n{label}\n")).unwrap()];
    let swatch = &before[before.rfind("<rect ").unwrap()..];
    let fill = swatch.split_once("fill=\"").unwrap().1;
    fill[..7].to_owned()
}

#[test]
fn every_rule_and_every_other_model_has_a_colour_of_its_own() {
    let mut names = mnm_memory::rule_names();
    names.extend(["lstm", "lstm-salu", "ntm", "dnc"].map(str::to_owned));
    let colours: BTreeSet<String> = names.iter().map(|name| colour(name)).collect();
    assert_eq!(colours.len(), names.len(), "{names:?}: {colours:?}");
}
