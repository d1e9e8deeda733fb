//! Shell patterns as the libraries of Flux match them: bytes, and characters where a pattern asks for one.
//!
//! `*` matches any bytes, `?` one character, `[a-z]` and `[^a]` one of a class, `\` takes the meaning of what follows. A
//! pattern that is broken matches nothing.

/// Steps that one match may take before it counts as failed: texts of any sensible size need far fewer.
pub(super) const FUEL: usize = 20_000_000;

/// The steps were not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

/// What one position of a pattern matches.
#[derive(Debug, PartialEq)]
enum Item {
    Byte(u8),
    Any,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// A pattern, taken apart at its stars: the first run stands at the start of the text, each other one behind a star.
#[derive(Debug)]
pub(super) struct Glob {
    runs: Vec<Vec<Item>>,
}

impl Glob {
    /// Reads a pattern; `None` when it is broken.
    pub(super) fn parse(pattern: &[u8]) -> Option<Self> {
        let mut glob = Self { runs: vec![Vec::new()] };
        let mut rest = pattern;
        while let Some((first, behind)) = rest.split_first() {
            rest = behind;
            let item = match first {
                b'*' => {
                    // Several stars are one.
                    if glob.runs.last().is_some_and(|run| !run.is_empty()) || glob.runs.len() == 1 {
                        glob.runs.push(Vec::new());
                    }
                    continue;
                }
                b'?' => Item::Any,
                b'[' => {
                    let (class, behind) = class(rest)?;
                    rest = behind;
                    class
                }
                b'\\' => {
                    let (escaped, behind) = rest.split_first()?;
                    rest = behind;
                    Item::Byte(*escaped)
                }
                byte => Item::Byte(*byte),
            };
            glob.runs.last_mut()?.push(item);
        }
        Some(glob)
    }

    /// Tells whether the pattern matches the whole text.
    pub(super) fn matches(&self, text: &[u8], fuel: &mut usize) -> Result<bool, Exhausted> {
        let mut rest = text;
        for (index, run) in self.runs.iter().enumerate() {
            let last = index + 1 == self.runs.len();
            if last && run.is_empty() && index > 0 {
                return Ok(true);
            }
            let mut start = rest;
            // A run behind a star takes the first place that fits, and the last run only the one at the end.
            let end = loop {
                *fuel = fuel.checked_sub(run.len() + 1).ok_or(Exhausted)?;
                match run_at(run, start) {
                    Some(end) if !last || end.is_empty() => break Some(end),
                    _ if index == 0 => break None,
                    _ => match start.split_first() {
                        Some((_, next)) => start = next,
                        None => break None,
                    },
                }
            };
            match end {
                Some(end) => rest = end,
                None => return Ok(false),
            }
        }
        Ok(rest.is_empty())
    }
}

/// Matches a run at the start of a text and returns what is behind it.
fn run_at<'t>(run: &[Item], text: &'t [u8]) -> Option<&'t [u8]> {
    let mut rest = text;
    for item in run {
        let (c, length) = first_char(rest)?;
        match item {
            Item::Byte(byte) => rest = rest.strip_prefix(&[*byte])?,
            Item::Any => rest = rest.get(length..)?,
            Item::Class { negated, ranges } => {
                if ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) == *negated {
                    return None;
                }
                rest = rest.get(length..)?;
            }
        }
    }
    Some(rest)
}

/// Reads a class behind its bracket.
fn class(mut rest: &[u8]) -> Option<(Item, &[u8])> {
    let negated = rest.first() == Some(&b'^');
    if negated {
        rest = &rest[1..];
    }
    let mut ranges = Vec::new();
    loop {
        if let Some(behind) = rest.strip_prefix(b"]").filter(|_| !ranges.is_empty()) {
            return Some((Item::Class { negated, ranges }, behind));
        }
        let (low, behind) = member(rest)?;
        rest = behind;
        let high = match rest.strip_prefix(b"-") {
            Some(behind) => {
                let (high, behind) = member(behind)?;
                rest = behind;
                high
            }
            None => low,
        };
        ranges.push((low, high));
    }
}

/// Reads one character of a class.
fn member(rest: &[u8]) -> Option<(char, &[u8])> {
    let rest = match rest.first()? {
        b'-' | b']' => return None,
        b'\\' => &rest[1..],
        _ => rest,
    };
    let (c, length) = first_char(rest)?;
    // A byte that is no text has no place in a class; neither has a class without end.
    let behind = rest.get(length..).filter(|behind| !behind.is_empty())?;
    (c != char::REPLACEMENT_CHARACTER || length > 1).then_some((c, behind))
}

/// Returns the first character with its length; a byte that is no text counts as U+FFFD, alone.
pub(super) fn first_char(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first.is_ascii() {
        return Some((char::from(first), 1));
    }
    let text = (2..=4).find_map(|length| std::str::from_utf8(bytes.get(..length)?).ok());
    Some(text.and_then(|text| Some((text.chars().next()?, text.len()))).unwrap_or((char::REPLACEMENT_CHARACTER, 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        let mut fuel = FUEL;
        Glob::parse(pattern.as_bytes()).is_some_and(|g| g.matches(text.as_bytes(), &mut fuel).expect("enough fuel"))
    }

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "a/b"),
            ("a*", "a"),
            ("*a", "a"),
            ("a*b*c", "axbxc"),
            ("?", "é"),
            ("[a-c]x", "bx"),
            ("[^a]", "b"),
            ("\\*", "*"),
            ("*.yaml", "a.yaml.yaml"),
            ("a**b", "ab"),
            ("[\\]]", "]"),
        ] {
            assert!(matches(pattern, text), "{pattern:?} on {text:?}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("a*b", "abc"),
            ("?", ""),
            ("[a", "a"),
            ("[]a]", "a"),
            ("a\\", "a"),
            ("[^a]", "a"),
            ("a*bc*d", "abdd"),
            ("*a", "b"),
        ] {
            assert!(!matches(pattern, text), "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn a_long_search_ends() {
        let mut fuel = 1000;
        let glob = Glob::parse(b"*a*a*a*b").expect("a pattern");
        assert_eq!(glob.matches("a".repeat(5000).as_bytes(), &mut fuel), Err(Exhausted));
    }
}
