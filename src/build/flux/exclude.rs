//! What a source leaves out of its artifact: `.sourceignore` files and `spec.ignore`.
//!
//! The syntax is that of `.gitignore`, with one difference: a directory that is left out does not end the search, so a
//! later pattern brings single files of it back.

use super::glob::{FUEL, Glob};
use crate::tree::{RepoPath, Tree};

/// The file of a directory that says what is left out.
pub(super) const FILE: &str = ".sourceignore";

/// Left out always.
const VERSION_CONTROL: [&str; 4] = [".git/", ".gitignore", ".gitmodules", ".gitattributes"];
/// Left out as long as nothing else says what is.
const DEFAULT: [&str; 20] = [
    "*.jpg",
    "*.jpeg",
    "*.gif",
    "*.png",
    "*.wmv",
    "*.flv",
    "*.tar.gz",
    "*.zip",
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
    "**/.goreleaser.yml",
    "**/.sops.yaml",
    "**/.flux.yaml",
];

/// Returns the files that a source has in its artifact.
pub(super) fn artifact(tree: &Tree, ignore: Option<&str>) -> Tree {
    let mut patterns = Vec::new();
    // Patterns of a directory come before those of the directories in it, and all before those of the source.
    let mut files: Vec<&RepoPath> = tree.iter().map(|(path, _)| path).filter(|path| path.name() == FILE).collect();
    files.sort_by_key(|path| path.parent().map(|dir| dir.as_str().split('/').map(str::to_owned).collect::<Vec<_>>()));
    for path in files {
        let text = tree.get(path).map(|blob| String::from_utf8_lossy(blob.bytes()).into_owned()).unwrap_or_default();
        let domain = path.parent().map(|dir| format!("{dir}/")).unwrap_or_default();
        patterns.extend(read(&text, &domain));
    }
    patterns.extend(read(ignore.unwrap_or_default(), ""));
    let mut all: Vec<Pattern> = VERSION_CONTROL.iter().map(|text| Pattern::parse(text, "")).collect();
    if patterns.is_empty() {
        all.extend(DEFAULT.iter().map(|text| Pattern::parse(text, "")));
    }
    all.extend(patterns);
    let kept = tree.iter().filter(|(path, _)| !is_excluded(&all, path.as_str()));
    kept.map(|(path, blob)| (path.clone(), blob.clone())).collect()
}

fn read<'t>(text: &'t str, domain: &'t str) -> impl Iterator<Item = Pattern> + 't {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(move |line| Pattern::parse(line, domain))
}

/// The last pattern that matches decides.
fn is_excluded(patterns: &[Pattern], path: &str) -> bool {
    patterns.iter().rev().find(|pattern| pattern.matches(path)).is_some_and(|pattern| !pattern.includes)
}

struct Pattern {
    /// The directory it is written for, with `/` behind.
    domain: String,
    includes: bool,
    directories_only: bool,
    /// `None` for a name that may stand anywhere; `None` in it for a part that cannot match.
    parts: Vec<Part>,
    /// Whether the pattern is a path and no mere name.
    path: bool,
}

enum Part {
    /// Nothing between two slashes, or before the first.
    Empty,
    /// `**`.
    Any,
    Name(Option<Glob>),
}

impl Pattern {
    fn parse(text: &str, domain: &str) -> Self {
        let (includes, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let text = if text.ends_with("\\ ") { text } else { text.trim_end_matches(' ') };
        let (directories_only, text) = match text.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let part = |part: &str| match part {
            "" => Part::Empty,
            "**" => Part::Any,
            // Two stars beside anything else match nothing.
            part if part.contains("**") && text.contains('/') => Part::Name(None),
            part => Part::Name(Glob::parse(part.as_bytes())),
        };
        Self {
            domain: domain.to_owned(),
            includes,
            directories_only,
            parts: text.split('/').map(part).collect(),
            path: text.contains('/'),
        }
    }

    fn matches(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix(&self.domain) else { return false };
        let names: Vec<&str> = path.split('/').collect();
        if self.path { self.matches_path(&names) } else { self.matches_name(&names) }
    }

    /// A name may be that of the file or of any directory that it is in.
    fn matches_name(&self, names: &[&str]) -> bool {
        let is_meant = |name: &&str| match self.parts.first() {
            Some(Part::Name(Some(glob))) => glob_matches(glob, name),
            Some(Part::Any) => true,
            Some(Part::Empty) => name.is_empty(),
            _ => false,
        };
        let found = names.iter().position(is_meant);
        found.is_some_and(|at| !self.directories_only || at + 1 < names.len())
    }

    /// A path may be that of the file or of any directory that it is in.
    fn matches_path(&self, names: &[&str]) -> bool {
        let (mut rest, mut matched, mut anywhere) = (names, false, false);
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Empty => anywhere = false,
                Part::Any if index + 1 == self.parts.len() => break,
                Part::Any => anywhere = true,
                Part::Name(None) => return false,
                Part::Name(Some(glob)) => {
                    let Some((first, behind)) = rest.split_first() else { return false };
                    if anywhere {
                        // The first place that fits is taken for good; without one, what matched before still counts
                        // unless the search came to the end.
                        let at = rest.iter().position(|name| glob_matches(glob, name));
                        matched = at.is_some();
                        rest = at.and_then(|at| rest.get(at + 1..)).unwrap_or_default();
                        anywhere = false;
                    } else if glob_matches(glob, first) {
                        (rest, matched) = (behind, true);
                    } else {
                        return false;
                    }
                }
            }
        }
        matched && !(self.directories_only && rest.is_empty())
    }
}

fn glob_matches(glob: &Glob, name: &str) -> bool {
    glob.matches(name.as_bytes(), &mut { FUEL }).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Blob;

    fn kept(files: &[(&str, &str)], ignore: Option<&str>) -> Vec<String> {
        let path = |text: &str| RepoPath::parse(text).expect("a valid path");
        let tree: Tree = files.iter().map(|(name, text)| (path(name), Blob::from(*text))).collect();
        artifact(&tree, ignore).iter().map(|(path, _)| path.to_string()).collect()
    }

    #[test]
    fn pictures_and_ci_are_left_out_unless_something_else_says_what_is() {
        let files = [("a.png", ""), ("a.yaml", ""), (".github/w.yaml", ""), (".gitignore", ""), ("x/.sops.yaml", "")];
        assert_eq!(kept(&files, None), ["a.yaml"]);
        assert_eq!(kept(&files, Some("# none\n\n")), ["a.yaml"]);
        assert_eq!(kept(&files, Some("a.yaml")), [".github/w.yaml", "a.png", "x/.sops.yaml"]);
    }

    #[test]
    fn single_files_of_an_excluded_directory_come_back() {
        let files = [("deploy/a.yaml", ""), ("docs/b.yaml", ""), ("docs/c/d.yaml", ""), ("e.yaml", "")];
        assert_eq!(kept(&files, Some("/*\n!/deploy\n!/docs/c/")), ["deploy/a.yaml", "docs/c/d.yaml"]);
        assert_eq!(kept(&files, Some("docs/\n!**/c/*.yaml")), ["deploy/a.yaml", "docs/c/d.yaml", "e.yaml"]);
    }

    #[test]
    fn a_file_in_a_directory_speaks_for_it_alone() {
        let files =
            [("a/.sourceignore", "*.yaml\n!keep.yaml"), ("a/x.yaml", ""), ("a/b/keep.yaml", ""), ("x.yaml", "")];
        assert_eq!(kept(&files, None), ["a/.sourceignore", "a/b/keep.yaml", "x.yaml"]);
        assert_eq!(kept(&files, Some("keep.yaml")), ["a/.sourceignore", "x.yaml"]);
    }
}
