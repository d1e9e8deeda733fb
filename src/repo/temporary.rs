//! Temporary files: a name that only we make, so that those of a run that died are known for sure and removed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use super::Repo;
use crate::tree::RepoPath;

/// A file that is complete, but has not its name yet. It is removed when it never gets it.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    target: PathBuf,
    placed: bool,
}

impl Temporary {
    /// Writes a file beside its target. `step` tells two files for one target apart.
    ///
    /// The mode is that of `mode`, and else what the process's umask leaves of 0666.
    pub(super) fn write(target: &Path, step: &str, parts: &[&[u8]], mode: Option<u32>, sync: bool) -> io::Result<Self> {
        let dir = target.parent().unwrap_or(Path::new("."));
        let name = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let path = dir.join(name_for(&format!("{step}/{name}")));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        let file = match options.open(&path) {
            // Of a run that died: only we make such names, and the lock says that nobody is at it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                std::fs::remove_file(&path)?;
                options.open(&path)?
            }
            result => result?,
        };
        // From here on it is removed when something fails.
        let made = Self { path, target: target.to_path_buf(), placed: false };
        fill(file, parts, mode, sync)?;
        Ok(made)
    }

    /// Gives the file its name, in place of whatever has it.
    pub(super) fn place(mut self) -> io::Result<()> {
        std::fs::rename(&self.path, &self.target)?;
        self.placed = true;
        Ok(())
    }

    /// The file that this becomes.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.placed {
            // The next run removes it if this one cannot.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg_attr(not(unix), allow(unused_variables, reason = "only Unix has modes"))]
fn fill(mut file: File, parts: &[&[u8]], mode: Option<u32>, sync: bool) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(mode) = mode {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    for part in parts {
        file.write_all(part)?;
    }
    if sync { file.sync_all() } else { Ok(()) }
}

/// The name for a temporary file: prefix, digest of what it is for, digest of this digest, suffix.
fn name_for(what: &str) -> String {
    let first = digest(what);
    format!(".fluxwright-{first}{}.tmp", digest(&format!("temporary file of fluxwright {first}")))
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let number = digest.iter().take(8).fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
    format!("{number:016x}")
}

/// Whether a name is one that only we make: its second half is the digest of the first.
fn is_ours(name: &str) -> bool {
    let digits = name.strip_prefix(".fluxwright-").and_then(|rest| rest.strip_suffix(".tmp"));
    digits
        .and_then(|digits| digits.split_at_checked(16))
        .is_some_and(|(first, second)| second == digest(&format!("temporary file of fluxwright {first}")))
}

impl Repo {
    /// Removes the temporary files that a run which died has left in a cluster's directory, and the directories that
    /// become empty. Files of others are never looked into.
    ///
    /// # Errors
    /// When one of them cannot be removed.
    pub fn sweep(&self, root: &RepoPath) -> io::Result<()> {
        let dir = self.root().join(root.as_str());
        // Links are not followed, and what cannot be listed holds nothing that we could have written.
        for entry in WalkDir::new(&dir).into_iter().flatten() {
            let ours = entry.file_type().is_file() && entry.file_name().to_str().is_some_and(is_ours);
            if ours && !self.passes_link(root) {
                std::fs::remove_file(entry.path())?;
                let parents = entry.path().ancestors().skip(1).take_while(|parent| parent.starts_with(&dir));
                // Fails on a directory that is not empty, which ends the climb.
                let _ = parents.map(std::fs::remove_dir).take_while(Result::is_ok).count();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_we_make_are_ours() {
        let name = name_for("new/a.yaml");
        assert!(is_ours(&name));
        let other = name.replace(".tmp", "0.tmp");
        for name in
            [".fluxwright-x.tmp", ".fluxwright-.tmp", ".fluxwright-00112233445566778899aabbccddeeff.tmp", &other]
        {
            assert!(!is_ours(name), "{name}");
        }
        assert!(!is_ours(&name[1..]) && !is_ours("éééééééééééé"));
    }

    #[test]
    fn leftovers_are_swept_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("clusters/a");
        std::fs::create_dir_all(root.join("new")).expect("writable");
        let like_ours = root.join(".fluxwright-0000.tmp");
        for file in [&root.join("new").join(name_for("x")), &root.join(name_for("y")), &like_ours] {
            std::fs::write(file, "half").expect("writable");
        }
        let repo = Repo::new(dir.path().to_path_buf());
        repo.sweep(&RepoPath::parse("clusters/a").expect("valid")).expect("swept");
        let left: Vec<PathBuf> =
            std::fs::read_dir(&root).expect("readable").map(|entry| entry.expect("readable").path()).collect();
        assert_eq!(left, [like_ours]);
    }
}
