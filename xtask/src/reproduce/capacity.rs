//! `cargo xtask reproduce capacity`: what the memories of `AssociativeMemory` hold. Nothing is trained: a program of `benches` stores
//! pairs and reads them back.

use anyhow::{Result, bail};

use super::{Options, default_folder};
use crate::{files, setup, shell, workspace};

/// What the study is called on the command line.
pub const NAME: &str = "capacity";

/// The pages whose tables are made from the figures, and the folder of their pictures.
const PAGES: &[&str] = &["docs/results/capacity.md", "docs/results/associative.md"];
const PICTURES: &str = "docs/results/capacity";

/// Runs the study; a whole one, into its default folder, renews the pages and their pictures too.
///
/// # Errors
/// An option that the study does not have, or a program that fails.
pub fn run(options: &Options) -> Result<()> {
    let foreign = [
        ("--data", options.data.is_some()),
        ("--seeds", options.seeds.is_some()),
        ("--jobs", options.jobs.is_some()),
        ("--only", options.only.is_some()),
        ("--share", options.share.is_some()),
        ("--program", options.program.is_some()),
    ];
    if let Some((name, _)) = foreign.iter().find(|(_, given)| *given) {
        bail!("the study `{NAME}` takes no {name}: only --quick and --out");
    }
    setup::run(&setup::Options::default())?;
    let publish = !options.quick && options.out.is_none();
    let out = options
        .out
        .clone()
        .unwrap_or_else(|| default_folder(options));
    let mut command = shell::cargo();
    command.args([
        "run",
        "--release",
        "--package",
        "mnm-benches",
        "--example",
        NAME,
        "--",
        "--out",
    ]);
    command.arg(&out);
    if options.quick {
        command.arg("--quick");
    }
    if publish {
        for page in PAGES {
            command.arg("--page").arg(workspace::root().join(page));
        }
    }
    shell::pass_through(&mut command)?;
    if publish {
        for entry in std::fs::read_dir(&out)? {
            let path = entry?.path();
            let text = std::fs::read_to_string(&path)?;
            if let Some(name) = path.file_name() {
                files::write(&workspace::root().join(PICTURES).join(name), &text)?;
            }
        }
    }
    Ok(())
}
