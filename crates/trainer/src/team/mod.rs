//! Several processes that train one model together.
//!
//! Each of N processes is a *rank*, 0 to N - 1. All of them hold the whole model and take every step; each computes its own blocks
//! of a batch, and the sums are put together in the order that one process has. So N ranks come to the same bytes as one. Only
//! rank 0 reads and writes the run folder.
//!
//! A [`Team`] carries bytes from rank to rank, and knows nothing else. [`Alone`] is one process, [`Threads`] are threads of one;
//! the `mnm` program has one for what `mpirun` started (its feature `mpi`).

mod exchange;
mod threads;
mod wire;

use std::fmt::Debug;
use std::ops::Range;

use crate::error::TrainError;

pub use exchange::lead;
pub use threads::Threads;

pub(crate) use exchange::{Failure, agree, any, broadcast, collect, same, share};
pub(crate) use wire::{Arrays, decode, encode};

/// The processes of a training, seen from one of them.
///
/// Every rank calls the same methods in the same order; each call waits until its message is on its way, or there.
pub trait Team: Debug + Send + Sync {
    /// Which one this is, from 0.
    fn rank(&self) -> usize;

    /// How many there are, N.
    fn size(&self) -> usize;

    /// Sends bytes to another rank, which has to [receive](Self::receive) them.
    ///
    /// # Errors
    /// [`TrainError::Gone`].
    fn send(&self, to: usize, message: &[u8]) -> Result<(), TrainError>;

    /// What another rank sent.
    ///
    /// # Errors
    /// [`TrainError::Gone`].
    fn receive(&self, from: usize) -> Result<Vec<u8>, TrainError>;

    /// Gives every rank the message of rank 0; what the others bring is dropped.
    ///
    /// By default it goes down a binomial tree: after the round with distance d the ranks below 2 d have it.
    ///
    /// # Errors
    /// [`TrainError::Gone`].
    fn broadcast(&self, message: Vec<u8>) -> Result<Vec<u8>, TrainError> {
        let (rank, size) = (self.rank(), self.size());
        // The highest bit of a rank says who tells it, and in which round.
        let told_in = (1..usize::BITS)
            .map(|bit| 1 << bit >> 1)
            .rfind(|&bit| rank & bit != 0);
        let (message, first) = match told_in {
            None => (message, 1),
            Some(bit) => (self.receive(rank - bit)?, 2 * bit),
        };
        let rounds = std::iter::successors(Some(first), |distance| Some(2 * distance));
        for distance in rounds.take_while(|&distance| distance < size) {
            if rank < distance && rank + distance < size {
                self.send(rank + distance, &message)?;
            }
        }
        Ok(message)
    }
}

/// One process by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Team for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn send(&self, to: usize, _: &[u8]) -> Result<(), TrainError> {
        Err(TrainError::gone(to, "there is one process"))
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>, TrainError> {
        Err(TrainError::gone(from, "there is one process"))
    }
}

/// The rank that has item `item` of `count`: shares that differ by one at most, in the order of the ranks.
pub(crate) fn owner(item: usize, count: usize, size: usize) -> usize {
    item * size / count
}

/// Which of `count` items are this rank's.
pub(crate) fn part(team: &dyn Team, count: usize) -> Range<usize> {
    let (rank, size) = (team.rank(), team.size());
    let first = |rank: usize| (rank * count).div_ceil(size);
    first(rank)..first(rank + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_has_one_owner_and_shares_are_even() {
        for (count, size) in [(0, 3), (1, 1), (4, 3), (4, 8), (7, 7), (129, 64), (64, 5)] {
            let parts: Vec<Range<usize>> = Threads::team(size)
                .iter()
                .map(|team| part(team, count))
                .collect();
            let owners: Vec<usize> = (0..count).map(|item| owner(item, count, size)).collect();
            let listed: Vec<usize> = parts
                .iter()
                .enumerate()
                .flat_map(|(rank, part)| part.clone().map(move |_| rank))
                .collect();
            assert_eq!(owners, listed, "{count} items, {size} ranks");
            let sizes = parts.iter().map(Range::len);
            let (least, most) = (sizes.clone().min(), sizes.max());
            assert!(most <= least.map(|least| least + 1), "{parts:?}");
        }
    }
}
