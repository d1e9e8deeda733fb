//! Runs the program under ptrace, and kills it, or makes a system call fail, at a chosen change of the file system.
//!
//! The tracing itself needs no unsafe code: a shell waits on its stdin until it is traced, then becomes the program.
#![allow(dead_code)]

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use nix::libc;
use nix::sys::ptrace::{self, Options, regset};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::{Run, Sandbox};

/// What happens at the chosen change.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The process gets SIGKILL before the system call.
    Kill,
    /// The system call does nothing and returns this error.
    Error(i32),
}

/// What a traced run did.
#[derive(Debug)]
pub struct Traced {
    /// How it ended; the code is -1 when it was killed.
    pub run: Run,
    /// How many changes of the file system it began.
    pub changes: usize,
    /// The names of the system calls, for messages.
    pub calls: Vec<&'static str>,
}

#[cfg(target_arch = "x86_64")]
mod arch {
    use super::{libc, regset};
    pub type Regs = libc::user_regs_struct;
    pub type Set = regset::NT_PRSTATUS;
    pub fn number(regs: &Regs) -> libc::c_long {
        regs.orig_rax as libc::c_long
    }
    pub fn argument(regs: &Regs, index: usize) -> u64 {
        [regs.rdi, regs.rsi, regs.rdx][index]
    }
    pub fn spoil(regs: &mut Regs) {
        (regs.rdi, regs.rsi) = (u64::MAX, 0);
    }
    pub fn fail(regs: &mut Regs, code: i32) {
        regs.rax = (-i64::from(code)) as u64;
    }
    pub const OLDER: &[(libc::c_long, &str)] = &[
        (libc::SYS_creat, "creat"),
        (libc::SYS_rename, "rename"),
        (libc::SYS_unlink, "unlink"),
        (libc::SYS_mkdir, "mkdir"),
        (libc::SYS_rmdir, "rmdir"),
        (libc::SYS_link, "link"),
        (libc::SYS_symlink, "symlink"),
        (libc::SYS_chmod, "chmod"),
        (libc::SYS_chown, "chown"),
        (libc::SYS_lchown, "lchown"),
        (libc::SYS_renameat, "renameat"),
        (libc::SYS_utime, "utime"),
        (libc::SYS_utimes, "utimes"),
    ];
    pub const OPEN: libc::c_long = libc::SYS_open;
}

#[cfg(target_arch = "aarch64")]
mod arch {
    use super::{libc, regset};
    pub type Regs = libc::user_regs_struct;
    pub type Set = regset::NT_PRSTATUS;
    pub fn number(regs: &Regs) -> libc::c_long {
        regs.regs[8] as libc::c_long
    }
    pub fn argument(regs: &Regs, index: usize) -> u64 {
        regs.regs[index]
    }
    pub fn spoil(regs: &mut Regs) {
        (regs.regs[0], regs.regs[1]) = (u64::MAX, 0);
    }
    pub fn fail(regs: &mut Regs, code: i32) {
        regs.regs[0] = (-i64::from(code)) as u64;
    }
    pub const OLDER: &[(libc::c_long, &str)] = &[(libc::SYS_renameat, "renameat")];
    /// There is only `openat`.
    pub const OPEN: libc::c_long = -1;
}

const CHANGING: &[(libc::c_long, &str)] = &[
    (libc::SYS_write, "write"),
    (libc::SYS_writev, "writev"),
    (libc::SYS_pwrite64, "pwrite64"),
    (libc::SYS_pwritev, "pwritev"),
    (libc::SYS_copy_file_range, "copy_file_range"),
    (libc::SYS_sendfile, "sendfile"),
    (libc::SYS_fallocate, "fallocate"),
    (libc::SYS_renameat2, "renameat2"),
    (libc::SYS_unlinkat, "unlinkat"),
    (libc::SYS_mkdirat, "mkdirat"),
    (libc::SYS_linkat, "linkat"),
    (libc::SYS_symlinkat, "symlinkat"),
    (libc::SYS_fchmod, "fchmod"),
    (libc::SYS_fchmodat, "fchmodat"),
    (libc::SYS_fchown, "fchown"),
    (libc::SYS_fchownat, "fchownat"),
    (libc::SYS_truncate, "truncate"),
    (libc::SYS_ftruncate, "ftruncate"),
    (libc::SYS_utimensat, "utimensat"),
    (libc::SYS_fsync, "fsync"),
    (libc::SYS_fdatasync, "fdatasync"),
    (libc::SYS_syncfs, "syncfs"),
    (libc::SYS_sync_file_range, "sync_file_range"),
];

/// The name of a system call that changes the file system; nothing for any other.
fn changing(regs: &arch::Regs) -> Option<&'static str> {
    let number = arch::number(regs);
    let writes = |flags: u64| flags as i32 & (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC) != 0;
    match number {
        libc::SYS_openat => writes(arch::argument(regs, 2)).then_some("openat"),
        arch::OPEN => writes(arch::argument(regs, 1)).then_some("open"),
        libc::SYS_openat2 => Some("openat2"),
        // What the program says is no change of a file.
        libc::SYS_write | libc::SYS_writev if matches!(arch::argument(regs, 0), 1 | 2) => None,
        _ => CHANGING.iter().chain(arch::OLDER).find(|(known, _)| *known == number).map(|(_, name)| *name),
    }
}

/// Runs the program in a sandbox; at the change with this number, counted from 1, the fault happens.
#[expect(clippy::zombie_processes, reason = "the tracer waits for it")]
pub fn run(sandbox: &Sandbox, args: &[&str], threads: usize, fault: Option<(usize, Fault)>) -> Traced {
    let home = sandbox.home();
    let open = |name: &str| std::fs::File::create(home.join(name)).expect("writable");
    let mut command = sandbox.command(Path::new("/bin/sh"));
    let mut child = command
        .args(["-c", "read -r go; exec \"$0\" \"$@\" </dev/null", env!("CARGO_BIN_EXE_fluxwright")])
        .args(args)
        .args(["--color", "never"])
        .env("RAYON_NUM_THREADS", threads.to_string())
        .env("FLUXWRIGHT_LOCK_WAIT", "0")
        .stdin(Stdio::piped())
        .stdout(open("stdout"))
        .stderr(open("stderr"))
        .spawn()
        .expect("a shell starts");
    let leader = Pid::from_raw(i32::try_from(child.id()).expect("a process number"));
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(leader, options).expect("a child can be traced");
    child.stdin.take().expect("piped").write_all(b"go\n").expect("the shell reads");
    let (code, calls) = trace(leader, fault);
    let text = |name: &str| String::from_utf8_lossy(&std::fs::read(home.join(name)).expect("readable")).into_owned();
    Traced { run: Run { code, stdout: text("stdout"), stderr: text("stderr") }, changes: calls.len(), calls }
}

/// Lets the process run to its end; gives its exit code and the changes it began.
fn trace(leader: Pid, fault: Option<(usize, Fault)>) -> (i32, Vec<&'static str>) {
    let mut calls = Vec::new();
    let mut started = false;
    // Threads inside of a call that has to fail, with their registers before it and the error.
    let mut failing: HashMap<Pid, (arch::Regs, i32)> = HashMap::new();
    // Only children of this thread: other tests trace theirs.
    let any = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    loop {
        let status = waitpid(Pid::from_raw(-1), Some(any)).expect("the process is there until it ends");
        let (thread, signal) = match status {
            WaitStatus::Exited(thread, code) if thread == leader => return (code, calls),
            WaitStatus::Signaled(thread, ..) if thread == leader => return (-1, calls),
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => continue,
            WaitStatus::PtraceEvent(thread, _, event) => {
                started |= event == libc::PTRACE_EVENT_EXEC;
                (thread, None)
            }
            WaitStatus::PtraceSyscall(thread) => {
                if started {
                    at_call(thread, leader, fault, &mut calls, &mut failing);
                }
                (thread, None)
            }
            WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
            _ => continue,
        };
        // A thread that was killed meanwhile cannot go on; its end is reported next.
        let _ = ptrace::syscall(thread, signal);
    }
}

fn at_call(
    thread: Pid,
    leader: Pid,
    fault: Option<(usize, Fault)>,
    calls: &mut Vec<&'static str>,
    failing: &mut HashMap<Pid, (arch::Regs, i32)>,
) {
    let (Ok(info), Ok(regs)) = (ptrace::syscall_info(thread), ptrace::getregset::<arch::Set>(thread)) else { return };
    match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            let Some(name) = changing(&regs) else { return };
            calls.push(name);
            match fault {
                Some((at, Fault::Kill)) if at == calls.len() => {
                    kill(leader, Signal::SIGKILL).expect("the process is there");
                }
                Some((at, Fault::Error(code))) if at == calls.len() => {
                    let mut spoiled = regs;
                    // No such descriptor and no such path: the call does nothing.
                    arch::spoil(&mut spoiled);
                    ptrace::setregset::<arch::Set>(thread, spoiled).expect("a stopped thread");
                    failing.insert(thread, (regs, code));
                }
                _ => {}
            }
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            if let Some((mut regs, code)) = failing.remove(&thread) {
                arch::fail(&mut regs, code);
                ptrace::setregset::<arch::Set>(thread, regs).expect("a stopped thread");
            }
        }
        _ => {}
    }
}
