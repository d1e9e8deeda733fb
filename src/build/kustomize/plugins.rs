//! Generators, transformers and validators that are objects of their own: those that are built into kustomize, by kind.
//! All others would run programs, and are refused.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::config::FieldSpec;
use super::file::{self, Generator, Image, Metadata, PatchEntry, PatchOptions, Replacement, Replica, Texts};
use super::generate::{self, Behavior, Made};
use super::names::{self, End};
use super::namespace::{self, Namespace, Subjects};
use super::{Accumulated, BuildError, Place, Run, provenance, read, transform};
use crate::build::identity::{Source, Tracked};
use crate::build::target::Target;
use crate::render::Resource;

/// Every field of every transformer, as the objects write them. One kind reads some of them.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Transformer {
    metadata: Metadata,
    field_specs: Option<Vec<FieldSpec>>,
    prefix: String,
    suffix: String,
    labels: Texts,
    annotations: Texts,
    unset_only: bool,
    set_role_binding_subjects: String,
    image_tag: Image,
    replica: Replica,
    path: String,
    patch: String,
    target: Option<Target>,
    options: PatchOptions,
    json_op: String,
    paths: Vec<String>,
    patches: String,
    replacements: Vec<Replacement>,
    value: String,
    targets: Vec<ValueTarget>,
    target_file_path: String,
}

/// Where a ValueAddTransformer puts its value.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ValueTarget {
    selector: Option<Target>,
    field_path: String,
    file_path_position: i64,
}

/// A file of such targets.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ValueTargets {
    targets: Vec<ValueTarget>,
}

/// The fields of a generator that is an object.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Policy {
    cloud: String,
    kubernetes_service: Account,
    service_account: Account,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Account {
    name: String,
    namespace: String,
    project_id: String,
}

/// A configuration, and where it comes from.
struct Configured {
    resource: Resource,
    source: Option<Source>,
    /// The entry that brought it.
    field: String,
}

impl Run<'_, '_> {
    /// Reads configurations: written out, in files, or built from directories.
    fn configurations(
        &mut self,
        place: &Place<'_>,
        name: &str,
        entries: &[String],
    ) -> Result<Vec<Configured>, BuildError> {
        let (mut all, mut from_files) = (Vec::new(), Vec::new());
        let mut content = Accumulated::empty();
        for (index, entry) in entries.iter().enumerate() {
            let field = format!("{name}[{index}]");
            // A path is no object, so that only what is written out is read here.
            match super::object::read(place.file, entry.as_bytes()) {
                Ok(resources) if !resources.is_empty() => {
                    let base = place.file.rsplit('/').next().unwrap_or(place.file);
                    let source = place.from_root.map(|dir| Source::file(provenance::join(dir, base)));
                    for resource in resources {
                        all.push(Configured { resource, source: source.clone(), field: field.clone() });
                    }
                }
                _ => {
                    let before = content.objects.len();
                    self.resource(place, &field, entry, &mut content)?;
                    for object in content.objects.get(before..).unwrap_or_default() {
                        from_files.push(Configured {
                            resource: object.resource().clone(),
                            source: object.memory.source.clone(),
                            field: field.clone(),
                        });
                    }
                }
            }
        }
        // No schema knows these kinds, so that the tool looks into all that it has.
        self.builtin_uses += entries.len();
        // What is written out comes first, as kustomize takes it.
        all.append(&mut from_files);
        let tracked: Vec<Tracked> =
            all.iter().map(|one| Tracked::new(one.resource.clone(), place.file.into())).collect();
        super::unique(&tracked)?;
        Ok(all)
    }

    /// Runs the generators that are objects.
    pub(super) fn plugin_generators(
        &mut self,
        place: &Place<'_>,
        entries: &[String],
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        for configured in self.configurations(place, "generators", entries)? {
            let Configured { resource, source, field } = &configured;
            let source = Source::config(resource, source.as_ref());
            let fault = |e| configured.fault(place, e);
            match builtin(place, field, resource)? {
                kind @ ("ConfigMapGenerator" | "SecretGenerator") => {
                    let mut generator: Generator = read::from_open_value(&resource.body).map_err(fault)?;
                    let made = if kind == "SecretGenerator" { Made::Secret } else { Made::ConfigMap };
                    if generator.name.is_empty() {
                        resource.name().clone_into(&mut generator.name);
                    }
                    if generator.namespace.is_empty() {
                        resource.namespace().unwrap_or_default().clone_into(&mut generator.namespace);
                    }
                    let options = generator.options.clone().unwrap_or_default();
                    self.generated_object(place, field, made, &generator, &options, source, content)?;
                }
                "IAMPolicyGenerator" => {
                    let policy: Policy = read::from_open_value(&resource.body).map_err(fault)?;
                    if policy.cloud != "gke" {
                        return Err(place.fault(&format!("{field}.cloud"), "is not `gke`"));
                    }
                    let Policy { kubernetes_service: account, service_account: google, .. } = policy;
                    let annotation = format!("{}@{}.iam.gserviceaccount.com", google.name, google.project_id);
                    let made = service_account(&annotation, &account.name, &account.namespace)
                        .ok_or_else(|| place.fault(&format!("{field}.kubernetesService.name"), "is missing"))?;
                    let mut object = Tracked::new(made, place.file.into());
                    object.memory.source = source;
                    generate::absorb(place, field, object, Behavior::Create, content)?;
                }
                kind => return Err(place.fault(field, format!("is a `{kind}`, which is no generator"))),
            }
        }
        Ok(())
    }

    /// Runs the transformers that are objects.
    pub(super) fn plugin_transformers(
        &mut self,
        place: &Place<'_>,
        name: &str,
        entries: &[String],
        objects: &mut Vec<Tracked>,
    ) -> Result<(), BuildError> {
        for configured in self.configurations(place, name, entries)? {
            self.plugin_transformer(place, &configured, objects)?;
            let source = Source::config(&configured.resource, configured.source.as_ref());
            provenance::note(objects, source.as_ref());
        }
        Ok(())
    }

    fn plugin_transformer(
        &mut self,
        place: &Place<'_>,
        configured: &Configured,
        objects: &mut Vec<Tracked>,
    ) -> Result<(), BuildError> {
        let Configured { resource, field, .. } = configured;
        let kind = builtin(place, field, resource)?;
        let config: Transformer = read::from_open_value(&resource.body).map_err(|e| configured.fault(place, e))?;
        let specs = config.field_specs.as_deref().unwrap_or_default();
        let affix = |objects: &mut Vec<Tracked>, end, affix: &str| {
            if config.field_specs.is_none() {
                return Err(place.fault(&format!("{field}.fieldSpecs"), "is missing"));
            }
            names::add(objects, end, affix, specs).map_err(|e| {
                place.fault(field, format!("cannot be put into `{}` of `{}`, which {}", e.path, e.id, e.reason))
            })
        };
        match kind {
            "PrefixTransformer" => affix(objects, End::Prefix, &config.prefix),
            "SuffixTransformer" => affix(objects, End::Suffix, &config.suffix),
            "PrefixSuffixTransformer" => {
                affix(objects, End::Prefix, &config.prefix)?;
                affix(objects, End::Suffix, &config.suffix)
            }
            "LabelTransformer" => transform::set_texts(place, field, objects, &config.labels, specs),
            "AnnotationsTransformer" => transform::set_texts(place, field, objects, &config.annotations, specs),
            "NamespaceTransformer" => {
                let subjects = match config.set_role_binding_subjects.as_str() {
                    "" | "defaultOnly" => Subjects::Default,
                    "allServiceAccounts" => Subjects::Accounts,
                    "none" => Subjects::None,
                    _ => {
                        let reason = "is none of `defaultOnly`, `allServiceAccounts` and `none`";
                        return Err(place.fault(&format!("{field}.setRoleBindingSubjects"), reason));
                    }
                };
                if config.metadata.namespace.is_empty() {
                    return Ok(());
                }
                let namespace = Namespace { name: &config.metadata.namespace, subjects, unset_only: config.unset_only };
                transform::set_namespace(place, field, objects, namespace, specs)
            }
            "ImageTagTransformer" => transform::set_image(place, field, objects, &config.image_tag, specs).map(drop),
            "ReplicaCountTransformer" => transform::set_replicas(place, field, objects, &config.replica, specs),
            "PatchTransformer" => {
                let entry = PatchEntry {
                    path: config.path,
                    patch: config.patch,
                    target: config.target,
                    options: config.options,
                };
                self.patch(place, field, &entry, objects)
            }
            "PatchJson6902Transformer" => {
                let entry = PatchEntry {
                    path: config.path,
                    patch: config.json_op,
                    target: config.target,
                    options: PatchOptions::default(),
                };
                self.operations(place, field, &entry, objects)
            }
            "PatchStrategicMergeTransformer" => {
                if config.paths.is_empty() && config.patches.is_empty() {
                    return Err(place.fault(field, "has neither `paths` nor `patches`"));
                }
                self.strategic_merges(place, &format!("{field}.paths"), &config.paths, objects)?;
                let inline: Vec<String> = Some(config.patches).into_iter().filter(|text| !text.is_empty()).collect();
                self.strategic_merges(place, &format!("{field}.patches"), &inline, objects)
            }
            "ReplacementTransformer" => {
                self.replace(place, &format!("{field}.replacements"), objects, &config.replacements)
            }
            "ValueAddTransformer" => self.add_values(place, field, &config, objects),
            "HashTransformer" => transform::hash(objects),
            kind => Err(place.fault(field, format!("is a `{kind}`, which is no transformer"))),
        }
    }

    fn add_values(
        &self,
        place: &Place<'_>,
        field: &str,
        config: &Transformer,
        objects: &mut [Tracked],
    ) -> Result<(), BuildError> {
        let directory = place.dir.map_or("", |dir| dir.name());
        let value = Some(config.value.trim()).filter(|value| !value.is_empty()).unwrap_or(directory);
        let mut targets = config.targets.clone();
        if !config.target_file_path.is_empty() {
            let name = format!("{field}.targetFilePath");
            let (read, path) = self.document(place, &name, &config.target_file_path)?;
            let read: ValueTargets = read::from_open_value(&read).map_err(|e| file::error(path.as_str(), e))?;
            targets.extend(read.targets);
        }
        if targets.is_empty() {
            return Err(place.fault(&format!("{field}.targets"), "is missing"));
        }
        for (index, target) in targets.iter().enumerate() {
            let field = format!("{field}.targets[{index}]");
            if target.field_path.is_empty() {
                return Err(place.fault(&format!("{field}.fieldPath"), "is missing"));
            }
            let position = usize::try_from(target.file_path_position)
                .map_err(|_| place.fault(&format!("{field}.filePathPosition"), "is negative"))?;
            let matcher = target.selector.as_ref().map(Target::compile).transpose();
            let matcher = matcher.map_err(|e| place.fault(&format!("{field}.selector"), e.to_string()))?;
            for object in objects.iter_mut() {
                if matcher.as_ref().is_some_and(|matcher| !matcher.matches_tracked(object)) {
                    continue;
                }
                if target.field_path == "metadata/namespace" {
                    let namespace = Namespace { name: value, subjects: Subjects::Default, unset_only: false };
                    namespace::set(object, namespace, &[])
                        .map_err(|e| place.fault(&field, format!("cannot be put into `{}`: {}", e.path, e.reason)))?;
                    continue;
                }
                let id = object.resource().id();
                let untyped = object
                    .edit(|body| add_value(body, &target.field_path, value, position))
                    .map_err(|reason| place.fault(&field, format!("cannot be put into `{id}`: {reason}")))?;
                object.memory.untyped.extend(untyped);
            }
        }
        Ok(())
    }
}

impl Configured {
    fn fault(&self, place: &Place<'_>, fault: read::Fault) -> BuildError {
        let field = if fault.field.is_empty() { self.field.clone() } else { format!("{}.{}", self.field, fault.field) };
        file::error(place.file, read::Fault { field, ..fault })
    }
}

/// Makes the object of an IAMPolicyGenerator.
fn service_account(google: &str, name: &str, namespace: &str) -> Option<Resource> {
    let mut metadata = json!({"annotations": {"iam.gke.io/gcp-service-account": google}, "name": name});
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    Resource::new(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}))
}

/// Returns the kind of a configuration that is built into kustomize.
fn builtin<'r>(place: &Place<'_>, field: &str, resource: &'r Resource) -> Result<&'r str, BuildError> {
    let unsupported =
        |what: String| BuildError::Unsupported { file: place.file.to_owned(), field: format!("{field} ({what})") };
    if resource.api_version() != "builtin" {
        return Err(unsupported(format!("a function or plugin: {} {}", resource.api_version(), resource.kind())));
    }
    match resource.kind() {
        "HelmChartInflationGenerator" => Err(unsupported("a Helm chart".to_owned())),
        kind => Ok(kind),
    }
}

/// Puts a value into a field that is made if need be; a position says where in a path it goes. Returns place and text of a
/// scalar that got no type.
fn add_value(body: &mut Value, path: &str, value: &str, position: usize) -> Result<Option<(String, String)>, String> {
    let (mut at, mut pointer) = (body, String::new());
    for key in super::config::split(path, '/') {
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(map) = at else { return Err(format!("`{key}` is below something that is not a map")) };
        super::fields::push_key(&mut pointer, &key);
        at = map.entry(key).or_insert(Value::Null);
    }
    let (old, quoted) = match &*at {
        Value::Null => (String::new(), false),
        // A text that must have had quotes keeps them, so that what comes in its place is a text, too.
        Value::String(text) => (text.clone(), !super::plain(text).is_string()),
        other => (super::fields::text(other).ok_or_else(|| format!("`{path}` is not a scalar"))?, false),
    };
    let new = if position == 0 { value.to_owned() } else { inserted(&old, position - 1, value) };
    *at = if quoted { Value::String(new.clone()) } else { super::plain(&new) };
    Ok((!at.is_string()).then_some((pointer, new)))
}

/// Inserts a part into a path; an absolute one stays absolute.
fn inserted(path: &str, position: usize, part: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_goes_where_its_position_says() {
        assert_eq!(inserted("", 0, "P"), "P");
        assert_eq!(inserted("/", 0, "P"), "/P");
        assert_eq!(inserted("/pie", 0, "P"), "/P/pie");
        assert_eq!(inserted("a/nice/pie", 2, "P"), "a/nice/P/pie");
        assert_eq!(inserted("/raw", 9, "P"), "/raw/P");
    }
}
