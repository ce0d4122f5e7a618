//! The event file of a run folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use mnm_trainer::checkpoint::{LARGEST_RECORDS, read_file, write_file};

use super::error::TensorboardError;
use super::{event, record};

/// The name holds "tfevents", which is how TensorBoard knows its files, and no clock and no host: a run folder has one.
const FILE_NAME: &str = "events.out.tfevents.0000000000.mnm";

/// Writes scalars that `tensorboard --logdir` shows.
///
/// Values are buffered; [`EventWriter::flush`] hands them to the operating system, as does dropping the writer.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
    /// The first event of a file names the format's version.
    opened: bool,
    /// What was wrong with the file.
    damage: Option<String>,
}

impl EventWriter {
    /// Goes on with the event file in `folder` after `step` steps, or begins one; a folder that is missing is made. What a killed run
    /// left of later steps is cut off, because they come again and TensorBoard shows every point that it finds; so is a record that is
    /// half written, because it reads nothing past a damaged one. Records that are damaged are left out, and
    /// [`EventWriter::damage`] says so.
    ///
    /// # Errors
    /// If the folder or the file cannot be created, read or cut; what stands there is no file, or too large for one.
    pub fn append(folder: impl AsRef<Path>, step: u64) -> Result<Self, TensorboardError> {
        let path = path_in(folder.as_ref())?;
        let bytes = match read_file(&path, LARGEST_RECORDS) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(failed(&path, "read", source)),
        };
        let found = record::find(&bytes, |data| event::step(data) <= step);
        let length = found.kept[0].end as u64;
        let file = match found.damaged.is_empty() {
            true => opened(&path).and_then(|file| file.set_len(length).map(|()| file)),
            false => write_file(&path, &salvaged(&bytes, &found)).and_then(|()| opened(&path)),
        };
        let file = file.map_err(|source| failed(&path, "open", source))?;
        let any = found.kept.iter().any(|kept| !kept.is_empty());
        Ok(Self {
            damage: said(&path, &found.damaged),
            path,
            file: BufWriter::new(file),
            opened: any,
        })
    }

    /// What was damaged of the file and is lost, in words; None where nothing was.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// One point of the curve `tag`. Slashes in the tag group curves ("valid/error"). `wall_time` is in seconds since
    /// 1970; the format keeps the value as f32.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scalar(
        &mut self,
        tag: &str,
        step: u64,
        value: f64,
        wall_time: f64,
    ) -> Result<(), TensorboardError> {
        if !self.opened {
            self.write(&event::file_version(wall_time))?;
            self.opened = true;
        }
        self.write(&event::scalar(tag, step, value as f32, wall_time))
    }

    /// Hands everything written so far to the operating system.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn flush(&mut self) -> Result<(), TensorboardError> {
        self.file
            .flush()
            .map_err(|source| failed(&self.path, "write", source))
    }

    /// Where the events go.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&mut self, event: &[u8]) -> Result<(), TensorboardError> {
        self.file
            .write_all(&record::frame(event))
            .map_err(|source| failed(&self.path, "write", source))
    }
}

fn opened(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// What is left of a file with damaged records, behind the event that a file begins with.
fn salvaged(bytes: &[u8], found: &record::Found) -> Vec<u8> {
    let kept = found.kept.iter().flat_map(|kept| &bytes[kept.clone()]);
    let kept: Vec<u8> = kept.copied().collect();
    match record::split(&kept) {
        Ok((first, _)) if !event::is_file_version(first) => {
            let version = event::file_version(event::wall_time(first).unwrap_or(0.0));
            [record::frame(&version), kept].concat()
        }
        _ => kept,
    }
}

fn said(path: &Path, damaged: &[Range<usize>]) -> Option<String> {
    let first = damaged.first()?;
    let bytes: usize = damaged.iter().map(Range::len).sum();
    Some(format!(
        "{}: damaged from byte {} on. {bytes} bytes of TensorBoard's curves are lost and left out; metrics.jsonl has their figures",
        path.display(),
        first.start
    ))
}

fn path_in(folder: &Path) -> Result<PathBuf, TensorboardError> {
    fs::create_dir_all(folder).map_err(|source| failed(folder, "create the folder of", source))?;
    Ok(folder.join(FILE_NAME))
}

fn failed(path: &Path, action: &'static str, source: io::Error) -> TensorboardError {
    TensorboardError {
        path: path.to_owned(),
        action,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(path: &Path) -> Vec<Vec<u8>> {
        let bytes = fs::read(path).unwrap();
        let mut rest = &bytes[..];
        let mut found = Vec::new();
        while let Ok((data, next)) = record::split(rest) {
            found.push(data.to_vec());
            rest = next;
        }
        assert!(rest.is_empty(), "{} bytes are no record", rest.len());
        found
    }

    #[test]
    fn a_file_is_its_version_and_the_scalars_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::append(folder.path().join("run"), 0).unwrap();
        writer.scalar("train/loss", 1, 0.5, 10.0).unwrap();
        writer.scalar("valid/error", 2, 12.5, 11.0).unwrap();
        writer.flush().unwrap();
        let expected = vec![
            event::file_version(10.0),
            event::scalar("train/loss", 1, 0.5, 10.0),
            event::scalar("valid/error", 2, 12.5, 11.0),
        ];
        assert_eq!(events(writer.path()), expected);
    }

    #[test]
    fn appending_goes_on_after_the_last_whole_record() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::append(folder.path(), 0).unwrap();
        writer.scalar("loss", 1, 1.0, 1.0).unwrap();
        writer.scalar("loss", 2, 2.0, 2.0).unwrap();
        let path = writer.path().to_owned();
        drop(writer);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();

        let mut writer = EventWriter::append(folder.path(), 9).unwrap();
        assert_eq!(writer.damage(), None, "a killed run leaves as much");
        writer.scalar("loss", 2, 4.0, 3.0).unwrap();
        drop(writer);
        let expected = vec![
            event::file_version(1.0),
            event::scalar("loss", 1, 1.0, 1.0),
            event::scalar("loss", 2, 4.0, 3.0),
        ];
        assert_eq!(events(&path), expected);
    }

    /// 300 steps, killed after 215 with a checkpoint of 150, then after 300 before it ended.
    #[test]
    fn a_run_that_was_killed_shows_every_step_once() {
        let folder = tempfile::tempdir().unwrap();
        for (begin, end) in [(0, 215), (150, 300), (300, 300)] {
            let mut writer = EventWriter::append(folder.path(), begin).unwrap();
            for step in begin + 1..=end {
                writer.scalar("train/loss", step, 1.0, 2.0).unwrap();
            }
        }
        let steps = |path: &Path| -> Vec<u64> {
            events(path).iter().map(|data| event::step(data)).collect()
        };
        let path = folder.path().join(FILE_NAME);
        assert_eq!(steps(&path), (0..=300).collect::<Vec<u64>>());
        drop(EventWriter::append(folder.path(), 0).unwrap());
        assert_eq!(steps(&path), [0], "the file's version");
    }

    /// Every record but the damaged one is there, whichever it is, and the file begins as a file does.
    #[test]
    fn a_flipped_bit_costs_one_record_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::append(folder.path(), 0).unwrap();
        for step in 1..=3 {
            writer.scalar("loss", step, 1.0, 7.0).unwrap();
        }
        let path = writer.path().to_owned();
        drop(writer);
        let whole = fs::read(&path).unwrap();
        let all = events(&path);
        for lost in 0..all.len() {
            let before = &all[..lost];
            let place: usize = before.iter().map(|data| record::frame(data).len()).sum();
            let mut bytes = whole.clone();
            bytes[place + 13] ^= 4;
            fs::write(&path, &bytes).unwrap();
            let writer = EventWriter::append(folder.path(), 3).unwrap();
            let said = writer.damage().expect("it is told");
            assert!(said.contains(FILE_NAME), "{said}");
            assert!(said.contains(&format!("from byte {place} on")), "{said}");
            drop(writer);
            let mut expected = all.clone();
            // The event in front says nothing but the version, and is made anew.
            if lost > 0 {
                expected.remove(lost);
            }
            assert_eq!(events(&path), expected, "{lost}");
            let again = EventWriter::append(folder.path(), 3).unwrap();
            assert_eq!(again.damage(), None);
        }
        // All of it.
        fs::write(&path, vec![1; 100]).unwrap();
        let mut writer = EventWriter::append(folder.path(), 3).unwrap();
        assert!(writer.damage().is_some());
        writer.scalar("loss", 4, 1.0, 7.0).unwrap();
        drop(writer);
        let expected = [event::file_version(7.0), event::scalar("loss", 4, 1.0, 7.0)];
        assert_eq!(events(&path), expected);
    }

    #[test]
    fn an_error_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("occupied");
        fs::write(&file, "").unwrap();
        let error = EventWriter::append(&file, 0).unwrap_err();
        assert_eq!(error.path, file);
        assert!(
            error
                .to_string()
                .contains("occupied: could not create the folder of"),
            "{error}"
        );
    }
}
