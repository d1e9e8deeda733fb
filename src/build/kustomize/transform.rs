//! The fields of a kustomization file that make or change objects, in kustomize's order.

use serde_json::Value;

use super::config::{Config, FieldSpec, Kinds, add_all};
use super::fields::{self, Make};
use super::file::{Image, Kustomization, PatchEntry, Replica, Texts};
use super::names::{self, End};
use super::namespace::{self, Namespace, Subjects};
use super::run::{Accumulated, Place, Run};
use super::{BuildError, Effect, file, hash as hashes, images, patch_fault, provenance, unique};
use crate::build::identity::Tracked;
use crate::build::patch::{Patch, PatchBody, PatchFault, Rules, apply_tracked};
use crate::tree::RepoPath;

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
        self.builtin_uses += usize::from(is_merge && self.schema.is_none());
        let rules = Rules { schema: self.schema, ..rules };
        let done =
            apply_tracked(&patch, rules, objects).map_err(|fault| patch_fault(place.file, field, path, fault))?;
        self.trace_patch((place.file, field), &patch, &done, objects);
        if checked { unique(objects) } else { Ok(()) }
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
