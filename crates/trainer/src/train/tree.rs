//! Sums in a tree whose shape depends on the number of terms alone.

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
