//! Draws the summary of `cargo xtask bench --peers`: `bars SUMMARY.json PICTURE.svg`.

use std::path::Path;

use mnm_benches::bars;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [summary, picture] = arguments.as_slice() else {
        return Err("expected two arguments: SUMMARY.json PICTURE.svg".into());
    };
    let text = std::fs::read_to_string(summary).map_err(|error| format!("{summary}: {error}"))?;
    let rows = bars::rows(&text).map_err(|error| format!("{summary}: {error}"))?;
    bars::draw(&rows, Path::new(picture)).map_err(|error| format!("{picture}: {error}").into())
}
