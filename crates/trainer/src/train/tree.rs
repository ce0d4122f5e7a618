//! Sums in a tree whose shape depends on the number of terms alone: neither on how many threads nor on how many ranks there are.

use std::collections::VecDeque;
use std::ops::Range;

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::TrainError;
use crate::team::{Failure, Team, broadcast, decode, encode, owner, part};

/// The sum of [`sum_in_order`] over items of which every rank has its own [`part`]; it is given to all of them.
///
/// A subtree whose items are of one rank is summed there. Where two parts of different ranks meet, the right one is sent to the rank
/// of the left one, which adds it. So the root is on rank 0, after as many rounds as the tree is high.
///
/// # Errors
/// That of the first item that has one; a rank that is gone.
pub(crate) fn sum_over<I, T>(
    team: &dyn Team,
    count: usize,
    mut own: Vec<I>,
    term: &(impl Fn(usize, I) -> Result<T, TrainError> + Sync),
    add: &(impl Fn(T, T) -> T + Sync),
) -> Result<Option<T>, TrainError>
where
    I: Send,
    T: Send + Serialize + DeserializeOwned,
{
    if team.size() == 1 {
        return sum_in_order(own, term, add);
    }
    let mine = part(team, count);
    let mut subtrees = Vec::new();
    let mut walk = Walk {
        team,
        count,
        sums: VecDeque::new(),
    };
    walk.own_subtrees(0..count, &mut subtrees);
    // From the last on, so that what is left is the rest.
    let mut work: Vec<(usize, Vec<I>)> = Vec::with_capacity(subtrees.len());
    for subtree in subtrees.into_iter().rev() {
        work.push((subtree.start, own.split_off(subtree.start - mine.start)));
    }
    let sums: Vec<Result<Option<T>, TrainError>> = work
        .into_par_iter()
        .rev()
        .map(|(first, items)| from(first, items, term, add))
        .collect();
    let mut error = None;
    for sum in sums {
        match sum {
            Ok(sum) => walk.sums.extend(sum.map(Ok)),
            Err(own) => {
                walk.sums.push_back(Err(Failure::of(team, &own)));
                error.get_or_insert(own);
            }
        }
    }
    let root = match count {
        0 => None,
        _ => walk.node(0..count, add)?,
    };
    let root = (team.rank() == 0).then(|| root.transpose());
    broadcast(team, root)?.map_err(|failure: Failure| failure.or(team, error))
}

/// A sum, or the first error of its items.
type Sum<T> = Result<T, Failure>;

/// The way through the tree of a sum, as one rank takes it.
struct Walk<'a, T> {
    team: &'a dyn Team,
    count: usize,
    /// Those of the subtrees that are this rank's alone, the leftmost first.
    sums: VecDeque<Sum<T>>,
}

impl<T: Serialize + DeserializeOwned> Walk<'_, T> {
    /// The ranks of the first and the last item.
    fn ends(&self, node: &Range<usize>) -> (usize, usize) {
        let owner = |item| owner(item, self.count, self.team.size());
        (owner(node.start), owner(node.end - 1))
    }

    /// The largest subtrees of `node` that are this rank's alone, the leftmost first.
    fn own_subtrees(&self, node: Range<usize>, found: &mut Vec<Range<usize>>) {
        if node.is_empty() {
            return;
        }
        let (first, last) = self.ends(&node);
        if !(first..=last).contains(&self.team.rank()) {
            return;
        }
        if first == last {
            found.push(node);
            return;
        }
        let middle = node.start + node.len().div_ceil(2);
        self.own_subtrees(node.start..middle, found);
        self.own_subtrees(middle..node.end, found);
    }

    /// The sum of `node`, on the rank of its first item; the others have helped, or have nothing to do with it.
    fn node(
        &mut self,
        node: Range<usize>,
        add: &impl Fn(T, T) -> T,
    ) -> Result<Option<Sum<T>>, TrainError> {
        let (first, last) = self.ends(&node);
        let rank = self.team.rank();
        if !(first..=last).contains(&rank) {
            return Ok(None);
        }
        if first == last {
            return Ok(self.sums.pop_front());
        }
        let middle = node.start + node.len().div_ceil(2);
        let left = self.node(node.start..middle, add)?;
        let right = self.node(middle..node.end, add)?;
        let (sender, _) = self.ends(&(middle..node.end));
        match (left, right) {
            (Some(left), right) => {
                let right = match right {
                    Some(right) => right,
                    None => decode::<Sum<T>>(&self.team.receive(sender)?)?,
                };
                Ok(Some(match (left, right) {
                    (Ok(left), Ok(right)) => Ok(add(left, right)),
                    (Err(failure), _) | (_, Err(failure)) => Err(failure),
                }))
            }
            (None, Some(right)) => {
                self.team.send(first, &encode(&right)?)?;
                Ok(None)
            }
            (None, None) => Ok(None),
        }
    }
}

/// Computes the term of every item in parallel and adds them up, neighbours first, so that the result has the same bits on any
/// number of threads; `None` without items.
///
/// A term is freed as soon as it is added: with n items on t threads about `t log n` terms are alive, not n.
///
/// # Errors
/// That of the first item that has one.
pub(crate) fn sum_in_order<I: Send, T: Send, E: Send>(
    items: Vec<I>,
    term: &(impl Fn(usize, I) -> Result<T, E> + Sync),
    add: &(impl Fn(T, T) -> T + Sync),
) -> Result<Option<T>, E> {
    from(0, items, term, add)
}

/// The same for items that are counted from `first`.
fn from<I: Send, T: Send, E: Send>(
    first: usize,
    mut items: Vec<I>,
    term: &(impl Fn(usize, I) -> Result<T, E> + Sync),
    add: &(impl Fn(T, T) -> T + Sync),
) -> Result<Option<T>, E> {
    let middle = items.len().div_ceil(2);
    let right = items.split_off(middle);
    if right.is_empty() {
        return items.pop().map(|item| term(first, item)).transpose();
    }
    let (left, right) = rayon::join(
        || from(first, items, term, add),
        || from(first + middle, right, term, add),
    );
    Ok(match (left?, right?) {
        (Some(left), Some(right)) => Some(add(left, right)),
        (left, right) => left.or(right),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team::Threads;

    /// What `sum_over` gives on each of `size` ranks; the terms of the items in `fail` are errors.
    fn over(size: usize, count: usize, fail: &[usize]) -> Vec<Result<Option<String>, TrainError>> {
        let term = |number: usize, item: char| match fail.contains(&number) {
            true => Err(TrainError::Batch(item.to_string())),
            false => Ok(format!("{item}{number}")),
        };
        let add = |left: String, right: String| format!("({left} {right})");
        let one = |team: Threads| {
            let items: Vec<char> = ('a'..='z').take(count).collect();
            let own = items[part(&team, count)].to_vec();
            sum_over(&team, count, own, &term, &add)
        };
        std::thread::scope(|scope| {
            let team = Threads::team(size).into_iter();
            let threads: Vec<_> = team.map(|rank| scope.spawn(|| one(rank))).collect();
            let ends = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            ends.map(|end| end.expect("no panic")).collect()
        })
    }

    #[test]
    fn ranks_bracket_a_sum_as_one_process_does() {
        for count in 0..=26 {
            for size in [1, 2, 3, 5, 8, 30] {
                for sum in over(size, count, &[]) {
                    assert_eq!(
                        sum.expect("no errors"),
                        bracketed(count),
                        "{count}, {size} ranks"
                    );
                }
            }
        }
    }

    #[test]
    fn the_first_error_is_given_on_every_rank() {
        for size in [2, 3, 5, 11] {
            for (rank, sum) in over(size, 11, &[8, 3]).into_iter().enumerate() {
                match sum.expect_err("two terms fail") {
                    TrainError::Batch(item) => {
                        assert_eq!((item.as_str(), rank), ("d", owner(3, 11, size)))
                    }
                    TrainError::Elsewhere { rank, message } => {
                        assert_eq!(rank, owner(3, 11, size));
                        assert!(message.ends_with('d'), "{message}");
                    }
                    other => panic!("{other}"),
                }
            }
        }
    }

    fn bracketed(count: usize) -> Option<String> {
        let items: Vec<char> = ('a'..='z').take(count).collect();
        let term = |number: usize, item: char| Ok::<_, ()>(format!("{item}{number}"));
        let add = |left: String, right: String| format!("({left} {right})");
        sum_in_order(items, &term, &add).expect("no errors")
    }

    #[test]
    fn neighbours_are_added_in_their_order() {
        assert_eq!(bracketed(0), None);
        assert_eq!(bracketed(1).as_deref(), Some("a0"));
        assert_eq!(bracketed(2).as_deref(), Some("(a0 b1)"));
        assert_eq!(bracketed(5).as_deref(), Some("(((a0 b1) c2) (d3 e4))"));
    }

    #[test]
    fn the_first_error_is_given() {
        let term = |number: usize, fails: bool| if fails { Err(number) } else { Ok(1) };
        let outcome = sum_in_order(vec![false, true, true], &term, &|a, b| a + b);
        assert_eq!(outcome, Err(1));
    }
}
