//! Tests of the whole stage: the experiments of the field, the rules of each patch form, hostile input.

mod directories;
mod experiments;
mod hostile;
mod merges;
mod operations;

use serde_json::Value;

use super::{Application, BuildError, Engine, Order, Patch, PatchFault, Restriction, Target, apply, build};
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};
use crate::yaml::{Dialect, Limits, parse};

/// Reads YAML documents as objects.
fn resources(text: &str) -> Vec<Resource> {
    let nodes = parse(text.as_bytes(), Dialect::Kubernetes, Limits::MANIFEST).expect("valid YAML");
    nodes.iter().map(|node| Resource::new(node.to_value()).expect("an object")).collect()
}

fn value(text: &str) -> Value {
    parse(text.as_bytes(), Dialect::Kubernetes, Limits::MANIFEST).expect("valid YAML")[0].to_value()
}

fn target(text: &str) -> Target {
    Target::from_value(&value(text)).expect("a target")
}

/// Applies a patch to objects given as YAML.
fn patched(base: &str, patch: &str, to: Option<&str>) -> Result<(Vec<Resource>, Vec<Application>), PatchFault> {
    let mut objects = resources(base);
    let patch = Patch::parse(patch, to.map(target))?.expect("the patch is not empty");
    let applications = apply(&patch, &mut objects)?;
    Ok((objects, applications))
}

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| (RepoPath::parse(path).expect("a path"), (*text).into())).collect()
}

/// Builds a directory of a tree, `.` for its root.
fn built(files: &[(&str, &str)], dir: &str) -> Result<Vec<Resource>, BuildError> {
    let dir = (dir != ".").then(|| RepoPath::parse(dir).expect("a path"));
    build(&tree(files), dir.as_ref())
}

fn ids(resources: &[Resource]) -> Vec<String> {
    resources.iter().map(Resource::id).collect()
}

/// Names of the items of a list, in order.
fn names(resource: &Resource, list: &str, key: &str) -> Vec<String> {
    let items = resource.body.pointer(list).and_then(Value::as_array).expect("a list");
    items.iter().map(|item| item[key].as_str().map_or_else(|| item[key].to_string(), str::to_owned)).collect()
}
