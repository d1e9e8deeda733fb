//! Unified diffs of files: `diff --raw`, and what a test of a module shows.

use similar::{Algorithm, ChangeTag, TextDiff};

use super::inline::{ended, visible};
use super::paint::{BOLD, CYAN, GREEN, RED, paint};
use crate::diff::{FileChange, shown_files};

/// Writes the unified diff of one file, with three lines of context and without credentials.
pub fn unified(change: &FileChange, color: bool) -> String {
    let (before, after) = shown_files(change.before.as_ref(), change.after.as_ref());
    let name = |side: &str, text: &Option<String>| text.as_ref().map(|_| format!("{side}/{}", change.path));
    let names = (name("a", &before), name("b", &after));
    unified_texts(names, before, after, color)
}

/// Writes the unified diff of two texts, which hold no credentials any more; a side without name is not there.
pub(super) fn unified_texts(
    (old, new): (Option<String>, Option<String>),
    before: Option<String>,
    after: Option<String>,
    color: bool,
) -> String {
    let name = |name: Option<String>| visible(name.unwrap_or_else(|| "/dev/null".to_owned()));
    let mut out = paint(BOLD, &format!("--- {}", name(old)), color) + "\n";
    out.push_str(&(paint(BOLD, &format!("+++ {}", name(new)), color) + "\n"));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(before.as_str(), after.as_str());
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        out.push_str(&(paint(CYAN, hunk.header().to_string().trim_end(), color) + "\n"));
        for line in hunk.iter_changes() {
            let text = line.value().trim_end_matches('\n');
            let painted = match line.tag() {
                ChangeTag::Delete => paint(RED, &format!("-{}", visible(ended(text))), color),
                ChangeTag::Insert => paint(GREEN, &format!("+{}", visible(ended(text))), color),
                ChangeTag::Equal => format!(" {}", visible(text.to_owned())),
            };
            out.push_str(&painted);
            out.push('\n');
            if line.missing_newline() {
                out.push_str("\\ No newline at end of file\n");
            }
        }
    }
    if before == after {
        out.push_str(" what differs is hidden\n");
    }
    out
}
