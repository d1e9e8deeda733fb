//! Credentials in plain text: found anywhere in a file, hidden before any later stage sees them, and reported.

use serde_json::Value;

use super::findings::Findings;
use crate::diagnostic::{codes, mask};
use crate::yaml::{Body, Node, escape};

/// A credential that stood in the file, by the pointer of what stands there now.
pub(super) struct Credential {
    pointer: String,
    what: &'static str,
    at_key: bool,
}

/// Takes the credentials out of a file, and says where they stood.
pub(super) fn hide(node: &mut Node) -> Vec<Credential> {
    let mut found = Vec::new();
    hide_credentials(node, &mut String::new(), "", &mut found);
    found
}

/// Finds credentials in plain text anywhere in the file, by the name of their field or by their own form, in values and
/// in keys, and puts [`mask::HIDDEN`] in their place.
fn hide_credentials(node: &mut Node, pointer: &mut String, key: &str, found: &mut Vec<Credential>) {
    let length = pointer.len();
    let named = if in_free_form(pointer) { secret_sibling(node) } else { None };
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
                pointer.push_str(&escape(key));
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
    let by_name = in_free_form(pointer) && mask::is_secret_name(key);
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

/// Hides what [`hide`] leaves to rules with a better answer, and to the schema, which refuses the field as a whole: of a
/// text that is shown before they are asked.
pub(super) fn hide_all(node: &mut Node) {
    hide_below(node, &mut String::new());
}

fn hide_below(node: &mut Node, pointer: &mut String) {
    let length = pointer.len();
    match &mut node.body {
        Body::Scalar(Value::String(text)) if mask::looks_secret(text) || mask::has_private_key(text) => {
            *text = mask::redact(text);
        }
        Body::Scalar(_) => {}
        Body::Sequence(items) => {
            for (index, child) in items.iter_mut().enumerate() {
                pointer.push_str(&format!("/{index}"));
                hide_below(child, pointer);
                pointer.truncate(length);
            }
        }
        Body::Mapping(entries) => {
            for (key, _, child) in entries {
                pointer.push('/');
                pointer.push_str(&escape(key));
                // No field of an intent has such a name.
                if mask::is_secret_name(key) && !in_free_form(pointer) {
                    child.body = Body::Scalar(mask::HIDDEN.into());
                }
                hide_below(child, pointer);
                pointer.truncate(length);
            }
        }
    }
}

/// Reports a credential.
pub(super) fn report(credential: &Credential, findings: &mut Findings) {
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
