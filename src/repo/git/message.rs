//! Messages of commits: trailers, and what is left of a text that hooks have changed.

use super::GitError;
use crate::diagnostic::mask;

/// A line `KEY: VALUE` at the end of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    key: String,
    value: String,
}

impl std::str::FromStr for Trailer {
    type Err = String;

    /// Reads `KEY: VALUE` or, as git does, `KEY=VALUE`.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((key, value)) = text.split_once([':', '=']) else {
            return Err("a trailer is written `KEY: VALUE`".to_owned());
        };
        let (key, value) = (key.trim(), value.trim());
        if !is_key(key) {
            return Err("the key of a trailer consists of letters, digits and `-`".to_owned());
        }
        if value.is_empty() || value.contains(char::is_control) {
            return Err("the value of a trailer is one line that is not empty".to_owned());
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Adds the trailers to a message, and ends it with one line feed.
pub(super) fn compose(message: &str, trailers: &[Trailer]) -> Result<String, GitError> {
    let mut message = message.trim().to_owned();
    check(&message)?;
    for trailer in trailers {
        let line = format!("{}: {}", trailer.key, trailer.value);
        // As in git, the same line is not repeated right behind itself.
        let last = message.lines().last().map(str::trim_end);
        let block = has_trailers(&message);
        if !(block && last == Some(line.as_str())) {
            message.push_str(if block { "\n" } else { "\n\n" });
            message.push_str(&line);
        }
    }
    if mask::has_form_of_secret(&message) {
        return Err(GitError::SecretMessage);
    }
    message.push('\n');
    Ok(message)
}

/// Removes what hooks leave behind, as git does without an editor: blanks at the end of lines and repeated empty lines.
pub(super) fn clean(text: &str) -> Result<String, GitError> {
    let mut message = String::new();
    let mut empty = false;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            empty = true;
            continue;
        }
        if empty && !message.is_empty() {
            message.push('\n');
        }
        empty = false;
        message.push_str(line);
        message.push('\n');
    }
    check(&message)?;
    Ok(message)
}

fn check(message: &str) -> Result<(), GitError> {
    if message.trim().is_empty() || message.contains('\0') { Err(GitError::InvalidMessage) } else { Ok(()) }
}

/// Tells whether the last paragraph is a block of trailers, by the rules of `git interpret-trailers`.
///
/// The first paragraph is the subject. In a block all lines are trailers, or one is of git's own making and at least a
/// quarter are trailers.
fn has_trailers(message: &str) -> bool {
    let lines: Vec<&str> = message.lines().collect();
    let is_empty = |line: &&str| line.trim().is_empty();
    let Some(before) = lines.iter().rposition(is_empty) else { return false };
    let (mut trailers, mut others, mut made_by_git) = (0_usize, 0_usize, false);
    for line in lines.iter().skip(before + 1) {
        let own = line.starts_with("Signed-off-by: ") || line.starts_with("(cherry picked from commit ");
        made_by_git |= own;
        match line.split_once(':') {
            // A line that begins with a blank continues the one above.
            _ if line.starts_with([' ', '\t']) && trailers + others > 0 => {}
            _ if own => trailers += 1,
            Some((key, _)) if is_key(key.trim_end()) => trailers += 1,
            _ => others += 1,
        }
    }
    trailers > 0 && (others == 0 || made_by_git && trailers * 3 >= others)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(message: &str, trailers: &[&str]) -> String {
        let trailers: Vec<Trailer> = trailers.iter().map(|text| text.parse().expect("a trailer")).collect();
        compose(message, &trailers).expect("a message")
    }

    #[test]
    fn trailers_form_one_block() {
        assert_eq!(composed("a: b", &["Change: 1", "By=me"]), "a: b\n\nChange: 1\nBy: me\n");
        assert_eq!(composed("s\n\nText: of\nmany words\n", &["A: 1"]), "s\n\nText: of\nmany words\n\nA: 1\n");
        assert_eq!(composed("s\n\nB: 2\n continued\n", &["A: 1"]), "s\n\nB: 2\n continued\nA: 1\n");
        assert_eq!(composed("s\n\nwords\nSigned-off-by: x\n", &["A: 1"]), "s\n\nwords\nSigned-off-by: x\nA: 1\n");
        assert_eq!(composed("s", &["A: 1", "A: 1", "B: 1", "A: 1"]), "s\n\nA: 1\nB: 1\nA: 1\n");
    }

    #[test]
    fn what_is_no_trailer_is_refused() {
        for text in ["", "word", ": value", "two words: value", "Key:", "Key: \t", "Key: a\nb", "K\u{e9}y: a"] {
            assert!(text.parse::<Trailer>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn blanks_that_hooks_leave_are_removed() {
        assert_eq!(clean("\n\n subject  \n\n\n\nbody\t\n\n").expect("a message"), " subject\n\nbody\n");
        assert!(clean(" \n\n").is_err());
    }
}
