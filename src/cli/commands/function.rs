//! `fluxwright fn`: the function of kustomize and kpt, in the three ways in which they call it.

use std::io::{IsTerminal, Read};
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use crate::cli::Status;
use crate::cli::args::Global;
use crate::cli::session;
use crate::cli::ui::Ui;
use crate::diagnostic::Diagnostic;
use crate::intent::Library;
use crate::krm::{self, ResourceList};
use crate::layout::Previous;
use crate::pipeline::{self, Inputs, Outcome};
use crate::repo::Repo;
use crate::tree::RepoPath;
use crate::verify::Bases;
use crate::yaml::{self, Dialect, Limits};

/// The name under which kustomize and kubectl look for a plugin of the intent's kind.
const LEGACY_NAME: &str = "ClusterIntent";

/// Takes the input when the program was started without arguments and the input is a ResourceList.
///
/// A terminal is not read: nobody types a ResourceList.
pub fn implied(arguments: usize) -> anyhow::Result<Option<Vec<u8>>> {
    if arguments > 0 || std::io::stdin().is_terminal() {
        return Ok(None);
    }
    Ok(Some(stdin()?).filter(|bytes| krm::is_resource_list(bytes)))
}

/// Takes the configuration file when the program was started as a plugin of the older kind.
pub fn legacy(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> Option<std::ffi::OsString> {
    let program = arguments.next()?;
    let is_plugin = Path::new(&program).file_stem().is_some_and(|name| name == LEGACY_NAME);
    arguments.next().filter(|_| is_plugin)
}

/// Runs `fluxwright fn`.
pub fn run(global: &Global, ui: &Ui) -> anyhow::Result<Status> {
    run_on(global, stdin()?, ui)
}

/// Runs the function on a ResourceList.
pub fn run_on(global: &Global, input: Vec<u8>, ui: &Ui) -> anyhow::Result<Status> {
    let list = ResourceList::read(input);
    perform(global, list, ui, |list, outcome| Some(list.print(&krm::results(&outcome.diagnostics, &list.config))))
}

/// Runs the function as a plugin of the older kind.
pub fn run_legacy(global: &Global, config: &Path, ui: &Ui) -> anyhow::Result<Status> {
    let config = std::fs::read(config).with_context(|| format!("cannot read `{}`", config.display()))?;
    let list = krm::read_legacy(&config, &stdin()?);
    // There is no place for results; an error says nothing to stdout, and the exit code tells.
    perform(global, list, ui, |list, outcome| (!outcome.has_errors()).then(|| krm::write_legacy(list)))
}

fn stdin() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than is allowed is enough for the reader to say so.
    let most = Limits::RESOURCE_LIST.bytes as u64 + 1;
    std::io::stdin().lock().take(most).read_to_end(&mut bytes).context("cannot read stdin")?;
    Ok(bytes)
}

fn perform(
    global: &Global,
    list: Result<ResourceList, Vec<Diagnostic>>,
    ui: &Ui,
    print: impl Fn(&ResourceList, &Outcome) -> Option<String>,
) -> anyhow::Result<Status> {
    let mut list = match list {
        Ok(list) => list,
        Err(faults) => {
            ui.diagnostics(&faults, &Default::default());
            return Ok(Status::Findings);
        }
    };
    let repo = session::repository(global)?;
    let Some(context) = session::context(&repo, ui)? else { return Ok(Status::Findings) };
    let (name, path, bytes) = intent(&list, &repo)?;
    let sources = path.iter().map(|_| (name.clone(), String::from_utf8_lossy(&bytes).into_owned())).collect();
    // kustomize and kpt hand over one object; what it says must not depend on files that they do not know of.
    let draft = pipeline::read(&name, path.clone(), &bytes, &context, &Library::none())?;
    let files = repo.read_all(&draft.references())?;
    let previous = match draft.root() {
        Some(root) => repo.previous(&root)?,
        None => Previous::default(),
    };
    let mut outcome = pipeline::complete(draft, Inputs { files, previous }, &context, &Bases::default());
    krm::run(&mut list, &mut outcome);
    if path.is_none() {
        // Lines of the configuration as it was handed over mean nothing to whoever wrote it.
        outcome.diagnostics.iter_mut().for_each(|one| one.span = None);
    }
    ui.diagnostics(&outcome.diagnostics, &sources);
    if let Some(text) = print(&list, &outcome) {
        ui.data(&text)?;
    }
    Ok(if outcome.has_errors() { Status::Findings } else { Status::Clean })
}

/// Finds the intent's own file: when it says the same as the configuration, findings can name its lines.
fn intent(list: &ResourceList, repo: &Repo) -> anyhow::Result<(String, Option<RepoPath>, Vec<u8>)> {
    let name = list.config.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    if let Ok(path) = RepoPath::parse(&format!("clusters/{name}/cluster.yaml"))
        && let Some(blob) = repo.read(&path)?
        && let Ok(node) = yaml::parse_one(blob.bytes(), Dialect::Kubernetes, Limits::INTENT)
        && without_annotations(node.to_value()) == without_annotations(list.config.clone())
    {
        return Ok((path.to_string(), Some(path), blob.bytes().to_vec()));
    }
    let path = list.config_path().ok().flatten();
    let name = path.map_or_else(|| "functionConfig".to_owned(), |path| path.to_string());
    Ok((name, None, yaml::emit(&list.config).into_bytes()))
}

/// Annotations are where kustomize and kpt keep their own notes.
fn without_annotations(mut value: Value) -> Value {
    if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
        metadata.shift_remove("annotations");
    }
    value
}
