//! `fluxwright diff --effective`: what would change in the cluster between a revision and the working tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{anyhow, bail};
use rayon::prelude::*;

use super::{commit, flux};
use crate::build::flux::{Cluster, FluxFault, Id, Note, Options, Repository};
use crate::cli::Status;
use crate::cli::args::{Diff, Global};
use crate::cli::ui::Ui;
use crate::diagnostic::mask;
use crate::diff::{ObjectKind, effective};
use crate::repo::{Repo, git};
use crate::report::{EffectiveDiff, Format};
use crate::tree::{Blob, RepoPath, Tree};

/// One side of a cluster: `None` when its directory is not there.
type Side = Result<Option<Cluster>, String>;

pub fn run(global: &Global, args: &Diff, format: &Format, ui: &Ui) -> anyhow::Result<Status> {
    let write = match (args.raw, format.effective_raw) {
        (false, _) => format.effective,
        (true, Some(raw)) => raw,
        (true, None) => bail!("`--raw` does not change the format `{}`; leave it out", format.name),
    };
    let named = &args.selection.clusters;
    let dir = named.first().map(Path::new).filter(|dir| dir.is_dir());
    let repo = flux::repository(global, dir)?;
    let rev = args.against.as_deref().unwrap_or("HEAD");
    let before = revision(&repo, rev)?;
    let after = with_line_ends_of(&before, repo.everything()?);
    let entries = entries(&repo, named, &before, &after)?;
    let options = Options { strict: args.flux_version >= flux::STRICT_SINCE, source: args.source.clone() };
    let sides: Vec<(Side, Side)> = entries
        .par_iter()
        .map(|entry| {
            rayon::join(|| build(&before, entry.as_ref(), &options), || build(&after, entry.as_ref(), &options))
        })
        .collect();
    let mut failed = false;
    let mut diffs = Vec::new();
    for (entry, (old, new)) in entries.iter().zip(&sides) {
        let path = entry.as_ref().map_or(".", RepoPath::as_str);
        // One cluster needs no name.
        let of = if entries.len() > 1 { format!("{path}: ") } else { String::new() };
        for (side, name) in [(old, format!("`{rev}`")), (new, "the working tree".to_owned())] {
            failed |= match side {
                Ok(cluster) => {
                    cluster.as_ref().is_some_and(|cluster| tell_faults(cluster, &format!("{name}: {of}"), ui))
                }
                Err(error) => {
                    ui.failure(&anyhow!("{name}: {path}: {error}"));
                    true
                }
            };
        }
        let (Ok(old), Ok(new)) = (old, new) else { continue };
        if old.is_none() && new.is_none() {
            bail!("`{path}` does not exist in the repository, nor in `{rev}`, or holds no file");
        }
        tell_notes(old.as_ref(), new.as_ref(), &of, ui);
        let mut effective = effective(old.as_ref(), new.as_ref());
        if let Some(wanted) = &args.kustomization {
            effective.groups.retain(|group| {
                group.name == *wanted || group.name.rsplit_once('/').is_some_and(|(_, name)| name == wanted)
            });
        }
        let cluster = path.strip_prefix("clusters/").filter(|name| !name.contains('/')).unwrap_or(path);
        let change = match (old, new) {
            (None, _) => Some(ObjectKind::Added),
            (_, None) => Some(ObjectKind::Removed),
            _ => None,
        };
        let (cluster, entry, against) = (cluster.to_owned(), path.to_owned(), rev.to_owned());
        diffs.push(EffectiveDiff { cluster, entry, against, change, effective });
    }
    if let Some(wanted) = &args.kustomization {
        let is_known = |cluster: &Cluster| {
            let ids = cluster.built.iter().map(|built| &built.id);
            ids.into_iter().any(|id| id.name == *wanted || id.to_string() == *wanted)
        };
        let clusters = sides.iter().flat_map(|(old, new)| [old, new]).filter_map(|side| side.as_ref().ok()?.as_ref());
        if !failed && !clusters.into_iter().any(is_known) {
            bail!("there is no Kustomization `{wanted}` on either side");
        }
    }
    ui.data(&write(&diffs, ui.color()))?;
    if failed {
        bail!("what cannot be built on both sides is not compared");
    }
    Ok(if diffs.iter().all(EffectiveDiff::is_empty) { Status::Clean } else { Status::Findings })
}

/// The files of a revision, as a source of Flux would have them.
fn revision(repo: &Repo, rev: &str) -> anyhow::Result<Tree> {
    let Some(repository) = git::discover(repo.root())? else {
        bail!("--effective compares with a git revision; `{}` is in no git repository", repo.root().display());
    };
    let prefix = commit::prefix(&repository, repo);
    let files = commit::explained(repository.files_at(rev, std::slice::from_ref(&prefix)))?;
    let own = |(path, bytes): (String, Vec<u8>)| {
        Some((RepoPath::parse(path.strip_prefix(&prefix)?).ok()?, Blob::from(bytes)))
    };
    Ok(files.into_iter().filter_map(own).collect())
}

/// The working tree, with the files of the revision where a checkout converted nothing but line ends.
fn with_line_ends_of(before: &Tree, after: Tree) -> Tree {
    let file = |(path, blob): (RepoPath, Blob)| match before.get(&path) {
        Some(old) if *old != blob && old.bytes() == blob.with_lf().as_ref() => (path, old.clone()),
        _ => (path, blob),
    };
    after.into_iter().map(file).collect()
}

/// The entry directories to compare: those that are named, else all in `clusters/` on either side, else the root.
fn entries(repo: &Repo, named: &[String], before: &Tree, after: &Tree) -> anyhow::Result<Vec<Option<RepoPath>>> {
    let clusters = RepoPath::parse("clusters")?;
    let mut known = BTreeSet::new();
    for tree in [before, after] {
        for (path, _) in tree.below(&clusters) {
            if let Some((name, _)) = path.strip_prefix(&clusters).and_then(|rest| rest.split_once('/')) {
                known.insert(clusters.join(name)?);
            }
        }
    }
    let mut entries = BTreeSet::new();
    for name in named {
        // The name of a cluster, unless it is a directory as it stands.
        let cluster = clusters.join(name).ok().filter(|dir| known.contains(dir) && !Path::new(name).is_dir());
        entries.insert(match cluster {
            Some(cluster) => Some(cluster),
            None => flux::named(repo, Path::new(name))?,
        });
    }
    if entries.is_empty() {
        entries.extend(known.into_iter().map(Some));
    }
    if entries.is_empty() {
        entries.insert(None);
    }
    Ok(entries.into_iter().collect())
}

fn build(tree: &Tree, entry: Option<&RepoPath>, options: &Options) -> Side {
    if entry.map_or(tree.is_empty(), |entry| tree.below(entry).next().is_none()) {
        return Ok(None);
    }
    Repository::new(tree, options).build_all(entry).map(Some).map_err(|error| mask::mask(&error.to_string()))
}

/// Tells what cannot be built on one side; whether there is anything.
fn tell_faults(cluster: &Cluster, side: &str, ui: &Ui) -> bool {
    for built in &cluster.built {
        let file = built.brought_by.as_ref().and_then(|(_, file)| file.as_deref());
        for fault in &built.faults {
            // A fault of a file that it names itself needs no other file.
            let file = file.filter(|_| !matches!(fault, FluxFault::Build(_)));
            let file = file.map(|file| format!(" ({file})")).unwrap_or_default();
            ui.failure(&anyhow!("{side}{}{file}: {fault}", built.id));
        }
    }
    cluster.built.iter().any(|built| !built.faults.is_empty())
}

/// Tells what of the new side is not known, such as variables that stay; not what the old side says as well.
fn tell_notes(old: Option<&Cluster>, new: Option<&Cluster>, of: &str, ui: &Ui) {
    let before: BTreeMap<&Id, &[Note]> =
        old.into_iter().flat_map(|cluster| &cluster.built).map(|built| (&built.id, built.notes.as_slice())).collect();
    for built in new.into_iter().flat_map(|cluster| &cluster.built) {
        let known: BTreeSet<String> =
            before.get(&built.id).into_iter().copied().flatten().map(ToString::to_string).collect();
        for note in built.notes.iter().map(ToString::to_string).filter(|note| !known.contains(note)) {
            ui.say(&mask::mask(&format!("note: {of}{}: {note}", built.id)));
        }
    }
}
