//! The processes that `mpirun` or `srun` started together, as the ranks of one training.

#[cfg(feature = "mpi")]
mod mpi;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use mnm_trainer::team::{Alone, Team};

/// How launchers tell a process how many there are: Open MPI, MPICH, and Slurm with PMIx.
const SIZES: [&str; 3] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];

/// How they tell it which one it is. Slurm tells every process that it starts its number; those that it starts for MPI have one of
/// PMIx.
const RANKS: [&str; 3] = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"];

/// Whether another rank says for this one what went wrong.
static SILENT: AtomicBool = AtomicBool::new(false);

/// What a launcher says to a process: which one it is, of how many.
fn launched(said: impl Fn(&str) -> Option<usize>) -> Option<(usize, usize)> {
    let first = |names: &[&str]| names.iter().find_map(|name| said(name));
    let (rank, size) = (first(&RANKS)?, first(&SIZES)?);
    (size > 1).then_some((rank, size))
}

fn environment(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// The processes that were started with this one; it alone, if it was started by itself. Only rank 0 speaks from here on.
///
/// # Errors
/// Several processes, and a program that was built without MPI, or an MPI that cannot be used.
pub fn team() -> Result<Arc<dyn Team>> {
    let Some((rank, size)) = launched(environment) else {
        return Ok(Arc::new(Alone));
    };
    SILENT.store(rank > 0, Ordering::Relaxed);
    together(size)
}

#[cfg(feature = "mpi")]
fn together(_: usize) -> Result<Arc<dyn Team>> {
    Ok(Arc::new(mpi::Mpi::join()?))
}

#[cfg(not(feature = "mpi"))]
fn together(size: usize) -> Result<Arc<dyn Team>> {
    let why = format!(
        "{size} processes were started together, and this program was built without MPI: build it with \
         `cargo install --path crates/cli --features mpi`, or start one process"
    );
    Err(crate::failure::Usage(why).into())
}

/// Whether another rank speaks for this one.
pub fn is_silent() -> bool {
    SILENT.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_are_understood() {
        let said = |pairs: &'static [(&str, usize)]| {
            launched(|name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1))
        };
        assert_eq!(said(&[]), None);
        let open_mpi = &[("OMPI_COMM_WORLD_SIZE", 3), ("OMPI_COMM_WORLD_RANK", 2)];
        assert_eq!(said(open_mpi), Some((2, 3)));
        assert_eq!(said(&[("PMI_SIZE", 4), ("PMI_RANK", 0)]), Some((0, 4)));
        assert_eq!(said(&[("PMI_SIZE", 1), ("PMI_RANK", 0)]), None);
        let pmix = &[("SLURM_STEP_NUM_TASKS", 8), ("PMIX_RANK", 7)];
        assert_eq!(said(pmix), Some((7, 8)));
        assert_eq!(said(&[("SLURM_STEP_NUM_TASKS", 8)]), None, "a job array");
    }
}
