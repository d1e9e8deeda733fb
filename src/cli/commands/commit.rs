//! `fluxwright commit`: render, then one commit of our paths.

use anyhow::bail;

use crate::cli::Status;
use crate::cli::args::{Commit, Global};
use crate::cli::session::{self, Depth, Done, Session};
use crate::cli::ui::Ui;
use crate::diff::{ObjectChange, compare, counts, describe};
use crate::layout::{Inventory, inventory};
use crate::repo::Repo;
use crate::repo::git::{self, FileChange, Repository};
use crate::tree::{Blob, RepoPath, Tree};

pub fn run(global: &Global, args: &Commit, ui: &Ui) -> anyhow::Result<Status> {
    let repo = session::repository(global)?;
    let Some(repository) = git::discover(repo.root())? else {
        bail!(
            "`{}` is not in a git repository; `git init` makes one, or use `fluxwright render`",
            repo.root().display()
        );
    };
    if repository.work_dir().is_none() {
        // The library knows the words for it.
        explained(repository.preflight(&[]))?;
    }
    let session = Session::start(global, &args.selection, Depth::Whole, ui, |repo, outcome, previous| {
        let changes = session::changes(outcome, repo, &previous)?;
        Ok((changes, previous, outcome.desired.take()))
    })?;
    let Some(mut session) = session else { return Ok(Status::Findings) };
    if session.report(ui) {
        return Ok(session.refuse("nothing is committed", ui));
    }
    if session.clusters.is_empty() {
        return Ok(Status::Clean);
    }
    let prefix = prefix(&repository, &session.repo);
    let mut sets = Vec::new();
    let mut files = Vec::new();
    let mut changed_objects = Vec::new();
    let mut blocked = false;
    for Done { outcome, made } in std::mem::take(&mut session.clusters) {
        let (changes, previous, desired) = made;
        let conflicts = session::conflicts(&changes);
        ui.diagnostics(&conflicts, &session.sources);
        blocked |= !conflicts.is_empty();
        let Some((plan, layout)) = &desired else { continue };
        let root = &plan.cluster.root;
        let at_head = tree_at(&repository, "HEAD", &prefix, root)?;
        let owned = root
            .join(inventory::FILE)
            .ok()
            .and_then(|path| at_head.get(&path).map(Inventory::read))
            .unwrap_or_default();
        for (path, blob) in layout.tree.iter() {
            files.push(change(&prefix, path, Some(blob)));
        }
        // Files of the last commit that are ours, rendered no longer, and gone from the work tree or about to go.
        for relative in owned.paths() {
            let Ok(path) = root.join(relative) else { continue };
            let on_disk = session.repo.read(&path)?;
            let going = previous.inventory.owns(relative) || on_disk.is_none();
            if !layout.tree.contains(&path) && going && !session::is_input(plan, &path) {
                files.push(change(&prefix, &path, None));
            }
        }
        // The intent and what it refers to: a rendering without its intent would be stale in the next check.
        let Some(intent) = &outcome.path else {
            bail!(
                "`{}` lies outside the repository, so that the commit would lack it; copy it to `{}`, or use `fluxwright render`",
                outcome.file,
                plan.cluster.path
            );
        };
        let inputs: Vec<&RepoPath> = std::iter::once(intent).chain(plan.cluster.files.keys()).collect();
        let names: Vec<String> = inputs.iter().map(|path| format!("{prefix}{path}")).collect();
        let known = explained(repository.files_at("HEAD", &names))?;
        for path in inputs {
            let Some(blob) = session.repo.read(path)? else {
                bail!("`{path}` is not a plain file of the repository, so that it cannot be committed");
            };
            // git keeps the line ends that the last commit has; a checkout may have converted them.
            let lf = known
                .get(&format!("{prefix}{path}"))
                .is_some_and(|bytes| !bytes.windows(2).any(|pair| pair == b"\r\n"));
            let blob = if lf { Blob::from(blob.with_lf().into_owned()) } else { blob };
            files.push(change(&prefix, path, Some(&blob)));
        }
        let against_head = compare(&layout.tree, &at_head, root, &owned);
        let found = describe(&against_head, |path| super::diff::is_below_flux(path, root)).objects;
        changed_objects.push((outcome.name.clone(), found));
        sets.push(changes);
    }
    if blocked {
        return Ok(session.refuse("nothing is committed; files are in the way", ui));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup();
    explained(repository.preflight(&files))?;
    for changes in &sets {
        session.repo.apply(changes)?;
    }
    let message = args.message.clone().unwrap_or_else(|| summary(&changed_objects));
    let commit = explained(repository.commit(&files, &message))?;
    for changes in &sets {
        super::render::list(changes, ui)?;
    }
    match commit {
        Some(commit) => {
            let short: String = commit.id.chars().take(10).collect();
            ui.result(&format!("[{} {short}] {}", commit.branch, message.lines().next().unwrap_or_default()))?;
        }
        None => ui.result("nothing to commit: the last commit holds this rendering already")?,
    }
    Ok(Status::Clean)
}

/// Adds the hint of a git error.
pub(super) fn explained<T>(result: Result<T, git::GitError>) -> anyhow::Result<T> {
    result.map_err(|error| {
        let hint = error.hint();
        let error = anyhow::Error::from(error);
        match hint {
            Some(hint) => anyhow::anyhow!("{error:#}\nhint: {hint}"),
            None => error,
        }
    })
}

/// What stands before our paths in git's: empty, unless `--repo` names a directory below the work tree.
pub(super) fn prefix(repository: &Repository, repo: &Repo) -> String {
    let inside = repository.work_dir().and_then(|work_dir| {
        let root = repo.root().canonicalize().ok()?;
        let relative = root.strip_prefix(work_dir).ok()?.to_str()?.replace('\\', "/");
        (!relative.is_empty()).then(|| format!("{relative}/"))
    });
    inside.unwrap_or_default()
}

fn change(prefix: &str, path: &RepoPath, blob: Option<&Blob>) -> FileChange {
    FileChange { path: format!("{prefix}{path}"), content: blob.map(|blob| blob.bytes().to_vec()) }
}

/// The files of a revision below a cluster's directory.
pub(super) fn tree_at(repository: &Repository, rev: &str, prefix: &str, root: &RepoPath) -> anyhow::Result<Tree> {
    let files = explained(repository.files_at(rev, &[format!("{prefix}{root}")]))?;
    let own =
        |(path, bytes): (String, Vec<u8>)| Some((RepoPath::parse(path.strip_prefix(prefix)?).ok()?, Blob::from(bytes)));
    Ok(files.into_iter().filter_map(own).collect())
}

/// Writes a message from the objects that change: a subject, then one line for each object.
fn summary(clusters: &[(String, Vec<ObjectChange>)]) -> String {
    let changed: Vec<_> = clusters.iter().filter(|(_, objects)| !objects.is_empty()).collect();
    let names: Vec<&str> = if changed.is_empty() { clusters } else { &[] }
        .iter()
        .map(|(name, _)| name.as_str())
        .chain(changed.iter().map(|(name, _)| name.as_str()))
        .collect();
    let counts = counts(changed.iter().flat_map(|(_, objects)| objects));
    let counts = if counts.is_empty() { "no object changes".to_owned() } else { counts };
    let subject = if names.len() > 5 { format!("{} clusters", names.len()) } else { names.join(", ") };
    let mut message = format!("{subject}: {counts}\n");
    for (name, objects) in changed {
        message.push_str(&format!("\n{name}\n"));
        for object in objects {
            message.push_str(&format!("{} {}\n", object.change.sign(), object.object));
        }
    }
    message
}
