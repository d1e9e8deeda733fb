//! `fluxwright build --flux`: what Flux applies of a repository.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};

use crate::build::flux::{Built, Cluster, FluxFault, Note, Options, Repository};
use crate::build::print;
use crate::cli::args::{Build, Global};
use crate::cli::ui::Ui;
use crate::cli::{Status, session};
use crate::diagnostic::{did_you_mean, mask};
use crate::repo::{Repo, git};
use crate::tree::{RepoPath, Tree};

/// The first version of Flux in which a variable that nothing sets is an error.
pub(super) const STRICT_SINCE: (u32, u32) = (2, 9);

pub fn run(global: &Global, args: &Build, ui: &Ui) -> anyhow::Result<Status> {
    let dir = match args.dirs.as_slice() {
        [] => None,
        [dir] => Some(dir.as_path()),
        _ => bail!("--flux goes with the directory of one cluster"),
    };
    let repo = repository(global, dir)?;
    let tree = repo.everything()?;
    let entry = match dir {
        Some(dir) => named(&repo, dir)?,
        None => only_cluster(&tree)?,
    };
    let options = Options { strict: is_strict(args.flux_version), source: args.source.clone() };
    let cluster = match Repository::new(&tree, &options).build_all(entry.as_ref()) {
        Ok(cluster) => cluster,
        Err(error) => bail!("{}", mask::mask(&error.to_string())),
    };
    let chosen = chosen(&cluster, args.kustomization.as_deref())?;
    let count = chosen.len();
    let failed = chosen.iter().filter(|built| tell(built, ui)).count();
    if args.kustomization.is_none() {
        for other in &cluster.elsewhere {
            let what = match &other.source {
                Some(source) => format!("it is of the source `{source}`, and not built"),
                None => "only a part of it is here, which Flux merges into it".to_owned(),
            };
            ui.say(&format!("note: {}: {what}", other.id));
        }
    }
    let good = chosen.into_iter().filter(|built| built.faults.is_empty());
    match args.output.as_deref() {
        Some(dir) if dir.is_dir() => {
            for (name, text) in files(good) {
                let file = dir.join(name);
                std::fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
            }
        }
        output => {
            let text = good.map(section).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("---\n");
            match output {
                None => ui.data(&text)?,
                Some(file) => {
                    std::fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
                }
            }
        }
    }
    match failed {
        0 => Ok(Status::Clean),
        _ => bail!("{failed} of {count} Kustomizations cannot be built; their objects are left out"),
    }
}

/// Whether a variable that nothing sets is an error.
pub(super) fn is_strict(version: (u32, u32)) -> bool {
    version >= STRICT_SINCE
}

/// The repository that encloses the directory, unless another one is named.
pub(super) fn repository(global: &Global, dir: Option<&Path>) -> anyhow::Result<Repo> {
    let Some(dir) = dir.filter(|_| global.repo.is_none()) else { return session::repository(global) };
    if !dir.is_dir() {
        bail!("`{}` is not a directory", dir.display());
    }
    let root = git::discover(dir)?.and_then(|found| found.work_dir().map(Path::to_path_buf));
    root.map_or_else(|| session::repository(global), |root| Ok(Repo::new(root)))
}

pub(super) fn named(repo: &Repo, dir: &Path) -> anyhow::Result<Option<RepoPath>> {
    let outside = || format!("`{}` is not in the repository `{}`", dir.display(), repo.root().display());
    match repo.relative(dir).with_context(outside)?.as_str() {
        "" => Ok(None),
        path => Ok(Some(RepoPath::parse(path).with_context(|| format!("`{path}` cannot be used"))?)),
    }
}

/// The only directory in `clusters/`; without any, the root.
fn only_cluster(tree: &Tree) -> anyhow::Result<Option<RepoPath>> {
    let clusters = RepoPath::parse("clusters")?;
    let mut dirs: Vec<&str> =
        tree.below(&clusters).filter_map(|(path, _)| Some(path.strip_prefix(&clusters)?.split_once('/')?.0)).collect();
    dirs.dedup();
    match dirs.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(clusters.join(one)?)),
        several => bail!("which cluster is meant? name its directory: {}", {
            several.iter().map(|name| format!("clusters/{name}")).collect::<Vec<_>>().join(", ")
        }),
    }
}

fn chosen<'c>(cluster: &'c Cluster, wanted: Option<&str>) -> anyhow::Result<Vec<&'c Built>> {
    let Some(wanted) = wanted else { return Ok(cluster.built.iter().collect()) };
    let is_meant = |built: &&Built| match wanted.split_once('/') {
        Some((namespace, name)) => built.id.namespace == namespace && built.id.name == name,
        None => built.id.name == wanted,
    };
    let found: Vec<&Built> =
        cluster.built.iter().filter(|built| built.kustomization.is_some()).filter(is_meant).collect();
    match found.as_slice() {
        [_] => Ok(found),
        [] => {
            if let Some(other) =
                cluster.elsewhere.iter().find(|one| wanted == one.id.name || wanted == one.id.to_string())
            {
                bail!("the Kustomization `{}` is not of this repository", other.id);
            }
            let known: Vec<String> = cluster.built.iter().map(|built| built.id.to_string()).collect();
            let hint = did_you_mean(wanted, known.iter().map(String::as_str));
            let hint = hint.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
            bail!("there is no Kustomization `{wanted}`{hint}")
        }
        several => bail!("which Kustomization is meant? {}", {
            several.iter().map(|built| format!("`{}`", built.id)).collect::<Vec<_>>().join(", ")
        }),
    }
}

/// Tells faults and notes; whether there is a fault.
fn tell(built: &Built, ui: &Ui) -> bool {
    let file = built.brought_by.as_ref().and_then(|(_, file)| file.as_deref());
    let file = file.map(|file| format!(" ({file})")).unwrap_or_default();
    for fault in &built.faults {
        let message = match (fault, borrowed(built, fault)) {
            (_, Some(message)) => format!("{file}: {message}"),
            // A fault of a file that it names itself needs no other file.
            (FluxFault::Build(_), None) => format!(": {fault}"),
            _ => format!("{file}: {fault}"),
        };
        ui.failure(&anyhow!("{}{message}", built.id));
    }
    let mut unresolved: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for note in &built.notes {
        match note {
            Note::Unresolved { object, variable, from } => {
                unresolved.entry((variable, from)).or_default().push(object);
            }
            // Whoever names an older version knows; `check` tells of each.
            Note::Unset { .. } => {}
            note => ui.say(&mask::mask(&format!("note: {}{file}: {note}", built.id))),
        }
    }
    for ((variable, from), objects) in unresolved {
        let objects = objects.join("`, `");
        ui.say(&format!(
            "warning: {}{file}: `${{{variable}}}` stays in `{objects}`: its value would come from {from}",
            built.id
        ));
    }
    !built.faults.is_empty()
}

/// A fault of an entry that stands in the Kustomization, and only in memory in the kustomization file.
fn borrowed(built: &Built, fault: &FluxFault) -> Option<String> {
    let FluxFault::Build(error) = fault else { return None };
    let (shown, file) = (error.to_string(), built.directory.file.as_ref()?);
    built.directory.borrowed.iter().find_map(|(entry, original)| {
        let rest = shown.strip_prefix(&format!("{file}: `{entry}"))?;
        // `patches[1]` is not the start of `patches[10]`.
        rest.starts_with(['`', '.', '[', ' ']).then(|| format!("`{original}{rest}"))
    })
}

/// The objects of a Kustomization behind a comment that names it.
fn section(built: &Built) -> String {
    let objects = print(built.objects.iter().map(|object| &object.resource));
    if objects.is_empty() {
        return objects;
    }
    let mut text = format!("# {}", built.id);
    if let Some(kustomization) = &built.kustomization {
        let path = if kustomization.path.is_empty() { "." } else { &kustomization.path };
        // Writing to a text cannot fail.
        let _ = write!(text, ": {}", path.escape_debug());
    }
    format!("{text}\n{objects}")
}

/// One file for each Kustomization: `namespace_name.yaml`.
fn files<'b>(good: impl Iterator<Item = &'b Built>) -> BTreeMap<String, String> {
    good.map(|built| {
        let parts = [built.id.namespace.as_str(), &built.id.name];
        let name = parts.into_iter().filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("_");
        // A name may hold what no file name can.
        let name = if name.is_empty() { "entry".to_owned() } else { name.replace(['/', '\\'], "_") };
        (format!("{name}.yaml"), print(built.objects.iter().map(|object| &object.resource)))
    })
    .collect()
}
