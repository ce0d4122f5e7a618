//! Draws the curves of finished runs again, from their metrics: `draw_curves RUN..`.

use std::path::Path;

use mnm_report::draw_curves;
use mnm_trainer::RunFolder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for run in std::env::args().skip(1) {
        let folder = RunFolder::new(Path::new(&run));
        draw_curves(&folder)?;
        println!("{}", folder.curves().display());
    }
    Ok(())
}
