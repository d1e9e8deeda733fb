//! `fluxwright diff`: what `render` would change.

use anyhow::bail;

use crate::cli::Status;
use crate::cli::args::{Diff, Global};
use crate::cli::changes::{self, Decisions, Survey};
use crate::cli::session::{Depth, Session};
use crate::cli::ui::Ui;
use crate::diagnostic::{Diagnostic, codes};
use crate::diff::{ChangeKind, ChangeSet, FileChange, describe};
use crate::layout::{Graph, Inventory, Previous, inventory};
use crate::pipeline::Outcome;
use crate::repo::Repo;
use crate::repo::git::{self, Repository};
use crate::report::{self, ClusterDiff};
use crate::tree::RepoPath;

pub fn run(global: &Global, args: &Diff, ui: &Ui) -> anyhow::Result<Status> {
    let format = report::format(&args.output).expect("clap accepts the formats of the table only");
    if args.effective {
        return super::effective::run(global, args, format, ui);
    }
    let write = match (args.raw, format.raw) {
        (false, _) => format.write,
        (true, Some(raw)) => raw,
        (true, None) => bail!("`--raw` does not change the format `{}`; leave it out", format.name),
    };
    let decisions = Decisions::none(global);
    let session = Session::start(
        global,
        &args.selection,
        Depth::brief_if(args.output == "text" && args.against.is_none()),
        ui,
        |repo, outcome, previous| one(repo, outcome, &previous, args.against.as_deref(), &decisions),
    )?;
    let Some(mut session) = session else { return Ok(Status::Findings) };
    let errors = session.report(ui);
    if errors && !format.findings {
        return Ok(session.refuse("nothing to compare", ui));
    }
    let mut diffs = Vec::new();
    let mut blocked = false;
    for cluster in &mut session.clusters {
        let (mut diff, found) = std::mem::take(&mut cluster.made);
        ui.diagnostics(&found, &session.sources);
        blocked |= found.iter().any(Diagnostic::is_error);
        diff.proofs = std::mem::take(&mut cluster.outcome.proofs);
        diff.diagnostics = cluster.outcome.diagnostics.iter().cloned().chain(found).collect();
        diffs.push(diff);
    }
    if let Some(rev) = args.against.as_ref().filter(|_| args.selection.is_all()) {
        let removed = removed(rev, &session)?;
        removed.iter().for_each(|diff| ui.diagnostics(&diff.diagnostics, &session.sources));
        diffs.extend(removed);
        diffs.sort_by(|a, b| a.cluster.cmp(&b.cluster));
    }
    ui.data(&write(&diffs, ui.color()))?;
    let changed = diffs.iter().any(|diff| !diff.changes.is_empty());
    Ok(if changed || errors || blocked { Status::Findings } else { Status::Clean })
}

/// Compares one cluster; its findings and proofs are still to come.
fn one(
    repo: &Repo,
    outcome: &mut Outcome,
    previous: &Previous,
    rev: Option<&str>,
    decisions: &Decisions,
) -> anyhow::Result<(ClusterDiff, Vec<Diagnostic>)> {
    let Survey { changes, hand_edits, findings, .. } = match rev {
        _ if outcome.has_errors() => Survey::default(),
        Some(rev) => against(outcome, rev, repo, decisions)?,
        None => changes::survey(outcome, repo, previous, decisions)?,
    };
    let diff = ClusterDiff {
        cluster: outcome.name.clone(),
        intent: outcome.file.clone(),
        against: rev.unwrap_or("the working tree").to_owned(),
        meaning: describe(&changes, |path| {
            outcome.desired.as_ref().is_some_and(|(plan, _)| is_applied(path, &plan.cluster.root))
        }),
        changes,
        hand_edits,
        graph: outcome.desired.take().filter(|_| !outcome.has_errors()).map(|(_, layout)| layout.graph),
        ..ClusterDiff::default()
    };
    Ok((diff, findings))
}

/// Whether Flux applies a file of a cluster: hand-over files hold objects that it never sees.
pub fn is_applied(path: &RepoPath, root: &RepoPath) -> bool {
    let relative = path.strip_prefix(root).unwrap_or_default();
    !relative.starts_with("install/") && !relative.starts_with("hosts/")
}

/// The clusters of a revision whose intent the work tree lacks: all that was rendered for them is gone.
fn removed(rev: &str, session: &Session<(ClusterDiff, Vec<Diagnostic>)>) -> anyhow::Result<Vec<ClusterDiff>> {
    let repository = repository(&session.repo)?;
    let prefix = super::commit::prefix(&repository, &session.repo);
    let below = format!("{prefix}clusters");
    let mut found = Vec::new();
    for intent in super::commit::explained(repository.paths_at(rev, &[below]))? {
        let Some(intent) = intent.strip_prefix(&prefix).and_then(|path| RepoPath::parse(path).ok()) else { continue };
        let Some(root) = intent.parent().filter(|root| intent.name() == "cluster.yaml" && is_cluster(root)) else {
            continue;
        };
        // A cluster that is not looked at, or that a sparse checkout lacks, is not gone.
        if session.repo.read(&intent)?.is_some() || session.repo.is_left_out(&intent)? {
            continue;
        }
        let current = super::commit::tree_at(&repository, rev, &prefix, &root)?;
        let owned = root.join(inventory::FILE).ok().and_then(|path| current.get(&path).map(Inventory::read));
        let owned = owned.unwrap_or_default();
        let ours = |path: &RepoPath| {
            let relative = path.strip_prefix(&root).unwrap_or_default();
            *path == intent || relative == inventory::FILE || owned.owns(relative)
        };
        let gone = current.iter().filter(|(path, _)| ours(path)).map(|(path, blob)| FileChange {
            path: path.clone(),
            kind: ChangeKind::Deleted,
            before: Some(blob.clone()),
            after: None,
        });
        let changes = ChangeSet::of(gone.collect());
        let name = root.name().to_owned();
        let warning =
            Diagnostic::new(codes::CLUSTER_REMOVED, format!("the cluster `{name}` is removed: `{rev}` has it"))
                .file(intent.to_string())
                .hint("put its directory back if the cluster is to stay");
        found.push(ClusterDiff {
            cluster: name,
            intent: intent.to_string(),
            against: rev.to_owned(),
            meaning: describe(&changes, |path| *path != intent && is_applied(path, &root)),
            changes,
            hand_edits: Vec::new(),
            proofs: Vec::new(),
            diagnostics: vec![warning],
            graph: Some(Graph::default()),
        });
    }
    Ok(found)
}

/// Whether a directory is where a cluster lies: `clusters/<name>`.
fn is_cluster(root: &RepoPath) -> bool {
    root.parent().is_some_and(|parent| parent.as_str() == "clusters")
}

/// Compares with the files of a revision, which are ours as far as its own inventory says.
fn against(outcome: &Outcome, rev: &str, repo: &Repo, decisions: &Decisions) -> anyhow::Result<Survey> {
    let Some((plan, _)) = &outcome.desired else { return Ok(Survey::default()) };
    let root = &plan.cluster.root;
    let repository = repository(repo)?;
    let prefix = super::commit::prefix(&repository, repo);
    let current = super::commit::tree_at(&repository, rev, &prefix, root)?;
    let owned =
        root.join(inventory::FILE).ok().and_then(|path| current.get(&path).map(Inventory::read)).unwrap_or_default();
    changes::survey_tree(outcome, repo, &current, &owned, decisions)
}

fn repository(repo: &Repo) -> anyhow::Result<Repository> {
    let Some(repository) = git::discover(repo.root())? else {
        bail!("--against needs a git repository; `{}` is in none", repo.root().display());
    };
    Ok(repository)
}
