//! [`RepoPath`]: a relative path with `/` that cannot leave the directory it is joined to.

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Windows refuses these names with any extension; a repository may be checked out there.
const DEVICES: [&str; 30] = [
    "con", "conin$", "conout$", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "com¹", "com²", "com³", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "lpt¹",
    "lpt²", "lpt³",
];

/// Longest path in bytes.
const LONGEST: usize = 4000;

/// Why a text is not a path inside a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path or one of its components is empty or `.`.
    #[error("the path has an empty or `.` component")]
    Empty,
    /// The path starts at the root of a file system.
    #[error("the path is absolute")]
    Absolute,
    /// The path climbs above its root.
    #[error("the path leaves its directory through `..`")]
    Escape,
    /// A component is a name that git or an operating system reserves.
    #[error("`{0}` is a reserved name")]
    Reserved(String),
    /// The path has a control character, a backslash or a colon.
    #[error("the path has the character {0:?}")]
    Character(char),
    /// A component is over 255 bytes or the path over 4,000.
    #[error("the path is too long")]
    TooLong,
}

/// A relative path inside a repository: components joined by `/`, never `..`, absolute, `.git` or a device name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(String);

impl RepoPath {
    /// Checks a text and makes it a path.
    ///
    /// # Errors
    /// Names what makes the text unusable as a path inside a repository.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if text.len() > LONGEST {
            return Err(PathError::TooLong);
        }
        for part in text.split('/') {
            check_component(part)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// Resolves a relative text with `.` and `..` against a directory (`None`: the root) without ever leaving the root.
    ///
    /// # Errors
    /// As [`RepoPath::parse`]; `Escape` when `..` climbs above the root.
    pub fn resolve(base: Option<&RepoPath>, text: &str) -> Result<Self, PathError> {
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        let mut parts: Vec<&str> = base.map(|b| b.0.split('/').collect()).unwrap_or_default();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or(PathError::Escape)?;
                }
                other => parts.push(other),
            }
        }
        Self::parse(&parts.join("/"))
    }

    /// Appends components.
    ///
    /// # Errors
    /// As [`RepoPath::parse`].
    pub fn join(&self, text: &str) -> Result<Self, PathError> {
        text.split('/').try_for_each(check_component)?;
        let joined = format!("{}/{text}", self.0);
        if joined.len() > LONGEST { Err(PathError::TooLong) } else { Ok(Self(joined)) }
    }

    /// Returns the path as text with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the directory of the path, or `None` at the top.
    pub fn parent(&self) -> Option<RepoPath> {
        self.0.rsplit_once('/').map(|(dir, _)| RepoPath(dir.to_owned()))
    }

    /// Returns the directory of the path as text, empty at the top.
    pub fn dir(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(dir, _)| dir)
    }

    /// Returns the last component.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Returns the rest of the path below a directory.
    pub fn strip_prefix(&self, dir: &RepoPath) -> Option<&str> {
        self.0.strip_prefix(dir.as_str())?.strip_prefix('/')
    }
}

fn check_component(part: &str) -> Result<(), PathError> {
    if part.is_empty() || part == "." {
        return Err(PathError::Empty);
    }
    if part == ".." {
        return Err(PathError::Escape);
    }
    if part.len() > 255 {
        return Err(PathError::TooLong);
    }
    if !part.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b':')) {
        check_characters(part)?;
    }
    let bare = part.trim_end_matches(['.', ' ']);
    let is_lower = bare.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    let lower: Cow<'_, str> = if is_lower { bare.into() } else { bare.to_lowercase().into() };
    let stem = lower.split('.').next().unwrap_or_default();
    if lower == ".git" || lower == "git~1" || lower.is_empty() || DEVICES.contains(&stem) {
        return Err(PathError::Reserved(part.to_owned()));
    }
    Ok(())
}

fn check_characters(part: &str) -> Result<(), PathError> {
    if let Some(c) = part.chars().find(|c| c.is_control() || matches!(c, '\\' | ':' | '\u{2028}' | '\u{2029}')) {
        return Err(PathError::Character(c));
    }
    // Some file systems ignore these code points, so that `.g\u{200c}it` would become `.git` there.
    let unseen = |c: &char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if let Some(c) = part.chars().find(unseen) {
        return Err(PathError::Character(c));
    }
    Ok(())
}

/// Returns a path as file systems see it that take upper for lower case, and composed for decomposed letters: two paths
/// with the same result are one file there.
pub fn folded(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    // Upper case first: several small letters share a great one.
    path.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_paths_are_refused() {
        for text in [
            "",
            "/etc/passwd",
            "a//b",
            "a/./b",
            "../a",
            "a/../../b",
            ".git/config",
            "a/.GIT/x",
            "a/.git./x",
            "nul",
            "a/COM1.yaml",
            "a\\b",
            "c:/x",
            "a\0b",
            "a/\u{200c}.git",
            "a\nb",
        ] {
            assert!(RepoPath::parse(text).is_err(), "{text:?} was accepted");
        }
        assert!(RepoPath::parse(&"a".repeat(256)).is_err());
    }

    #[test]
    fn paths_that_some_systems_take_for_one_are_folded_alike() {
        for (one, other) in [("a/B.yaml", "A/b.yaml"), ("caf\u{e9}", "CAFE\u{301}"), ("\u{3c3}", "\u{3c2}")] {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("a/b"), folded("a-b"));
    }

    #[test]
    fn resolve_stays_below_the_root() {
        let base = RepoPath::parse("clusters/prod").expect("valid");
        assert_eq!(RepoPath::resolve(Some(&base), "../ca/root.pem").map(|p| p.0), Ok("clusters/ca/root.pem".into()));
        assert_eq!(RepoPath::resolve(Some(&base), "../../../x"), Err(PathError::Escape));
        assert_eq!(RepoPath::resolve(Some(&base), "/x"), Err(PathError::Absolute));
    }
}
