//! The escape hatch: patches as users write them.

use serde_json::Value;

use super::super::findings::Findings;
use super::super::manifest::{JsonPatchOperation, PatchEntry};
use super::super::read::Intent;
use crate::diagnostic::{codes, did_you_mean, mask};

const OPERATIONS: [&str; 6] = ["add", "remove", "replace", "move", "copy", "test"];

pub(super) fn check(intent: &Intent, findings: &mut Findings) {
    for (index, patch) in intent.manifest.spec.patches.indexed() {
        let at = format!("/spec/patches/{index}");
        match (&patch.json6902, &patch.strategic_merge) {
            (Some(operations), None) => {
                let writes = |operation: &JsonPatchOperation| {
                    matches!(operation.op.as_str(), "add" | "replace")
                        && (operation.path.starts_with("/data") || operation.path.starts_with("/stringData"))
                };
                if patch.target.kind == "Secret" && operations.iter().any(writes) {
                    secret_content(&format!("{at}/json6902"), findings);
                }
                if operations.is_empty() {
                    findings.add(codes::PATCH_BODY, &format!("{at}/json6902"), "the patch has no operation").hint =
                        Some("add an operation, or remove the patch".into());
                }
                for (number, operation) in operations.indexed() {
                    check_operation(operation, &format!("{at}/json6902/{number}"), findings);
                }
            }
            (None, Some(body)) => check_merge(patch, body, &at, findings),
            (both, _) => {
                let what = if both.is_some() { "both are set" } else { "neither is set" };
                findings
                    .add(
                        codes::PATCH_BODY,
                        &at,
                        format!("exactly one of `json6902` and `strategicMerge` is needed; {what}"),
                    )
                    .hint = Some("write two patches if both forms are needed".into());
            }
        }
    }
}

fn check_operation(operation: &JsonPatchOperation, at: &str, findings: &mut Findings) {
    let op = operation.op.as_str();
    if !OPERATIONS.contains(&op) {
        let word = op.split_whitespace().next().unwrap_or_default();
        let meant = did_you_mean(word, OPERATIONS).map(|right| format!("did you mean `{right}`?"));
        findings
            .add(
                codes::JSON_PATCH_OPERATION,
                &format!("{at}/op"),
                format!("{} is not a JSON6902 operation", mask::quote(op)),
            )
            .hint = Some(meant.unwrap_or_else(|| format!("operations: {}", OPERATIONS.join(", "))));
    }
    for (field, path) in [("path", Some(&operation.path)), ("from", operation.from.as_ref())] {
        if let Some(path) = path
            && !path.starts_with('/')
        {
            findings
                .add(
                    codes::JSON_PATCH_PATH,
                    &format!("{at}/{field}"),
                    format!("{} does not start with `/`", mask::quote(path)),
                )
                .hint = Some(format!("write `/{}`", path.trim_start_matches(['.', '/']).replace('.', "/")));
        }
    }
    let needs_value = matches!(op, "add" | "replace" | "test");
    let needs_from = matches!(op, "move" | "copy");
    if needs_value && operation.value.is_none() {
        findings.add(codes::JSON_PATCH_VALUE, at, format!("`value` is required for `op: {op}`")).hint =
            Some("add `value`; `value: null` is a value too".into());
    }
    if needs_from && operation.from.is_none() {
        findings.add(codes::JSON_PATCH_VALUE, at, format!("`from` is required for `op: {op}`")).hint =
            Some("name the place that is moved or copied".into());
    }
}

fn check_merge(
    patch: &PatchEntry,
    body: &std::collections::BTreeMap<String, Value>,
    at: &str,
    findings: &mut Findings,
) {
    let text = |pointer: &str| {
        let mut parts = pointer.split('/').skip(1);
        let first = body.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))?.as_str()
    };
    let wanted = [
        ("/apiVersion", None),
        ("/kind", Some(patch.target.kind.as_str())),
        ("/metadata/name", Some(patch.target.name.as_str())),
        ("/metadata/namespace", patch.target.namespace.as_deref()),
    ];
    for (pointer, target) in wanted {
        let field = crate::diagnostic::field_path(pointer);
        let place = format!("{at}/strategicMerge{pointer}");
        match (text(pointer), target) {
            (None, Some(_)) => {
                findings
                    .add(
                        codes::PATCH_STRATEGIC_MERGE_INCOMPLETE,
                        &format!("{at}/strategicMerge"),
                        format!("`{field}` is missing in the patch"),
                    )
                    .hint = target.map(|t| format!("add `{field}: {t}`"));
            }
            (None, None) if pointer == "/apiVersion" => {
                findings
                    .add(
                        codes::PATCH_STRATEGIC_MERGE_INCOMPLETE,
                        &format!("{at}/strategicMerge"),
                        "`apiVersion` is missing in the patch",
                    )
                    .hint = Some("write the apiVersion of the object, as in `apps/v1`".into());
            }
            (Some(found), Some(target)) if found != target => {
                findings
                    .add(
                        codes::PATCH_STRATEGIC_MERGE_INCOMPLETE,
                        &place,
                        format!("{} is not the target's `{target}`", mask::quote(found)),
                    )
                    .hint = Some("the patch and its target name the same object".into());
            }
            _ => {}
        }
    }
    if body.get("kind").and_then(Value::as_str) == Some("Secret")
        && (body.contains_key("data") || body.contains_key("stringData"))
    {
        secret_content(&format!("{at}/strategicMerge"), findings);
    }
}

fn secret_content(at: &str, findings: &mut Findings) {
    findings.add(codes::PLAINTEXT_CREDENTIAL, at, "the patch writes a Secret's content into the repository").hint =
        Some("deliver the Secret with SOPS or an ExternalSecret instead".into());
}
