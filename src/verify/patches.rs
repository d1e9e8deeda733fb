//! Every patch lands: exactly one object, existing containers, free ports, existing paths.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::landed::{Given, Landed, Landing};
use super::{Bases, Ground, Proof, ProvenChange};
use crate::build::{Application, Change, ChangeKind, Op, Patch, PatchBody, PatchFault, Reason, Target, apply};
use crate::diagnostic::{Code, codes, did_you_mean};
use crate::intent::Findings;
use crate::layout::{LaidPatch, Layout, platform_release};
use crate::plan::Plan;
use crate::render::{Output, Rendered, Resource};

/// Applies every patch to the objects of its Kustomization, in the order in which Flux does.
pub(super) fn check(
    plan: &Plan,
    layout: &Layout,
    contracts: &[Arc<Rendered>],
    bases: &Bases,
    landed: &Landed,
    findings: &mut Findings,
) -> Vec<Proof> {
    let mut objects: BTreeMap<&str, Objects> = BTreeMap::new();
    let source = plan.cluster.intent.spec.gitops.release_source.as_ref();
    // Where the platform has no release of its own, Kustomizations usually read the repository of this tree.
    let source = source
        .map(|source| source.name.clone())
        .or_else(|| plan.platform.gitops.release_source.clone())
        .unwrap_or_else(|| plan.cluster.intent.spec.gitops.source.name.clone());
    for patch in &layout.patches {
        let name = patch.kustomization.as_str();
        if !objects.contains_key(name) {
            let (ground, resources) = base(plan, name, &source, contracts, bases, &patch.at, findings);
            let patches = layout.patches.iter().filter(|patch| patch.kustomization == name);
            let given = Given { contract: resources, patches: patches.cloned().collect() };
            let known = if ground == Ground::Contract { landed.recall(&given) } else { None };
            let resources =
                if known.is_some() { Vec::new() } else { given.contract.iter().map(|one| (**one).clone()).collect() };
            objects.insert(name, Objects { ground, known, given, resources, proofs: Vec::new(), sound: true });
        }
    }
    for Objects { ground, resources, .. } in objects.values().filter(|one| matches!(one.ground, Ground::Base(_))) {
        for own in layout.objects.iter().filter(|own| resources.iter().any(|r| r.is_same(&own.resource))) {
            let message = format!(
                "{ground} deploys {} too; Flux would let both Kustomizations overwrite it in turn",
                own.resource.id()
            );
            findings.add(codes::OBJECT_IN_BASE, &own.at, message).hint =
                Some("patch it through the platform's Kustomization instead, for a controller with `configMapOwnership: Patch`".into());
        }
    }
    let mut proofs = Vec::new();
    for patch in &layout.patches {
        let Some(one) = objects.get_mut(patch.kustomization.as_str()) else { continue };
        let before = findings.count();
        let mut proof = open(plan, patch, source.clone(), one.ground.clone());
        if let Some(known) = one.known.as_ref().and_then(|known| known.get(one.proofs.len())) {
            known.tell(&mut proof);
        } else if one.ground == Ground::None && bases.names().any(|name| name == source) {
            // The base is at hand but cannot be built, which is reported.
        } else if one.ground == Ground::None {
            let message = format!(
                "there is no contract for Kustomization `{}`, so nothing proves that the patch lands",
                patch.kustomization
            );
            findings.add(codes::PATCH_UNPROVEN, &patch.at, message).hint =
                Some(format!("prove it on the real objects with `--base {source}=DIR`, a checkout of that source"));
        } else if let Some(parsed) = parse(patch, findings) {
            prove(patch, &parsed, &mut one.resources, &mut proof, findings);
        }
        one.sound &= findings.count() == before;
        one.proofs.push(Landing::of(&proof));
        proofs.push(proof);
    }
    let new = |one: &Objects| one.ground == Ground::Contract && one.known.is_none() && one.sound;
    objects.into_values().filter(new).for_each(|one| landed.keep(one.given, one.proofs));
    proofs
}

/// The objects that a Kustomization deploys, while patches land on them.
struct Objects {
    ground: Ground,
    given: Given,
    /// What all patches do, when they did it before.
    known: Option<Arc<[Landing]>>,
    resources: Vec<Resource>,
    proofs: Vec<Landing>,
    /// Whether no patch gave a finding.
    sound: bool,
}

/// A proof of which nothing is known yet.
pub(super) fn open(plan: &Plan, patch: &LaidPatch, source: String, ground: Ground) -> Proof {
    let document = &plan.cluster.document;
    let place = document.place(&patch.at, false);
    Proof {
        kustomization: patch.kustomization.clone(),
        source,
        base: Some(place.file).filter(|file| *file != plan.cluster.file).map(str::to_owned),
        from: place.field,
        line: document.line(&patch.at),
        matched: 0,
        object: None,
        ground,
        applied: false,
        changes: Arc::default(),
    }
}

/// Finds the objects that a Kustomization deploys: the real ones when their checkout is at hand, else the contract.
fn base(
    plan: &Plan,
    name: &str,
    source: &str,
    contracts: &[Arc<Rendered>],
    bases: &Bases,
    at: &str,
    findings: &mut Findings,
) -> (Ground, Vec<Arc<Resource>>) {
    let path = plan
        .modules
        .iter()
        .find(|module| module.kustomization == name)
        .and_then(|module| module.release.path.as_deref());
    if let Some((dir, built)) = bases.objects(source, name, path) {
        return match built {
            Ok(resources) => (Ground::Base(dir), resources.into_iter().map(Arc::new).collect()),
            Err(error) => {
                findings.add(codes::BASE_INVALID, at, format!("base `{dir}`: {error}")).hint =
                    Some("check the checkout with `kustomize build`; without `--base` the contract is used".into());
                (Ground::None, Vec::new())
            }
        };
    }
    let mut contract: Vec<Arc<Resource>> = contracts
        .iter()
        .filter_map(|one| match &one.output {
            Output::Object { resource, kustomization, .. } => {
                let module = plan.plugins[one.plugin].module.map(|index| plan.modules[index].kustomization.as_str());
                (kustomization.as_deref().or(module) == Some(name)).then(|| resource.clone())
            }
            _ => None,
        })
        .collect();
    let module = plan.modules.iter().find(|module| module.kustomization == name);
    contract.extend(module.and_then(|module| Resource::new(platform_release(plan, module)?).map(Arc::new)));
    if contract.is_empty() { (Ground::None, contract) } else { (Ground::Contract, contract) }
}

/// Reads a patch as kustomize does; what keeps it from being one becomes a finding.
pub(super) fn parse(patch: &LaidPatch, findings: &mut Findings) -> Option<Patch> {
    let text = patch.entry.get("patch").and_then(Value::as_str).unwrap_or_default();
    let target = patch.entry.get("target").map(Target::from_value).transpose();
    let parsed = target.map_err(PatchFault::from).and_then(|target| Patch::parse(text, target));
    let message = match parsed {
        Ok(Some(parsed)) => return Some(parsed),
        Ok(None) => "the patch is empty".to_owned(),
        Err(fault) => fault.to_string(),
    };
    invalid(patch, &message, findings);
    None
}

/// Puts a patch on objects and tells what it did; what must not happen becomes a finding.
pub(super) fn prove(
    patch: &LaidPatch,
    parsed: &Patch,
    resources: &mut Vec<Resource>,
    proof: &mut Proof,
    findings: &mut Findings,
) -> Vec<Application> {
    let before = resources.clone();
    let replaces = |index: usize| matches!(&parsed.body, PatchBody::Json6902(list) if list.get(index).is_some_and(|one| one.op == Op::Replace));
    let applications = match apply(parsed, resources) {
        Ok(applications) => applications,
        Err(fault) => {
            failed(patch, &fault, findings);
            return Vec::new();
        }
    };
    let mut matched: Vec<usize> = applications.iter().map(|application| application.index).collect();
    matched.sort_unstable();
    matched.dedup();
    proof.matched = matched.len();
    match matched.as_slice() {
        [] => {
            missing(patch, parsed.target.as_ref(), &before, findings);
            return applications;
        }
        [_] => {}
        several => {
            let ids: Vec<String> = several.iter().filter_map(|index| Some(before.get(*index)?.id())).collect();
            findings
                .add(
                    codes::PATCH_TARGET_AMBIGUOUS,
                    &patch.at,
                    format!("the patch is for {} objects: {}", ids.len(), ids.join(", ")),
                )
                .hint = Some("name one object in the target".into());
            return applications;
        }
    }
    proof.object = applications.first().map(|application| application.id.clone());
    proof.applied = true;
    proof.changes = applications.iter().flat_map(|application| &application.changes).map(proven).collect();
    for application in &applications {
        for change in application.changes.iter().filter(|c| c.kind == ChangeKind::Added && replaces(c.op_index)) {
            proof.applied = false;
            let at = patch.operations_at.get(change.op_index).unwrap_or(&patch.at);
            findings
                .add(
                    codes::PATCH_PATH_MISSING,
                    at,
                    format!(
                        "`{}` in {} does not exist; kustomize would silently create it",
                        change.path, application.id
                    ),
                )
                .hint = Some("correct the path, or use `op: add` to create it".into());
        }
        let after = resources.iter().find(|resource| resource.id() == application.id);
        proof.applied &= inspect(patch, application, before.get(application.index), after, findings);
    }
    let own = patch.at.starts_with("/spec/patches/");
    let nothing = applications
        .iter()
        .all(|a| !a.deleted && a.changes.iter().all(|c| matches!(c.kind, ChangeKind::Unchanged | ChangeKind::Tested)));
    // The contract holds what patches rely on, not every value; only the real object, or a patch of the user's own, tells.
    if nothing && (own || matches!(proof.ground, Ground::Base(_) | Ground::Items)) {
        let id = proof.object.as_deref().unwrap_or_default();
        findings.add(codes::PATCH_WITHOUT_EFFECT, &patch.at, format!("the patch changes nothing in {id}")).hint =
            Some("the object is so already; remove the patch".into());
    }
    applications
}

fn proven(change: &Change) -> ProvenChange {
    ProvenChange {
        path: change.path.clone(),
        change: match change.kind {
            ChangeKind::Added => "added",
            ChangeKind::Replaced => "replaced",
            ChangeKind::Removed => "removed",
            ChangeKind::Inserted => "inserted",
            ChangeKind::Tested => "tested",
            ChangeKind::Unchanged => "unchanged",
        },
        existed: !matches!(change.kind, ChangeKind::Added | ChangeKind::Inserted),
        before: change.before.clone(),
        after: change.after.clone(),
    }
}

fn invalid(patch: &LaidPatch, message: &str, findings: &mut Findings) {
    findings.add(codes::PATCH_INVALID, &patch.at, message).hint =
        Some("`fluxwright explain patch-invalid` shows valid patches".into());
}

fn failed(patch: &LaidPatch, fault: &PatchFault, findings: &mut Findings) {
    let mut add = |code: Code, at: &str, message: String, hint: String| {
        findings.add(code, at, message).hint = Some(hint);
    };
    match fault {
        PatchFault::NoMatch { id, candidate } => {
            let hint = candidate
                .as_ref()
                .map_or_else(|| "check kind, name and namespace".to_owned(), |c| format!("did you mean `{c}`?"));
            add(
                codes::PATCH_TARGET_MISSING,
                &target_at(patch),
                format!("the patch matches no object: there is no `{id}`"),
                hint,
            );
        }
        PatchFault::Ambiguous { .. } => {
            add(codes::PATCH_TARGET_AMBIGUOUS, &patch.at, fault.to_string(), "name one object".into());
        }
        PatchFault::Operation { id, fault } => {
            let at = patch.operations_at.get(fault.op_index).unwrap_or(&patch.at);
            let (code, message) = match &fault.reason {
                Reason::TestFailed { found } => {
                    let found = found.as_ref().map_or_else(|| "nothing".to_owned(), |value| value.to_string());
                    (
                        codes::PATCH_TEST_FAILED,
                        format!(
                            "the test of `{}` in {id} does not hold; found {}",
                            fault.path,
                            crate::diagnostic::mask::mask(&found)
                        ),
                    )
                }
                reason => (codes::PATCH_PATH_MISSING, format!("`{}` in {id}: {reason}", fault.path)),
            };
            let existing = if fault.existing.is_empty() { "the object itself" } else { &fault.existing };
            let hint = match &fault.candidate {
                _ if code == codes::PATCH_TEST_FAILED => {
                    "correct the expected value or the path of the `test`".to_owned()
                }
                Some(candidate) => format!("did you mean `{candidate}`? what exists of the path: `{existing}`"),
                None => format!("what exists of the path: {existing}"),
            };
            add(code, at, message, hint);
        }
        other => invalid(patch, &other.to_string(), findings),
    }
}

/// Where the intent names the target: in a patch of the user's own there is a field for it.
fn target_at(patch: &LaidPatch) -> String {
    if patch.at.starts_with("/spec/patches/") { format!("{}/target", patch.at) } else { patch.at.clone() }
}

/// Reports a target that matches nothing, with the nearest object.
fn missing(patch: &LaidPatch, target: Option<&Target>, objects: &[Resource], findings: &mut Findings) {
    let wanted = |field: Option<&String>| field.map(|text| text.replace("\\.", ".")).unwrap_or_default();
    let (kind, name, namespace) = target.map_or_else(Default::default, |t| {
        (wanted(t.kind.as_ref()), wanted(t.name.as_ref()), wanted(t.namespace.as_ref()))
    });
    let same_kind: Vec<&Resource> = objects.iter().filter(|resource| resource.kind() == kind).collect();
    let near = same_kind.iter().find(|resource| resource.name() == name).copied().or_else(|| {
        let meant = did_you_mean(&name, same_kind.iter().map(|resource| resource.name()))?;
        same_kind.iter().find(|resource| resource.name() == meant).copied()
    });
    let hint = match near {
        Some(resource) => format!("did you mean `{}`?", resource.id()),
        None if same_kind.is_empty() => {
            let mut kinds: Vec<&str> = objects.iter().map(Resource::kind).collect();
            kinds.sort_unstable();
            kinds.dedup();
            format!("Kustomization `{}` deploys: {}", patch.kustomization, kinds.join(", "))
        }
        None => {
            let names: Vec<&str> = same_kind.iter().map(|resource| resource.name()).collect();
            format!("objects of kind {kind}: {}", names.join(", "))
        }
    };
    let place = if namespace.is_empty() { name } else { format!("{namespace}/{name}") };
    findings
        .add(
            codes::PATCH_TARGET_MISSING,
            &target_at(patch),
            format!("the patch matches no object: there is no {kind} `{place}`; kustomize would silently ignore it"),
        )
        .hint = Some(hint);
}

/// Looks for what kustomize would do without a word: a container by typo, a port twice, items lost. True when there is none.
fn inspect(
    patch: &LaidPatch,
    application: &Application,
    before: Option<&Resource>,
    after: Option<&Resource>,
    findings: &mut Findings,
) -> bool {
    let mut sound = true;
    for item in &application.added_items {
        if item.list.ends_with("/containers") || item.list.ends_with("/initContainers") {
            let known: Vec<&str> = before
                .and_then(|resource| resource.body.pointer(&item.list))
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|container| container.get("name").and_then(Value::as_str))
                .collect();
            let message =
                format!("{} has no container `{}`; the patch would add a second one", application.id, item.key);
            sound = false;
            findings.add(codes::PATCH_CONTAINER_UNKNOWN, &patch.at, message).hint =
                Some(format!("containers: {}; to add one on purpose use a JSON6902 `add`", known.join(", ")));
        }
    }
    for item in &application.dropped_items {
        sound = false;
        let message = format!("kustomize would silently drop item `{}` of `{}`", item.key, item.list);
        findings.add(codes::PATCH_INVALID, &patch.at, message).hint =
            Some("give the item all of its merge keys, `protocol` included".into());
    }
    let mut lists: HashMap<&str, Ports> = HashMap::new();
    for change in application.changes.iter().filter(|c| matches!(c.kind, ChangeKind::Added | ChangeKind::Inserted)) {
        let Some((list, _)) = change.path.rsplit_once('/').filter(|(list, _)| list.ends_with("/ports")) else {
            continue;
        };
        let (Some(added), Some(after)) = (&change.after, after) else { continue };
        if lists.entry(list).or_insert_with(|| Ports::of(after, list)).clash(added) {
            sound = false;
            let at = patch.operations_at.get(change.op_index).unwrap_or(&patch.at);
            port_exists(at, &application.id, added, findings);
        }
    }
    // A strategic merge patch of a plugin adds ports; merging into one that exists would rename it.
    if patch.at.starts_with("/spec/exposedPorts") && patch.operations_at.is_empty() {
        let merged =
            application.changes.iter().filter(|c| c.path.contains("/ports/") && c.kind == ChangeKind::Replaced);
        for change in merged {
            let item = change.path.rsplit_once('/').and_then(|(item, _)| after?.body.pointer(item));
            if let Some(item) = item {
                sound = false;
                port_exists(&patch.at, &application.id, item, findings);
            }
        }
    }
    sound
}

fn port_exists(at: &str, id: &str, port: &Value, findings: &mut Findings) {
    let number = port.get("port").or_else(|| port.get("containerPort")).map(ToString::to_string).unwrap_or_default();
    let name = port.get("name").and_then(Value::as_str).unwrap_or_default();
    findings
        .add(
            codes::PATCH_PORT_EXISTS,
            at,
            format!("{id} has port {number} or the name `{name}` already; the API server would refuse the second"),
        )
        .hint = Some("remove the entry, or choose another port and name".into());
}

/// How often names and numbers stand in a list of ports.
#[derive(Default)]
struct Ports {
    names: HashMap<String, usize>,
    numbers: HashMap<(String, String), usize>,
}

impl Ports {
    fn of(resource: &Resource, list: &str) -> Self {
        let mut ports = Self::default();
        for port in resource.body.pointer(list).and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = port_name(port) {
                *ports.names.entry(name).or_default() += 1;
            }
            if let Some(number) = port_number(port) {
                *ports.numbers.entry(number).or_default() += 1;
            }
        }
        ports
    }

    /// Whether a port of the list cannot stand beside another one: same name, or same number and protocol.
    fn clash(&self, port: &Value) -> bool {
        port_name(port).is_some_and(|name| self.names.get(&name).is_some_and(|count| *count > 1))
            || port_number(port).is_some_and(|number| self.numbers.get(&number).is_some_and(|count| *count > 1))
    }
}

fn port_name(port: &Value) -> Option<String> {
    port.get("name").and_then(Value::as_str).map(str::to_owned)
}

/// Number and protocol of a port.
fn port_number(port: &Value) -> Option<(String, String)> {
    let number = port.get("port").or_else(|| port.get("containerPort"))?;
    let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
    Some((number.to_string(), protocol.to_owned()))
}
