//! Signals that end a program wait while something is half done, such as a commit between files and branch.

/// Does something to its end, whatever Ctrl-C, TERM and HUP say meanwhile. A hook that runs then gets them all the same, and
/// the commit that it makes fail is taken back.
///
/// # Errors
/// When the system does not let us wait.
#[cfg(unix)]
pub fn hold_off<T>(work: impl FnOnce() -> T) -> std::io::Result<T> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let idle = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // From here on a signal that a parent has switched off, as `nohup` does, counts again once the work is done.
        signal_hook::flag::register_conditional_default(signal, idle.clone())?;
    }
    let done = work();
    idle.store(true, Ordering::SeqCst);
    Ok(done)
}

/// Other systems end the program at once; the next run repairs what it leaves.
#[cfg(not(unix))]
pub fn hold_off<T>(work: impl FnOnce() -> T) -> std::io::Result<T> {
    Ok(work())
}
