//! The event file of a run folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

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
}

impl EventWriter {
    /// Goes on with the event file in `folder` after `step` steps, or begins one; a folder that is missing is made. What a killed run
    /// left of later steps is cut off, because they come again and TensorBoard shows every point that it finds; so is a record that is
    /// half written, because it reads nothing past a damaged one.
    ///
    /// # Errors
    /// If the folder or the file cannot be created, read or cut.
    pub fn append(folder: impl AsRef<Path>, step: u64) -> Result<Self, TensorboardError> {
        let path = path_in(folder.as_ref())?;
        let kept = match fs::read(&path) {
            Ok(bytes) => record::length_of(&bytes, |data| event::step(data) <= step) as u64,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(source) => return Err(failed(&path, "read", source)),
        };
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|file| file.set_len(kept).map(|()| file))
            .map_err(|source| failed(&path, "open", source))?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
            opened: kept > 0,
        })
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
        while let Some((data, next)) = record::split(rest) {
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
