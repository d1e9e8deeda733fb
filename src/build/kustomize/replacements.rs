//! `replacements`: a value of one object, or a text, goes into fields of others.

use serde_json::Value;

use super::config::Kinds;
use super::fields;
use super::file::{self, FieldOptions, Replacement, ReplacementSource, ReplacementTarget};
use super::paths::{self, Found, Missing};
use super::run::{Place, Run};
use super::{BuildError, Effect, plain, read};
use crate::build::identity::{Identity, Tracked};
use crate::build::source;
use crate::build::target::Target;
use crate::render::Resource;
use crate::tree::RepoPath;
use crate::yaml::{Body, Node};

/// The field that is meant when none is given.
const NAME: &str = "metadata.name";

/// A fault: the field in the replacement, and what is wrong.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) field: String,
    pub(super) reason: String,
    /// Whether kustomize can do it and this engine cannot.
    pub(super) unsupported: bool,
}

fn fault(field: impl Into<String>, reason: impl Into<String>) -> Fault {
    Fault { field: field.into(), reason: reason.into(), unsupported: false }
}

/// A value on its way, with the text that stood for it: a number may be written in several ways.
#[derive(Clone)]
struct Copied {
    value: Value,
    text: Option<String>,
    /// Whether the value has no type of its own yet: a text that is written out, which means what a plain one means.
    untyped: bool,
}

impl Copied {
    fn of(value: Value) -> Self {
        Self { text: fields::text(&value), value, untyped: false }
    }

    fn untyped(text: &str) -> Self {
        Self { value: Value::from(text), text: Some(text.to_owned()), untyped: true }
    }

    /// What takes the place of something that was no scalar, or was not there.
    fn whole(&self, made: bool) -> Value {
        match &self.text {
            Some(text) if made || self.untyped => plain(text),
            _ => self.value.clone(),
        }
    }
}

/// Carries out one replacement and tells how many objects each of its targets selects. `written` finds how a number is written in the file of its object.
pub(super) fn replace(
    objects: &mut [Tracked],
    replacement: &Replacement,
    written: &dyn Fn(&Tracked, &[String]) -> Option<String>,
) -> Result<Vec<usize>, Fault> {
    let targets = replacement.targets.as_deref().ok_or_else(|| fault("targets", "is missing"))?;
    let source = match (&replacement.source, &replacement.source_value) {
        (None, None) => return Err(fault("source", "is missing")),
        (Some(_), Some(_)) => return Err(fault("sourceValue", "cannot stand beside `source`")),
        (None, Some(text)) => Err(Copied::untyped(text)),
        (Some(source), None) => Ok((select(objects, source)?, source)),
    };
    let mut value = match &source {
        Err(value) => value.clone(),
        Ok((at, source)) => read(&objects[*at], source, written)?,
    };
    let mut counts = Vec::with_capacity(targets.len());
    for (index, target) in targets.iter().enumerate() {
        // A target may be the source itself, which counts for all that come after.
        let again = |at: usize, objects: &[Tracked]| match &source {
            Ok((own, source)) if *own == at => read(&objects[at], source, written).ok(),
            _ => None,
        };
        let count = write(objects, target, &mut value, &again).map_err(|e| {
            let dot = if e.field.is_empty() { "" } else { "." };
            Fault { field: format!("targets[{index}]{dot}{}", e.field), ..e }
        })?;
        counts.push(count);
    }
    Ok(counts)
}

/// Finds the one object of a source, by its position.
fn select(objects: &[Tracked], source: &ReplacementSource) -> Result<usize, Fault> {
    let kinds = Kinds::new(&source.group, &source.version, &source.kind);
    let fits = |id: &Identity, namespace: &str| {
        let or_default = |text: &str| if text.is_empty() { "default".to_owned() } else { text.to_owned() };
        (source.name.is_empty() || source.name == id.name)
            && (source.namespace.is_empty() || or_default(&source.namespace) == or_default(namespace))
            && kinds.select(id)
    };
    let is_meant = |object: &Tracked| ids(object).any(|(id, namespace)| fits(id, namespace));
    let mut found = objects.iter().enumerate().filter(|(_, object)| is_meant(object));
    let Some((at, object)) = found.next() else { return Err(fault("source", "selects no object")) };
    match found.next() {
        None => Ok(at),
        Some((_, other)) => {
            let (one, other) = (object.resource().id(), other.resource().id());
            Err(fault("source", format!("selects several objects: `{one}` and `{other}`")))
        }
    }
}

fn read(
    object: &Tracked,
    source: &ReplacementSource,
    written: &dyn Fn(&Tracked, &[String]) -> Option<String>,
) -> Result<Copied, Fault> {
    let path = Some(source.field_path.as_str()).filter(|path| !path.is_empty()).unwrap_or(NAME);
    let steps = paths::parts(path);
    let value = paths::read(object.body(), &steps).map_err(|reason| fault("source.fieldPath", reason))?;
    let is_empty = match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(_) => false,
    };
    let Some(value) = value.filter(|_| !is_empty) else {
        let reason = format!("names `{path}`, which `{}` does not have", object.resource().id());
        return Err(fault("source.fieldPath", reason));
    };
    let mut copied = Copied::of(value.clone());
    if matches!(value, Value::Number(_) | Value::Bool(_)) {
        copied.text = written(object, &steps).or(copied.text);
    }
    let Some(options) = source.options.as_ref().filter(|options| !options.delimiter.is_empty()) else {
        return Ok(copied);
    };
    let text = copied.text.ok_or_else(|| fault("source.options.delimiter", "goes with a scalar only"))?;
    let parts: Vec<&str> = text.split(&options.delimiter).collect();
    let part = usize::try_from(options.index).ok().and_then(|index| parts.get(index)).ok_or_else(|| {
        fault("source.options.index", format!("is {}, and the value has {} parts", options.index, parts.len()))
    })?;
    Ok(if value.is_string() { Copied::of(Value::from(*part)) } else { Copied::untyped(part) })
}

/// Who an object is and was, with the namespace as kustomize writes it down.
fn ids(object: &Tracked) -> impl Iterator<Item = (&Identity, &str)> {
    let current = (object.id(), object.id().namespace.as_deref().unwrap_or_default());
    std::iter::once(current).chain(object.past().iter().map(|id| (id, id.effective_namespace())))
}

fn write(
    objects: &mut [Tracked],
    target: &ReplacementTarget,
    value: &mut Copied,
    again: &dyn Fn(usize, &[Tracked]) -> Option<Copied>,
) -> Result<usize, Fault> {
    let select = target.select.as_ref().ok_or_else(|| fault("select", "is missing"))?;
    let compile =
        |field: String, target: &Target| target.compile().map_err(|e| fault(field, format!("cannot be used: {e}")));
    let matcher = compile("select".into(), select)?;
    let mut rejects = Vec::new();
    for (index, reject) in target.reject.iter().enumerate() {
        rejects.push((reject, compile(format!("reject[{index}]"), reject)?));
    }
    let name = [NAME.to_owned()];
    let field_paths = if target.field_paths.is_empty() { &name } else { target.field_paths.as_slice() };
    let mut count = 0;
    for at in 0..objects.len() {
        let object = &mut objects[at];
        let is_rejected = rejects.iter().any(|(reject, matcher)| {
            let set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
            let by_selector = set(&reject.label_selector) || set(&reject.annotation_selector);
            let by_id = [&reject.group, &reject.version, &reject.kind, &reject.name, &reject.namespace];
            (by_selector && matcher.matches_selectors(object.resource()))
                || (by_id.into_iter().any(set) && ids(object).any(|(id, ns)| matcher.matches_written(id, ns)))
        });
        let selected = !is_rejected
            && matcher.matches_selectors(object.resource())
            && ids(object).any(|(id, namespace)| matcher.matches_written(id, namespace));
        if !selected {
            continue;
        }
        count += 1;
        let id = object.resource().id();
        for (index, path) in field_paths.iter().enumerate() {
            let object = &mut objects[at];
            let untyped: Vec<String> = object.memory.untyped.iter().map(|(place, _)| place.clone()).collect();
            let mut made = Vec::new();
            object.edit(|body| put(body, path, target.options.as_ref(), value, &untyped, &mut made)).map_err(|e| {
                Fault { field: format!("fieldPaths[{index}]"), reason: format!("{} in `{id}`", e.reason), ..e }
            })?;
            object.memory.untyped.append(&mut made);
            if let Some(changed) = again(at, objects) {
                *value = changed;
            }
        }
    }
    Ok(count)
}

fn put(
    body: &mut Value,
    path: &str,
    options: Option<&FieldOptions>,
    value: &Copied,
    untyped: &[String],
    made: &mut Vec<(String, String)>,
) -> Result<(), Fault> {
    let missing = match &value.value {
        _ if !options.is_some_and(|options| options.create) => Missing::Skip,
        Value::Object(_) => Missing::Map,
        Value::Array(_) => Missing::List,
        _ => Missing::Scalar,
    };
    let steps = paths::parts(path);
    if let Some(at) = text_on_the_way(body, &steps) {
        return inside_text(body, &steps, at, missing, value);
    }
    let mut set = |found: Found<'_>| {
        let pointer = found.pointer.to_owned();
        let is_untyped = found.made || untyped.contains(&pointer);
        let text = set(found, is_untyped, options, value)?;
        made.extend(text.map(|text| (pointer, text)));
        Ok(())
    };
    let count = paths::change(body, &steps, missing, &mut set)
        .map_err(|reason| fault("", format!("names `{path}`, which {reason}")))?;
    if count == 0 { Err(fault("", format!("names `{path}`, which does not exist"))) } else { Ok(()) }
}

/// Sets a value; returns the text of a scalar that has no type.
fn set(
    found: Found<'_>,
    is_untyped: bool,
    options: Option<&FieldOptions>,
    value: &Copied,
) -> Result<Option<String>, String> {
    let place = found.value;
    let mut value = value.clone();
    if let Some(options) = options.filter(|options| !options.delimiter.is_empty()) {
        let old = if found.made { Some(String::new()) } else { fields::text(place) };
        let old = old.ok_or("is not a scalar, which a delimiter needs")?;
        let new = value.text.ok_or("gets a map or a list, which does not go with a delimiter")?;
        let mut parts: Vec<&str> = old.split(&options.delimiter).collect();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &new),
            Ok(index) => match parts.get_mut(index) {
                Some(part) => *part = &new,
                None => parts.push(&new),
            },
        }
        value = Copied::of(Value::String(parts.join(&options.delimiter)));
    }
    if is_untyped {
        *place = value.whole(true);
        return Ok(value.text);
    }
    *place = match &*place {
        Value::Array(_) | Value::Object(_) => value.whole(false),
        // A scalar keeps its type and takes the text only.
        Value::String(_) => Value::String(value.text.unwrap_or_default()),
        scalar => {
            let text = value.text.unwrap_or_default();
            let new = plain(&text);
            let fits = match scalar {
                Value::Number(number) if number.is_f64() => new.is_number(),
                Value::Number(_) => new.is_i64() || new.is_u64(),
                Value::Bool(_) => new.is_boolean(),
                _ => new.is_null(),
            };
            if !fits {
                return Err(format!("is {scalar}, and `{text}` is of another type"));
            }
            new
        }
    };
    Ok(None)
}

/// Finds the first scalar in the middle of a path: kustomize looks into it as if it were a document of its own.
fn text_on_the_way(body: &Value, steps: &[String]) -> Option<usize> {
    (1..steps.len()).find(|at| {
        matches!(paths::read(body, &steps[..*at]), Ok(Some(value)) if !matches!(value, Value::Null | Value::Array(_) | Value::Object(_)))
    })
}

/// Puts a value into a JSON text. Other texts would have to be written anew as YAML with all their comments, which is
/// refused.
fn inside_text(body: &mut Value, steps: &[String], at: usize, missing: Missing, value: &Copied) -> Result<(), Fault> {
    let (outer, inner) = steps.split_at(at);
    let shown = outer.join(".");
    let text = paths::read(body, outer).ok().flatten().and_then(Value::as_str).map(str::to_owned);
    let text = text.ok_or_else(|| fault("", format!("goes on below `{shown}`, which is not a text")))?;
    let trimmed = text.trim_start();
    let mut inside: Value = match serde_json::from_str(trimmed) {
        Ok(inside @ (Value::Object(_) | Value::Array(_))) => inside,
        _ if trimmed.contains([':', '\n']) || trimmed.starts_with(['{', '[', '-']) => {
            return Err(Fault {
                unsupported: true,
                ..fault("", format!("goes into the text of `{shown}`, which is not JSON,"))
            });
        }
        _ => return Err(fault("", format!("goes on below `{shown}`, which is a plain text"))),
    };
    let count = paths::change(&mut inside, inner, missing, &mut |found| {
        let made = found.made;
        set(found, made, None, value).map(drop)
    })
    .map_err(|reason| fault("", format!("goes into the text of `{shown}` and {reason}")))?;
    if count == 0 {
        return Err(fault("", format!("names a field that the text of `{shown}` does not have")));
    }
    let pretty = text.contains('\n') && text.contains("  ");
    let new = super::json::text(&inside, pretty);
    paths::change(body, outer, Missing::Skip, &mut |found| {
        *found.value = Value::String(new.clone());
        Ok(())
    })
    .map_err(|reason| fault("", reason))?;
    Ok(())
}

impl Run<'_, '_> {
    /// Carries out replacements, written out or in files.
    pub(super) fn replace(
        &mut self,
        place: &Place<'_>,
        name: &str,
        objects: &mut [Tracked],
        entries: &[Replacement],
    ) -> Result<(), BuildError> {
        let mut all: Vec<(String, Replacement)> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let field = format!("{name}[{index}]");
            if entry.path.is_empty() {
                all.push((field, entry.clone()));
                continue;
            }
            if entry.source.is_some() || entry.targets.as_ref().is_some_and(|targets| !targets.is_empty()) {
                return Err(place.fault(&field, "has `path` beside a replacement that is written out"));
            }
            let field = format!("{field}.path");
            let (value, path) = self.document(place, &field, &entry.path)?;
            let read = |value: &Value| read::from_open_value(value).map_err(|e| file::error(path.as_str(), e));
            match &value {
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        all.push((format!("{field}[{index}]"), read(item)?));
                    }
                }
                Value::Object(_) => all.push((field, read(&value)?)),
                _ => {
                    return Err(place.fault(&field, "names a file that holds neither a replacement nor a list of them"));
                }
            }
        }
        for (field, replacement) in &all {
            let written = |object: &Tracked, steps: &[String]| self.written(object, steps);
            let selected = replace(objects, replacement, &written).map_err(|fault| {
                let field = format!("{field}.{}", fault.field);
                if fault.unsupported {
                    return BuildError::Unsupported {
                        file: place.file.to_owned(),
                        field: format!("{field} ({})", fault.reason.replace('`', "")),
                    };
                }
                place.fault(&field, fault.reason)
            })?;
            for (index, count) in selected.into_iter().enumerate() {
                let effect = if count == 0 { Effect::ReplacementSelectsNothing } else { Effect::Selected };
                self.trace(place.file, &format!("{field}.targets[{index}]"), effect);
            }
        }
        Ok(())
    }

    /// Finds how a scalar is written in the file of its object, if it is still the one that stands there: `1.50`.
    fn written(&self, object: &Tracked, steps: &[String]) -> Option<String> {
        let path = RepoPath::parse(&object.origin).ok().filter(|_| !object.is_new())?;
        let bytes = self.engine.tree.get(&path)?.bytes();
        let nodes = source::documents(bytes).ok()?;
        let is_meant = |node: &&Node| {
            Resource::new(node.to_value()).is_some_and(|resource| Identity::of(&resource).same(object.original()))
        };
        let node = nodes.iter().find(is_meant)?;
        let pointer = paths::pointer(object.body(), steps)?;
        let found = node.at(&pointer)?;
        let unchanged = matches!(&found.body, Body::Scalar(value) if object.body().pointer(&pointer) == Some(value));
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = bytes.get(found.span.start..found.span.end).and_then(|text| std::str::from_utf8(text).ok());
        text.map(str::trim).filter(|_| unchanged).map(str::to_owned)
    }
}
