//! One cluster of a commit: what is ours where the commit goes, and which files it changes there.

use std::collections::BTreeSet;

use anyhow::bail;

use super::{explained, prefix, tree_at};
use crate::cli::changes::{self, Decisions, Survey};
use crate::cli::commands::is_applied;
use crate::diff::{ChangeSet, ObjectKind, compare, describe};
use crate::layout::{Inventory, Layout, Previous, inventory};
use crate::pipeline::Outcome;
use crate::plan::Plan;
use crate::repo::Repo;
use crate::repo::git::{Changes, FileChange, Repository, Shared, Target};
use crate::tree::{Blob, RepoPath, Tree};

/// Where the commit goes, seen by the threads that work on clusters.
pub(super) struct Place {
    shared: Shared,
    revision: String,
    /// Whether the branch is checked out: then the files that count are those of the working tree.
    current: bool,
    prefix: String,
    /// Whether the message is made of the objects; telling them apart means to parse all files that change.
    describes: bool,
}

/// What a commit needs of one cluster.
#[derive(Default)]
pub(super) struct Made {
    /// The cluster's directory.
    pub root: Option<RepoPath>,
    /// What happens to the files of the working tree, or of the branch that is not checked out.
    pub survey: Survey,
    pub files: Changes,
    /// What happens to which objects.
    pub objects: Vec<(ObjectKind, String)>,
}

impl Place {
    pub fn new(repository: &Repository, target: &Target, repo: &Repo, describes: bool) -> Self {
        Self {
            shared: repository.shared(),
            revision: target.revision(),
            current: target.is_current(),
            prefix: prefix(repository, repo),
            describes,
        }
    }

    /// Reads what we own in a cluster's directory, where the commit goes.
    pub fn owned(&self, repo: &Repo, root: &RepoPath) -> anyhow::Result<Previous> {
        if self.current {
            return Ok(repo.previous(root)?);
        }
        let there = tree_at(&self.shared.local(), &self.revision, &self.prefix, root)?;
        let inventory = inventory_of(&there, root);
        let own = |path: &RepoPath| {
            path.strip_prefix(root).is_some_and(|relative| relative == inventory::FILE || inventory.owns(relative))
        };
        let files = there.iter().filter(|(path, _)| own(path)).map(|(path, blob)| (path.clone(), blob.clone()));
        Ok(Previous { files: files.collect(), inventory })
    }

    /// Works out what the commit does to a cluster; nothing, if its intent has errors.
    pub fn gather(
        &self,
        repo: &Repo,
        outcome: &mut Outcome,
        previous: &Previous,
        decisions: &Decisions,
    ) -> anyhow::Result<Made> {
        let in_work_tree = self.current.then(|| changes::survey(outcome, repo, previous, decisions)).transpose()?;
        let Some((plan, layout)) = &outcome.desired else { return Ok(Made::default()) };
        let repository = self.shared.local();
        let root = &plan.cluster.root;
        let there = tree_at(&repository, &self.revision, &self.prefix, root)?;
        let owned = inventory_of(&there, root);
        let mut survey = match in_work_tree {
            Some(survey) => survey,
            None => changes::survey_tree(outcome, repo, &there, &owned, decisions)?,
        };
        let tree = survey.changes.result(&layout.tree, root);
        let objects = match self.describes {
            true => objects(&compare(&tree, &there, root, &owned), layout, &tree, root),
            false => Vec::new(),
        };
        // What the user keeps may have been checked out with other line ends than git stores.
        let lf = |path: &RepoPath| there.get(path).is_some_and(|known| known.with_lf() == known.bytes());
        let stored = |(path, blob): (&RepoPath, &Blob)| match lf(path) {
            true => self.change(path, Some(&Blob::from(blob.with_lf().into_owned()))),
            false => self.change(path, Some(blob)),
        };
        let mut files: Vec<FileChange> = tree.iter().map(stored).collect();
        // Files of the last commit that are ours, rendered no longer, and gone from the work tree or about to go.
        for relative in owned.paths() {
            let Ok(path) = root.join(relative) else { continue };
            let stays = layout.tree.contains(&path) || survey.changes.released.contains(&path);
            if stays || plan.cluster.is_input(&path) {
                continue;
            }
            if previous.inventory.owns(relative) || repo.read(&path)?.is_none() {
                files.push(self.change(&path, None));
            }
        }
        files.extend(self.inputs(repo, &repository, outcome, plan)?);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup();
        survey.changes.files.retain(|change| change.after.is_some() || !plan.cluster.is_input(&change.path));
        Ok(Made { root: Some(root.clone()), survey, files: explained(repository.changes(files))?, objects })
    }

    /// The intent, its bases and what they refer to: a rendering without its intent would be stale in the next check.
    fn inputs(
        &self,
        repo: &Repo,
        repository: &Repository,
        outcome: &Outcome,
        plan: &Plan,
    ) -> anyhow::Result<Vec<FileChange>> {
        let Some(intent) = &outcome.path else {
            bail!(
                "`{}` lies outside the repository, so that the commit would lack it; copy it to `{}`, or use `fluxwright render`",
                outcome.file,
                plan.cluster.path
            );
        };
        let paths: Vec<&RepoPath> =
            std::iter::once(intent).chain(plan.cluster.bases()).chain(plan.cluster.files.keys()).collect();
        let names: Vec<String> = paths.iter().map(|path| format!("{}{path}", self.prefix)).collect();
        let known = explained(repository.files_at(&self.revision, &names))?;
        let mut files = Vec::new();
        for (path, name) in paths.into_iter().zip(names) {
            let Some(blob) = repo.read(path)? else {
                bail!("`{path}` is not a plain file of the repository, so that it cannot be committed");
            };
            // git keeps the line ends that the last commit has; a checkout may have converted them.
            let lf = known.get(&name).is_some_and(|bytes| !bytes.windows(2).any(|pair| pair == b"\r\n"));
            let blob = if lf { Blob::from(blob.with_lf().into_owned()) } else { blob };
            files.push(FileChange { path: name, content: Some(blob) });
        }
        Ok(files)
    }

    fn change(&self, path: &RepoPath, blob: Option<&Blob>) -> FileChange {
        FileChange { path: format!("{}{path}", self.prefix), content: blob.cloned() }
    }
}

/// Tells what happens to which objects. When all files are new as they are rendered, their objects are known without parsing.
fn objects(changes: &ChangeSet, layout: &Layout, tree: &Tree, root: &RepoPath) -> Vec<(ObjectKind, String)> {
    let none_is_there = changes.unchanged == 0 && changes.kept.is_empty();
    let is_new = none_is_there && changes.files.iter().all(|change| change.before.is_none());
    if is_new && layout.objects.iter().all(|object| tree.get(&object.path) == layout.tree.get(&object.path)) {
        let ids: BTreeSet<String> = layout.objects.iter().map(|object| object.resource.id()).collect();
        return ids.into_iter().map(|id| (ObjectKind::Added, id)).collect();
    }
    let found = describe(changes, |path| is_applied(path, root)).objects;
    found.into_iter().map(|one| (one.change, one.object)).collect()
}

fn inventory_of(files: &Tree, root: &RepoPath) -> Inventory {
    let path = root.join(inventory::FILE).ok();
    path.and_then(|path| files.get(&path).map(Inventory::read)).unwrap_or_default()
}
