//! How much the memories of `AssociativeMemory` hold, and what they cost: the study behind docs/results/capacity.md and associative.md.
//!
//! `cargo xtask reproduce capacity` runs it. It writes `capacity.json`, the pictures, and fills the tables of the pages from the JSON.

mod drift;
mod methods;
mod page;
mod pictures;
mod scene;
mod storing;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What went wrong, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Options {
    quick: bool,
    draw_only: bool,
    out: PathBuf,
    /// Pages whose tables are filled.
    pages: Vec<PathBuf>,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options {
        quick: false,
        draw_only: false,
        out: PathBuf::from("runs/capacity"),
        pages: Vec::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = |name: &str| {
            let value = arguments.next();
            value.ok_or_else(|| Failure::from(format!("{name} needs a path")))
        };
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--draw-only" => options.draw_only = true,
            "--out" => options.out = value("--out")?.into(),
            "--page" => options.pages.push(value("--page")?.into()),
            other => {
                return Err(format!(
                    "{other}: expected --quick, --draw-only, --out DIR or --page FILE"
                )
                .into());
            }
        }
    }
    Ok(options)
}

/// The figures of the study: measured, or those of an earlier run.
fn figures(options: &Options, raw: &Path) -> Result<Value, Failure> {
    if options.draw_only {
        let text = std::fs::read_to_string(raw).map_err(|error| {
            format!("{}: {error}; run without --draw-only first", raw.display())
        })?;
        return Ok(serde_json::from_str(&text)?);
    }
    let storing = storing::run(options.quick)?;
    let drift = drift::run(options.quick)?;
    let figures = json!({ "quick": options.quick, "storing": storing, "drift": drift });
    std::fs::create_dir_all(&options.out)?;
    std::fs::write(raw, format!("{figures}\n"))?;
    Ok(figures)
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let raw = options.out.join("capacity.json");
    let figures = figures(&options, &raw)?;
    for (name, picture) in pictures::draw(&figures)? {
        std::fs::write(options.out.join(name), picture)?;
    }
    let mut tables = page::tables(&figures);
    page::add_beside(&options.out, &mut tables)?;
    for (name, table) in &tables {
        writeln!(io::stdout(), "{name}\n\n{table}")?;
    }
    for page in &options.pages {
        page::fill(page, &tables)?;
    }
    writeln!(io::stdout(), "raw figures: {}", raw.display())?;
    Ok(())
}
