//! The three parts of a data set.

use std::fmt;
use std::str::FromStr;

/// A part of a data set. Generated tasks draw each from a random stream of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Split {
    /// What the model is trained on; vocabularies come from here alone.
    Train,
    /// What decides when to stop and which checkpoint is best.
    Valid,
    /// What is reported.
    Test,
}

impl Split {
    /// All three, in the order of the enum.
    pub const ALL: [Split; 3] = [Split::Train, Split::Valid, Split::Test];

    /// `"train"`, `"valid"` or `"test"`, as in file names and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Valid => "valid",
            Split::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown split {0:?}: expected \"train\", \"valid\" or \"test\"")]
pub struct ParseSplitError(pub String);

impl FromStr for Split {
    type Err = ParseSplitError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Split::ALL
            .into_iter()
            .find(|split| split.as_str() == word)
            .ok_or_else(|| ParseSplitError(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for split in Split::ALL {
            assert_eq!(split.to_string().parse(), Ok(split));
        }
        let error = "dev".parse::<Split>().unwrap_err();
        assert!(error.to_string().contains("\"dev\"") && error.to_string().contains("\"valid\""));
    }
}
