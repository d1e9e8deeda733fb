//! `fluxwright render`: writes the tree.

use std::collections::BTreeSet;

use crate::cli::Status;
use crate::cli::args::{Global, Render};
use crate::cli::changes::{self, Decisions, Survey};
use crate::cli::exclusive;
use crate::cli::session::{self, Depth, Session};
use crate::cli::signals;
use crate::cli::ui::Ui;
use crate::diff::{ChangeKind, ChangeSet};
use crate::repo::{Repo, git};
use crate::report;
use crate::tree::{RepoPath, Tree};

pub fn run(global: &Global, args: &Render, ui: &Ui) -> anyhow::Result<Status> {
    let _lock = match args.stdout {
        true => None,
        false => Some(exclusive::lock(global, args.out.as_deref(), "render", ui)?),
    };
    let decisions = Decisions::new(&args.resolve, &session::repository(global)?, global, None)?;
    let target = args.out.as_ref().map(|dir| Repo::new(dir.clone()));
    let session = Session::start(
        global,
        &args.selection,
        // A decision has to meet a file, so every tree is wanted.
        Depth::brief_if(!args.stdout && !args.exit_code && args.out.is_none() && decisions.is_empty()),
        ui,
        |repo, outcome, previous| {
            let Some((plan, layout)) = &outcome.desired else {
                let survey = changes::survey(outcome, repo, &previous, &decisions)?;
                return Ok(Made { survey, ..Made::default() });
            };
            if args.stdout {
                return Ok(Made { stream: stream(&layout.tree), ..Made::default() });
            }
            let root = plan.cluster.root.clone();
            let paths = layout.tree.iter().filter(|_| args.exit_code).map(|(path, _)| path.clone()).collect();
            let survey = match &target {
                Some(target) => changes::survey(outcome, target, &target.previous(&root)?, &decisions)?,
                None => changes::survey(outcome, repo, &previous, &decisions)?,
            };
            Ok(Made { survey, root: Some(root), paths, ..Made::default() })
        },
    )?;
    let Some(mut session) = session else { return Ok(Status::Findings) };
    if session.report(ui) {
        return Ok(session.refuse("nothing is written", ui));
    }
    let repo = target.unwrap_or_else(|| session.repo.clone());
    let mut status = Status::Clean;
    let mut met = BTreeSet::new();
    let (mut roots, mut all) = (Vec::new(), Vec::new());
    for cluster in &mut session.clusters {
        if args.stdout {
            ui.data(&cluster.made.stream)?;
            continue;
        }
        let survey = std::mem::take(&mut cluster.made.survey);
        survey.report(ui);
        let blocked = survey.is_blocked();
        if blocked {
            status = Status::Findings;
        }
        // The inventory must not claim files that were left alone.
        let changes = if blocked { only_conflicts(survey.changes) } else { survey.changes };
        met.extend(survey.met);
        roots.extend(cluster.made.root.clone());
        all.push((cluster.outcome.name.clone(), blocked, changes));
    }
    decisions.check(&met)?;
    // All at once: the disk is waited for a few times, not for each cluster.
    let changes: Vec<_> = all.iter().map(|(_, _, changes)| changes).collect();
    signals::hold_off(|| exclusive::write(&repo, &roots, &changes))??;
    for (name, blocked, changes) in &all {
        if args.exit_code && !blocked {
            for change in &changes.files {
                ui.data(&report::unified(change, ui.color()))?;
            }
            if !changes.is_empty() {
                status = Status::Findings;
            }
        }
        list(changes, ui)?;
        ui.result(&format!("{name}: {}", summary(changes)))?;
    }
    if args.exit_code && unstaged(&session, ui)? {
        status = Status::Findings;
    }
    Ok(status)
}

/// What is made of one cluster.
#[derive(Default)]
struct Made {
    survey: Survey,
    root: Option<RepoPath>,
    /// The files of the tree, for `--exit-code`.
    paths: Vec<RepoPath>,
    /// All documents, for `--stdout`.
    stream: String,
}

/// Names rendered files that the next commit would lack, since git does not know them; whoever looks at changes of
/// tracked files, as pre-commit does, does not see them.
fn unstaged(session: &Session<Made>, ui: &Ui) -> anyhow::Result<bool> {
    let Some(repository) = git::discover(session.repo.root())? else { return Ok(false) };
    let prefix = super::commit::prefix(&repository, &session.repo);
    let mut found = false;
    for made in session.clusters.iter().map(|cluster| &cluster.made) {
        let Some(root) = &made.root else { continue };
        let paths: Vec<String> = made.paths.iter().map(|path| format!("{prefix}{path}")).collect();
        let untracked = super::commit::explained(repository.untracked(&paths))?;
        for path in &untracked {
            ui.data(&format!("untracked {path}\n"))?;
        }
        if !untracked.is_empty() {
            ui.say(&format!(
                "hint: the next commit would lack these files; `git add {prefix}{root}` adds them, with `--force` those \
                 that `.gitignore` names"
            ));
            found = true;
        }
    }
    Ok(found)
}

fn only_conflicts(mut changes: ChangeSet) -> ChangeSet {
    // What could be written is not, either: half a rendering in Git is worse than the old one.
    changes.files.retain(|change| change.kind.is_conflict());
    changes
}

/// Prints one line for each file that differs.
pub(super) fn list(changes: &ChangeSet, ui: &Ui) -> anyhow::Result<()> {
    for change in &changes.files {
        let word = match change.kind {
            ChangeKind::Created => "created",
            ChangeKind::Changed => "changed",
            ChangeKind::Deleted => "deleted",
            ChangeKind::HandEdited | ChangeKind::Foreign | ChangeKind::LeftOut => "left",
        };
        ui.result(&format!("{word:8}{}", change.path))?;
    }
    for kept in changes.kept.iter().map(|kept| &kept.path).chain(&changes.released) {
        ui.result(&format!("{:8}{kept}", "kept"))?;
    }
    Ok(())
}

/// Counts files in words.
pub(super) fn summary(changes: &ChangeSet) -> String {
    let left = changes.conflicts().count();
    let kept = match changes.kept.len() + changes.released.len() {
        0 => String::new(),
        count => format!(", {count} kept"),
    };
    format!(
        "{} created, {} changed, {} deleted, {left} left alone{kept}, {} unchanged",
        changes.count(ChangeKind::Created),
        changes.count(ChangeKind::Changed),
        changes.count(ChangeKind::Deleted),
        changes.unchanged
    )
}

/// Prints all documents of a tree.
fn stream(tree: &Tree) -> String {
    let mut out = String::new();
    for (path, blob) in tree.iter().filter(|(path, _)| path.as_str().ends_with(".yaml")) {
        let text = blob.text().unwrap_or_default();
        // A `---` at the start of a line ends a document; block scalars are indented, so it stands nowhere else.
        for document in text.split("\n---\n") {
            out.push_str(&format!("---\n# {path}\n{}\n", document.trim_end_matches('\n')));
        }
    }
    out
}
