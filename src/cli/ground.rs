//! Finds the last rendering of files that were changed by hand: what both sides are compared with.
//!
//! The inventory holds its digest only. The bytes are those of the rendering as it is now, those that git has of the
//! file, or what comes out when the intent of an older commit is rendered again, in this order. The search is bounded.

use std::collections::BTreeMap;

use super::changes;
use crate::diff::{Base, FileChange};
use crate::intent::Library;
use crate::layout::{Inventory, Previous, inventory};
use crate::pipeline::{self, Context, Inputs, Outcome};
use crate::repo::Repo;
use crate::repo::git::Repository;
use crate::tree::{Blob, RepoPath, Tree};
use crate::verify::Bases;

/// Commits that are searched for the file.
const COMMITS: usize = 500;

/// Older intents that are rendered again.
const RENDERINGS: usize = 8;

/// Finds the last renderings of hand edits, by path.
///
/// # Errors
/// When git cannot be read.
pub fn find(
    outcome: &Outcome,
    repo: &Repo,
    owned: &Inventory,
    edits: &[FileChange],
) -> anyhow::Result<BTreeMap<RepoPath, Base>> {
    let mut found = BTreeMap::new();
    let Some((plan, _)) = &outcome.desired else { return Ok(found) };
    let root = &plan.cluster.root;
    let digests = |path: &RepoPath| owned.renderings(path.strip_prefix(root).unwrap_or_default());
    let fits = |path: &RepoPath, blob: &Blob| digests(path).contains(&inventory::digest(blob));
    for edit in edits {
        if let Some(after) = edit.after.as_ref().filter(|after| fits(&edit.path, after)) {
            found.insert(edit.path.clone(), Base { found: "the rendering as it is now".into(), blob: after.clone() });
        }
    }
    let left = |found: &BTreeMap<RepoPath, Base>| -> Vec<RepoPath> {
        edits.iter().map(|edit| edit.path.clone()).filter(|path| !found.contains_key(path)).collect()
    };
    let mut wanted = left(&found);
    if wanted.is_empty() {
        return Ok(found);
    }
    let Some(repository) = changes::repository(repo)? else { return Ok(found) };
    let prefix = repository.prefix(repo.root());
    let commits = repository.history(COMMITS)?;
    let names: Vec<String> = wanted.iter().map(|path| format!("{prefix}{path}")).collect();
    let own = |name: &str| RepoPath::parse(name.strip_prefix(&prefix)?).ok();
    let accept = |name: &str, content: &[u8]| own(name).is_some_and(|path| fits(&path, &Blob::from(content.to_vec())));
    for (name, version) in repository.find_versions(&commits, &names, accept) {
        let base = Base { found: named(&version.commit), blob: Blob::from(version.content) };
        found.extend(own(&name).map(|path| (path, base)));
    }
    wanted = left(&found);
    if wanted.is_empty() {
        return Ok(found);
    }
    let Some(intent) = &outcome.path else { return Ok(found) };
    let inputs = plan.cluster.bases().chain([intent]).map(ToString::to_string).chain(["plugins".to_owned()]).collect();
    let past = Past { repository: &repository, prefix: &prefix, intent, inputs, root };
    let mut last = None;
    let mut renderings = 0;
    for commit in &commits {
        let Some(inputs) = past.inputs(commit) else { continue };
        if last.as_ref() == Some(&inputs) {
            continue;
        }
        let tree = past.render(commit, &inputs);
        for path in &wanted {
            if let Some(blob) = tree.get(path).filter(|blob| fits(path, blob)) {
                let base =
                    Base { found: format!("the intent of {}, rendered again", named(commit)), blob: blob.clone() };
                found.insert(path.clone(), base);
            }
        }
        wanted = left(&found);
        (last, renderings) = (Some(inputs), renderings + 1);
        if wanted.is_empty() || renderings == RENDERINGS {
            break;
        }
    }
    Ok(found)
}

fn named(commit: &str) -> String {
    format!("commit {}", commit.chars().take(10).collect::<String>())
}

/// Files of a commit. What a shallow or partial clone lacks is as if it had never been.
fn files(repository: &Repository, prefix: &str, commit: &str, paths: &[String]) -> Tree {
    let names: Vec<String> = paths.iter().map(|path| format!("{prefix}{path}")).collect();
    let files = repository.files_at(commit, &names).unwrap_or_default();
    let own =
        |(path, bytes): (String, Vec<u8>)| Some((RepoPath::parse(path.strip_prefix(prefix)?).ok()?, Blob::from(bytes)));
    files.into_iter().filter_map(own).collect()
}

/// The past of one cluster.
struct Past<'a> {
    repository: &'a Repository,
    prefix: &'a str,
    intent: &'a RepoPath,
    /// What decides over the rendering: the intent, its bases of today, and the plugins.
    inputs: Vec<String>,
    root: &'a RepoPath,
}

impl Past<'_> {
    fn files(&self, commit: &str, paths: &[String]) -> Tree {
        files(self.repository, self.prefix, commit, paths)
    }

    /// The intent, its bases and the plugins of a commit; nothing when it has no intent.
    fn inputs(&self, commit: &str) -> Option<Tree> {
        let tree = self.files(commit, &self.inputs);
        Some(tree).filter(|tree| tree.contains(self.intent))
    }

    /// Renders the intent of a commit; nothing comes out when it, or its plugins, had faults.
    fn render(&self, commit: &str, inputs: &Tree) -> Tree {
        let dirs = ["plugins/platforms/", "plugins/modules/"];
        let is_plugin = |path: &RepoPath| dirs.iter().any(|dir| path.as_str().starts_with(dir));
        let plugins = inputs.iter().filter(|(path, _)| is_plugin(path));
        let plugins: Tree = plugins.map(|(path, blob)| (path.clone(), blob.clone())).collect();
        let (Ok(context), Some(intent)) = (Context::new(&plugins), inputs.get(self.intent)) else {
            return Tree::new();
        };
        let (shared, prefix) = (self.repository.shared(), self.prefix);
        let library =
            Library::new(|path| Ok(files(&shared.local(), prefix, commit, &[path.to_string()]).get(path).cloned()));
        let path = Some(self.intent.clone());
        let Ok(draft) = pipeline::read(self.intent.as_str(), path, intent.bytes(), &context, &library) else {
            return Tree::new();
        };
        let references: Vec<String> = draft.references().iter().map(ToString::to_string).collect();
        let files = self.files(commit, &references);
        let mut current = self.files(commit, &[self.root.to_string()]);
        let book = self.root.join(inventory::FILE).ok();
        let owned = book.and_then(|path| current.get(&path).map(Inventory::read)).unwrap_or_default();
        current = current
            .into_iter()
            .filter(|(path, _)| path.strip_prefix(self.root).is_some_and(|path| owned.owns(path)))
            .collect();
        let inputs = Inputs { files, previous: Previous { files: current, inventory: owned } };
        let outcome = pipeline::complete(draft, inputs, &context, &Bases::default());
        outcome.desired.map(|(_, layout)| layout.tree).unwrap_or_default()
    }
}
