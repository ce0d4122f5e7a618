//! What ranks do together. Each function is called by all of them; each has one outcome for all: a value, or the error of the
//! first rank that has one.
//!
//! The rank on which something went wrong gets its own error back, and says it. The others get [`TrainError::Elsewhere`].

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Team, decode, encode};
use crate::error::TrainError;

/// An error, as other ranks know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    rank: usize,
    message: String,
}

impl Failure {
    /// Of this rank.
    pub(crate) fn of(team: &dyn Team, error: &TrainError) -> Self {
        Self {
            rank: team.rank(),
            message: error.to_string(),
        }
    }

    /// The error that this rank ends with, which may have one of its `own`.
    pub(crate) fn or(self, team: &dyn Team, own: Option<TrainError>) -> TrainError {
        match own {
            Some(own) if self.rank == team.rank() => own,
            _ => TrainError::Elsewhere {
                rank: self.rank,
                message: self.message,
            },
        }
    }
}

/// What a rank tells others.
type Said<T> = Result<T, Failure>;

/// A result as it is told, and the error that stays here.
fn told<T>(team: &dyn Team, mine: Result<T, TrainError>) -> (Said<T>, Option<TrainError>) {
    match mine {
        Ok(value) => (Ok(value), None),
        Err(error) => (Err(Failure::of(team, &error)), Some(error)),
    }
}

/// Gives every rank the value of rank 0; the others bring nothing.
pub(crate) fn broadcast<T: Serialize + DeserializeOwned>(
    team: &dyn Team,
    value: Option<T>,
) -> Result<T, TrainError> {
    let message = value.as_ref().map_or(Ok(Vec::new()), encode)?;
    let message = team.broadcast(message)?;
    value.map_or_else(|| decode(&message), Ok)
}

/// Has rank 0 do something, and gives its outcome to all.
///
/// # Errors
/// That of rank 0: there its own, on the others [`TrainError::Elsewhere`].
pub fn lead<T: Serialize + DeserializeOwned>(
    team: &dyn Team,
    work: impl FnOnce() -> Result<T, TrainError>,
) -> Result<T, TrainError> {
    if team.size() == 1 {
        return work();
    }
    let (said, own) = match team.rank() {
        0 => {
            let (said, own) = told(team, work());
            (Some(said), own)
        }
        _ => (None, None),
    };
    broadcast(team, said)?.map_err(|failure: Failure| failure.or(team, own))
}

/// All that the ranks have, in their order, on rank 0; nothing on the others.
pub(crate) fn collect<T: Serialize + DeserializeOwned>(
    team: &dyn Team,
    mut mine: Vec<T>,
) -> Result<Vec<T>, TrainError> {
    if team.rank() > 0 {
        team.send(0, &encode(&mine)?)?;
        return Ok(Vec::new());
    }
    for rank in 1..team.size() {
        mine.extend(decode::<Vec<T>>(&team.receive(rank)?)?);
    }
    Ok(mine)
}

/// All that the ranks have, in their order, on each of them.
///
/// # Errors
/// That of the first rank that has one.
pub(crate) fn share<T: Serialize + DeserializeOwned>(
    team: &dyn Team,
    mine: Result<Vec<T>, TrainError>,
) -> Result<Vec<T>, TrainError> {
    if team.size() == 1 {
        return mine;
    }
    let (said, own) = told(team, mine);
    let all = collect(team, vec![said])?;
    let all = (team.rank() == 0).then(|| {
        let lists = all.into_iter().collect::<Said<Vec<Vec<T>>>>();
        lists.map(|lists| lists.into_iter().flatten().collect())
    });
    broadcast(team, all)?.map_err(|failure: Failure| failure.or(team, own))
}

/// Goes on where all ranks can.
///
/// # Errors
/// That of the first rank that has one.
pub(crate) fn agree<T>(team: &dyn Team, mine: Result<T, TrainError>) -> Result<T, TrainError> {
    if team.size() == 1 {
        return mine;
    }
    let (value, mine) = match mine {
        Ok(value) => (Some(value), Ok(Vec::<()>::new())),
        Err(error) => (None, Err(error)),
    };
    share(team, mine)?;
    value.ok_or_else(|| TrainError::Message("an error was lost".to_owned()))
}

/// Whether it is so on any rank.
pub(crate) fn any(team: &dyn Team, mine: bool) -> Result<bool, TrainError> {
    Ok(share(team, Ok(vec![mine]))?.contains(&true))
}

/// Refuses ranks that do not have what rank 0 has.
///
/// # Errors
/// [`TrainError::Apart`], on all of them, naming the first such rank.
pub(crate) fn same(
    team: &dyn Team,
    what: &'static str,
    mine: impl FnOnce() -> u32,
) -> Result<(), TrainError> {
    if team.size() == 1 {
        return Ok(());
    }
    let all = share(team, Ok(vec![mine()]))?;
    match all.iter().position(|other| *other != all[0]) {
        Some(rank) => Err(TrainError::Apart { rank, what }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team::Threads;

    /// What `work` gives on each of `size` ranks.
    fn on_all<T: Send>(size: usize, work: impl Fn(&dyn Team) -> T + Sync) -> Vec<T> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = Threads::team(size)
                .into_iter()
                .map(|team| scope.spawn(|| work(&{ team })))
                .collect();
            let ends = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            ends.map(|end| end.expect("no panic")).collect()
        })
    }

    fn fails(team: &dyn Team, ranks: &[usize]) -> Result<Vec<usize>, TrainError> {
        if ranks.contains(&team.rank()) {
            return Err(TrainError::Batch(format!("of {}", team.rank())));
        }
        Ok(vec![team.rank(), 10 * team.rank()])
    }

    #[test]
    fn lists_are_joined_in_the_order_of_the_ranks() {
        for all in on_all(3, |team| share(team, fails(team, &[]))) {
            assert_eq!(all.expect("no errors"), [0, 0, 1, 10, 2, 20]);
        }
        let collected = on_all(3, |team| collect(team, vec![team.rank()]).expect("there"));
        assert_eq!(collected, [vec![0, 1, 2], vec![], vec![]]);
    }

    #[test]
    fn the_first_error_ends_all_and_is_said_where_it_was_made() {
        for ranks in [&[1, 2][..], &[1]] {
            let ends = on_all(3, |team| share(team, fails(team, ranks)));
            let ends: Vec<TrainError> = ends.into_iter().map(|end| end.expect_err("it")).collect();
            assert!(matches!(ends[1], TrainError::Batch(_)), "{}", ends[1]);
            for rank in [0, 2] {
                assert!(matches!(ends[rank], TrainError::Elsewhere { rank: 1, .. }));
                assert!(ends[rank].to_string().contains("of 1"), "{}", ends[rank]);
            }
        }
    }

    #[test]
    fn what_rank_0_does_is_done_once() {
        let lead = |fails: bool| {
            on_all(3, move |team| {
                lead(team, || {
                    assert_eq!(team.rank(), 0);
                    match fails {
                        true => Err(TrainError::Batch("full".to_owned())),
                        false => Ok(7),
                    }
                })
            })
        };
        assert!(lead(false).into_iter().all(|end| end.is_ok_and(|n| n == 7)));
        let [first, others @ ..] = &lead(true)[..] else {
            panic!("three")
        };
        assert!(matches!(first, Err(TrainError::Batch(_))));
        let elsewhere =
            |end: &Result<i32, _>| matches!(end, Err(TrainError::Elsewhere { rank: 0, .. }));
        assert!(others.iter().all(elsewhere));
    }

    #[test]
    fn a_flag_of_one_is_seen_by_all_and_another_state_is_named() {
        assert_eq!(
            on_all(3, |team| any(team, team.rank() == 2).expect("there")),
            [true; 3]
        );
        assert_eq!(
            on_all(3, |team| any(team, false).expect("there")),
            [false; 3]
        );
        for end in on_all(4, |team| same(team, "data", || u32::from(team.rank() > 1))) {
            assert!(matches!(end, Err(TrainError::Apart { rank: 2, .. })));
        }
        assert!(
            on_all(4, |team| same(team, "data", || 5))
                .iter()
                .all(Result::is_ok)
        );
    }
}
