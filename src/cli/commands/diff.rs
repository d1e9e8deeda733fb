//! `fluxwright diff`: what `render` would change.

use anyhow::bail;

use crate::cli::Status;
use crate::cli::args::{Diff, Global};
use crate::cli::session::{self, Session};
use crate::cli::ui::Ui;
use crate::diff::{ChangeSet, compare, describe};
use crate::layout::{Inventory, inventory};
use crate::pipeline::Outcome;
use crate::repo::git;
use crate::report::{self, ClusterDiff};
use crate::tree::{Blob, RepoPath, Tree};

pub fn run(global: &Global, args: &Diff, ui: &Ui) -> anyhow::Result<Status> {
    let format = report::format(&args.output).expect("clap accepts the formats of the table only");
    let write = match (args.raw, format.raw) {
        (false, _) => format.write,
        (true, Some(raw)) => raw,
        (true, None) => bail!("`--raw` does not change the format `{}`; leave it out", format.name),
    };
    let Some(session) = Session::start(global, &args.selection, ui)? else { return Ok(Status::Findings) };
    let errors = session.report(ui);
    if errors && !format.findings {
        return Ok(session.refuse("nothing to compare", ui));
    }
    let mut diffs = Vec::new();
    for (outcome, previous) in session.outcomes.iter().zip(&session.previous) {
        let changes = match &args.against {
            _ if outcome.has_errors() => ChangeSet::default(),
            Some(rev) => against(outcome, rev, &session)?,
            None => session::changes(outcome, &session.repo, previous)?,
        };
        let conflicts = session::conflicts(&changes);
        ui.diagnostics(&conflicts, &session.sources);
        let desired = outcome.desired.as_ref().filter(|_| !outcome.has_errors());
        diffs.push(ClusterDiff {
            cluster: outcome.name.clone(),
            intent: outcome.file.clone(),
            against: args.against.clone().unwrap_or_else(|| "the working tree".into()),
            meaning: describe(&changes, |path| is_applied(outcome, path)),
            changes,
            proofs: outcome.proofs.clone(),
            diagnostics: outcome.diagnostics.iter().cloned().chain(conflicts).collect(),
            graph: desired.map(|(_, layout)| layout.graph.clone()),
        });
    }
    ui.data(&write(&diffs, ui.color()))?;
    let changed = diffs.iter().any(|diff| !diff.changes.is_empty());
    Ok(if changed || errors { Status::Findings } else { Status::Clean })
}

/// Whether Flux applies a file: hand-over files hold objects that it never sees.
pub(super) fn is_applied(outcome: &Outcome, path: &RepoPath) -> bool {
    let Some((plan, _)) = &outcome.desired else { return false };
    let relative = path.strip_prefix(&plan.cluster.root).unwrap_or_default();
    !relative.starts_with("install/") && !relative.starts_with("hosts/")
}

/// Compares with the files of a revision, which are ours as far as its own inventory says.
fn against(outcome: &Outcome, rev: &str, session: &Session) -> anyhow::Result<ChangeSet> {
    let Some((plan, layout)) = &outcome.desired else { return Ok(ChangeSet::default()) };
    let root = &plan.cluster.root;
    let Some(repository) = git::discover(session.repo.root())? else {
        bail!("--against needs a git repository; `{}` is in none", session.repo.root().display());
    };
    let prefix = super::commit::prefix(&repository, &session.repo);
    let files = super::commit::explained(repository.files_at(rev, &[format!("{prefix}{root}")]))?;
    let mut current = Tree::new();
    for (path, bytes) in files {
        if let Some(path) = path.strip_prefix(&prefix).and_then(|path| RepoPath::parse(path).ok()) {
            current.insert(path, Blob::from(bytes));
        }
    }
    let owned =
        root.join(inventory::FILE).ok().and_then(|path| current.get(&path).map(Inventory::read)).unwrap_or_default();
    Ok(compare(&layout.tree, &current, root, &owned))
}
