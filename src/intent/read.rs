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
    let mut node = match yaml::parse_one(bytes, Dialect::Strict, Limits::INTENT) {
        Ok(node) => node,
        Err(faults) => {
            findings.extend(faults);
            return None;
        }
    };
    // What later stages never see, no message of theirs can show.
    let mut found = Vec::new();
    hide_credentials(&mut node, &mut String::new(), "", &mut found);
    let node = Arc::new(node);
    findings.set_node(node.clone());
    found.iter().for_each(|credential| report(credential, findings));
    let mut value = node.to_value();
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

/// A credential that stood in the file, by the pointer of what stands there now.
struct Credential {
    pointer: String,
    what: &'static str,
    at_key: bool,
}

/// Finds credentials in plain text anywhere in the file, by the name of their field or by their own form, in values and
/// in keys, and puts [`mask::HIDDEN`] in their place.
fn hide_credentials(node: &mut Node, pointer: &mut String, key: &str, found: &mut Vec<Credential>) {
    let length = pointer.len();
    let named = secret_sibling(node).filter(|_| in_free_form(pointer));
    match &mut node.body {
        Body::Scalar(value) => hide_value(value, pointer, key, found),
        Body::Sequence(items) => {
            for (index, child) in items.iter_mut().enumerate() {
                pointer.push_str(&format!("/{index}"));
                hide_credentials(child, pointer, key, found);
                pointer.truncate(length);
            }
        }
        Body::Mapping(entries) => {
            for (key, _, child) in entries {
                let at_key = mask::looks_secret(key);
                if at_key {
                    *key = mask::HIDDEN.into();
                }
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                if at_key {
                    found.push(Credential { pointer: pointer.clone(), what: "the key is a credential", at_key });
                }
                let name = if key == "value" { named.as_deref().unwrap_or(key) } else { key };
                hide_credentials(child, pointer, name, found);
                pointer.truncate(length);
            }
        }
    }
}

fn hide_value(value: &mut Value, pointer: &str, key: &str, found: &mut Vec<Credential>) {
    let by_name = mask::is_secret_name(key) && in_free_form(pointer);
    let (text, named) = match &*value {
        Value::String(text) => (text.as_str(), by_name && !mask::is_reference(text)),
        Value::Number(_) if by_name => ("", true),
        _ => return,
    };
    // A text of several lines is a file of its own, such as an initial configuration.
    let inside = text.contains('\n') && mask::has_secret(text);
    if !named && (!(inside || mask::looks_secret(text)) || has_own_rule(pointer, text)) {
        return;
    }
    let what = if named { "the field holds a credential" } else { "the value is a credential" };
    *value = Value::String(if named { mask::HIDDEN.into() } else { mask::redact(text) });
    found.push(Credential { pointer: pointer.to_owned(), what, at_key: false });
}

fn report(credential: &Credential, findings: &mut Findings) {
    let Credential { pointer, what, at_key } = credential;
    let message = format!("{what} in plain text");
    let finding = if *at_key {
        findings.add_at_key(codes::PLAINTEXT_CREDENTIAL, pointer, message)
    } else {
        findings.add(codes::PLAINTEXT_CREDENTIAL, pointer, message)
    };
    finding.hint = Some(instead(pointer).into());
}

/// The name of a credential whose value stands beside it: `{name: DB_PASSWORD, value: ...}` as in environment variables,
/// `{path: /data/password, value: ...}` as in operations of a patch.
fn secret_sibling(node: &Node) -> Option<String> {
    ["name", "path"].iter().find_map(|key| match node.child(key).map(|child| &child.body) {
        Some(Body::Scalar(Value::String(text))) => {
            text.rsplit('/').next().filter(|name| mask::is_secret_name(name)).map(str::to_owned)
        }
        _ => None,
    })
}

/// Where users choose the keys themselves; elsewhere the schema refuses an unknown key.
fn in_free_form(pointer: &str) -> bool {
    pointer.starts_with("/spec/patches/")
        || pointer.starts_with("/metadata/")
        || ["/vars/", "/helm/values/"].iter().any(|map| pointer.contains(map))
}

/// User information of a proxy and a private key among certificates have rules of their own, which say more.
fn has_own_rule(pointer: &str, text: &str) -> bool {
    match pointer {
        "/spec/proxy/http/server" | "/spec/proxy/https/server" => mask::has_user_info(text),
        "/spec/platform/caTrustBundle/inline" | "/spec/proxy/trustedCA/base64" => mask::has_private_key(text),
        _ => false,
    }
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
