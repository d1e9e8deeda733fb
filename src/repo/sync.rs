//! Bringing what was written to the disk: few files one by one, many at once.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;

use rayon::prelude::*;

/// From how many files on one flush of the file system is cheaper than one of each file.
const MANY: usize = 8;

/// Whether so many files are flushed with their file systems, not one by one.
pub(super) fn at_once(files: usize) -> bool {
    cfg!(target_os = "linux") && files >= MANY
}

/// Flushes the file systems on which directories lie.
#[cfg(target_os = "linux")]
pub(super) fn file_systems(dirs: &[&Path]) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let mut done = BTreeSet::new();
    for dir in dirs {
        if done.insert(std::fs::metadata(dir)?.dev()) {
            rustix::fs::syncfs(File::open(dir)?)?;
        }
    }
    Ok(())
}

/// Other systems have no such call; see [`at_once`].
#[cfg(not(target_os = "linux"))]
pub(super) fn file_systems(_: &[&Path]) -> io::Result<()> {
    Ok(())
}

/// Flushes directories, so that renamed and deleted names last.
pub(super) fn directories(dirs: &[&Path]) -> io::Result<()> {
    if at_once(dirs.len()) { file_systems(dirs) } else { dirs.par_iter().try_for_each(|dir| directory(dir)) }
}

/// Flushes one directory. One that is gone, or a file system that cannot flush directories, is no failure.
pub(super) fn directory(dir: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, NotFound, Unsupported};
    // Windows flushes names with the files, and opens no directories.
    if cfg!(windows) {
        return Ok(());
    }
    match File::open(dir).and_then(|dir| dir.sync_all()) {
        Err(error) if matches!(error.kind(), InvalidInput | NotFound | Unsupported) => Ok(()),
        result => result,
    }
}
