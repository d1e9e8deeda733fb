//! From bytes to a typed intent: YAML, schema, credentials; every fault of the file in one run.

use std::sync::Arc;

use serde_json::Value;

use super::findings::Findings;
use super::manifest::ClusterIntent;
use super::schema::Schema;
use crate::diagnostic::{codes, mask};
use crate::tree::RepoPath;
use crate::yaml::{self, Body, Dialect, Limits, Node};

/// A typed intent with its place. After faults it holds the parts that are valid, for the rules to look at.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The file, relative to the repository, or as the user named it when it lies elsewhere.
    pub file: String,
    /// The file inside the repository, when it lies there.
    pub path: Option<RepoPath>,
    /// The parsed file.
    pub node: Arc<Node>,
    /// What it says.
    pub manifest: ClusterIntent,
}

/// Reads one intent file.
///
/// Returns `None` when too little of it is valid to go on; the findings say why.
pub fn read(
    file: &str,
    path: Option<RepoPath>,
    bytes: &[u8],
    schema: &Schema,
    findings: &mut Findings,
) -> Option<Intent> {
    let node = match yaml::parse_one(bytes, Dialect::Strict, Limits::INTENT) {
        Ok(node) => Arc::new(node),
        Err(faults) => {
            findings.extend(faults);
            return None;
        }
    };
    findings.set_node(node.clone());
    let mut value = node.to_value();
    find_credentials(&node, findings);
    drop_nulls(&mut value);
    if let Some(fault) = foreign_version(&value) {
        findings.add(codes::UNSUPPORTED_VERSION, fault.0, fault.1).hint =
            Some("an intent has `apiVersion: fluxwright.dev/v1alpha1` and `kind: ClusterIntent`".into());
        return None;
    }
    if !schema.check(&mut value, findings) {
        return None;
    }
    // What the schema accepts deserializes, but for a fault in the schema itself, which must not panic.
    match serde_json::from_value(value) {
        Ok(manifest) => Some(Intent { file: file.to_owned(), path, node, manifest }),
        Err(error) => {
            if !findings.has_errors() {
                findings.add(codes::INVALID_VALUE, "", mask::mask(&error.to_string()));
            }
            None
        }
    }
}

/// An intent of another version or another kind of object altogether gets one answer instead of many.
fn foreign_version(value: &Value) -> Option<(&'static str, String)> {
    let kind = value.get("kind").and_then(Value::as_str)?;
    let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if kind != super::manifest::KIND {
        return Some(("/kind", format!("{} is not an intent", mask::quote(kind))));
    }
    (version != super::manifest::API_VERSION && !version.is_empty()).then(|| {
        ("/apiVersion", format!("{} is not a version of the intent that this program knows", mask::quote(version)))
    })
}

/// Kubernetes takes a field without value for an absent one. In patches `null` has a meaning of its own.
///
/// A whole number written as `5432.0` is that number, to JSON Schema and to Kubernetes alike.
fn drop_nulls(value: &mut Value) {
    fn walk(value: &mut Value, top: bool) {
        if let Some(whole) = value.as_f64().filter(|n| value.is_f64() && n.fract() == 0.0 && n.abs() < 9e15) {
            *value = Value::from(whole as i64);
        }
        match value {
            Value::Object(map) => {
                map.retain(|_, child| !child.is_null());
                for (key, child) in map.iter_mut() {
                    if !(top && key == "patches") {
                        walk(child, false);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, false)),
            _ => {}
        }
    }
    if let Value::Object(map) = value {
        map.retain(|_, child| !child.is_null());
        for (key, child) in map.iter_mut() {
            walk(child, key == "spec");
        }
    }
}

/// Finds credentials in plain text anywhere in the file, by the name of their field or by their own form.
fn find_credentials(node: &Node, findings: &mut Findings) {
    let mut found = Vec::new();
    node.scalars(&mut |pointer, key, _, value| {
        let text = match value {
            Value::String(text) => text,
            Value::Number(_) if mask::is_secret_name(key) && in_free_form(pointer) => {
                found.push((pointer.to_owned(), true));
                return;
            }
            _ => return,
        };
        // User information in an address has rules of its own, which name the right field.
        let address = pointer.ends_with("/server");
        let named = mask::is_secret_name(key) && !text.is_empty() && !text.contains("${") && in_free_form(pointer);
        // A text of several lines is a file of its own, such as an initial configuration.
        let inside = text.contains('\n') && !in_ca(pointer) && mask::has_secret(text);
        if named || inside || (mask::looks_secret(text) && !address && !in_ca(pointer)) {
            found.push((pointer.to_owned(), named));
        }
    });
    env_values(node, &mut String::new(), &mut found);
    for (pointer, named) in found {
        let what = if named {
            "the field holds a credential in plain text"
        } else {
            "the value is a credential in plain text"
        };
        findings.add(codes::PLAINTEXT_CREDENTIAL, &pointer, what).hint = Some(instead(&pointer).into());
    }
}

/// Finds `{name: DB_PASSWORD, value: ...}`, the form of environment variables, in patches.
fn env_values(node: &Node, pointer: &mut String, found: &mut Vec<(String, bool)>) {
    let length = pointer.len();
    match &node.body {
        Body::Mapping(entries) => {
            let text = |key: &str| match node.child(key).map(|child| &child.body) {
                Some(Body::Scalar(Value::String(text))) => Some(text.as_str()),
                _ => None,
            };
            if let (Some(name), Some(value)) = (text("name"), text("value"))
                && mask::is_secret_name(name)
                && !value.is_empty()
                && !value.contains("${")
                && in_free_form(pointer)
            {
                found.push((format!("{pointer}/value"), true));
            }
            for (key, _, child) in entries {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                env_values(child, pointer, found);
                pointer.truncate(length);
            }
        }
        Body::Sequence(items) => {
            for (index, child) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                env_values(child, pointer, found);
                pointer.truncate(length);
            }
        }
        Body::Scalar(_) => {}
    }
}

/// Where users choose the keys themselves; elsewhere the schema refuses an unknown key.
fn in_free_form(pointer: &str) -> bool {
    pointer.starts_with("/spec/patches/") || pointer.contains("/vars/") || pointer.starts_with("/metadata/")
}

/// A private key in a CA field has a rule of its own.
fn in_ca(pointer: &str) -> bool {
    pointer.starts_with("/spec/platform/caTrustBundle") || pointer.starts_with("/spec/proxy/trustedCA")
}

fn instead(pointer: &str) -> &'static str {
    if pointer.starts_with("/spec/gitops/source") {
        "remove it from the address and name a Secret in `spec.gitops.source.secretRef`"
    } else if pointer.contains("/vars/") {
        "put it into a Secret and name that Secret in `release.varsFrom`"
    } else if pointer.starts_with("/spec/patches/") {
        "let the patch refer to a Secret (`valueFrom.secretKeyRef`) instead of holding the value"
    } else if pointer.starts_with("/spec/registries/") {
        "choose a `pullSecret.delivery` that brings the credential from outside the repository"
    } else {
        "remove it; credentials reach the cluster by reference only, see `fluxwright explain plaintext-credential`"
    }
}
