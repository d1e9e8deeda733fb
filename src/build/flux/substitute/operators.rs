//! What the operators of an expression make of a value.

use std::borrow::Cow;

use super::{LARGEST, Operator};
use crate::build::flux::glob::{Exhausted, FUEL, Glob, first_char};

/// Carries out an operator; `None` when the result has no sensible size.
pub(super) fn apply(operator: Operator, value: &[u8], operands: &[Cow<'_, [u8]>]) -> Option<Vec<u8>> {
    let operand = |index: usize| operands.get(index).map_or(&b""[..], |operand| operand.as_ref());
    Some(match operator {
        Operator::Value => value.to_vec(),
        Operator::Length => value.len().to_string().into_bytes(),
        Operator::Default => operands.concat(),
        Operator::Lower => each(value, lower),
        Operator::Upper => each(value, upper),
        Operator::LowerFirst => first(value, lower),
        Operator::UpperFirst => first(value, upper),
        Operator::Slice => slice(value, operands).to_vec(),
        Operator::ReplaceFirst => return replace(value, operand(0), operand(1), 1),
        Operator::ReplaceAll => return replace(value, operand(0), operand(1), usize::MAX),
        Operator::ReplacePrefix if operands.len() == 2 && value.starts_with(operand(0)) => {
            return replace(value, operand(0), operand(1), 1);
        }
        Operator::ReplaceSuffix if operands.len() == 2 => match value.strip_suffix(operand(0)) {
            Some(rest) => [rest, operand(1)].concat(),
            None => value.to_vec(),
        },
        // Without a replacement nothing happens.
        Operator::ReplacePrefix | Operator::ReplaceSuffix => value.to_vec(),
        Operator::Trim { suffix: false, longest } => trim(value, operand(0), longest)?.to_vec(),
        Operator::Trim { suffix: true, longest } => {
            // The end is looked at from behind, the pattern too, with its brackets and escapes the wrong way round.
            reversed(trim(&reversed(value), &reversed(operand(0)), longest)?)
        }
    })
}

fn characters(bytes: &[u8]) -> impl DoubleEndedIterator<Item = char> {
    let mut found = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((c, length)) = first_char(rest) {
        found.push(c);
        rest = rest.get(length..).unwrap_or_default();
    }
    found.into_iter()
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    characters(bytes).rev().collect::<String>().into_bytes()
}

fn each(bytes: &[u8], change: impl Fn(char) -> char) -> Vec<u8> {
    characters(bytes).map(change).collect::<String>().into_bytes()
}

fn first(bytes: &[u8], change: impl Fn(char) -> char) -> Vec<u8> {
    let Some((c, length)) = first_char(bytes) else { return Vec::new() };
    let mut out = change(c).to_string().into_bytes();
    out.extend_from_slice(bytes.get(length..).unwrap_or_default());
    out
}

/// One character for one character, so `ß` stays as it is.
fn upper(c: char) -> char {
    let mut all = c.to_uppercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        // Greek letters with a small iota have one capital form each, eight or nine places on.
        _ => match c as u32 {
            code @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => char::from_u32(code + 8).unwrap_or(c),
            code @ (0x1fb3 | 0x1fc3 | 0x1ff3) => char::from_u32(code + 9).unwrap_or(c),
            _ => c,
        },
    }
}

fn lower(c: char) -> char {
    let mut all = c.to_lowercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        (Some(one), Some(_)) => one,
        _ => c,
    }
}

/// `${name:position}` and `${name:position:length}`, in bytes; what is no number changes nothing.
fn slice<'v>(value: &'v [u8], operands: &[Cow<'_, [u8]>]) -> &'v [u8] {
    let number = |index: usize| std::str::from_utf8(operands.get(index)?).ok()?.parse::<i64>().ok();
    let size = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let Some(position) = number(0) else { return value };
    let start = if position < 0 { (size + position).max(0) } else { position };
    let end = match (operands.len(), number(1)) {
        (..2, _) => size,
        (_, None) => return value,
        (_, Some(length)) if length < 0 => size + length,
        (_, Some(length)) => start.saturating_add(length).min(size),
    };
    let at = |position: i64| usize::try_from(position).unwrap_or(0);
    value.get(at(start)..at(end)).unwrap_or_default()
}

/// Replaces the first places of a text; an empty text is found before every character and at the end.
fn replace(value: &[u8], wanted: &[u8], new: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len());
    let (mut rest, mut done) = (value, 0);
    while done < most {
        if out.len() > LARGEST {
            return None;
        }
        if wanted.is_empty() {
            out.extend_from_slice(new);
            done += 1;
            let Some((_, length)) = first_char(rest) else { break };
            let (c, behind) = rest.split_at(length);
            out.extend_from_slice(c);
            rest = behind;
        } else {
            let Some(at) = find(rest, wanted) else { break };
            let (before, behind) = rest.split_at(at);
            out.extend_from_slice(before);
            out.extend_from_slice(new);
            rest = behind.get(wanted.len()..).unwrap_or_default();
            done += 1;
        }
    }
    out.extend_from_slice(rest);
    Some(out)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Takes the shortest or longest start off that a pattern matches, and that is not empty.
fn trim<'v>(value: &'v [u8], pattern: &[u8], longest: bool) -> Option<&'v [u8]> {
    let Some(glob) = Glob::parse(pattern) else { return Some(value) };
    let mut fuel = FUEL;
    let mut lengths: Vec<usize> = (1..=value.len()).collect();
    if longest {
        lengths.reverse();
    }
    for length in lengths {
        let (start, rest) = value.split_at(length);
        match glob.matches(start, &mut fuel) {
            Ok(true) => return Some(rest),
            Ok(false) => {}
            Err(Exhausted) => return None,
        }
    }
    Some(value)
}
