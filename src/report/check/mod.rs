//! What `check` found, as text: one file per format. Every text of a file is masked; no path of the machine is named.

mod github;
mod json;
mod markdown;
mod sarif;
mod text;

use std::collections::{BTreeMap, HashSet};

use crate::diagnostic::{Diagnostic, mask};
use crate::verify::Proof;

/// What `check` found for one cluster.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Name of the cluster, or of the file while the name is not known.
    pub name: String,
    /// The intent file: relative to the repository, or as the user named it. Without intent, the directory.
    pub intent: String,
    /// Whether the intent lies in the repository.
    pub inside: bool,
    /// Whether it is the directory of a cluster without intent.
    pub directory: bool,
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
    /// The proofs of the patches.
    pub proofs: Vec<Proof>,
}

/// The explanation of a code.
#[derive(Clone, Debug)]
pub struct Page {
    /// One line.
    pub summary: String,
    /// The page that `explain` prints, Markdown.
    pub text: String,
}

/// What `check` found, and what is needed to show it.
pub struct CheckReport {
    /// Faults of the repository's own plugins; with any there is no cluster.
    pub faults: Vec<Diagnostic>,
    /// The clusters.
    pub clusters: Vec<Checked>,
    /// Directory of the cluster repository in its git repository, with a final slash, or empty.
    pub prefix: String,
    /// Texts of files by name, to count characters in.
    pub sources: BTreeMap<String, String>,
    /// Pages of the codes that occur.
    pub pages: BTreeMap<String, Page>,
    /// Whether every proof is wanted.
    pub verbose: bool,
}

/// A format of `check`: its name for `-o` and its writer.
pub struct CheckFormat {
    /// The value of `-o`.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Whether the findings are in what is written. If not, they go to the terminal.
    pub findings: bool,
    /// Writes everything.
    pub write: fn(&CheckReport) -> String,
}

/// The formats of `check`.
pub const CHECK_FORMATS: &[CheckFormat] = &[
    CheckFormat {
        name: "text",
        help: "findings on stderr, one result line a cluster",
        findings: false,
        write: text::write,
    },
    CheckFormat { name: "json", help: "one versioned document, see docs/ci.md", findings: true, write: json::write },
    CheckFormat { name: "sarif", help: "SARIF 2.1.0, for code scanning", findings: true, write: sarif::write },
    CheckFormat { name: "github", help: "workflow commands, for annotations", findings: true, write: github::write },
    CheckFormat { name: "markdown", help: "a table, for a pull request", findings: true, write: markdown::write },
];

/// Finds a format by name.
pub fn check_format(name: &str) -> Option<&'static CheckFormat> {
    CHECK_FORMATS.iter().find(|format| format.name == name)
}

/// Where a finding is, counted in characters from 1; the end is behind the last character.
struct Place {
    line: usize,
    column: usize,
    end_column: usize,
}

impl CheckReport {
    /// All findings with the cluster they belong to, in order. One in a file that several clusters extend comes once.
    fn findings(&self) -> impl Iterator<Item = (Option<&Checked>, &Diagnostic)> {
        let clusters = self.clusters.iter().flat_map(|one| one.diagnostics.iter().map(move |found| (Some(one), found)));
        let mut seen = HashSet::new();
        let all = self.faults.iter().map(|found| (None, found)).chain(clusters);
        all.filter(move |(cluster, found)| {
            let own = cluster.is_none_or(|one| found.file.as_ref().is_none_or(|file| *file == one.intent));
            own || found.span.is_none() || seen.insert(*found)
        })
    }

    /// The file of a finding by its path in the git repository. One outside of it is named without its directories.
    fn file(&self, cluster: Option<&Checked>, file: &str) -> String {
        match cluster {
            Some(one) if !one.inside && one.intent == file => {
                file.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
            }
            _ => format!("{}{file}", self.prefix),
        }
    }

    fn place(&self, diagnostic: &Diagnostic) -> Option<Place> {
        let span = diagnostic.span?;
        let text = diagnostic.file.as_ref().and_then(|file| self.sources.get(file));
        let marked = text.and_then(|text| text.get(span.start..span.end)).and_then(|part| part.lines().next());
        let width = marked.map_or(1, |part| part.chars().count().max(1));
        Some(Place { line: span.line, column: span.column, end_column: span.column + width })
    }
}

/// A finding in one text: `field: message`, masked.
fn message(diagnostic: &Diagnostic) -> String {
    mask::mask(&match &diagnostic.field {
        Some(field) => format!("{field}: {}", diagnostic.message),
        None => diagnostic.message.clone(),
    })
}

#[cfg(test)]
mod tests;
