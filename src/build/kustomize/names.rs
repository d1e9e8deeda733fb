//! `namePrefix` and `nameSuffix`.

use serde_json::Value;

use super::config::{FieldSpec, Kinds};
use super::fields::{self, Fault, Make};
use crate::build::identity::Tracked;

/// At which end of a name something is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Prefix,
    Suffix,
}

/// Adds a prefix or suffix to the fields, which are the names of objects if nothing else is configured. Names of
/// definitions, API services and namespaces mean something elsewhere and stay.
pub(super) fn add(objects: &mut [Tracked], end: End, affix: &str, specs: &[FieldSpec]) -> Result<(), Fault> {
    let skipped = [
        Kinds::new("", "", "CustomResourceDefinition"),
        Kinds::new("apiregistration.k8s.io", "", "APIService"),
        Kinds::new("", "", "Namespace"),
    ];
    for object in objects {
        if skipped.iter().any(|kinds| kinds.select(object.original())) {
            continue;
        }
        for spec in specs {
            if !spec.kinds.select(object.original()) {
                continue;
            }
            if spec.path == "metadata/name" && !affix.is_empty() {
                let memory = &mut object.memory;
                match end {
                    End::Prefix => memory.prefixes.push(affix.to_owned()),
                    End::Suffix => memory.suffixes.push(affix.to_owned()),
                }
                object.remember();
            }
            let id = object.id().clone();
            let mut made = Vec::new();
            object.edit(|body| {
                fields::visit(spec, &id, body, Some(Make::Scalar), &mut |name, pointer| {
                    let old = if name.is_null() { Some(String::new()) } else { fields::text(name) };
                    let old = old.ok_or("is not a scalar")?;
                    let new = match end {
                        End::Prefix => format!("{affix}{old}"),
                        End::Suffix => format!("{old}{affix}"),
                    };
                    // To kustomize it has no type from now on, which shows when a replacement takes its place.
                    made.push((pointer.to_owned(), new.clone()));
                    *name = Value::String(new);
                    Ok(())
                })
            })?;
            object.memory.untyped.append(&mut made);
        }
    }
    Ok(())
}
