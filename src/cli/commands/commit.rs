//! `fluxwright commit`: render, then one commit of our paths.

mod cluster;

use std::collections::BTreeSet;

use anyhow::bail;

use crate::cli::Status;
use crate::cli::args::{Commit, Global};
use crate::cli::changes::Decisions;
use crate::cli::exclusive;
use crate::cli::session::{self, Depth, Session};
use crate::cli::signals;
use crate::cli::ui::Ui;
use crate::diagnostic::mask::mask;
use crate::diff::{ChangeSet, ObjectKind, count_kinds};
use crate::repo::Repo;
use crate::repo::git::{self, Changes, GitError, Ready, Repository, Request, Target};
use crate::tree::{Blob, RepoPath, Tree};

pub fn run(global: &Global, args: &Commit, ui: &Ui) -> anyhow::Result<Status> {
    let repo = session::repository(global)?;
    let Some(repository) = git::discover(repo.root())? else {
        bail!(
            "`{}` is not in a git repository; `git init` makes one, or use `fluxwright render`",
            repo.root().display()
        );
    };
    let _lock = exclusive::lock(global, None, "commit", ui)?;
    let target = explained(repository.target(args.branch.as_deref()))?;
    let Some(context) = session::context(&repo, ui)? else { return Ok(Status::Findings) };
    let decisions =
        Decisions::new(&args.resolve, &repo, global, args.branch.as_deref().filter(|_| !target.is_current()))?;
    let place = cluster::Place::new(&repository, &target, &repo, args.message.is_none());
    let session = Session::run_with(
        repo,
        &context,
        &args.selection,
        Depth::Whole,
        ui,
        &|repo, root| place.owned(repo, root),
        // A cluster that cannot be committed is told of after the findings about all of them.
        |repo, outcome, previous| Ok(place.gather(repo, outcome, &previous, &decisions)),
    )?;
    if session.report(ui) {
        return Ok(session.refuse("nothing is committed", ui));
    }
    if session.clusters.is_empty() {
        return Ok(Status::Clean);
    }
    let Session { repo, clusters, sources, faults } = session;
    let (mut sets, mut changes, mut objects) = (Vec::new(), Changes::default(), Vec::new());
    let mut roots = Vec::new();
    let (mut met, mut blocked) = (BTreeSet::new(), false);
    for cluster in clusters {
        let made = cluster.made?;
        made.survey.report(ui);
        blocked |= made.survey.is_blocked();
        met.extend(made.survey.met);
        roots.extend(made.root);
        sets.push(made.survey.changes);
        changes.extend(made.files);
        objects.push((cluster.outcome.name, made.objects));
    }
    if blocked {
        let none: Session<()> = Session { repo, clusters: Vec::new(), sources, faults };
        return Ok(none.refuse("nothing is committed; files are in the way", ui));
    }
    decisions.check(&met)?;
    let message = args.message.clone().unwrap_or_else(|| summary(&objects));
    let request = Request {
        target: &target,
        changes: &changes,
        message: &message,
        trailers: &args.trailers,
        sign: args.sign(),
        verify: !args.no_verify,
    };
    let mut ready = explained(repository.preflight(&request))?;
    explained(repository.store_ahead(&mut ready))?;
    let commit = signals::hold_off(|| write_and_commit(&repo, &roots, &sets, &repository, &request, ready))??;
    for changes in sets.iter().filter(|_| target.is_current()) {
        super::render::list(changes, ui)?;
    }
    match &commit {
        Some(commit) => {
            let short: String = commit.id.chars().take(10).collect();
            ui.result(&format!("[{} {short}] {}", commit.branch, commit.subject))?;
            commit.notes.iter().for_each(|note| ui.say(&format!("note: {note}")));
        }
        None if target.is_current() => ui.result("nothing to commit: the last commit holds this rendering already")?,
        None if target.is_new() => {
            let branch = target.branch();
            ui.result(&format!(
                "nothing to commit: `HEAD` holds this rendering already; no branch `{branch}` is made"
            ))?;
        }
        None => {
            ui.result(&format!("nothing to commit: the branch `{}` holds this rendering already", target.branch()))?;
        }
    }
    // A new branch that nothing was committed to is not there.
    if target.is_new() && commit.is_none() {
        return Ok(Status::Clean);
    }
    match &args.push {
        Some(remote) => push(&repository, &target, remote.as_deref(), ui)?,
        None if !target.is_current() && commit.is_some() => {
            let (branch, remote) = (target.branch(), repository.remote_for(&target));
            let remote = remote.as_deref().unwrap_or("origin");
            ui.say(&format!("hint: `git push --set-upstream {remote} {branch}` pushes it, for a pull request"));
        }
        None => {}
    }
    Ok(Status::Clean)
}

/// Writes the working tree and makes the commit. Without a commit the working tree is as it was.
fn write_and_commit(
    repo: &Repo,
    roots: &[RepoPath],
    sets: &[ChangeSet],
    repository: &Repository,
    request: &Request,
    ready: Ready,
) -> anyhow::Result<Option<git::Commit>> {
    let (roots, sets) = if request.target.is_current() { (roots, sets) } else { (&[][..], &[][..]) };
    let written = exclusive::write(repo, roots, &sets.iter().collect::<Vec<_>>())?;
    let result = repository.commit(request, ready);
    // The commit is there all the same, and goes with what is written.
    let is_made = matches!(&result, Ok(_) | Err(GitError::IndexNotUpdated { .. }));
    explained(result).map_err(|error| if is_made { error } else { exclusive::undo(repo, written, error) })
}

/// Pushes the branch, and says what git said.
fn push(repository: &Repository, target: &Target, remote: Option<&str>, ui: &Ui) -> anyhow::Result<()> {
    let pushed = explained(repository.push(target, remote))?;
    if !pushed.said.is_empty() {
        ui.say(&mask(&pushed.said));
    }
    ui.result(&mask(&format!("pushed {} to {} {}", target.branch(), pushed.remote, pushed.branch)))
}

/// Adds the hint of a git error.
pub(in crate::cli) fn explained<T>(result: Result<T, git::GitError>) -> anyhow::Result<T> {
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
    repository.prefix(repo.root())
}

/// The files of a revision below a cluster's directory.
pub(super) fn tree_at(repository: &Repository, rev: &str, prefix: &str, root: &RepoPath) -> anyhow::Result<Tree> {
    let files = explained(repository.files_at(rev, &[format!("{prefix}{root}")]))?;
    let own =
        |(path, bytes): (String, Vec<u8>)| Some((RepoPath::parse(path.strip_prefix(prefix)?).ok()?, Blob::from(bytes)));
    Ok(files.into_iter().filter_map(own).collect())
}

/// Writes a message from the objects that change: a subject, then one line for each object.
fn summary(clusters: &[(String, Vec<(ObjectKind, String)>)]) -> String {
    let changed: Vec<_> = clusters.iter().filter(|(_, objects)| !objects.is_empty()).collect();
    let names: Vec<&str> = if changed.is_empty() { clusters } else { &[] }
        .iter()
        .map(|(name, _)| name.as_str())
        .chain(changed.iter().map(|(name, _)| name.as_str()))
        .collect();
    let counts = count_kinds(changed.iter().flat_map(|(_, objects)| objects).map(|(kind, _)| *kind));
    let counts = if counts.is_empty() { "no object changes".to_owned() } else { counts };
    let subject = if names.len() > 5 { format!("{} clusters", names.len()) } else { names.join(", ") };
    let mut message = format!("{subject}: {counts}\n");
    for (name, objects) in changed {
        message.push_str(&format!("\n{name}\n"));
        for (kind, object) in objects {
            message.push_str(&format!("{} {object}\n", kind.sign()));
        }
    }
    message
}
