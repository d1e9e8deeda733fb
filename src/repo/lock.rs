//! One run at a time: a lock of the kernel, which is gone with the process that holds it.
//!
//! In a git repository it is a file in the git directory of the work tree, elsewhere the directory itself, so that nothing
//! is left in it. Who only reads takes no lock.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::write::Directories;

/// Name of the lock in a git directory.
pub const FILE: &str = "fluxwright.lock";

/// How long to wait between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// A lock; it is given back when it is dropped.
#[derive(Debug)]
pub struct Lock {
    /// Nothing when a program that started us holds it.
    file: Option<File>,
    /// A directory that was made to be locked goes again if it stays empty.
    _made: Directories,
}

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A file of this directory.
    Within(&'a Path),
    /// The directory, which is made if it is not there.
    Directory(&'a Path),
}

/// A lock cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("another run of fluxwright holds `{}`{holder}", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
        /// Who holds it, as far as it is known.
        holder: String,
    },
    /// The file system refuses.
    #[error("cannot lock `{}`", path.display())]
    Io {
        /// The lock.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock, waiting for another run for some time.
    ///
    /// `held` is the path of the lock that a program which started us holds. `waits` is called once, before the first wait,
    /// with who holds the lock. A file system without locks is told by `waits`, too, and is no failure.
    ///
    /// # Errors
    /// When the other run does not end in time, or the file system refuses.
    pub fn acquire(
        place: Place,
        held: Option<&OsStr>,
        command: &str,
        patience: Duration,
        waits: impl Fn(&str),
    ) -> Result<Self, LockError> {
        let (Place::Within(dir) | Place::Directory(dir)) = place;
        let fail = |source| LockError::Io { path: dir.to_path_buf(), source };
        let mut made = Directories::default();
        if matches!(place, Place::Directory(_)) {
            made.make(dir).map_err(fail)?;
        }
        let dir = dir.canonicalize().map_err(fail)?;
        let path = if matches!(place, Place::Within(_)) { dir.join(FILE) } else { dir };
        if held.is_some_and(|held| held == path.as_os_str()) {
            return Ok(Self { file: None, _made: made });
        }
        let fail = |source| LockError::Io { path: path.clone(), source };
        let mut left = patience.as_millis() / PAUSE.as_millis();
        let mut said = false;
        let mut file = loop {
            match kernel::attempt(&path) {
                Ok(Some(file)) => break file,
                Ok(None) => {
                    let holder = holder(&path);
                    if left == 0 {
                        return Err(LockError::Busy { path, holder });
                    }
                    if !std::mem::replace(&mut said, true) {
                        waits(&format!("waiting for another run of fluxwright on `{}`{holder}", path.display()));
                    }
                    left -= 1;
                    std::thread::sleep(PAUSE);
                }
                Err(error) if kernel::unknown(&error) => {
                    waits(&format!(
                        "note: `{}` cannot be locked here ({error}); let no other run write to it meanwhile",
                        path.display()
                    ));
                    return Ok(Self { file: None, _made: made });
                }
                Err(error) => return Err(fail(error)),
            }
        };
        if matches!(place, Place::Within(_)) {
            // For those who wait; the lock holds without it.
            let text = format!("{command}\n{}\n{}\n", std::process::id(), kernel::host());
            let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        }
        Ok(Self { file: Some(file), _made: made })
    }

    /// Whether this run holds the lock itself: what another one has left half done may be repaired.
    pub fn is_own(&self) -> bool {
        self.file.is_some()
    }
}

/// Who holds a lock, as the end of a sentence; empty when that is not known.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(1024).read_to_string(&mut text));
    let clean = |line: &str| line.chars().filter(|c| !c.is_control()).take(100).collect::<String>();
    match (read, text.lines().map(clean).collect::<Vec<_>>().as_slice()) {
        (Ok(_), [command, pid, host]) => format!(": `fluxwright {command}`, process {pid} on {host}"),
        _ => kernel::directory_holder(path).map(|pid| format!(": process {pid}")).unwrap_or_default(),
    }
}

#[cfg(unix)]
mod kernel {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use rustix::fs::{FlockOperation, OFlags, flock};
    use rustix::io::Errno;

    /// Takes the lock of a file or directory; nothing when another process has it.
    pub fn attempt(path: &Path) -> io::Result<Option<File>> {
        let file = if path.is_dir() {
            File::open(path)?
        } else {
            // A link could lead to a file of the user, whose content would be lost.
            let flags = OFlags::NOFOLLOW.bits().cast_signed();
            let mut options = OpenOptions::new();
            match options.read(true).write(true).create(true).truncate(false).custom_flags(flags).open(path) {
                // Of another user; to hold it, reading suffices.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied && path.is_file() => File::open(path)?,
                result => result?,
            }
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether an error says that the file system has no such locks.
    pub fn unknown(error: &io::Error) -> bool {
        let known = [Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOLCK, Errno::INVAL, Errno::BADF];
        error.raw_os_error().is_some_and(|code| known.iter().any(|one| one.raw_os_error() == code))
    }

    /// The process that holds the lock of a directory, where the kernel tells.
    pub fn directory_holder(path: &Path) -> Option<String> {
        use std::os::unix::fs::MetadataExt;
        let inode = format!(":{}", path.metadata().ok()?.ino());
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        let line = locks.lines().find(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(1) == Some(&"FLOCK") && fields.get(5).is_some_and(|place| place.ends_with(&inode))
        })?;
        line.split_whitespace().nth(4).filter(|pid| *pid != "0").map(str::to_owned)
    }

    /// The name of this machine.
    pub fn host() -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }
}

#[cfg(windows)]
mod kernel {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::windows::fs::OpenOptionsExt;
    use std::path::{Path, PathBuf};

    use sha2::{Digest, Sha256};

    /// Others may read, and nobody else may open it for writing.
    const SHARE_READ: u32 = 1;
    const SHARING_VIOLATION: i32 = 32;

    /// Takes the lock of a file or directory; nothing when another process has it.
    pub fn attempt(path: &Path) -> io::Result<Option<File>> {
        let path = file(path);
        match OpenOptions::new().read(true).write(true).create(true).truncate(false).share_mode(SHARE_READ).open(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A directory cannot be held here: a file among the temporary ones, named after it, stands for it.
    fn file(path: &Path) -> PathBuf {
        if !path.is_dir() {
            return path.to_path_buf();
        }
        let digest = Sha256::digest(path.to_string_lossy().as_bytes());
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        std::env::temp_dir().join(format!("fluxwright-{name}.lock"))
    }

    /// Sharing modes are known everywhere.
    pub fn unknown(_: &io::Error) -> bool {
        false
    }

    /// Windows does not tell.
    pub fn directory_holder(_: &Path) -> Option<String> {
        None
    }

    /// The name of this machine.
    pub fn host() -> String {
        std::env::var("COMPUTERNAME").unwrap_or_default()
    }
}
