//! The annotations that say what the intent does as a function of kustomize or kpt.

use serde_json::Value;

use super::super::findings::Findings;
use super::super::function::Function;
use super::super::read::Intent;
use crate::diagnostic::codes;

pub(super) fn check(intent: &Intent, findings: &mut Findings) {
    let annotations = &intent.manifest.metadata.annotations;
    let annotations = annotations.iter().map(|(key, text)| (key.clone(), Value::String(text.clone()))).collect();
    if let Err((key, message, hint)) = Function::of(&annotations) {
        let pointer = format!("/metadata/annotations/{}", key.replace('~', "~0").replace('/', "~1"));
        findings.add(codes::FUNCTION_INVALID, &pointer, message).hint = Some(hint);
    }
}
