//! Draws the summary of `cargo xtask bench --peers`: `bars SUMMARY.json FOLDER`.

use std::path::Path;

use mnm_benches::bars;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [summary, folder] = arguments.as_slice() else {
        return Err("expected two arguments: SUMMARY.json FOLDER".into());
    };
    let text = std::fs::read_to_string(summary).map_err(|error| format!("{summary}: {error}"))?;
    let rows = bars::rows(&text).map_err(|error| format!("{summary}: {error}"))?;
    let files =
        bars::draw(&rows, Path::new(folder)).map_err(|error| format!("{folder}: {error}"))?;
    for file in files {
        println!("{}", file.display());
    }
    Ok(())
}
