//! What would change in one cluster's files: what is ours is told from what is not, hand edits are looked at from both
//! sides, and decided as the user asks.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::bail;

use super::args::{Global, Resolve, Take};
use super::ground;
use super::ui::Ui;
use crate::diagnostic::{Diagnostic, codes};
use crate::diff::{ChangeKind, ChangeSet, FileChange, HandEdit, Side, clashes, compare};
use crate::layout::{Inventory, Previous};
use crate::pipeline::Outcome;
use crate::repo::{Repo, git};
use crate::tree::{RepoPath, Tree};

/// What a user decided about hand edits, before any is known.
#[derive(Default)]
pub struct Decisions {
    /// A side for a file or a directory, by its path in the repository; the longest path that fits counts.
    sides: Vec<(String, Side)>,
    /// Whether what no side was taken of is merged.
    merge: bool,
    /// How hints name the commands that help here.
    commands: Commands,
}

/// Commands with the options that lead them to the files at hand.
#[derive(Default)]
struct Commands {
    /// Takes decisions.
    decide: String,
    /// Shows both sides.
    show: String,
}

impl Commands {
    /// `branch` is the one that a commit goes to when it is not checked out.
    fn new(global: &Global, branch: Option<&str>) -> Self {
        let repo = global.repo.as_ref().map(|dir| format!(" --repo {}", dir.display())).unwrap_or_default();
        match branch {
            Some(branch) => Self {
                decide: format!("fluxwright commit{repo} --branch {branch}"),
                show: format!("fluxwright diff{repo} --against {branch}"),
            },
            None => Self { decide: format!("fluxwright render{repo}"), show: format!("fluxwright diff{repo}") },
        }
    }
}

impl Decisions {
    /// No decision. `global` says how the command that takes one would have to be called.
    pub fn none(global: &Global) -> Self {
        Self { commands: Commands::new(global, None), ..Self::default() }
    }

    /// Reads the arguments; paths are those of the current directory or of the repository. `branch` is the one that a commit
    /// goes to when it is not checked out.
    ///
    /// # Errors
    /// When a path lies outside of the repository, or both sides are taken of it.
    pub fn new(args: &Resolve, repo: &Repo, global: &Global, branch: Option<&str>) -> anyhow::Result<Self> {
        let mut sides: Vec<(String, Side)> = Vec::new();
        for Take { side, path } in args.takes()? {
            let Some(path) = place(Path::new(&path), repo) else {
                bail!("--take: `{path}` lies outside of the repository `{}`", repo.root().display());
            };
            if sides.iter().any(|(known, other)| *known == path && *other != side) {
                bail!("--take: both sides of `{path}` cannot be taken; use `--merge` to merge them");
            }
            sides.push((path, side));
        }
        Ok(Self { sides, merge: args.merge, commands: Commands::new(global, branch) })
    }

    /// Whether no side was taken.
    pub fn is_empty(&self) -> bool {
        self.sides.is_empty()
    }

    fn side(&self, path: &RepoPath) -> Option<Side> {
        let fits = self.sides.iter().filter(|(place, _)| is_below(path, place));
        fits.max_by_key(|(place, _)| place.len()).map(|(_, side)| *side)
    }

    /// Refuses paths that no generated file lies at: most likely a misspelt name.
    ///
    /// # Errors
    /// Names the first such path.
    pub fn check(&self, met: &BTreeSet<String>) -> anyhow::Result<()> {
        match self.sides.iter().find(|(place, _)| !met.contains(place)) {
            Some((place, _)) => bail!("--take: no generated file of the selected clusters is at `{place}`"),
            None => Ok(()),
        }
    }
}

/// Finds the place of an argument in the repository: seen from the current directory, else from the root.
fn place(path: &Path, repo: &Repo) -> Option<String> {
    let here = std::env::current_dir().ok()?.join(path);
    let root = repo.root().join(path);
    let exists = |path: &Path| path.symlink_metadata().is_ok();
    let found = if !exists(&here) && exists(&root) { root } else { here };
    repo.relative(&found).or_else(|| repo.relative(&repo.root().join(path)))
}

fn is_below(path: &RepoPath, place: &str) -> bool {
    let rest = path.as_str().strip_prefix(place);
    rest.is_some_and(|rest| place.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

/// What is to be done in one cluster, and what is to be said about it.
#[derive(Default)]
pub struct Survey {
    /// The files.
    pub changes: ChangeSet,
    /// The hand edits that nobody decided about.
    pub hand_edits: Vec<HandEdit>,
    /// What must not be touched, and why; what the user keeps.
    pub findings: Vec<Diagnostic>,
    /// The places of decisions that met a generated file.
    pub met: BTreeSet<String>,
}

impl Survey {
    /// Whether anything forbids to write the cluster.
    pub fn is_blocked(&self) -> bool {
        self.findings.iter().any(Diagnostic::is_error)
    }

    /// Writes the findings, and both sides of each hand edit.
    pub fn report(&self, ui: &Ui) {
        ui.diagnostics(&self.findings, &Default::default());
        ui.hand_edits(&self.hand_edits);
    }
}

/// Compares one cluster's desired tree with the files in a repository, and carries out what was decided.
///
/// # Errors
/// When files or git cannot be read.
pub fn survey(
    outcome: &mut Outcome,
    repo: &Repo,
    previous: &Previous,
    decisions: &Decisions,
) -> anyhow::Result<Survey> {
    let Some((plan, layout)) = &outcome.desired else {
        let changes = ChangeSet { unchanged: outcome.clean.unwrap_or_default(), ..ChangeSet::default() };
        return Ok(Survey { changes, ..Survey::default() });
    };
    let root = &plan.cluster.root;
    let mut wanted: Vec<_> = layout.tree.iter().map(|(path, _)| path.clone()).collect();
    wanted.retain(|path| previous.files.get(path).is_none());
    let mut current = previous.files.clone();
    current.extend(repo.read_all(&wanted)?);
    current.extend(repo.read_left_out(wanted.iter().filter(|path| !current.contains(path)))?);
    let mut changes = compare(&layout.tree, &current, root, &previous.inventory);
    for change in changes.files.iter_mut().filter(|change| change.kind == ChangeKind::Created) {
        if repo.is_obstructed(&change.path) {
            change.kind = ChangeKind::Foreign;
        }
    }
    // No line of an inventory, however it came there, makes us delete what the user wrote.
    changes.files.retain(|change| change.kind != ChangeKind::Deleted || !plan.cluster.is_input(&change.path));
    let mut survey = Survey { changes, ..Survey::default() };
    survey.around(outcome, repo)?;
    survey.decide(outcome, repo, &current, &previous.inventory, decisions)?;
    for change in &mut survey.changes.files {
        if !change.kind.is_conflict() && repo.is_left_out(&change.path)? {
            change.kind = ChangeKind::LeftOut;
        }
    }
    survey.tell(&previous.inventory, root, &decisions.commands);
    // What is not checked out leaves no trace in the work tree when it changes.
    let is_clean = survey.changes.is_empty() && survey.findings.is_empty() && !repo.lacks_files();
    outcome.clean = is_clean.then_some(survey.changes.unchanged);
    Ok(survey)
}

/// Compares one cluster's desired tree with the files of a revision, which are ours as far as its own inventory says.
///
/// # Errors
/// When git cannot be read.
pub fn survey_tree(
    outcome: &Outcome,
    repo: &Repo,
    current: &Tree,
    inventory: &Inventory,
    decisions: &Decisions,
) -> anyhow::Result<Survey> {
    let Some((plan, layout)) = &outcome.desired else { return Ok(Survey::default()) };
    let root = &plan.cluster.root;
    let changes = compare(&layout.tree, current, root, inventory);
    let mut survey = Survey { changes, ..Survey::default() };
    survey.decide(outcome, repo, current, inventory, decisions)?;
    survey.tell(inventory, root, &decisions.commands);
    Ok(survey)
}

impl Survey {
    /// Looks for what stands around the files: other repositories, names that are one elsewhere.
    fn around(&mut self, outcome: &Outcome, repo: &Repo) -> anyhow::Result<()> {
        let Some((plan, layout)) = &outcome.desired else { return Ok(()) };
        let paths: Vec<&RepoPath> = layout.tree.iter().map(|(path, _)| path).collect();
        for dir in repo.other_repositories(paths.iter().copied())? {
            let message =
                format!("`{dir}` is a submodule or another repository, and the tree of the cluster leads into it");
            self.findings.push(Diagnostic::new(codes::PATH_IN_SUBMODULE, message).file(outcome.file.clone()).hint(
                "keep the cluster in the repository that its files lie in: run fluxwright there, or take the submodule out",
            ));
        }
        let mut clash =
            |one: String, other: String| {
                let message =
                    format!("`{one}` and `{other}` are one file where case or the form of letters does not count");
                self.findings.push(Diagnostic::new(codes::PATH_CASE_CLASH, message).file(one).hint(
                    "rename or delete the file that is yours, or give it another name in the intent or the plugin",
                ));
            };
        clashes(&layout.tree).into_iter().for_each(|(one, other)| clash(one, other));
        for (path, other, is_folding) in repo.lookalikes(&plan.cluster.root, paths) {
            // A file of ours that goes away is no clash, unless the new one is written into it.
            let below = |change: &FileChange| is_below(&change.path, &other);
            let goes = self.changes.files.iter().any(|one| one.kind == ChangeKind::Deleted && below(one));
            if is_folding || !goes && !layout.tree.iter().any(|(wanted, _)| is_below(wanted, &other)) {
                clash(path.to_string(), other);
            }
        }
        Ok(())
    }

    /// Carries out the decisions, and looks at both sides of the hand edits that are left.
    fn decide(
        &mut self,
        outcome: &Outcome,
        repo: &Repo,
        current: &Tree,
        inventory: &Inventory,
        decisions: &Decisions,
    ) -> anyhow::Result<()> {
        let Some((plan, layout)) = &outcome.desired else { return Ok(()) };
        let root = &plan.cluster.root;
        let owned = inventory.paths().filter_map(|relative| root.join(relative).ok());
        let all = layout.tree.iter().map(|(path, _)| path.clone()).chain(owned);
        for path in all.filter(|_| !decisions.is_empty()) {
            self.met
                .extend(decisions.sides.iter().map(|(place, _)| place).filter(|place| is_below(&path, place)).cloned());
            if let Some(side) = decisions.side(&path) {
                self.changes.take(&path, side);
            }
        }
        let is_edit = |change: &&FileChange| change.kind == ChangeKind::HandEdited;
        let edits: Vec<FileChange> = self.changes.files.iter().filter(is_edit).cloned().collect();
        let bases = ground::find(outcome, repo, inventory, &edits)?;
        if decisions.merge {
            for edit in &edits {
                self.changes.merge(&edit.path, bases.get(&edit.path).map(|base| &base.blob));
            }
        }
        self.changes.settle(&layout.tree, current, root);
        let left: BTreeSet<&RepoPath> = self.changes.conflicts().map(|change| &change.path).collect();
        let applied = |path: &RepoPath| super::commands::is_applied(path, root);
        let left = edits.iter().filter(|edit| left.contains(&edit.path));
        self.hand_edits = left.map(|edit| HandEdit::new(edit, bases.get(&edit.path), applied)).collect();
        Ok(())
    }

    /// Makes findings of what must not be touched, and of what the user keeps.
    fn tell(&mut self, inventory: &Inventory, root: &RepoPath, commands: &Commands) {
        self.findings.extend(book(inventory, root));
        for change in self.changes.conflicts() {
            let edit = self.hand_edits.iter().find(|edit| edit.path == change.path);
            self.findings.push(match (change.kind, edit) {
                (ChangeKind::HandEdited, Some(edit)) => hand_edited(edit, change, commands),
                (ChangeKind::LeftOut, _) => Diagnostic::new(
                    codes::FILE_LEFT_OUT,
                    "the file has to change, but git left it out of the sparse checkout; it is left alone",
                )
                .file(change.path.to_string())
                .hint(format!("check it out with `git sparse-checkout add {root}`, then run the command again")),
                _ => foreign(change),
            });
        }
        for kept in &self.changes.kept {
            self.findings.push(
                Diagnostic::new(
                    codes::KEPT_FILE,
                    "the file stays as it was changed by hand; no proof covers what it says",
                )
                .file(kept.path.to_string())
                .hint(format!("`{} --take rendering {}` gives the hand edit up", commands.decide, kept.path)),
            );
        }
        for path in &self.changes.released {
            self.findings.push(
                Diagnostic::new(
                    codes::KEPT_FILE,
                    "the file is rendered no longer and stays as it was changed by hand: it is yours now",
                )
                .file(path.to_string())
                .hint("delete it when it is not needed any more"),
            );
        }
    }
}

/// Says what a merge left in an inventory.
fn book(inventory: &Inventory, root: &RepoPath) -> Option<Diagnostic> {
    let twice = inventory.listed_twice().count();
    let message = match (inventory.is_conflicted(), twice) {
        (true, _) => {
            "the inventory has the marks of a merge conflict; what either side lists counts as ours".to_owned()
        }
        (false, 0) => return None,
        (false, count) => format!(
            "the inventory lists {count} files twice, after a merge or a run that was interrupted; both contents count as ours"
        ),
    };
    Some(
        Diagnostic::new(codes::INVENTORY_CONFLICT, message)
            .file(format!("{root}/{}", crate::layout::inventory::FILE))
            .hint("`fluxwright render` writes it anew"),
    )
}

fn hand_edited(edit: &HandEdit, change: &FileChange, commands: &Commands) -> Diagnostic {
    let Commands { decide, show } = commands;
    let path = &edit.path;
    let keep = format!("`{decide} --take hand-edit {path}` keeps it, `--take rendering {path}` gives it up");
    if let Some(clash) = edit.unfit() {
        let message = format!("the file was changed by hand since it was rendered; {}", clash.words());
        let hint = format!("`{decide} --take rendering {path}` writes it anew; or repair it, and decide then");
        return Diagnostic::new(codes::HAND_EDITED_FILE, message).file(path.to_string()).hint(hint);
    }
    let (state, hint) = match (change.after.is_some(), edit.base.is_some(), edit.conflicts.len()) {
        (false, ..) => ("the intent has no need of it any more".to_owned(), keep),
        (true, true, _) if edit.is_current() => {
            ("the rendering is the same as then".to_owned(), format!("move the change into the intent; {keep}"))
        }
        (true, false, _) => {
            ("the last rendering is not found".to_owned(), format!("`{show}` shows both sides; {keep}"))
        }
        (true, true, 0) => {
            ("the rendering changed in other places".to_owned(), format!("`{decide} --merge` takes both; {keep}"))
        }
        (true, true, 1) => {
            ("the rendering changed, too: 1 conflict".to_owned(), format!("`{show}` shows both sides; {keep}"))
        }
        (true, true, count) => {
            (format!("the rendering changed, too: {count} conflicts"), format!("`{show}` shows both sides; {keep}"))
        }
    };
    let message = format!("the file was changed by hand since it was rendered; it is left alone ({state})");
    Diagnostic::new(codes::HAND_EDITED_FILE, message).file(path.to_string()).hint(hint)
}

fn foreign(change: &FileChange) -> Diagnostic {
    let (message, hint) = match change.before {
        Some(_) => (
            "the file was not written by fluxwright; it is left alone",
            "move or delete it if fluxwright should write here, or give the rendered file another name in the intent",
        ),
        None => (
            "something that is no plain file was not written by fluxwright and stands here or on the way; it is left alone",
            "move or delete the directory, link or special file if fluxwright should write here",
        ),
    };
    Diagnostic::new(codes::FOREIGN_FILE, message).file(change.path.to_string()).hint(hint)
}

/// The git repository, for those who look into its past; none where there is no git.
pub fn repository(repo: &Repo) -> anyhow::Result<Option<git::Repository>> {
    Ok(git::discover(repo.root())?.filter(|repository| repository.work_dir().is_some()))
}
