//! Which published file a file is, by its SHA-256 sum.

use sha2::{Digest, Sha256};

use crate::Split;

/// The sums of the published training and validation files of `en-valid-10k`, in the format of `sha256sum`. That of
/// `qa3_train.txt` and those of the test files are not among them.
const OFFICIAL: &str = include_str!("en-valid-10k.sha256");

/// Files that go around in the place of published ones: task, split, sum, and how they came to be.
const SUBSTITUTES: &[(u8, Split, &str, &str)] = &[(
    3,
    Split::Train,
    "865efcb616552c831d2f9b0686c2ad9350cad7a5e1463735abd8ffa7ac233ee4",
    "first 925 questions official, the rest simulated",
)];

/// What the sum of a file tells about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// It is the published file of `en-valid-10k`, byte for byte.
    Official,
    /// It is known, and is not the published file: what it is instead.
    Substitute(&'static str),
    /// It is not the known file of its task and split.
    Different,
    /// No sum is on record for its task and split, so nothing can be said.
    NotOnRecord,
}

impl Provenance {
    /// What a file of this task, split and sum (64 lower-case hexadecimal digits) is.
    pub fn of(task: u8, split: Split, sum: &str) -> Self {
        let substitute = SUBSTITUTES
            .iter()
            .find(|(t, s, known, _)| (*t, *s, *known) == (task, split, sum));
        if let Some((.., what)) = substitute {
            return Provenance::Substitute(what);
        }
        match official_sum(task, split) {
            Some(known) if known == sum => Provenance::Official,
            Some(_) => Provenance::Different,
            None => Provenance::NotOnRecord,
        }
    }
}

/// The sum on record for a task's file of a split.
fn official_sum(task: u8, split: Split) -> Option<&'static str> {
    let name = format!("qa{task}_{split}.txt");
    OFFICIAL
        .lines()
        .filter_map(|line| line.split_once("  "))
        .find_map(|(sum, file)| (file == name).then_some(sum))
}

/// The SHA-256 sum in hexadecimal, as `sha256sum` prints it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standard() {
        // FIPS 180-4, the one-block example.
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn every_training_and_validation_file_but_one_is_on_record() {
        assert_eq!(OFFICIAL.lines().count(), 39);
        for task in 1..=20 {
            for split in Split::ALL {
                let known = official_sum(task, split);
                let expected = split != Split::Test && (task, split) != (3, Split::Train);
                assert_eq!(known.is_some(), expected, "qa{task} {split}");
                assert!(known.is_none_or(|sum| sum.len() == 64));
            }
        }
        assert_eq!(official_sum(21, Split::Train), None);
    }

    #[test]
    fn a_sum_belongs_to_its_task_and_split() {
        let of = Provenance::of;
        let sum = official_sum(1, Split::Train).unwrap();
        assert_eq!(of(1, Split::Train, sum), Provenance::Official);
        assert_eq!(of(1, Split::Valid, sum), Provenance::Different);
        assert_eq!(of(2, Split::Train, sum), Provenance::Different);
        assert_eq!(of(1, Split::Test, sum), Provenance::NotOnRecord);
        assert_eq!(of(3, Split::Train, sum), Provenance::NotOnRecord);
        let (task, split, simulated, what) = SUBSTITUTES[0];
        assert_eq!(
            of(task, split, simulated),
            Provenance::Substitute("first 925 questions official, the rest simulated")
        );
        assert_eq!(of(task, split, simulated), Provenance::Substitute(what));
        assert_eq!(of(4, split, simulated), Provenance::Different);
    }
}
