//! What the two programs make of a tree, and whether it is the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::tree::Tree;

/// Where kustomize goes on in silence and we do not; docs/build.md lists them.
const REFUSED_ON_PURPOSE: [&str; 3] = [
    "by which the list is merged",
    "what a merge makes of them is accidental",
    "holds several documents, of which kustomize would read only the first",
];

/// How two builds of a tree compare.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Equal,
    BothFail,
    /// We refuse by its name a field with which kustomize builds.
    Refused(String),
    /// kustomize itself does not print the same twice.
    Unstable,
    Mismatch(Mismatch),
}

/// Two builds that are not the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// What is the same for all mismatches that probably have one cause.
    pub class: String,
    pub ours: String,
    pub real: String,
}

/// A directory in memory for trees that are there for a moment.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary directory")
}

fn kustomize() -> PathBuf {
    std::env::var_os("FLUXWRIGHT_KUSTOMIZE")
        .map(PathBuf::from)
        .expect("FLUXWRIGHT_KUSTOMIZE must name the kustomize program (v5.8.1) to compare with")
}

fn run(program: &Path, root: &Path, dir: &str) -> Output {
    let mut command = Command::new(program);
    command.arg("build").arg(dir).current_dir(root);
    // kustomize lives for a moment: collecting its garbage, on several cores, is half of its work.
    command.env("GOGC", "off").env("GOMAXPROCS", "1").env("GOMEMLIMIT", "1GiB");
    command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A message without what is particular to one tree.
fn shape(message: &str) -> String {
    let mut literal = false;
    let kept = message.lines().next().unwrap_or_default().chars().filter(|c| {
        literal ^= *c == '`';
        !literal && !c.is_ascii_digit()
    });
    kept.collect::<String>().split_whitespace().filter(|word| !word.ends_with(".yaml:")).collect::<Vec<_>>().join(" ")
}

/// The fault behind the directories that led to it.
fn reason(errors: &str) -> String {
    let line = errors.lines().find(|line| line.contains("rror")).unwrap_or_default();
    let line =
        line.rsplit_once("path '/").and_then(|(_, rest)| rest.split_once("': ")).map_or(line, |(_, fault)| fault);
    let shown: String = shape(line).chars().take(100).collect();
    shown.split(['{', '[']).next().unwrap_or_default().to_owned()
}

/// Whether a tree still differs as another one did; asks kustomize only when we do what we did there.
pub fn still(tree: &Tree, mismatch: &Mismatch) -> Option<Mismatch> {
    let root = scratch();
    tree.write(root.path());
    let ours = run(Path::new(env!("CARGO_BIN_EXE_fluxwright")), root.path(), &tree.dir);
    let fails = mismatch.class.starts_with("only we fail");
    if fails && mismatch.class != class_of_error(&text(&ours.stderr)) || !fails && ours.status.code() == Some(2) {
        return None;
    }
    match compare(tree).0 {
        Verdict::Mismatch(found) if found.class == mismatch.class => Some(found),
        _ => None,
    }
}

fn class_of_error(message: &str) -> String {
    format!("only we fail: {}", shape(message))
}

/// Builds a tree with both programs; with the reason for which kustomize fails, if it does.
pub fn compare(tree: &Tree) -> (Verdict, Option<String>) {
    let root = scratch();
    tree.write(root.path());
    let ours = run(Path::new(env!("CARGO_BIN_EXE_fluxwright")), root.path(), &tree.dir);
    let message = text(&ours.stderr);
    let real = run(&kustomize(), root.path(), &tree.dir);
    let fails = text(&real.stderr);
    let error = (!real.status.success()).then(|| reason(&fails));
    if let Some((field, _)) = message.split_once("` is not supported")
        && error.is_none()
    {
        let field = field.rsplit('`').next().unwrap_or_default();
        let plain: String = field.chars().filter(|c| !c.is_ascii_digit()).collect();
        return (Verdict::Refused(plain), error);
    }
    if error.is_none()
        && let Some(what) = REFUSED_ON_PURPOSE.iter().find(|what| message.contains(**what))
    {
        return (Verdict::Refused((*what).to_owned()), error);
    }
    let class = match (ours.status.code(), real.status.success()) {
        (Some(0), true) if ours.stdout == real.stdout => return (Verdict::Equal, error),
        (Some(2), false) => return (Verdict::BothFail, error),
        (Some(0), true) => "other output".to_owned(),
        (Some(0), false) => "only kustomize fails".to_owned(),
        (Some(2), true) => class_of_error(&message),
        (code, _) => format!("we end with {code:?}: {}", shape(&message)),
    };
    // Maps of Go have no order; where that shows, there is nothing to compare with.
    for _ in 0..3 {
        let again = run(&kustomize(), root.path(), &tree.dir);
        if again.status.success() != real.status.success() || again.stdout != real.stdout {
            return (Verdict::Unstable, error);
        }
    }
    let shown = |output: &Output, errors: String| text(&output.stdout) + &errors;
    let errors = if real.status.success() { String::new() } else { fails };
    let mismatch = Mismatch { class, ours: shown(&ours, message), real: shown(&real, errors) };
    (Verdict::Mismatch(mismatch), error)
}
