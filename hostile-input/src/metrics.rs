//! `metrics.jsonl`.

use std::path::Path;

use mnm_report::report::parse_metrics;
use mnm_trainer::metrics::{Mark, until};

use crate::{Verdict, refused};

const NAME: &str = "metrics.jsonl";

/// The lines of a run are read up to a step, or the file is refused by name. What was kept is all kept again. A report reads the file or refuses it
/// by name and line.
///
/// The first two bytes are the step and how often a line is due.
pub fn metrics(bytes: &[u8]) -> Verdict {
    let Some((&[step, every], bytes)) = bytes.split_first_chunk() else {
        return Verdict::Refused;
    };
    let (path, step, every) = (Path::new(NAME), u64::from(step), 1 + u64::from(every));
    if let Ok(text) = std::str::from_utf8(bytes) {
        match parse_metrics(path, text) {
            Ok((train, valid)) => {
                let lines = text.lines().count();
                assert!(train.len() + valid.len() <= lines);
            }
            Err(error) => {
                refused(&error, &format!("{NAME}:"));
            }
        }
    }
    match until(path, bytes, step, every, None) {
        Ok(kept) => {
            let mark = Mark::of(&kept);
            let again = until(path, kept.as_bytes(), step, every, Some(&mark));
            assert_eq!(again.expect("what was kept"), kept);
            Verdict::Taken
        }
        Err(error) => refused(&error, NAME),
    }
}
