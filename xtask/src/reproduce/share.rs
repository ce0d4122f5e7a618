//! Which of a suite's runs one of several machines takes.

use std::str::FromStr;

/// How launchers tell a process which one it is, of how many: Open MPI, MPICH, and Slurm's own `srun`.
const LAUNCHERS: [(&str, &str); 3] = [
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
];

/// By these `mnm train` knows that it is to train together with others.
pub const TOGETHER: [&str; 3] = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"];

/// One of several shares of a suite's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    which: usize,
    of: usize,
}

impl Share {
    /// The whole.
    pub const ALL: Self = Self { which: 0, of: 1 };

    /// What a launcher says; the whole, if none started us.
    pub fn launched(said: impl Fn(&str) -> Option<usize>) -> Self {
        let mut launchers = LAUNCHERS.iter();
        let found = launchers.find_map(|(rank, size)| Some((said(rank)?, said(size)?)));
        match found {
            Some((which, of)) if which < of => Self { which, of },
            _ => Self::ALL,
        }
    }

    /// Whether the run with this number, from 0, is in it. Neighbours go to different shares: they are models of one experiment, which
    /// take about as long.
    pub fn has(self, run: usize) -> bool {
        run % self.of == self.which
    }

    /// Whether there are others.
    pub fn is_part(self) -> bool {
        self.of > 1
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.which + 1, self.of)
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected K/N with 1 <= K <= N, such as 2/8";
        let (which, of) = text.split_once('/').ok_or(EXPECTED)?;
        let number = |text: &str| text.parse::<usize>().ok().filter(|&n| n > 0);
        match (number(which), number(of)) {
            (Some(which), Some(of)) if which <= of => Ok(Self {
                which: which - 1,
                of,
            }),
            _ => Err(EXPECTED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_in_one_share() {
        let shares: Vec<Share> = ["1/3", "2/3", "3/3"]
            .map(|text| text.parse().expect(text))
            .into();
        for run in 0..20 {
            assert_eq!(shares.iter().filter(|share| share.has(run)).count(), 1);
        }
        assert!((0..20).all(|run| Share::ALL.has(run)));
        assert_eq!(shares[1].to_string(), "2/3");
        for wrong in ["0/3", "4/3", "3", "a/b", "1/0", ""] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn launchers_are_understood() {
        let said = |pairs: &'static [(&str, usize)]| {
            Share::launched(|name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1))
        };
        let third: Share = "3/4".parse().expect("a share");
        assert_eq!(said(&[("PMI_RANK", 2), ("PMI_SIZE", 4)]), third);
        assert_eq!(
            said(&[("SLURM_PROCID", 2), ("SLURM_STEP_NUM_TASKS", 4)]),
            third
        );
        assert_eq!(said(&[("SLURM_PROCID", 0)]), Share::ALL);
        assert_eq!(said(&[]), Share::ALL);
    }
}
