//! [`ResourceList`]: what a function is given and gives back. Items that do not change keep their text, byte for byte;
//! those that do keep their comments.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Map, Value, json};

use super::{annotation, invalid};
use crate::diagnostic::{Diagnostic, mask};
use crate::intent::Function;
use crate::render::Resource;
use crate::tree::RepoPath;
use crate::yaml::{self, Body, Dialect, Limits, Node};

const LIMITS: Limits = Limits::RESOURCE_LIST;

/// Tells whether bytes are meant to be a ResourceList, well-formed or not.
pub fn is_resource_list(bytes: &[u8]) -> bool {
    let contains = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    contains(b"ResourceList") && contains(b"config.kubernetes.io/")
}

/// The input and output of a function.
#[derive(Clone, Debug)]
pub struct ResourceList {
    /// `apiVersion` as it came in.
    api_version: String,
    /// The objects.
    pub items: Vec<Item>,
    /// The configuration of the function.
    pub config: Value,
    /// The input, where items can be told apart in it by their lines.
    source: Option<Source>,
}

/// One object of the list.
#[derive(Clone, Debug)]
pub struct Item {
    value: Value,
    /// Its lines in the input, with the comments above it.
    lines: Option<Lines>,
    changed: bool,
}

#[derive(Clone, Debug)]
struct Lines {
    /// Comments above the item.
    comments: Range<usize>,
    /// The item itself.
    body: Range<usize>,
}

#[derive(Clone, Debug)]
struct Source {
    text: String,
    /// Comments below the last item.
    tail: Range<usize>,
    /// What stands before the `-` of every item.
    indent: usize,
}

impl Item {
    /// Makes a new item.
    pub fn new(value: Value) -> Self {
        Self { value, lines: None, changed: true }
    }

    /// Returns the object.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the item as a Kubernetes object; `None` for files such as `kustomization.yaml`, which have no name.
    pub fn resource(&self) -> Option<Resource> {
        Resource::new(self.value.clone())
    }

    /// Returns the file that the item comes from, as kpt says it.
    pub fn path(&self) -> Option<&str> {
        path_of(&self.value)
    }

    /// Puts another object in place.
    pub fn set(&mut self, value: Value) {
        if self.value != value {
            self.value = value;
            self.changed = true;
        }
    }
}

fn annotations(value: &Value) -> Map<String, Value> {
    value.pointer("/metadata/annotations").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn failed(results: &[Value]) -> bool {
    results.iter().any(|result| result.get("severity").and_then(Value::as_str) == Some("error"))
}

fn path_of(value: &Value) -> Option<&str> {
    annotation(value, "internal.config.kubernetes.io/path").or_else(|| annotation(value, "config.kubernetes.io/path"))
}

impl ResourceList {
    /// Makes a list of objects that came without one.
    pub(super) fn new(items: Vec<Value>, config: Value) -> Self {
        Self { api_version: String::new(), items: items.into_iter().map(Item::new).collect(), config, source: None }
    }

    /// Reads a list, YAML or JSON.
    ///
    /// # Errors
    /// What keeps the bytes from being a ResourceList with a configuration.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Vec<Diagnostic>> {
        const HINT: &str = "kustomize and kpt call the function with a ResourceList; see docs/function.md";
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(vec![invalid("the input is empty", HINT)]);
        }
        let node = yaml::parse_one(&bytes, Dialect::Kubernetes, LIMITS)
            .map_err(|faults| faults.into_iter().map(|fault| fault.file("stdin")).collect::<Vec<_>>())?;
        let text = |key: &str| match node.child(key).map(|node| &node.body) {
            Some(Body::Scalar(Value::String(text))) => text.clone(),
            _ => String::new(),
        };
        let api_version = text("apiVersion");
        if text("kind") != "ResourceList" || !api_version.starts_with("config.kubernetes.io/") {
            return Err(vec![invalid("the input is not a ResourceList of `config.kubernetes.io`", HINT)]);
        }
        let values: Vec<Value> = match node.child("items").map(|node| &node.body) {
            None | Some(Body::Scalar(Value::Null)) => Vec::new(),
            Some(Body::Sequence(items)) => items.iter().map(Node::to_value).collect(),
            Some(_) => return Err(vec![invalid("`items` is not a list", HINT)]),
        };
        if let Some(index) = values.iter().position(|value| !value.is_object()) {
            return Err(vec![invalid(format!("`items[{index}]` is not an object"), HINT)]);
        }
        let config = node.child("functionConfig").map(Node::to_value).unwrap_or_default();
        if !config.is_object() {
            let hint = "give the intent as the function's configuration; see docs/function.md";
            return Err(vec![invalid("there is no `functionConfig`", hint)]);
        }
        let mut items: Vec<Item> =
            values.into_iter().map(|value| Item { value, lines: None, changed: false }).collect();
        let source = String::from_utf8(bytes).ok().and_then(|text| Source::find(text, &node, &mut items));
        Ok(Self { api_version, items, config, source })
    }

    /// Returns the annotations of the configuration.
    pub fn config_annotations(&self) -> Map<String, Value> {
        annotations(&self.config)
    }

    /// Returns the file of the configuration in the package: its own, when an item lies there, else that of the item that
    /// says the same, else its own.
    ///
    /// A package may hold one intent in several files, each with another task.
    ///
    /// # Errors
    /// When the file cannot be told, or is none of the package: what is wrong, and what to do.
    pub fn config_path(&self) -> Result<Option<RepoPath>, (String, &'static str)> {
        let own = path_of(&self.config);
        let id = |value: &Value| Resource::new(value.clone()).map(|resource| resource.id());
        let wanted = id(&self.config).map(|id| (id, Function::of(&annotations(&self.config)).ok()));
        let says_the_same = |item: &&Item| {
            wanted.is_some()
                && item.value.get("kind") == self.config.get("kind")
                && id(item.value()).map(|id| (id, Function::of(&annotations(item.value())).ok())) == wanted
        };
        let paths: BTreeSet<&str> = self.items.iter().filter(says_the_same).filter_map(Item::path).collect();
        let path = match own {
            Some(own) if paths.contains(own) => Some(own),
            _ if paths.len() > 1 => {
                let all = paths.into_iter().map(mask::quote).collect::<Vec<_>>().join(", ");
                let message = format!("the configuration is in several files: {all}");
                return Err((message, "name the one in the pipeline of the Kptfile, or keep one"));
            }
            _ => paths.first().copied().or(own),
        };
        let Some(path) = path else { return Ok(None) };
        match RepoPath::parse(path) {
            Ok(path) => Ok(Some(path)),
            Err(error) => {
                let message =
                    format!("the path {} of the configuration is none of a package: {error}", mask::quote(path));
                Err((message, "correct `config.kubernetes.io/path`, which kpt writes itself"))
            }
        }
    }

    /// Prints the list with its results. With an error among them the configuration is left out: the error may be that it
    /// holds a credential.
    pub fn print(&self, results: &[Value]) -> String {
        if let Some(text) = self.source.as_ref().map(|source| self.with_text(source, results)) {
            // Whatever the input looked like: what goes out is what is meant.
            let read = yaml::parse_one(text.as_bytes(), Dialect::Kubernetes, LIMITS).ok();
            let same = |node: &Node| match node.child("items").map(|node| &node.body) {
                Some(Body::Sequence(nodes)) => {
                    nodes.len() == self.items.len()
                        && nodes.iter().zip(&self.items).all(|(node, item)| node.to_value() == item.value)
                }
                _ => false,
            };
            if self.items.is_empty() || read.as_ref().is_some_and(same) {
                return text;
            }
        }
        let items: Vec<Value> = self.items.iter().map(|item| item.value.clone()).collect();
        let mut list = json!({"apiVersion": self.api_version, "kind": "ResourceList", "items": items});
        if !failed(results) {
            list["functionConfig"] = self.config.clone();
        }
        if !results.is_empty() {
            list["results"] = json!(results);
        }
        yaml::emit(&list)
    }

    fn with_text(&self, source: &Source, results: &[Value]) -> String {
        let mut out = format!("apiVersion: {}\nkind: ResourceList\n", self.api_version);
        if self.items.is_empty() {
            out.push_str("items: []\n");
        } else {
            out.push_str("items:\n");
        }
        for item in &self.items {
            let Some(lines) = &item.lines else {
                out.push_str(&source.indented(&yaml::emit(&item.value)));
                continue;
            };
            out.push_str(&source.text[lines.comments.clone()]);
            if item.changed {
                let before = source.dedented(lines.body.clone());
                out.push_str(&source.indented(&yaml::emit_with_comments(&item.value, &before, LIMITS)));
            } else {
                out.push_str(&source.text[lines.body.clone()]);
            }
        }
        if !self.items.is_empty() {
            out.push_str(&source.text[source.tail.clone()]);
        }
        if !failed(results) {
            out.push_str(&yaml::emit(&json!({"functionConfig": self.config})));
        }
        if !results.is_empty() {
            out.push_str(&yaml::emit(&json!({"results": results})));
        }
        out
    }
}

impl Source {
    /// Finds the lines of each item of a list in block style.
    ///
    /// Everything inside an item is indented deeper than its `-`, so that a `-` at that place starts an item.
    fn find(text: String, root: &Node, items: &mut [Item]) -> Option<Self> {
        let Body::Mapping(entries) = &root.body else { return None };
        let (_, key, _) = entries.iter().find(|(key, _, _)| key == "items")?;
        let after = |at: usize| text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
        let start = after(key.start);
        if text[key.start..start].trim_end() != "items:" {
            return None;
        }
        let next_key = entries.iter().map(|(_, span, _)| span.start).filter(|at| *at > key.start).min();
        let end = next_key.unwrap_or(text.len());
        let mut indent = None;
        // Where the item starts, and where the comments above it do.
        let mut starts: Vec<(usize, usize)> = Vec::new();
        let mut comments = start;
        let mut at = start;
        while at < end {
            let line_end = after(at).min(end);
            let line = &text[at..line_end];
            let body = line.trim_start_matches(' ');
            let is_dash = body.trim_end() == "-" || body.starts_with("- ");
            let column = line.len() - body.len();
            if is_dash && *indent.get_or_insert(column) == column {
                starts.push((at, comments));
                comments = line_end;
            } else if indent.is_some_and(|indent| column > indent || !body.starts_with('#')) {
                // Comments as far out as the `-` belong to the item below them, all other lines to the one above.
                comments = line_end;
            }
            if !is_dash && indent.is_none() && !body.starts_with('#') && !body.trim().is_empty() {
                return None;
            }
            if line.starts_with("...") || line.starts_with("---") {
                return None;
            }
            at = line_end;
        }
        if starts.len() != items.len() || !text[..end].ends_with('\n') {
            return None;
        }
        for (number, item) in items.iter_mut().enumerate() {
            let (start, own) = starts[number];
            let next = starts.get(number + 1).map_or(comments, |(_, comments)| *comments);
            item.lines = Some(Lines { comments: own..start, body: start..next });
        }
        Some(Self { text, tail: comments..end, indent: indent.unwrap_or_default() })
    }

    /// The text of an item as a document of its own.
    fn dedented(&self, lines: Range<usize>) -> String {
        let width = self.indent + 2;
        let mut out = String::with_capacity(lines.len());
        for (number, line) in self.text[lines].split_inclusive('\n').enumerate() {
            let indent = line.len() - line.trim_start_matches(' ').len();
            let cut = if number == 0 { width.min(line.trim_end_matches('\n').len()) } else { indent.min(width) };
            out.push_str(&line[cut..]);
        }
        out
    }

    /// The text of a document as an item of the list.
    fn indented(&self, text: &str) -> String {
        let pad = " ".repeat(self.indent);
        let mut out = String::with_capacity(text.len() * 2);
        for (number, line) in text.lines().enumerate() {
            match (number, line) {
                (0, line) => out.push_str(&format!("{pad}- {line}\n")),
                (_, "") => out.push('\n'),
                (_, line) => out.push_str(&format!("{pad}  {line}\n")),
            }
        }
        out
    }
}
