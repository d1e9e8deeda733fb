//! The layout: rendered documents become the tree that Flux reads, with everything that is true of every module.
//!
//! Owns paths, Flux Kustomizations, ownership annotations, patch lists, `kustomization.yaml` files, hand-over files and
//! the inventory. Pure: the repository as it is comes in as a value.

mod flux;
mod graph;
mod handover;
mod helm;
pub mod inventory;
mod parts;
mod patches;
mod retire;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, codes};
use crate::intent::manifest::{ModuleState, PatchMode};
use crate::plan::{Plan, PlannedModule};
use crate::render::{FileContent, Output, Ownership, Rendered, Resource};
use crate::tree::{Blob, RepoPath, Tree};
use crate::yaml;

pub use graph::{Edge, Graph, NodeKind, Why};
pub(crate) use helm::platform_release;
pub use inventory::Inventory;
pub use parts::{Part, PartObject, Parts};
pub use patches::LaidPatch;

/// Annotation prefix of kustomize-controller.
const FLUX: &str = "kustomize.toolkit.fluxcd.io";

/// The desired tree of one cluster, with what proofs and reports need to know about it.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Files by path in the repository.
    pub tree: Tree,
    /// Every object that Flux applies, with its writer.
    pub objects: Vec<LaidObject>,
    /// Every patch, in the order in which Flux applies them.
    pub patches: Vec<LaidPatch>,
    /// Variables that Flux knows in each part.
    pub parts: Vec<Part>,
    /// Who waits for whom.
    pub graph: Graph,
    /// Findings about what the repository had and the intent no longer has.
    pub warnings: Vec<Diagnostic>,
}

/// An object of the tree.
#[derive(Clone, Debug)]
pub struct LaidObject {
    /// The object as it is applied.
    pub resource: Arc<Resource>,
    /// The Flux Kustomization that writes it.
    pub kustomization: String,
    /// Its file.
    pub path: RepoPath,
    /// JSON pointer of the intent that it comes from.
    pub at: String,
}

impl LaidObject {
    /// Returns the part that Flux merges into an object of somebody else, without Flux's own annotations; `None` for
    /// objects that are applied whole.
    pub fn merged_part(&self) -> Option<Value> {
        let annotations = self.resource.body.pointer("/metadata/annotations")?.as_object()?;
        if annotations.get(&format!("{FLUX}/ssa"))?.as_str() != Some("Merge") {
            return None;
        }
        let mut body = self.resource.body.clone();
        let kept: serde_json::Map<String, Value> = annotations
            .iter()
            .filter(|(key, _)| !key.starts_with(&format!("{FLUX}/")))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let metadata = body.get_mut("metadata")?.as_object_mut()?;
        if kept.is_empty() {
            metadata.shift_remove("annotations");
        } else {
            metadata.insert("annotations".into(), Value::Object(kept));
        }
        Some(body)
    }
}

/// The repository as it is: what we own in it, and those files.
#[derive(Clone, Debug, Default)]
pub struct Previous {
    /// What we own.
    pub inventory: Inventory,
    /// The owned files as they are, by path in the repository.
    pub files: Tree,
}

/// Lays out a cluster.
///
/// # Errors
/// Faults of plugins: a path that leaves its place, two documents for one file.
pub fn lay_out(plan: &Plan, rendered: &[Arc<Rendered>], previous: &Previous) -> Result<Layout, Vec<Diagnostic>> {
    let mut parts = Parts::new(plan);
    let mut handover = handover::HandOver::default();
    let mut faults = Vec::new();
    for one in rendered {
        if let Err(message) = place(one, plan, &mut parts, &mut handover) {
            let dir = &plan.plugins[one.plugin].plugin.dir;
            faults.push(Diagnostic::new(codes::PLUGIN_INVALID, message).file(dir.clone()).hint("see docs/plugins.md"));
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut laid = patches::of_plugins(rendered);
    let mut warnings = module_values(plan, rendered, &mut parts, &mut laid, &mut handover);
    laid.extend(patches::of_user(plan));
    platform_objects(plan, &laid, &mut parts, &mut handover);
    let header = header(plan);
    let mut finished = parts.clone().finish();
    let mut applied = applied(plan, &header, &finished);
    let carried = retire::carry_over(plan, previous, &laid, &applied, &mut parts);
    warnings.extend(carried.findings);
    if carried.put_back {
        finished = parts.finish();
        applied = self::applied(plan, &header, &finished);
    }
    let parts = finished;
    let root = &plan.cluster.root;
    let mut tree = Tree::new();
    let mut objects = Vec::new();
    let mut put = |relative: &str, text: String| -> Result<RepoPath, Vec<Diagnostic>> {
        let path = root.join(relative).map_err(|error| {
            vec![Diagnostic::new(
                codes::PLUGIN_INVALID,
                format!("`{relative}` is not a path in the cluster's directory: {error}"),
            )]
        })?;
        if tree.insert(path.clone(), Blob::from(text)).is_some() {
            return Err(vec![Diagnostic::new(codes::PLUGIN_INVALID, format!("two plugins write the file `{path}`"))]);
        }
        Ok(path)
    };
    for Applied { file, text, kustomization, objects: own } in applied {
        let path = put(&file, text)?;
        objects.extend(own.into_iter().map(|PartObject { resource, at }| LaidObject {
            resource,
            kustomization: kustomization.clone(),
            path: path.clone(),
            at,
        }));
    }
    // Whoever builds the cluster's directory as a whole gets the root and never the intent.
    put("kustomization.yaml", documents(&header, [&kustomization(vec!["flux".to_owned()])]))?;
    for (path, text) in handover.files(&header) {
        put(&path, text)?;
    }
    put("HANDOVER.md", handover.steps(plan, &header))?;
    let inventory = Inventory::of(&tree, root);
    let path = root.join(inventory::FILE).expect("a constant name");
    tree.insert(path, Blob::from(inventory.print()));
    let graph = Graph::new(plan, &parts);
    Ok(Layout { tree, objects, patches: laid, parts, graph, warnings })
}

/// A file that Flux reads.
struct Applied {
    /// Path relative to the cluster's directory.
    file: String,
    text: String,
    /// The Kustomization that applies it.
    kustomization: String,
    objects: Vec<PartObject>,
}

/// Prints the files of the parts, and those of the root.
fn applied(plan: &Plan, header: &str, parts: &[Part]) -> Vec<Applied> {
    let mut files = Vec::new();
    for part in parts {
        let mut add = |file: &str, text: String, objects: &[PartObject]| {
            let (file, kustomization) = (format!("{}/{file}", part.dir), part.kustomization.clone());
            files.push(Applied { file, text, kustomization, objects: objects.to_vec() });
        };
        for (file, objects) in &part.files {
            add(file, documents(header, objects.iter().map(|one| &one.resource.body)), objects);
        }
        add("kustomization.yaml", documents(header, [&kustomization(part.resource_paths())]), &[]);
    }
    let root = flux::root_name(plan);
    let mut add = |file: &str, text: String, objects: Vec<PartObject>| {
        files.push(Applied { file: format!("flux/{file}"), text, kustomization: root.clone(), objects });
    };
    let mut names = Vec::new();
    for (file, resources, note) in flux::frame(plan, parts) {
        let text = documents(&format!("{header}{note}"), resources.iter().map(|resource| &resource.body));
        let object = |resource| PartObject { resource: Arc::new(resource), at: "/spec/gitops".into() };
        add(file, text, resources.into_iter().map(object).collect());
        names.push(file.to_owned());
    }
    add("kustomization.yaml", documents(header, [&kustomization(names)]), Vec::new());
    files
}

/// Sorts one rendered document to where it belongs.
fn place(one: &Rendered, plan: &Plan, parts: &mut Parts, handover: &mut handover::HandOver) -> Result<(), String> {
    match &one.output {
        Output::Object { resource, ownership, file, .. } => {
            let part = parts.of_plugin(plan, one.plugin);
            let resource = with_ownership(resource.clone(), *ownership);
            parts.add(&part, file, resource, &one.at)
        }
        Output::Patch(_) | Output::Values(_) => Ok(()),
        Output::Variables { part, secret, names } => parts.variables(part, secret, names),
        Output::Include { part, file, decrypt } => {
            let exists = plan.cluster.root.join(file).is_ok_and(|path| plan.cluster.files.contains_key(&path));
            parts.include(part, file, *decrypt, exists)
        }
        Output::File { path, content } => {
            if !path.starts_with("install/") && !path.starts_with("hosts/") {
                return Err(format!(
                    "the handed-over file `{path}` must lie in `install/` or `hosts/`, which Flux never reads"
                ));
            }
            handover.file(path, content.clone())
        }
        Output::Step { title, text, later } => {
            if *later {
                handover.later(title, text);
            } else {
                handover.step(title, text);
            }
            Ok(())
        }
    }
}

/// Adds what concerns the platform's own Kustomizations: patched ones as partial objects, enabled modules whole.
fn platform_objects(plan: &Plan, laid: &[LaidPatch], parts: &mut Parts, handover: &mut handover::HandOver) {
    let mut enabled = Vec::new();
    let released = |module: &&PlannedModule| module.state == ModuleState::Enabled && module.helm.is_none();
    for module in plan.modules.iter().filter(released) {
        let resource = flux::module(plan, module, laid);
        enabled.push(module.kustomization.clone());
        parts.add_platform(&format!("modules/{}.yaml", module.kustomization), resource, &module.at);
    }
    let mut partial: Vec<String> = laid.iter().map(|patch| patch.kustomization.clone()).collect();
    let with_vars = plan.modules.iter().filter(|m| m.state == ModuleState::Existing && !m.release.vars.is_empty());
    partial.extend(with_vars.map(|module| module.kustomization.clone()));
    partial.sort();
    partial.dedup();
    for name in partial.into_iter().filter(|name| !enabled.contains(name)) {
        let own: Vec<&LaidPatch> = laid.iter().filter(|patch| patch.kustomization == name).collect();
        let at = own.first().map_or_else(|| module_at(plan, &name), |patch| patch.at.clone());
        let resource = flux::partial(plan, &name, &own);
        match plan.patch_mode {
            PatchMode::MergeAnnotation => {
                if !own.is_empty() {
                    handover.existing_patches(&name, &plan.namespace);
                }
                parts.add_platform(&format!("patches/{name}.yaml"), resource, &at);
            }
            PatchMode::ManualSnippet => handover.snippet(plan, &name, &resource),
        }
    }
}

/// Takes the values of each module's chart to where they have an effect: the HelmRelease of this tree, that of the
/// platform, or, where it is not known, a file for a person.
fn module_values(
    plan: &Plan,
    rendered: &[Arc<Rendered>],
    parts: &mut Parts,
    laid: &mut Vec<LaidPatch>,
    handover: &mut handover::HandOver,
) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for (index, module) in plan.modules.iter().enumerate().filter(|(_, m)| m.state != ModuleState::Disabled) {
        let mut values = json!({});
        for one in rendered.iter().filter(|one| plan.plugins[one.plugin].module == Some(index)) {
            if let Output::Values(more) = &one.output {
                helm::merge(&mut values, &json!(more));
            }
        }
        if let Some(chart) = &module.helm {
            parts.add_release(&module.name, chart, helm::release(plan, module, chart, values), &module.at);
        } else if values == json!({}) {
            continue;
        } else if let Some(patch) = helm::patch(plan, module, &values) {
            laid.push(patch);
        } else if plan.has_options(module) {
            let at = format!("{}/{}", module.at, module.name);
            handover.values(&module.name, &module.kustomization, &plan.namespace, values);
            let message = format!(
                "Flux does not apply the options of `{}`: how the platform's release takes them is not known",
                module.name
            );
            let hint = "name the HelmRelease of the module in `release.helmRelease`, or follow `HANDOVER.md`";
            let place = plan.cluster.document.place(&at, true);
            let warning = Diagnostic::new(codes::MODULE_OPTIONS_HANDED_OVER, message).file(place.file);
            warnings.push(warning.hint(hint).span(place.span).field(place.field));
        }
    }
    warnings
}

fn module_at(plan: &Plan, kustomization: &str) -> String {
    plan.modules.iter().find(|m| m.kustomization == kustomization).map(|m| m.at.clone()).unwrap_or_default()
}

/// Sets the annotations that tell Flux who owns an object.
fn with_ownership(mut resource: Arc<Resource>, ownership: Ownership) -> Arc<Resource> {
    let annotations: &[(&str, &str)] = match ownership {
        Ownership::Own => &[],
        Ownership::Retain => &[("prune", "disabled")],
        Ownership::Partial => &[("ssa", "Merge"), ("prune", "disabled")],
        Ownership::CreateOnly => &[("ssa", "IfNotPresent"), ("prune", "disabled")],
    };
    for (key, value) in annotations {
        annotate(&mut Arc::make_mut(&mut resource).body, key, value);
    }
    resource
}

/// Sets one annotation of kustomize-controller.
fn annotate(body: &mut Value, key: &str, value: &str) {
    body["metadata"]["annotations"][format!("{FLUX}/{key}")] = json!(value);
}

/// A `kustomization.yaml` that lists files.
fn kustomization(resources: Vec<String>) -> Value {
    json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources})
}

fn header(plan: &Plan) -> String {
    format!("# Rendered by fluxwright from {}. Edit that file, then run `fluxwright render`.\n", plan.cluster.path)
}

/// Prints documents with a header.
fn documents<'a>(header: &str, bodies: impl IntoIterator<Item = &'a Value>) -> String {
    let mut text = header.to_owned();
    for (index, body) in bodies.into_iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        yaml::emit_object(body, &mut text);
    }
    text
}

/// Prints the content of a handed-over file.
fn file_text(header: &str, path: &str, content: &FileContent) -> String {
    match content {
        FileContent::Object(body) => documents(header, [body]),
        FileContent::Text(text) if path.ends_with(".toml") => format!("{header}{text}"),
        FileContent::Text(text) => text.clone(),
    }
}
