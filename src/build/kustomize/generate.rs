//! ConfigMaps and Secrets from literals, files and files of variables, and how one takes the place of another.

use base64::Engine;
use serde_json::{Map, Value};

use super::BuildError;
use super::fields;
use super::file::{self, Generator, GeneratorOptions, Kustomization};
use super::run::{Accumulated, Place, Run};
use crate::build::identity::{Source, Tracked};
use crate::render::Resource;

/// What a generator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    ConfigMap,
    Secret,
}

/// Characters of a line of encoded data.
const LINE: usize = 70;

/// Bytes of a line in a file of variables.
const LONGEST_LINE: usize = 65_535;

/// What a generated object does to one that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behavior {
    Create,
    Merge,
    Replace,
}

impl Behavior {
    /// Reads a behavior; what is none of the three counts as `create`, as in kustomize.
    pub(super) fn of(text: &str) -> Self {
        match text {
            "merge" => Self::Merge,
            "replace" => Self::Replace,
            _ => Self::Create,
        }
    }
}

/// A fault of a generator: the field in its entry, and what is wrong.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) field: String,
    pub(super) reason: String,
}

fn fault(field: String, reason: impl Into<String>) -> Fault {
    Fault { field, reason: reason.into() }
}

/// Adds the options of the whole file to those of one generator, which win.
pub(super) fn options(own: Option<&GeneratorOptions>, global: Option<&GeneratorOptions>) -> GeneratorOptions {
    let mut out = global.cloned().unwrap_or_default();
    if let Some(own) = own {
        out.labels.extend(own.labels.clone());
        out.annotations.extend(own.annotations.clone());
        out.disable_name_suffix_hash |= own.disable_name_suffix_hash;
        out.immutable |= own.immutable;
    }
    out
}

/// Makes the object of a generator. `load` reads a file: it takes the field that names it, and the path.
pub(super) fn make<E: From<Fault>>(
    made: Made,
    generator: &Generator,
    options: &GeneratorOptions,
    mut load: impl FnMut(&str, &str) -> Result<Vec<u8>, E>,
) -> Result<Resource, E> {
    let mut pairs: Vec<(String, String, Vec<u8>)> = Vec::new();
    for (index, path) in generator.env_files().enumerate() {
        let field = format!("envs[{index}]");
        let bytes = load(&field, path)?;
        for (key, value) in variables(&bytes).map_err(|reason| fault(field.clone(), reason))? {
            pairs.push((field.clone(), key, value.into_bytes()));
        }
    }
    for (index, literal) in generator.literals.iter().enumerate() {
        let field = format!("literals[{index}]");
        let (key, value) = literal
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| fault(field.clone(), "is not `key=value`"))?;
        pairs.push((field, key.to_owned(), unquoted(value).as_bytes().to_vec()));
    }
    for (index, source) in generator.files.iter().enumerate() {
        let field = format!("files[{index}]");
        let (key, path) = file_source(source).map_err(|reason| fault(field.clone(), reason))?;
        let bytes = load(&field, path)?;
        pairs.push((field, key.to_owned(), bytes));
    }
    if generator.name.is_empty() {
        return Err(fault("name".into(), "is missing").into());
    }
    let mut contents = Map::new();
    let mut binary = Map::new();
    for (field, key, bytes) in pairs {
        if let Some(reason) = fields::odd_key(&key, false) {
            return Err(fault(field, reason).into());
        }
        if contents.contains_key(&key) || binary.contains_key(&key) {
            return Err(fault(field, format!("repeats the key `{key}`")).into());
        }
        match (made, String::from_utf8(bytes)) {
            (Made::ConfigMap, Ok(text)) => contents.insert(key, Value::String(text)),
            (Made::ConfigMap, Err(bytes)) => binary.insert(key, Value::String(encoded(bytes.as_bytes()))),
            (Made::Secret, text) => {
                let bytes = text.map_or_else(|e| e.into_bytes(), String::into_bytes);
                contents.insert(key, Value::String(encoded(&bytes)))
            }
        };
    }
    let mut metadata = Map::from_iter([("name".to_owned(), Value::from(generator.name.as_str()))]);
    if !generator.namespace.is_empty() {
        metadata.insert("namespace".into(), generator.namespace.as_str().into());
    }
    for (key, texts) in [("labels", &options.labels), ("annotations", &options.annotations)] {
        if let Some(reason) = texts.keys().find_map(|key| fields::odd_key(key, true)) {
            return Err(fault(format!("options.{key}"), reason).into());
        }
        if !texts.is_empty() {
            let texts = texts.iter().map(|(key, text)| (key.clone(), Value::from(text.as_str()))).collect();
            metadata.insert(key.into(), Value::Object(texts));
        }
    }
    let kind = match made {
        Made::ConfigMap => "ConfigMap",
        Made::Secret => "Secret",
    };
    let mut body = Map::from_iter([
        ("apiVersion".to_owned(), Value::from("v1")),
        ("kind".to_owned(), Value::from(kind)),
        ("metadata".to_owned(), Value::Object(metadata)),
    ]);
    if made == Made::Secret {
        let kind = Some(generator.secret_type.as_str()).filter(|text| !text.is_empty()).unwrap_or("Opaque");
        body.insert("type".into(), kind.into());
    }
    for (key, map) in [("data", contents), ("binaryData", binary)] {
        // A Secret without data has an empty map, a ConfigMap none.
        if !map.is_empty() || (key == "data" && made == Made::Secret) {
            body.insert(key.into(), Value::Object(map));
        }
    }
    if options.immutable {
        body.insert("immutable".into(), Value::Bool(true));
    }
    Resource::new(Value::Object(body)).ok_or_else(|| fault("name".into(), "is missing").into())
}

/// Puts the metadata of an object that is there, and with `merge` its data, under those of a generated one.
pub(super) fn take_over(new: &mut Tracked, old: &Tracked, behavior: Behavior) {
    let texts = |pointer: &str| old.body().pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default();
    let below = |mut merged: Map<String, Value>, into: &mut Map<String, Value>, key: &str| {
        if let Some(Value::Object(over)) = into.shift_remove(key) {
            merged.extend(over);
        }
        if !merged.is_empty() {
            into.insert(key.to_owned(), Value::Object(merged));
        }
    };
    let (labels, annotations) = (texts("/metadata/labels"), texts("/metadata/annotations"));
    let (contents, binary) = (texts("/data"), texts("/binaryData"));
    let (name, namespace) = (old.resource().name().to_owned(), old.resource().namespace().map(str::to_owned));
    new.edit(|body| {
        let Value::Object(body) = body else { return };
        if let Some(Value::Object(metadata)) = body.get_mut("metadata") {
            below(labels, metadata, "labels");
            below(annotations, metadata, "annotations");
            metadata.insert("name".into(), name.into());
            match namespace.filter(|namespace| !namespace.is_empty()) {
                Some(namespace) => metadata.insert("namespace".into(), namespace.into()),
                None => metadata.shift_remove("namespace"),
            };
        }
        if behavior == Behavior::Merge {
            below(contents, body, "data");
            below(binary, body, "binaryData");
        }
    });
    new.inherit(old);
    new.memory.hashed &= old.memory.hashed;
    if behavior == Behavior::Merge && old.memory.source.is_some() {
        new.memory.source.clone_from(&old.memory.source);
    }
    new.memory.transformations.clone_from(&old.memory.transformations);
}

/// Reads a file of variables: `KEY=value` on each line, comments behind `#`. A line without `=` is a key without value.
fn variables(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "names a file that is not UTF-8 text".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.len() > LONGEST_LINE {
            // kustomize would ignore this line and all behind it.
            return Err(format!("names a file whose line {} has more than {LONGEST_LINE} bytes", index + 1));
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !key.is_empty() {
            out.push((key.to_owned(), value.to_owned()));
        }
    }
    Ok(out)
}

/// Takes `path` or `key=path` apart.
fn file_source(source: &str) -> Result<(&str, &str), String> {
    match source.split_once('=') {
        None => Ok((source.rsplit('/').find(|part| !part.is_empty()).unwrap_or(source), source)),
        Some((_, path)) if path.contains('=') => Err("has more than one `=`".into()),
        Some(("", _)) => Err("has no key before `=`".into()),
        Some((_, "")) => Err("has no path behind `=`".into()),
        Some(pair) => Ok(pair),
    }
}

/// Takes quotes off that stand at both ends.
fn unquoted(text: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(text)
}

/// Encodes data; a long one goes over several lines.
fn encoded(bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    if text.len() < LINE {
        return text;
    }
    let mut out = String::with_capacity(text.len() + text.len() / LINE + 1);
    for (index, c) in text.chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out.push('\n');
    out
}

/// A fault of a generator, or of a file that it names.
enum GenerateFault {
    Entry(Fault),
    File(BuildError),
}

impl From<Fault> for GenerateFault {
    fn from(fault: Fault) -> Self {
        Self::Entry(fault)
    }
}

impl Run<'_, '_> {
    /// Runs the generators.
    pub(super) fn generate(
        &mut self,
        place: &Place<'_>,
        kustomization: &Kustomization,
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let lists = [
            (Made::ConfigMap, "configMapGenerator", &kustomization.config_map_generator),
            (Made::Secret, "secretGenerator", &kustomization.secret_generator),
        ];
        for (made, name, generators) in lists {
            let kind = if made == Made::ConfigMap { "ConfigMapGenerator" } else { "SecretGenerator" };
            for (index, generator) in generators.iter().enumerate() {
                let field = format!("{name}[{index}]");
                let options = options(generator.options.as_ref(), kustomization.generator_options.as_ref());
                self.generated_object(place, &field, made, generator, &options, place.source(kind), content)?;
            }
        }
        self.plugin_generators(place, &kustomization.generators, content)
    }

    /// Makes the object of one generator and adds it to those that are there.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn generated_object(
        &self,
        place: &Place<'_>,
        field: &str,
        made: Made,
        generator: &Generator,
        options: &file::GeneratorOptions,
        source: Option<Source>,
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let load = |entry: &str, path: &str| {
            let field = format!("{field}.{entry}");
            self.bytes(place, &field, path).map(<[u8]>::to_vec).map_err(GenerateFault::File)
        };
        let resource = make(made, generator, options, load).map_err(|fault| match fault {
            GenerateFault::Entry(fault) => place.fault(&format!("{field}.{}", fault.field), fault.reason),
            GenerateFault::File(error) => error,
        })?;
        let mut object = Tracked::new(resource, place.file.into());
        object.memory.hashed = !options.disable_name_suffix_hash;
        object.memory.source = source;
        absorb(place, field, object, Behavior::of(&generator.behavior), content)
    }
}

/// Adds a generated object, or puts it in the place of the one that it is for.
pub(super) fn absorb(
    place: &Place<'_>,
    field: &str,
    mut object: Tracked,
    behavior: Behavior,
    content: &mut Accumulated,
) -> Result<(), BuildError> {
    let named = object.id().clone();
    let mut found = content.objects.iter_mut().filter(|known| known.answers_to(&named));
    let (first, second) = (found.next(), found.next().map(|other| other.resource().id()));
    match (first, second) {
        (None, _) if behavior == Behavior::Create => {
            content.objects.push(object);
            Ok(())
        }
        (None, _) => {
            let word = if behavior == Behavior::Merge { "merge" } else { "replace" };
            Err(place.fault(&format!("{field}.behavior"), format!("is `{word}`, and there is no `{named}`")))
        }
        (Some(_), _) if behavior == Behavior::Create => {
            let reason = format!("makes `{named}`, which is there already; `behavior: merge` or `replace` changes it");
            Err(place.fault(field, reason))
        }
        (Some(first), Some(second)) => {
            let reason = format!("names `{named}`, which may be `{}` or `{second}`", first.resource().id());
            Err(place.fault(field, reason))
        }
        (Some(known), None) => {
            take_over(&mut object, known, behavior);
            *known = object;
            Ok(())
        }
    }
}
