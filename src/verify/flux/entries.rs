//! Entries of kustomization files and Flux Kustomizations that do not do what they are for.
//!
//! A patch that names an object is meant for it. One that selects by kind or labels may be written for many directories, so
//! that it need not find something in each: it is enough when the same entry does somewhere.

use std::collections::HashSet;

use super::places::Places;
use super::{Written, written};
use crate::build::flux::{Built, Cluster};
use crate::build::{Effect, Target};
use crate::diagnostic::{Diagnostic, codes};

/// What stands for an entry wherever it is used: its place in a kustomization file, or its text in a Flux Kustomization.
pub(super) type Selected = HashSet<String>;

fn key(built: &Built, written: &Written) -> String {
    if !written.borrowed {
        return format!("{}: {}", written.file.as_deref().unwrap_or_default(), written.field);
    }
    let spec = built.kustomization.as_ref().map(|kustomization| &kustomization.spec);
    let mut parts = written.field.trim_end_matches(']').split(['.', '[']).skip(1);
    let entry = match (spec, parts.next(), parts.next().and_then(|index| index.parse::<usize>().ok())) {
        (Some(spec), Some(field), Some(index)) => spec.get(field).and_then(|list| list.get(index)),
        _ => None,
    };
    // The same text may be given by several Kustomizations, as when they all get it by a patch.
    entry.map_or_else(|| format!("{}: {}", built.id, written.field), |entry| entry.to_string())
}

/// Gathers the entries that select something, somewhere.
pub(super) fn selected(clusters: &[&Cluster]) -> Selected {
    let built = clusters.iter().flat_map(|cluster| &cluster.built);
    let traces = built.flat_map(|built| built.directory.traces.iter().map(move |trace| (built, trace)));
    traces
        .filter(|(_, trace)| trace.effect == Effect::Selected)
        .map(|(built, trace)| key(built, &written(built, &trace.file, &trace.field)))
        .collect()
}

/// Reports the entries of one build.
pub(super) fn check(built: &Built, selected: &Selected, places: &Places<'_>, out: &mut Vec<Diagnostic>) {
    for trace in &built.directory.traces {
        let at = written(built, &trace.file, &trace.field);
        let used = || selected.contains(&key(built, &at));
        out.extend(match &trace.effect {
            Effect::Selected => None,
            Effect::PatchSelectsNothing { target, candidate } => (!used())
                .then(|| {
                    let (code, message) = match named(target) {
                        Named::Object(name) => (
                            codes::PATCH_TARGET_MISSING,
                            format!(
                                "the patch matches no object: there is no {}`{name}`; kustomize silently ignores it",
                                target.kind.as_deref().map(|kind| format!("{kind} ")).unwrap_or_default()
                            ),
                        ),
                        Named::Several => (
                            codes::SELECTS_NOTHING,
                            "the patch matches no object; kustomize silently ignores it".into(),
                        ),
                        Named::Unknown => return None,
                    };
                    let hint = candidate.as_ref().map(|candidate| format!("did you mean `{candidate}`?"));
                    let hint = hint.unwrap_or_else(|| {
                        "the names are those at the moment of the patch; `fluxwright build` prints what is there".into()
                    });
                    Some(places.of_written(code, built, &at, ".target", message).hint(hint))
                })
                .flatten(),
            Effect::ImageSelectsNothing { name } => (!used() && !name.contains("${")).then(|| {
                let message = format!("no container has the image `{name}`");
                places.of_written(codes::SELECTS_NOTHING, built, &at, ".name", message).hint(
                    "the name is the whole image without tag, with its registry; remove the entry if it is left over",
                )
            }),
            Effect::ReplacementSelectsNothing => (!used()).then(|| {
                places
                    .of_written(
                        codes::SELECTS_NOTHING,
                        built,
                        &at,
                        ".select",
                        "the replacement finds no object to change",
                    )
                    .hint("correct kind, name and namespace; names are compared as expressions")
            }),
            Effect::ContainerWithoutImage { object, item, others } => {
                let message = format!("{object} has no container `{}`; the patch adds one, without image", item.key);
                let hint = format!("containers: {}; one that is added on purpose needs its `image`", others.join(", "));
                Some(places.of_written(codes::PATCH_CONTAINER_UNKNOWN, built, &at, "", message).hint(hint))
            }
            Effect::ItemDropped { object, item } => {
                let message = format!("kustomize silently drops item `{}` of `{}` in {object}", item.key, item.list);
                let found = places.of_written(codes::PATCH_INVALID, built, &at, "", message);
                Some(found.hint("give the item all of its merge keys, `protocol` included"))
            }
        });
    }
}

/// What a target says of names.
enum Named {
    /// It names one object.
    Object(String),
    /// It chooses by kind, expression or labels.
    Several,
    /// A variable of it is not known.
    Unknown,
}

fn named(target: &Target) -> Named {
    let fields = [&target.name, &target.kind, &target.namespace, &target.label_selector, &target.annotation_selector];
    if fields.into_iter().flatten().any(|text| text.contains("${")) {
        return Named::Unknown;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    let name =
        target.name.as_deref().map(|name| name.trim_start_matches('^').trim_end_matches('$').replace("\\.", "."));
    match name.filter(|name| !name.is_empty() && name.chars().all(plain)) {
        Some(name) => Named::Object(name),
        None => Named::Several,
    }
}
