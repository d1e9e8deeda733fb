//! Encrypted objects: which they are, and what is shown in the place of their values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::render::Resource;

/// What stands in the place of an encrypted value.
const MASK: &str = "**SOPS**";

/// Tells whether SOPS encrypted an object.
pub(super) fn is_encrypted(resource: &Resource) -> bool {
    resource.body.pointer("/sops/mac").is_some_and(|mac| !mac.is_null())
}

/// Masks encrypted values of an object, as `flux build` does. When there are any, returns a digest of what they were: it
/// tells whether they differ.
pub(super) fn mask(resource: &mut Resource) -> Option<[u8; 32]> {
    let mut digest = Sha256::new();
    mask_values(resource, &mut digest).then(|| digest.finalize().into())
}

fn mask_values(resource: &mut Resource, digest: &mut Sha256) -> bool {
    let whole = is_encrypted(resource);
    let is_secret = resource.kind() == "Secret";
    let registry = resource.body.get("type").and_then(Value::as_str) == Some("kubernetes.io/dockerconfigjson");
    let Value::Object(body) = &mut resource.body else { return false };
    if whole {
        body.remove("sops");
    }
    if !is_secret {
        return whole && encrypted_texts(body, digest);
    }
    let shown = if whole && registry { format!("{{\"mask\":\"{MASK}\"}}") } else { MASK.to_owned() };
    let mut masked = whole;
    for (field, shown) in [("data", STANDARD.encode(&shown)), ("stringData", shown)] {
        for value in body.get_mut(field).and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
            if whole || is_encrypted_file(value, field == "data") {
                digest.update(format!("{value}\n"));
                *value = Value::String(shown.clone());
                masked = true;
            }
        }
    }
    masked
}

/// Tells whether a value of a Secret is what stands in the place of an encrypted one.
pub fn is_masked(value: &str) -> bool {
    let registry = format!("{{\"mask\":\"{MASK}\"}}");
    [MASK, &registry].iter().any(|shown| value == *shown || value == STANDARD.encode(shown))
}

/// Tells whether a Secret has a file in it that SOPS encrypted.
pub(super) fn has_encrypted_file(resource: &Resource) -> bool {
    let values = resource.body.get("data").and_then(Value::as_object).into_iter().flatten();
    resource.kind() == "Secret" && values.into_iter().any(|(_, value)| is_encrypted_file(value, true))
}

fn is_encrypted_file(value: &Value, encoded: bool) -> bool {
    let Some(text) = value.as_str() else { return false };
    let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = if encoded { STANDARD.decode(bare).unwrap_or_default() } else { text.as_bytes().to_vec() };
    let has = |wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
    // A file as a whole, or one of the variables of a file, each of which SOPS encrypts by itself.
    has(b"sops") && has(b"ENC[") || bytes.starts_with(b"ENC[AES256_GCM,")
}

fn encrypted_texts(body: &mut Map<String, Value>, digest: &mut Sha256) -> bool {
    fn walk(value: &mut Value, digest: &mut Sha256) -> bool {
        match value {
            Value::String(text) if text.starts_with("ENC[") => {
                digest.update(format!("{text}\n"));
                *value = Value::String(MASK.to_owned());
                true
            }
            Value::Array(items) => items.iter_mut().filter_map(|item| walk(item, digest).then_some(())).count() > 0,
            Value::Object(map) => map.values_mut().filter_map(|item| walk(item, digest).then_some(())).count() > 0,
            _ => false,
        }
    }
    body.values_mut().filter_map(|value| walk(value, digest).then_some(())).count() > 0
}
