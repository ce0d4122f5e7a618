//! Gittins indices of Bernoulli arms.

use super::Player;
use super::arms::Tally;
use crate::OptionError;
use crate::environment::{Bandit, Environment};

/// The Gittins index of every arm that paid a times and did not pay b times, a + b at most `pulls`, under a uniform prior
/// and a discount: the sure reward per step that is worth as much
/// as the arm with the right to stop pulling it.
///
/// Pulling the arm of highest index is optimal for the discounted, endless game with independent arms (Gittins, "Bandit
/// processes and dynamic allocation indices", 1979).
#[derive(Debug, Clone)]
pub struct GittinsTable {
    pulls: usize,
    /// Row by row, a + b ascending, and in it a ascending.
    indices: Vec<f64>,
}

impl GittinsTable {
    /// Sure rewards that are tried. The index is found to half the distance of two.
    const GRID: usize = 1000;

    /// Computes the table by calibration: for each sure reward of a grid, ascending, a backward induction over all (a, b)
    /// tells where stopping is at least as good as one more pull; the index of a state is the first such reward, less half
    /// a grid step. The induction ends at `pulls` + 2 / (1 - discount) pulls, where the arm's mean is taken for known.
    ///
    /// # Errors
    /// Where `pulls` is not 1 to 2000 or `discount` not 0 to 0.999.
    pub fn new(pulls: usize, discount: f64) -> Result<Self, OptionError> {
        let task = "gittins";
        OptionError::within(task, "pulls", pulls, 1..=2000)?;
        OptionError::within(task, "discount", discount, 0.0..=0.999)?;
        let depth = pulls + (2.0 / (1.0 - discount)).ceil() as usize;
        let mut indices = vec![1.0_f64; row_start(pulls + 1)];
        // values[a]: what state (a, n - a) is worth above a sure reward for ever, per (1 - discount), never below 0.
        let mut values = vec![0.0; depth + 1];
        for step in 0..Self::GRID {
            let sure = (step as f64 + 0.5) / Self::GRID as f64;
            for (a, value) in values.iter_mut().enumerate() {
                *value = (mean(a, depth) - sure).max(0.0);
            }
            for n in (0..depth).rev() {
                for a in 0..=n {
                    let p = mean(a, n);
                    let next = p * values[a + 1] + (1.0 - p) * values[a];
                    let pull = (1.0 - discount) * (p - sure) + discount * next;
                    // `values[a]` is not needed again in this row: state a looks at a and a + 1 of the row below.
                    values[a] = pull.max(0.0);
                    if n <= pulls && pull <= 0.0 {
                        let index = &mut indices[row_start(n) + a];
                        *index = index.min(step as f64 / Self::GRID as f64);
                    }
                }
            }
        }
        Ok(GittinsTable { pulls, indices })
    }

    /// The index of an arm that paid `paid` times and did not `unpaid` times; beyond the table, its posterior mean.
    pub fn index(&self, paid: usize, unpaid: usize) -> f64 {
        let n = paid + unpaid;
        let index = if n <= self.pulls {
            self.indices.get(row_start(n) + paid).copied()
        } else {
            None
        };
        index.unwrap_or_else(|| mean(paid, n))
    }
}

/// The states (a, b) with a + b below n.
fn row_start(n: usize) -> usize {
    n * (n + 1) / 2
}

/// The posterior mean of an arm that paid a of n times, under a uniform prior.
fn mean(a: usize, n: usize) -> f64 {
    (a as f64 + 1.0) / (n as f64 + 2.0)
}

/// Pulls the arm of the highest Gittins index.
#[derive(Debug, Clone)]
pub struct Gittins {
    table: GittinsTable,
    tally: Tally,
}

impl Gittins {
    /// A player by this table.
    pub fn new(table: GittinsTable) -> Self {
        Gittins {
            table,
            tally: Tally::default(),
        }
    }
}

impl Player<Bandit> for Gittins {
    fn begin(&mut self, bandit: &Bandit) {
        self.tally.begin(bandit.batch(), bandit.actions());
    }

    fn choose(&mut self, _bandit: &Bandit, actions: &mut [u32]) {
        self.tally.choose(actions, |(paid, unpaid)| {
            self.table.index(paid as usize, unpaid as usize)
        });
    }

    fn learn(&mut self, _bandit: &Bandit, actions: &[u32], rewards: &[f32]) {
        self.tally.learn(actions, rewards);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_those_of_the_literature() {
        // Gittins, Glazebrook, Weber, "Multi-armed bandit allocation indices" (2011), for Beta(1, 1), (2, 1), (1, 2).
        let table = GittinsTable::new(4, 0.9).unwrap();
        for (paid, unpaid, index) in [(0, 0, 0.7029), (1, 0, 0.8001), (0, 1, 0.5001)] {
            assert!(
                (table.index(paid, unpaid) - index).abs() < 1.5e-3,
                "{paid} {unpaid}: {}",
                table.index(paid, unpaid)
            );
        }
        let patient = GittinsTable::new(2, 0.99).unwrap();
        assert!(
            (patient.index(0, 0) - 0.8699).abs() < 1.5e-3,
            "{}",
            patient.index(0, 0)
        );
    }

    #[test]
    fn without_a_future_the_index_is_the_mean() {
        let table = GittinsTable::new(6, 0.0).unwrap();
        for paid in 0..=3 {
            for unpaid in 0..=3 {
                assert!((table.index(paid, unpaid) - mean(paid, paid + unpaid)).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn the_unknown_is_worth_more_than_its_mean() {
        let table = GittinsTable::new(20, 0.95).unwrap();
        for n in 0..=20 {
            for paid in 0..=n {
                assert!(table.index(paid, n - paid) >= mean(paid, n) - 1e-3);
                assert!(
                    paid == 0 || table.index(paid, n - paid) > table.index(paid - 1, n + 1 - paid)
                );
            }
        }
        assert_eq!(table.index(30, 10), 31.0 / 42.0, "beyond the table");
    }

    #[test]
    fn options_out_of_range_are_named() {
        assert_eq!(GittinsTable::new(0, 0.9).unwrap_err().option, "pulls");
        assert_eq!(GittinsTable::new(10, 1.0).unwrap_err().option, "discount");
        assert_eq!(
            GittinsTable::new(10, f64::NAN).unwrap_err().option,
            "discount"
        );
    }
}
