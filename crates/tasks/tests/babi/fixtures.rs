//! Small bAbI files, folders and archives.

use std::fs;
use std::path::Path;

use mnm_tasks::{Babi, BabiOptions, Input, Split, Task};
use tempfile::TempDir;

pub(crate) const TRAIN: &str = "\
1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tBathroom\t1
4 Mary got the milk there.
5 What is Mary carrying?\tmilk,apple\t4 1
1 Sandra left.
2 Where is Sandra?\thallway\t1
";
pub(crate) const VALID: &str =
    "1 Mary went to the Attic.\n2 Where is Mary?\tattic\t1\n3 Where is John?\thallway\t1\n";

pub(crate) fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

/// A folder with training and validation files of task 1.
pub(crate) fn one_task() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "qa1_train.txt", TRAIN);
    write(dir.path(), "qa1_valid.txt", VALID);
    dir
}

pub(crate) fn options(dir: &Path, tasks: &[u8]) -> BabiOptions {
    BabiOptions {
        tasks: tasks.to_vec(),
        ..BabiOptions::new(dir)
    }
}

pub(crate) fn stories(count: usize) -> String {
    (0..count)
        .map(|i| format!("1 Mary saw thing{i}.\n2 What did Mary see?\tthing{i}\t1\n"))
        .collect()
}

pub(crate) fn words(babi: &Babi, split: Split, index: u64) -> Vec<String> {
    let Input::Tokens(steps) = babi.episode(split, index).unwrap().input else {
        panic!("bAbI is words")
    };
    let word = |&word: &u32| babi.vocabulary().words[word as usize].clone();
    steps
        .iter()
        .map(|step| step.iter().map(word).collect::<Vec<_>>().join(" "))
        .collect()
}

pub(crate) fn archive(path: &Path, files: &[(&str, String)]) {
    let encoder =
        flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(encoder);
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
}
