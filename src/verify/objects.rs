//! One writer for each object, no Secret in plain text, no variable that Flux does not know.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::codes;
use crate::intent::Findings;
use crate::layout::{LaidObject, Layout};

/// Checks every object of the tree.
pub(super) fn check(layout: &Layout, findings: &mut Findings) {
    let mut writers: BTreeMap<(&str, &str, &str, &str), &LaidObject> = BTreeMap::new();
    for object in &layout.objects {
        let resource = &object.resource;
        // The version does not count: two versions of one object are one object to the API server.
        let key = (resource.group(), resource.kind(), resource.namespace().unwrap_or_default(), resource.name());
        if let Some(first) = writers.insert(key, object) {
            let message = format!(
                "{} is written by Kustomization `{}` and by `{}`",
                resource.id(),
                first.kustomization,
                object.kustomization
            );
            // The frame of Flux objects comes from the whole intent; the other place says more.
            let at = if object.at == "/spec/gitops" { &first.at } else { &object.at };
            findings.add(codes::OBJECT_WRITTEN_TWICE, at, message).hint =
                Some("they would overwrite each other for ever; remove one of them".into());
        }
        secret(object, findings);
    }
    for part in layout.parts.iter().filter(|part| !part.variables.is_empty()) {
        let known: Vec<&str> = part.variable_names().collect();
        for object in part.files.values().flatten() {
            let excluded =
                object.resource.body.pointer("/metadata/annotations/kustomize.toolkit.fluxcd.io~1substitute");
            if excluded.is_some() {
                continue;
            }
            for name in variables(&object.resource.body) {
                if !known.contains(&name.as_str()) {
                    let message = format!(
                        "{} uses the variable `${{{name}}}`, which Kustomization `{}` does not know",
                        object.resource.id(),
                        part.kustomization
                    );
                    findings.add(codes::VARIABLE_UNDECLARED, &object.at, message).hint =
                        Some("write `$${` where a literal `${` is meant".into());
                }
            }
        }
    }
}

fn secret(object: &LaidObject, findings: &mut Findings) {
    let resource = &object.resource;
    if resource.kind() != "Secret" || !resource.group().is_empty() {
        return;
    }
    let entries =
        ["data", "stringData"].into_iter().filter_map(|field| resource.body.get(field)?.as_object()).flatten();
    for (key, value) in entries {
        let substituted = value.as_str().is_some_and(|text| text.starts_with("${") && text.ends_with('}'));
        if !substituted {
            findings
                .add(codes::PLAINTEXT_SECRET, &object.at, format!("{} would hold `{key}` in plain text", resource.id()))
                .hint = Some("deliver it with SOPS, an ExternalSecret or substitution".into());
        }
    }
}

/// Lists the variables that Flux would substitute in a value; `$${` is an escape.
fn variables(value: &Value) -> Vec<String> {
    let mut names = Vec::new();
    collect(value, &mut names);
    names
}

fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let mut rest = text.as_str();
            while let Some(at) = rest.find("${") {
                let escaped = rest[..at].ends_with('$');
                rest = &rest[at + 2..];
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                if !escaped {
                    names.push(rest[..end].to_owned());
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(map) => map.values().for_each(|child| collect(child, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_found_and_escapes_are_not() {
        assert_eq!(
            variables(&json!({"a": "${q}${user}${q}", "b": ["$${no}", "$x", "${pw:=x}"]})),
            ["q", "user", "q", "pw"]
        );
    }
}
