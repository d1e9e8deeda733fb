//! The lock of git's index, held so that the next run knows it as ours: it finishes or takes back a commit that a death
//! of the process has cut in two.
//!
//! The new index is written to a file of our own, and `index.lock` is a second name of it. As long as both names lead to
//! one file, the lock is ours beyond doubt; any other lock belongs to git and is never touched. What the branch is about to
//! become stands in the journal before it moves.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use same_file::is_same_file;
use sha2::{Digest, Sha256};

use super::sync;

/// The second name of the new index, beside the index.
const OWN: &str = "fluxwright.index";
/// What is under way, beside the index.
const JOURNAL: &str = "fluxwright.journal";
/// How long a lock of a reference must have been left alone until it counts as abandoned, in steps.
const PATIENCE: (u32, Duration) = (5, Duration::from_millis(100));
/// How much younger than the journal a lock of a reference can be: git's library waits no longer for one.
const YOUNGER: Duration = Duration::from_secs(5);

/// The held lock of the index. Dropping it gives it back, with the index as it was.
#[derive(Debug)]
pub(super) struct IndexLock {
    index: PathBuf,
    file: File,
    done: bool,
}

/// What is about to happen to references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// The full name of the branch.
    pub branch: String,
    /// The commit that it gets.
    pub commit: String,
}

/// What a repair has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// A commit was complete but for the index.
    Finished(String),
    /// A commit was not made; what it had begun is taken back.
    TakenBack,
}

impl IndexLock {
    /// Locks the index; nothing when it is locked.
    pub(super) fn acquire(index: &Path) -> io::Result<Option<Self>> {
        let lock = lock_of(index);
        let own = index.with_file_name(OWN);
        if std::fs::symlink_metadata(&lock).is_ok() {
            return Ok(None);
        }
        let new = || std::fs::OpenOptions::new().write(true).create_new(true).clone();
        remove(&own)?;
        let file = new().open(&own)?;
        let held = Self { index: index.to_path_buf(), file, done: false };
        match std::fs::hard_link(&own, &lock) {
            Ok(()) if is_same_file(&own, &lock)? => {}
            // Somebody who holds no lock of ours has made another file of the name.
            Ok(()) => return held.foreign(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return held.foreign(),
            // A file system without second names: the lock is held as git holds it, and nothing proves that it is ours.
            Err(_) => {
                remove(&own)?;
                let mut held = held.disarm();
                match new().open(&lock) {
                    Ok(file) => (held.file, held.done) = (file, false),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
                    Err(error) => return Err(error),
                }
                return Ok(Some(held));
            }
        }
        // A shared repository gives its index wider permissions than the umask would.
        if let Ok(metadata) = index.metadata() {
            held.file.set_permissions(metadata.permissions())?;
        }
        Ok(Some(held))
    }

    /// The new index.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Brings the new index and all objects to the disk, and writes down what happens next.
    ///
    /// Must be called before a reference changes.
    pub(super) fn announce(&mut self, next: &Move) -> io::Result<()> {
        self.file.sync_all()?;
        let digest = digest(&lock_of(&self.index))?;
        let text = format!("branch {}\ncommit {}\nindex {digest}\n", next.branch, next.commit);
        let journal = self.index.with_file_name(JOURNAL);
        let part = self.index.with_file_name(format!("{JOURNAL}.new"));
        std::fs::write(&part, text)?;
        File::open(&part)?.sync_all()?;
        std::fs::rename(&part, &journal)?;
        let dir = self.index.parent().unwrap_or(Path::new("."));
        // The objects lie on the same file system; references must never lead to one that is not on the disk.
        sync::file_systems(&[dir])?;
        sync::directory(dir)
    }

    /// Makes the new index the index.
    ///
    /// # Errors
    /// When it is not; nothing has changed then.
    pub(super) fn commit(mut self) -> io::Result<()> {
        std::fs::rename(lock_of(&self.index), &self.index)?;
        self.done = true;
        // The index is there; the next run removes what is left, and flushes nothing that matters.
        let _ = remove(&self.index.with_file_name(OWN));
        let _ = remove(&self.index.with_file_name(JOURNAL));
        let _ = sync::directory(self.index.parent().unwrap_or(Path::new(".")));
        Ok(())
    }

    /// Gives up a lock that is somebody else's.
    fn foreign(self) -> io::Result<Option<Self>> {
        remove(&self.disarm().index.with_file_name(OWN))?;
        Ok(None)
    }

    fn disarm(mut self) -> Self {
        self.done = true;
        self
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        if !self.done {
            // The lock first: it is known as ours as long as its second name is there.
            for path in [lock_of(&self.index), self.index.with_file_name(OWN), self.index.with_file_name(JOURNAL)] {
                let _ = remove(&path);
            }
        }
    }
}

/// Finishes or takes back what a run that died has left of a commit. The caller holds the lock of the repository.
///
/// `value` tells what commit a reference has. `references` are the directories in which references of the work tree and
/// of the repository lie.
///
/// # Errors
/// When a file cannot be read, renamed or removed.
pub(super) fn repair(
    index: &Path,
    references: &[&Path],
    value: impl Fn(&str) -> Option<String>,
) -> io::Result<Option<Repair>> {
    let [lock, own, journal] = [lock_of(index), index.with_file_name(OWN), index.with_file_name(JOURNAL)];
    remove(&index.with_file_name(format!("{JOURNAL}.new")))?;
    let (is_ours, text) = (is_same(&own, &lock)?, read(&journal)?);
    let mut done = None;
    if is_ours {
        let next = text.as_deref().and_then(parse);
        let is_made = |(next, digest_then): &(Move, String)| {
            value(&next.branch).as_deref() == Some(&*next.commit) && digest(&lock).is_ok_and(|now| now == *digest_then)
        };
        let made = next.as_ref().filter(|next| is_made(next)).map(|(next, _)| next.commit.clone());
        if let Some((next, _)) = &next {
            abandoned(&journal, references, next)?;
        }
        match made {
            Some(commit) => {
                std::fs::rename(&lock, index)?;
                done = Some(Repair::Finished(commit));
            }
            None => {
                remove(&lock)?;
                done = Some(Repair::TakenBack);
            }
        }
    }
    remove(&own)?;
    remove(&journal)?;
    Ok(done)
}

/// Removes the locks of references that our transaction had when the process died.
///
/// It is ours when it was made right after the journal, by somebody who could take it while the index was ours, has no
/// content or that of our commit, and nobody does anything with it.
fn abandoned(journal: &Path, references: &[&Path], next: &Move) -> io::Result<()> {
    let born = std::fs::metadata(journal)?.modified()?;
    let names = [&*next.branch, "HEAD", "packed-refs"];
    let locks: Vec<PathBuf> =
        references.iter().flat_map(|dir| names.map(|name| dir.join(format!("{name}.lock")))).collect();
    let state = |lock: &Path| -> Option<(std::time::SystemTime, String)> {
        let metadata = std::fs::symlink_metadata(lock).ok().filter(|metadata| metadata.is_file())?;
        let made = metadata.modified().ok()?;
        let text = if metadata.len() < 100 { read(lock).ok()?? } else { return None };
        let ours = text.is_empty() || text.trim_end() == next.commit;
        let then = made.duration_since(born).is_ok_and(|later| later <= YOUNGER);
        (ours && then).then_some((made, text))
    };
    for lock in locks {
        let Some(first) = state(&lock) else { continue };
        // While git packs references, its lock is empty and the work goes on beside it.
        let stays = |_| {
            std::thread::sleep(PATIENCE.1);
            state(&lock).as_ref() == Some(&first) && !lock.with_extension("new").exists()
        };
        if (0..PATIENCE.0).all(stays) {
            remove(&lock)?;
        }
    }
    Ok(())
}

fn parse(text: &str) -> Option<(Move, String)> {
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned);
    let branch =
        field("branch").filter(|name| name.starts_with("refs/") && !name.split('/').any(|part| part == ".."))?;
    Some((Move { branch, commit: field("commit")? }, field("index")?))
}

fn lock_of(index: &Path) -> PathBuf {
    index.with_extension("lock")
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    match is_same_file(one, other) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        result => result,
    }
}

/// The SHA-256 of a file.
fn digest(path: &Path) -> io::Result<String> {
    Ok(Sha256::digest(std::fs::read(path)?).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
