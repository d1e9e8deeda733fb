//! The fields of a kustomization file that make or change objects, in kustomize's order.

use serde_json::Value;

use super::config::{Config, FieldSpec, Kinds, add_all};
use super::fields::{self, Make};
use super::file::{Generator, Image, Kustomization, PatchEntry, Replacement, Replica, Texts};
use super::generate::{self, Behavior, Made};
use super::names::{self, End};
use super::namespace::{self, Namespace, Subjects};
use super::{
    Accumulated, BuildError, Effect, Place, Run, file, hash as hashes, images, patch_fault, paths, provenance, read,
    replacements, unique,
};
use crate::build::identity::{Identity, Source, Tracked};
use crate::build::patch::{Patch, PatchBody, PatchFault, Rules, apply_tracked};
use crate::build::source;
use crate::render::Resource;
use crate::tree::RepoPath;
use crate::yaml::{Body, Node};

/// Ends the names of generated objects with the hash of their content.
pub(super) fn hash(objects: &mut [Tracked]) -> Result<(), BuildError> {
    for object in objects.iter_mut().filter(|object| object.memory.hashed) {
        let hash = hashes::hash(object.resource()).ok_or_else(|| BuildError::Unsupported {
            file: object.origin.to_string(),
            field: format!("hash of {}, which was generated as another kind", object.resource().id()),
        })?;
        object.remember();
        object.edit(|body| {
            if let Some(Value::String(name)) = body.pointer_mut("/metadata/name") {
                name.push('-');
                name.push_str(&hash);
            }
        });
    }
    Ok(())
}

/// A fault of a generator, or of a file that it names.
enum GenerateFault {
    Entry(generate::Fault),
    File(BuildError),
}

impl From<generate::Fault> for GenerateFault {
    fn from(fault: generate::Fault) -> Self {
        Self::Entry(fault)
    }
}

impl Place<'_> {
    /// A field that cannot be used.
    pub(super) fn fault(&self, field: &str, reason: impl Into<String>) -> BuildError {
        BuildError::Field { file: self.file.to_owned(), field: field.to_owned(), reason: reason.into() }
    }

    /// A field that cannot be set in an object.
    fn unset(&self, field: &str, fault: fields::Fault) -> BuildError {
        self.fault(field, format!("cannot be put into `{}` of `{}`, which {}", fault.path, fault.id, fault.reason))
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
                let options = generate::options(generator.options.as_ref(), kustomization.generator_options.as_ref());
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
        let resource = generate::make(made, generator, options, load).map_err(|fault| match fault {
            GenerateFault::Entry(fault) => place.fault(&format!("{field}.{}", fault.field), fault.reason),
            GenerateFault::File(error) => error,
        })?;
        let mut object = Tracked::new(resource, place.file.into());
        object.memory.hashed = !options.disable_name_suffix_hash;
        object.memory.source = source;
        absorb(place, field, object, Behavior::of(&generator.behavior), content)
    }

    /// Runs the transformers.
    pub(super) fn transform(
        &mut self,
        place: &Place<'_>,
        kustomization: &Kustomization,
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let config = content.config.clone().unwrap_or_else(|| Config::defaults().clone());
        let objects = &mut content.objects;
        let note = |objects: &mut Vec<Tracked>, kind: &str| {
            provenance::note(objects, place.source(kind).as_ref());
            drop_empty(objects);
        };
        if !kustomization.patches_strategic_merge.is_empty() {
            self.strategic_merges(place, "patchesStrategicMerge", &kustomization.patches_strategic_merge, objects)?;
            note(objects, "PatchStrategicMergeTransformer");
        }
        for (index, entry) in kustomization.patches.iter().enumerate() {
            self.patch(place, &format!("patches[{index}]"), entry, objects)?;
            note(objects, "PatchTransformer");
        }
        if !kustomization.namespace.is_empty() {
            let namespace =
                Namespace { name: &kustomization.namespace, subjects: Subjects::Default, unset_only: false };
            set_namespace(place, "namespace", objects, namespace, &config.namespace)?;
            note(objects, "NamespaceTransformer");
        }
        let affixes = [
            (End::Prefix, "namePrefix", &kustomization.name_prefix, &config.name_prefix, "PrefixTransformer"),
            (End::Suffix, "nameSuffix", &kustomization.name_suffix, &config.name_suffix, "SuffixTransformer"),
        ];
        for (end, field, affix, specs, kind) in affixes {
            if !affix.is_empty() {
                names::add(objects, end, affix, specs).map_err(|e| place.unset(field, e))?;
                note(objects, kind);
            }
        }
        for (field, texts) in kustomization.all_texts() {
            if let Some(reason) = texts.keys().find_map(|key| fields::odd_key(key, true)) {
                return Err(place.fault(&field, reason));
            }
        }
        if !(kustomization.labels.is_empty() && kustomization.common_labels.is_empty()) {
            for (index, label) in kustomization.labels.iter().enumerate() {
                let field = format!("labels[{index}]");
                let specs = label_fields(label, &config).map_err(|path| {
                    place.fault(&field, format!("says of `{path}` something else about `create` than is known"))
                })?;
                set_texts(place, &field, objects, &label.pairs, &specs)?;
                note(objects, "LabelTransformer");
            }
            set_texts(place, "commonLabels", objects, &kustomization.common_labels, &config.common_labels)?;
            note(objects, "LabelTransformer");
        }
        if !kustomization.common_annotations.is_empty() {
            let specs = &config.common_annotations;
            set_texts(place, "commonAnnotations", objects, &kustomization.common_annotations, specs)?;
            note(objects, "AnnotationsTransformer");
        }
        for (index, entry) in kustomization.patches_json6902.iter().enumerate() {
            self.operations(place, &format!("patchesJson6902[{index}]"), entry, objects)?;
            note(objects, "PatchJson6902Transformer");
        }
        for (index, replica) in kustomization.replicas.iter().enumerate() {
            set_replicas(place, &format!("replicas[{index}]"), objects, replica, &config.replicas)?;
            note(objects, "ReplicaCountTransformer");
        }
        for (index, image) in kustomization.images.iter().enumerate() {
            let field = format!("images[{index}]");
            if set_image(place, &field, objects, image, &config.images)? {
                self.trace(place.file, &field, Effect::Selected);
            } else if !objects.is_empty() {
                self.trace(place.file, &field, Effect::ImageSelectsNothing { name: image.name.clone() });
            }
            note(objects, "ImageTagTransformer");
        }
        if !kustomization.replacements.is_empty() {
            self.replace(place, "replacements", objects, &kustomization.replacements)?;
            note(objects, "ReplacementTransformer");
        }
        self.plugin_transformers(place, "transformers", &kustomization.transformers, objects)
    }

    /// Runs the validators, which must leave everything as it is.
    pub(super) fn validate(
        &mut self,
        place: &Place<'_>,
        kustomization: &Kustomization,
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        if kustomization.validators.is_empty() {
            return Ok(());
        }
        let mut objects = content.objects.clone();
        self.plugin_transformers(place, "validators", &kustomization.validators, &mut objects)?;
        let same = objects.len() == content.objects.len()
            && objects.iter().zip(&content.objects).all(|(new, old)| new.is_as(old));
        if same { Ok(()) } else { Err(place.fault("validators", "changes objects, which a validator must not do")) }
    }

    /// Applies partial objects, written out or in files.
    pub(super) fn strategic_merges(
        &mut self,
        place: &Place<'_>,
        name: &str,
        entries: &[String],
        objects: &mut Vec<Tracked>,
    ) -> Result<(), BuildError> {
        let mut found = entries.is_empty();
        for (index, entry) in entries.iter().enumerate() {
            let field = format!("{name}[{index}]");
            let is_file = RepoPath::resolve(place.dir, entry).is_ok_and(|path| self.engine.tree.contains(&path));
            let text = if is_file { self.text(place, &field, entry)? } else { entry };
            let path = if is_file { entry } else { "" };
            let patch = Patch::parse(text, None).map_err(|fault| patch_fault(place.file, &field, path, fault))?;
            found |= patch.is_some();
            let rules = Rules { merge_field: true, ..Rules::default() };
            self.apply(place, (&field, path), patch, rules, objects)?;
        }
        if found { Ok(()) } else { Err(place.fault(name, "holds no patch")) }
    }

    /// Applies one entry of `patches`.
    pub(super) fn patch(
        &mut self,
        place: &Place<'_>,
        field: &str,
        entry: &PatchEntry,
        objects: &mut Vec<Tracked>,
    ) -> Result<(), BuildError> {
        let inline = entry.patch.trim();
        let text = match (inline.is_empty(), entry.path.is_empty()) {
            (false, true) => inline,
            (true, false) => self.text(place, &format!("{field}.path"), &entry.path)?,
            _ => return Err(place.fault(field, "needs exactly one of `patch` and `path`")),
        };
        let patch = Patch::parse(text, entry.target.clone())
            .map_err(|fault| patch_fault(place.file, field, &entry.path, fault))?;
        let rules = Rules {
            allow_name_change: entry.options.allow_name_change,
            allow_kind_change: entry.options.allow_kind_change,
            ..Rules::default()
        };
        self.apply(place, (field, &entry.path), patch, rules, objects)
    }

    /// Applies one entry of `patchesJson6902`.
    pub(super) fn operations(
        &mut self,
        place: &Place<'_>,
        field: &str,
        entry: &PatchEntry,
        objects: &mut Vec<Tracked>,
    ) -> Result<(), BuildError> {
        if entry.target.as_ref().and_then(|target| target.name.as_deref()).is_none_or(str::is_empty) {
            return Err(place.fault(&format!("{field}.target.name"), "is missing"));
        }
        let text = match (entry.patch.is_empty(), entry.path.is_empty()) {
            (false, true) => entry.patch.as_str(),
            (true, false) => self.text(place, &format!("{field}.path"), &entry.path)?,
            _ => return Err(place.fault(field, "needs exactly one of `patch` and `path`")),
        };
        let fault = |fault| patch_fault(place.file, field, &entry.path, fault);
        let patch = Patch::parse(text, entry.target.clone()).map_err(fault)?;
        match &patch {
            Some(Patch { body: PatchBody::Json6902(operations), .. }) if !operations.is_empty() => {}
            _ => return Err(fault(PatchFault::Unrecognised("it is not a list of operations".into()))),
        }
        self.apply(place, (field, &entry.path), patch, Rules { forgets: true, ..Rules::default() }, objects)
    }

    fn apply(
        &mut self,
        place: &Place<'_>,
        (field, path): (&str, &str),
        patch: Option<Patch>,
        rules: Rules,
        objects: &mut Vec<Tracked>,
    ) -> Result<(), BuildError> {
        let Some(patch) = patch else { return Ok(()) };
        let is_merge = matches!(patch.body, PatchBody::StrategicMerge(_));
        // kustomize puts the objects together anew then, and sees that two are the same.
        let checked = is_merge && (rules.allow_name_change || rules.allow_kind_change) && patch.target.is_some();
        self.builtin_used |= is_merge && self.schema.is_none();
        let rules = Rules { schema: self.schema, ..rules };
        let done =
            apply_tracked(&patch, rules, objects).map_err(|fault| patch_fault(place.file, field, path, fault))?;
        self.trace_patch((place.file, field), &patch, &done, objects);
        if checked { unique(objects) } else { Ok(()) }
    }

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
            let selected = replacements::replace(objects, replacement, &written).map_err(|fault| {
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
}

impl Run<'_, '_> {
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
            generate::take_over(&mut object, known, behavior);
            *known = object;
            Ok(())
        }
    }
}

/// Objects of which a patch left nothing are gone.
fn drop_empty(objects: &mut Vec<Tracked>) {
    objects.retain(|object| object.body().as_object().is_some_and(|map| !map.is_empty()));
}

pub(super) fn set_namespace(
    place: &Place<'_>,
    field: &str,
    objects: &mut [Tracked],
    namespace: Namespace<'_>,
    specs: &[FieldSpec],
) -> Result<(), BuildError> {
    for object in objects.iter_mut() {
        object.remember();
        namespace::set(object, namespace, specs).map_err(|e| place.unset(field, e))?;
    }
    unique(objects)
}

/// Puts texts into the maps that the fields lead to. To kustomize the places of one object that get a new key hold one and
/// the same value from then on: whatever changes one of them later changes all.
pub(super) fn set_texts(
    place: &Place<'_>,
    field: &str,
    objects: &mut [Tracked],
    texts: &Texts,
    specs: &[FieldSpec],
) -> Result<(), BuildError> {
    for object in objects {
        let id = object.id().clone();
        for (key, text) in texts {
            let mut new = Vec::new();
            let mut set = |value: &mut Value, pointer: &str| match value {
                Value::Object(map) => {
                    if map.insert(key.clone(), text.as_str().into()).is_none() {
                        let mut pointer = pointer.to_owned();
                        fields::push_key(&mut pointer, key);
                        new.push(pointer);
                    }
                    Ok(())
                }
                _ => Err("is not a map".to_owned()),
            };
            object
                .edit(|body| {
                    specs.iter().try_for_each(|spec| fields::visit(spec, &id, body, Some(Make::Map), &mut set))
                })
                .map_err(|e| place.unset(field, e))?;
            object.share(new);
        }
    }
    Ok(())
}

/// The fields of one entry of `labels`; a conflict names its path.
fn label_fields(label: &file::Label, config: &Config) -> Result<Vec<FieldSpec>, String> {
    let mut specs = label.fields.clone();
    let mut add = |more: &[FieldSpec]| add_all(&mut specs, more).map_err(|e| e.path);
    add(&config.labels)?;
    if label.include_selectors {
        add(&config.common_labels)?;
    } else {
        if label.include_templates {
            add(&config.template_labels)?;
        }
        add(&[FieldSpec::new(Kinds::default(), "metadata/labels", true)])?;
    }
    Ok(specs)
}

pub(super) fn set_replicas(
    place: &Place<'_>,
    field: &str,
    objects: &mut [Tracked],
    replica: &Replica,
    specs: &[FieldSpec],
) -> Result<(), BuildError> {
    let mut found = false;
    for spec in specs {
        for object in objects.iter_mut() {
            let mut ids = std::iter::once(object.id()).chain(object.past());
            if !ids.any(|id| id.name == replica.name && spec.kinds.select(id)) {
                continue;
            }
            found = true;
            let id = object.id().clone();
            object
                .edit(|body| {
                    fields::visit(spec, &id, body, Some(Make::Scalar), &mut |value, _| {
                        fields::scalar(value, replica.count.into())
                    })
                })
                .map_err(|e| place.unset(field, e))?;
        }
    }
    if found {
        return Ok(());
    }
    let mut kinds: Vec<&str> = specs.iter().map(|spec| spec.kinds.kind.as_str()).collect();
    kinds.sort_unstable();
    let reason = format!("is `{}`, and no {} has that name", replica.name, kinds.join(", "));
    Err(place.fault(&format!("{field}.name"), reason))
}

/// Tells whether any text is the image.
pub(super) fn set_image(
    place: &Place<'_>,
    field: &str,
    objects: &mut [Tracked],
    image: &Image,
    specs: &[FieldSpec],
) -> Result<bool, BuildError> {
    let change = images::Change::new(image)
        .ok_or_else(|| place.fault(&format!("{field}.name"), "is not a regular expression"))?;
    change.apply(objects, specs).map_err(|e| place.unset(field, e))?;
    Ok(change.found())
}
