//! From bytes to a typed intent: YAML, bases, credentials, schema; every fault of the files in one run.

use std::sync::Arc;

use serde_json::Value;

use super::document::{Document, Part};
use super::extends::{self, Library, Unreadable};
use super::findings::Findings;
use super::manifest::ClusterIntent;
use super::schema::Schema;
use super::{cluster, credentials};
use crate::diagnostic::{Diagnostic, codes, mask};
use crate::tree::RepoPath;
use crate::yaml::{self, Dialect, Limits, Node};

/// A typed intent with its place. After faults it holds the parts that are valid, for the rules to look at.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The file, relative to the repository, or as the user named it when it lies elsewhere.
    pub file: String,
    /// The file inside the repository, when it lies there.
    pub path: Option<RepoPath>,
    /// The parsed file, merged with its bases.
    pub document: Arc<Document>,
    /// What it says.
    pub manifest: ClusterIntent,
}

/// What reading an intent gives.
#[derive(Default)]
pub struct Reading {
    /// The intent, unless too little of it is valid to go on.
    pub intent: Option<Intent>,
    /// The file, merged with its bases; `None` when one of the files cannot be used.
    pub document: Option<Arc<Document>>,
    /// The bases that were looked for, whether they are there or not.
    pub bases: Vec<RepoPath>,
}

/// Reads one intent file, and merges it with the bases that it extends.
///
/// # Errors
/// When a base is there but cannot be read.
pub fn read(
    file: &str,
    path: Option<RepoPath>,
    bytes: &[u8],
    schema: &Schema,
    library: &Library,
    findings: &mut Findings,
) -> Result<Reading, Unreadable> {
    let mut node = match yaml::parse_one(bytes, Dialect::Strict, Limits::INTENT) {
        Ok(node) => node,
        Err(faults) => {
            findings.extend(faults);
            return Ok(Reading::default());
        }
    };
    // What later stages never see, no message of theirs can show.
    let found = credentials::hide(&mut node);
    let node = Arc::new(node);
    findings.set_document(Arc::new(Document::single(file, path.clone(), node.clone())));
    found.iter().for_each(|credential| credentials::report(credential, findings));
    if let Some(fault) = foreign_version(&node) {
        findings.add(codes::UNSUPPORTED_VERSION, fault.0, fault.1).hint =
            Some("an intent has `apiVersion: fluxwright.dev/v1alpha1` and `kind: ClusterIntent`".into());
        return Ok(Reading::default());
    }
    let mut bases = Vec::new();
    if node.child(extends::FIELD).is_some() {
        let dir = directory(path.as_ref(), &node);
        let gathered = extends::gather(&node, path.as_ref(), dir.clone(), library, findings)?;
        bases = gathered.asked;
        // Without a base, what it would have said is missing everywhere.
        if gathered.failed {
            return Ok(Reading { bases, ..Reading::default() });
        }
        let own = Part { name: file.into(), path: path.clone(), node };
        let below = gathered.bases.iter().filter_map(|base| base.part());
        let parts: Vec<Part> = std::iter::once(own).chain(below).collect();
        let document = merged(parts, dir.flatten().as_ref(), schema, findings);
        findings.set_document(document);
    }
    let intent = typed(file, path, schema, findings);
    Ok(Reading { intent, document: findings.document().cloned(), bases })
}

/// Merges an intent with its bases.
fn merged(parts: Vec<Part>, dir: Option<&RepoPath>, schema: &Schema, findings: &mut Findings) -> Arc<Document> {
    let mut node = extends::merge(&parts, schema.value(), findings);
    extends::relocate(&mut node, schema.value(), &parts, dir);
    // One file may name a credential, and another one hold it.
    let found = credentials::hide(&mut node);
    let own = parts.first().filter(|own| own.node.at("/metadata/name").is_none());
    if let Some(own) = own.filter(|_| node.at("/metadata/name").is_some()) {
        // Otherwise two files with one base would be one cluster.
        let message = "the required field `name` is missing: a base cannot say the name of a cluster";
        let fault =
            Diagnostic::new(codes::MISSING_FIELD, message).field("metadata").hint("`name`: name of the cluster");
        findings.extend([fault.file(&*own.name).span(own.node.span_at("/metadata"))]);
    }
    let document = Arc::new(Document { node: Arc::new(node), parts });
    let mut together = Findings::new(findings.file());
    together.set_document(document.clone());
    found.iter().for_each(|credential| credentials::report(credential, &mut together));
    findings.extend(together.into_vec());
    document
}

/// Checks the shape of the document, and makes it an intent.
fn typed(file: &str, path: Option<RepoPath>, schema: &Schema, findings: &mut Findings) -> Option<Intent> {
    let document = findings.document()?.clone();
    let mut value = document.node.to_value();
    drop_nulls(&mut value);
    if !schema.check(&mut value, findings) {
        return None;
    }
    // What the schema accepts deserializes, but for a fault in the schema itself, which must not panic.
    match serde_json::from_value(value) {
        Ok(manifest) => Some(Intent { file: file.to_owned(), path, document, manifest }),
        Err(error) => {
            if !findings.has_errors() {
                findings.add(codes::INVALID_VALUE, "", mask::mask(&error.to_string()));
            }
            None
        }
    }
}

/// Where the paths of an intent start; the inner `None` is the root of the repository. An intent from elsewhere is read as
/// if it lay where its cluster's tree does, as far as its own file says where that is.
fn directory(path: Option<&RepoPath>, node: &Node) -> Option<Option<RepoPath>> {
    if let Some(path) = path {
        return Some(path.parent());
    }
    let text = |pointer: &str| match &node.at(pointer)?.body {
        yaml::Body::Scalar(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let root = cluster::root_of(text("/spec/gitops/source/path").as_deref(), &text("/metadata/name")?)?;
    Some(Some(root))
}

/// An intent of another version or another kind of object altogether gets one answer instead of many.
fn foreign_version(node: &Node) -> Option<(&'static str, String)> {
    let text = |key: &str| match node.child(key).map(|child| &child.body) {
        Some(yaml::Body::Scalar(Value::String(text))) => Some(text.as_str()),
        _ => None,
    };
    let kind = text("kind")?;
    let version = text("apiVersion").unwrap_or_default();
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
