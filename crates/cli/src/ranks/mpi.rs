//! A team over MPI.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::mpi::Threading;
use ::mpi::environment::Universe;
use ::mpi::topology::SimpleCommunicator;
use ::mpi::traits::{Communicator, Destination, Root, Source};
use anyhow::{Context, Result, bail};
use mnm_trainer::TrainError;
use mnm_trainer::team::Team;

/// The most bytes of a message in one piece: MPI counts them in an `int`.
const PIECE: usize = 1 << 30;

/// All processes that MPI knows of. An error of MPI, such as a rank that is gone, ends them all: that is what MPI does by default.
pub struct Mpi {
    rank: usize,
    size: usize,
    /// Held during a call: any thread may call MPI, one at a time.
    calls: Mutex<()>,
    /// Ends MPI when it is dropped, which waits for all ranks to come to it.
    _universe: Universe,
}

impl Mpi {
    /// Joins them. To be called once, and dropped by the thread that called it.
    pub fn join() -> Result<Self> {
        let (universe, threading) = ::mpi::initialize_with_threading(Threading::Serialized)
            .context("MPI was started already")?;
        if threading < Threading::Serialized {
            bail!("this MPI allows calls from one thread only ({threading:?})");
        }
        let world = universe.world();
        Ok(Self {
            rank: usize::try_from(world.rank())?,
            size: usize::try_from(world.size())?,
            calls: Mutex::new(()),
            _universe: universe,
        })
    }

    /// The right to call MPI, and whom to call.
    fn world(&self) -> (MutexGuard<'_, ()>, SimpleCommunicator) {
        let call = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        (call, SimpleCommunicator::world())
    }
}

/// A rank as MPI numbers it; there are as many as MPI said.
fn number(rank: usize) -> i32 {
    i32::try_from(rank).unwrap_or(i32::MAX)
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} of {}", self.rank, self.size)
    }
}

impl Team for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<(), TrainError> {
        let (_call, world) = self.world();
        let to = world.process_at_rank(number(to));
        to.send(&(message.len() as u64));
        message.chunks(PIECE).for_each(|piece| to.send(piece));
        Ok(())
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>, TrainError> {
        let (_call, world) = self.world();
        let from = world.process_at_rank(number(from));
        let (length, _) = from.receive::<u64>();
        let mut message = vec![0_u8; length as usize];
        for piece in message.chunks_mut(PIECE) {
            from.receive_into(piece);
        }
        Ok(message)
    }

    fn broadcast(&self, mut message: Vec<u8>) -> Result<Vec<u8>, TrainError> {
        let (_call, world) = self.world();
        let first = world.process_at_rank(0);
        let mut length = message.len() as u64;
        first.broadcast_into(&mut length);
        message.resize(length as usize, 0);
        for piece in message.chunks_mut(PIECE) {
            first.broadcast_into(piece);
        }
        Ok(message)
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        // The others would wait for ever for a rank that panicked.
        if std::thread::panicking() {
            SimpleCommunicator::world().abort(101);
        }
    }
}
