//! Ranks that are threads of one process.

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::Team;
use crate::error::TrainError;

/// A rank that is a thread: for tests, and to see on one machine what several would do.
///
/// A rank that is dropped is gone for the others.
pub struct Threads {
    rank: usize,
    /// To every rank, itself among them.
    to: Vec<Mutex<Sender<Vec<u8>>>>,
    /// From every rank.
    from: Vec<Mutex<Receiver<Vec<u8>>>>,
}

impl Threads {
    /// A team of so many; each is to be moved to a thread of its own.
    pub fn team(size: usize) -> Vec<Self> {
        let mut senders: Vec<Vec<_>> = (0..size).map(|_| Vec::new()).collect();
        let mut receivers: Vec<Vec<_>> = (0..size).map(|_| Vec::new()).collect();
        for to in &mut senders {
            for from in &mut receivers {
                let (sender, receiver) = channel();
                to.push(Mutex::new(sender));
                from.push(Mutex::new(receiver));
            }
        }
        let ends = senders.into_iter().zip(receivers).enumerate();
        ends.map(|(rank, (to, from))| Self { rank, to, from })
            .collect()
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread {} of {}", self.rank, self.to.len())
    }
}

impl Team for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<(), TrainError> {
        let sender = self.to[to].lock().unwrap_or_else(PoisonError::into_inner);
        sender
            .send(message.to_vec())
            .map_err(|_| TrainError::gone(to, "its thread has ended"))
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>, TrainError> {
        let receiver = self.from[from]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        receiver
            .recv()
            .map_err(|_| TrainError::gone(from, "its thread has ended"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_reaches_every_rank() {
        for size in [1, 2, 3, 5, 8, 13] {
            std::thread::scope(|scope| {
                for team in Threads::team(size) {
                    scope.spawn(move || {
                        let own = vec![team.rank() as u8];
                        assert_eq!(team.broadcast(own).expect("all are there"), [0]);
                    });
                }
            });
        }
    }

    #[test]
    fn a_rank_that_has_ended_is_named() {
        let mut team = Threads::team(2);
        drop(team.pop());
        let error = team[0].receive(1).expect_err("it is gone").to_string();
        assert!(error.contains("rank 1"), "{error}");
        assert!(team[0].send(1, b"anybody?").is_err());
    }
}
