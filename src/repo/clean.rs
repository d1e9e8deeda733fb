//! The record of clean clusters: those that an earlier run rendered, proved and compared, without errors and with nothing to do.
//!
//! While the files that such a run looked at are the same, so is the answer, and nothing has to be read or rendered. A file is
//! known by what the file system says of it, its time of change included, as git knows it from its index. The record lies in
//! the git directory: no commit can bring one. It is a cache: whatever is wrong with it, the cluster is rendered again.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Repo, git};
use crate::diagnostic::Diagnostic;
use crate::tree::RepoPath;

/// Name of the record in the git directory.
const FILE: &str = "fluxwright.clean";

/// How the names of records begin that are not complete: a run that dies leaves its own, and a repair removes it.
pub(super) const UNFINISHED: &str = "fluxwright.clean-";

/// Clocks of file systems tick slower than that of the program: what changed so shortly before a run may change once more
/// without a trace.
const TICK: i64 = 20_000_000;

/// What is known of a clean cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Name of the cluster.
    pub name: String,
    /// Directory of its tree.
    pub root: String,
    /// How many files are as they should be.
    pub unchanged: usize,
    /// How many patches are proven, on the contract.
    pub proven: usize,
    /// What is to be said: warnings about the intent's own file.
    pub warnings: Vec<Diagnostic>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    answer: Answer,
    files: Vec<(String, Option<Stamp>)>,
}

/// What the file system says of a file: times of change in nanoseconds, size, inode, and mode. Of a directory only the last two
/// count: what else is in it is not ours.
type Stamp = (i64, i64, u64, u64, u32);

/// The record of one work tree.
pub struct Clean {
    file: PathBuf,
    /// What answers depend on beside files of the repository.
    key: String,
    /// Lines by intent, read when they are asked for.
    lines: HashMap<String, String>,
    started: i64,
}

impl Clean {
    /// Opens the record of a repository. `key` stands for everything that answers depend on beside the files: the program,
    /// the plugins.
    ///
    /// Returns `None` where there is none: outside of git, and on systems whose files have no time of change.
    pub fn open(repo: &Repo, key: &str) -> Option<Self> {
        let root = repo.root().canonicalize().ok()?;
        let git = git::discover(&root).ok()??;
        let file = git.work_dir().map(|_| git.git_dir().join(FILE))?;
        let key = format!("{key} {}", root.to_str()?);
        #[expect(
            clippy::disallowed_methods,
            reason = "tells which files are too fresh to be known; no rendering sees it"
        )]
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos();
        stamp(&root)?;
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let mut lines = text.lines();
        let lines = match lines.next() {
            Some(first) if first == key => {
                lines.filter_map(|line| line.split_once('\t')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
            }
            _ => HashMap::new(),
        };
        Some(Self { file, key, lines, started: i64::try_from(started).ok()? })
    }

    /// Returns the answer for an intent, if every file is as it was.
    pub fn answer(&self, repo: &Repo, intent: &RepoPath) -> Option<(Answer, RepoPath)> {
        let entry: Entry = serde_json::from_str(self.lines.get(intent.as_str())?).ok()?;
        let same = |(path, known): &(String, Option<Stamp>)| stamp(&repo.root().join(path)) == *known;
        let root = RepoPath::parse(&entry.answer.root).ok()?;
        entry.files.iter().all(same).then_some((entry.answer, root))
    }

    /// Returns the line for an intent whose answer rests on the given files, or `None` while one of them is too fresh.
    pub fn line<'f>(&self, repo: &Repo, answer: Answer, files: impl Iterator<Item = &'f RepoPath>) -> Option<String> {
        let mut entry = Entry { answer, files: Vec::new() };
        let files: BTreeSet<&RepoPath> = files.collect();
        // A directory that is replaced by a link to itself holds the same files, and we would not go there.
        let directories: BTreeSet<RepoPath> = files.iter().filter_map(|path| path.parent()).collect();
        for path in files.into_iter().chain(&directories) {
            let stamp = stamp(&repo.root().join(path.as_str()));
            if stamp.is_some_and(|(changed, status, ..)| changed.max(status) >= self.started - TICK) {
                return None;
            }
            entry.files.push((path.as_str().to_owned(), stamp));
        }
        serde_json::to_string(&entry).ok()
    }

    /// Keeps the answers that were found, beside those that still stand. What cannot be kept is found again.
    pub fn keep(mut self, found: Vec<(String, String)>) {
        self.lines.extend(found);
        let mut lines: Vec<_> = self.lines.into_iter().collect();
        lines.sort();
        let mut text = self.key + "\n";
        for (intent, line) in lines {
            text.extend([intent.as_str(), "\t", line.as_str(), "\n"]);
        }
        let _ = replace(&self.file, &text);
    }
}

fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let mut temporary =
        tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(file.parent().unwrap_or(Path::new(".")))?;
    temporary.write_all(text.as_bytes())?;
    temporary.persist(file)?;
    Ok(())
}

#[cfg(unix)]
fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let of = |seconds: i64, nanoseconds: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
    let metadata = std::fs::symlink_metadata(path).ok()?;
    if metadata.is_dir() {
        return Some((0, 0, 0, metadata.ino(), metadata.mode()));
    }
    let (changed, status) = (of(metadata.mtime(), metadata.mtime_nsec()), of(metadata.ctime(), metadata.ctime_nsec()));
    Some((changed, status, metadata.size(), metadata.ino(), metadata.mode()))
}

/// Without a time of change a file could change unseen.
#[cfg(not(unix))]
fn stamp(_path: &Path) -> Option<Stamp> {
    None
}
