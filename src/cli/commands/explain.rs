//! `fluxwright explain`: the page of a code, or the documentation of a field.

use anyhow::bail;
use serde_json::Value;

use super::modules::type_word;
use crate::cli::Status;
use crate::cli::args::{Explain, Global};
use crate::cli::session;
use crate::cli::ui::Ui;
use crate::diagnostic::{self, did_you_mean};
use crate::pipeline::Context;
use crate::tree::Tree;

pub fn run(global: &Global, args: &Explain, ui: &Ui) -> anyhow::Result<Status> {
    let repo = session::repository(global)?;
    // A fault in the repository's own plugins must not keep its explanation away.
    let context = match session::context(&repo, ui)? {
        Some(context) => context,
        None => Context::new(&Tree::new()).map_err(|_| anyhow::anyhow!("the embedded catalog is not valid"))?,
    };
    let Some(topic) = &args.topic else {
        ui.data(&list(&context))?;
        return Ok(Status::Clean);
    };
    if let Some(page) = page(topic, &context) {
        ui.data(&page)?;
        return Ok(Status::Clean);
    }
    let schema = context.schema.value();
    if let Some(text) = field(topic, schema).or_else(|| field(&format!("spec.{topic}"), schema)) {
        ui.data(&text)?;
        return Ok(Status::Clean);
    }
    let codes = all_codes(&context);
    let fields = near_fields(topic, context.schema.value());
    match did_you_mean(topic, codes.iter().map(|(name, _, _)| name.as_str()).chain(fields.iter().map(String::as_str))) {
        Some(meant) => bail!("no code or field `{topic}`; did you mean `{meant}`?"),
        None => bail!(
            "no code or field `{topic}`; `fluxwright explain --list` lists the codes, `fluxwright explain spec` the fields"
        ),
    }
}

/// The page of a code: of the program, or of a plugin.
pub(super) fn page(code: &str, context: &Context) -> Option<String> {
    let own = diagnostic::explanation(code).map(|page| page.text);
    own.or_else(|| context.catalog.explanation(code).map(str::to_owned))
}

pub(super) fn all_codes(context: &Context) -> Vec<(String, diagnostic::Severity, String)> {
    let own = diagnostic::ALL.iter().map(|code| (code.name.to_owned(), code.severity, code.summary.to_owned()));
    let rules = context.catalog.validations().map(|(plugin, rule)| {
        let page = plugin.explain.get(&rule.code).map(String::as_str).unwrap_or_default();
        let summary = page.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
        (rule.code.clone(), rule.severity, summary.trim_end_matches('.').to_owned())
    });
    own.chain(rules).collect()
}

fn list(context: &Context) -> String {
    all_codes(context).iter().map(|(name, severity, summary)| format!("{name:<34} {severity:<8} {summary}\n")).collect()
}

/// Lists the fields beside the one that a path does not find.
fn near_fields(path: &str, root: &Value) -> Vec<String> {
    let mut schema = root;
    let mut names: Vec<&str> = Vec::new();
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or_default();
        let here = resolve(schema, root);
        let Some(next) = descend(here, name, root) else {
            let siblings = elements(here, root).get("properties").and_then(Value::as_object);
            let below =
                |sibling: &String| names.iter().copied().chain([sibling.as_str()]).collect::<Vec<_>>().join(".");
            return siblings.into_iter().flat_map(|map| map.keys()).map(below).collect();
        };
        schema = next;
        names.push(name);
    }
    Vec::new()
}

/// Documents a field: its type, what it allows, its description, the fields below it.
fn field(path: &str, root: &Value) -> Option<String> {
    let mut schema = root;
    let mut names = Vec::new();
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or_default();
        schema = descend(resolve(schema, root), name, root)?;
        names.push(name);
    }
    let target = resolve(schema, root);
    let mut out = format!("{} ({})\n", names.join("."), type_word(target));
    let own = schema.get("description").or_else(|| target.get("description")).and_then(Value::as_str);
    if let Some(text) = own {
        out.push_str(&format!("\n{}\n", text.replace('\n', " ")));
    }
    out.push_str(&limits(schema, target));
    let element = elements(target, root);
    if element.get("properties").is_some() {
        out.push_str("\nfields:\n");
        fields(element, root, 1, 1, &mut out);
    }
    Some(out)
}

/// Goes one name down; a list is passed through to its elements.
fn descend<'s>(schema: &'s Value, name: &str, root: &'s Value) -> Option<&'s Value> {
    elements(schema, root).get("properties")?.get(name)
}

fn elements<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    schema.get("items").map_or(schema, |items| resolve(items, root))
}

/// Follows a reference, also out of the `anyOf` that stands for an optional object.
fn resolve<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let optional = schema
        .get("anyOf")
        .and_then(Value::as_array)
        .and_then(|list| list.iter().find(|one| one.get("$ref").is_some()));
    let reference = schema.get("$ref").or_else(|| optional.and_then(|one| one.get("$ref"))).and_then(Value::as_str);
    reference.and_then(|path| root.pointer(path.strip_prefix('#')?)).unwrap_or(schema)
}

fn limits(schema: &Value, target: &Value) -> String {
    let mut out = String::new();
    if let Some(default) = schema.get("default").or_else(|| target.get("default")).filter(|value| !value.is_null()) {
        out.push_str(&format!("default: {default}\n"));
    }
    for (label, key) in [("minimum", "minimum"), ("maximum", "maximum"), ("pattern", "pattern"), ("always", "const")] {
        if let Some(value) = schema.get(key).or_else(|| target.get(key)) {
            out.push_str(&format!("{label}: {value}\n"));
        }
    }
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    if let Some(keys) = keys {
        let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
        out.push_str(&format!("merged with the lists of `extends` by: {}\n", keys.join(", ")));
    } else if target.get("items").is_some() && target.get("type").is_some_and(|kind| kind == "array") {
        out.push_str("replaces the lists of `extends`\n");
    }
    let texts = target.get("enumDescriptions").and_then(Value::as_array).cloned().unwrap_or_default();
    let values = target.get("enum").or_else(|| schema.get("enum")).and_then(Value::as_array);
    for (index, value) in values.into_iter().flatten().enumerate() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = texts.get(index).and_then(Value::as_str).map(|text| format!(": {text}")).unwrap_or_default();
        out.push_str(&format!("  {value}{}\n", text.replace('\n', " ")));
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

/// Lists the fields of an object, nested ones indented.
pub(super) fn fields(schema: &Value, root: &Value, indent: usize, depth: usize, out: &mut String) {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, child) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let target = resolve(child, root);
        let text =
            child.get("description").or_else(|| target.get("description")).and_then(Value::as_str).unwrap_or_default();
        let text = text.replace('\n', " ");
        let mark = if required.contains(&name.as_str()) { ", required" } else { "" };
        let pad = "  ".repeat(indent);
        let default = child.get("default").filter(|value| !value.is_null() && **value != serde_json::json!({}));
        let default = default.map(|value| format!(", default {value}")).unwrap_or_default();
        out.push_str(&format!("{pad}{name} ({}{mark}{default}): {text}\n", type_word(target)));
        if depth > 1 {
            fields(elements(target, root), root, indent + 1, depth - 1, out);
        }
    }
}
