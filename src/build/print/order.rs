//! The order of keys: as people order names with numbers in them.

use std::cmp::Ordering;

/// Sorts keys.
///
/// The comparison has cycles, such as `2`, `10`, `1e3`: there the writer's own order depends on chance. The sort of the
/// standard library may panic on it, and ours must end in the same order every time.
pub(super) fn sorted<'k>(keys: impl Iterator<Item = &'k String>) -> Vec<&'k String> {
    let mut keys: Vec<&String> = keys.collect();
    keys.sort_unstable();
    merge_sort(keys)
}

fn merge_sort(mut left: Vec<&String>) -> Vec<&String> {
    if left.len() < 2 {
        return left;
    }
    let right = merge_sort(left.split_off(left.len() / 2)).into_iter();
    let left = merge_sort(left).into_iter();
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.peekable(), right.peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let from = if natural(b, a) == Ordering::Less { &mut right } else { &mut left };
        out.extend(from.next());
    }
    out.extend(left);
    out.extend(right);
    out
}

/// Compares two keys: what is no letter before letters, numbers by their value, capital letters before small ones.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let (x, y) = (a[at], b[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // Zeros count only behind another digit of the same number.
    let digits_before = a[..at].iter().rev().take_while(|c| is_digit(**c));
    let started = (x == '0' || y == '0') && digits_before.into_iter().any(|c| *c != '0');
    let (first, first_end) = number(&a, at, started);
    let (second, second_end) = number(&b, at, started);
    first.cmp(&second).then(first_end.cmp(&second_end)).then(x.cmp(&y))
}

/// The number that starts at a place, and where it ends.
fn number(text: &[char], at: usize, started: bool) -> (i64, usize) {
    let digits: Vec<i64> =
        text[at..].iter().map_while(|c| c.to_digit(10).filter(|_| is_digit(*c)).map(i64::from)).collect();
    let value = digits.iter().fold(i64::from(started), |value, digit| value.wrapping_mul(10).wrapping_add(*digit));
    (value, at + digits.len())
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_as_people_expect() {
        let keys = ["b", "a10", "a2", "B", "1", "10", "2", "_x", "a", "a02", "a-1", "é", ""];
        let keys: Vec<String> = keys.map(str::to_owned).to_vec();
        assert_eq!(sorted(keys.iter()), ["", "_x", "1", "2", "10", "B", "a", "a-1", "a2", "a02", "a10", "b", "é"]);
    }
    #[test]
    fn a_cycle_ends() {
        let keys: Vec<String> = (0..500).flat_map(|n| [format!("{n}"), format!("{n}e3"), format!("{n}.")]).collect();
        let reversed: Vec<String> = keys.iter().rev().cloned().collect();
        assert_eq!(sorted(keys.iter()), sorted(reversed.iter()));
    }
}
