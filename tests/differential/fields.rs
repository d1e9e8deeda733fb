//! The fields of one kustomization file, made for the objects that it sees.

use serde_json::{Map, Value, json};

use crate::builtin;
use crate::dice::Dice;
use crate::objects::{Id, Maker, TEXTS, VARIABLES};
use crate::tree::{Tree, inline};

/// What the trees of a test are about. The other fields are there, but rarely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Names,
    Namespaces,
    Labels,
    Patches,
    Images,
    Replacements,
    Vars,
    Generators,
    Configurations,
    Schemas,
    Metadata,
    Builtin,
    Components,
    Mistakes,
    Everything,
}

use Family::*;

impl Family {
    /// The chance that a field is there, in percent: high in its own families.
    fn chance(self, own: &[(Family, usize)]) -> usize {
        let other = match self {
            Everything => 14,
            Mistakes | Metadata | Components => 9,
            _ => 2,
        };
        own.iter().find(|(family, _)| *family == self).map_or(other, |(_, chance)| *chance)
    }

    /// The chance that a text of an object holds a variable.
    pub fn variables(self) -> usize {
        if self == Vars { 60 } else { 5 }
    }

    /// The chance that an object says its namespace.
    pub fn namespaces(self) -> usize {
        match self {
            Namespaces => 40,
            Names => 25,
            _ => 10,
        }
    }
}

/// A kustomization file in the making.
pub struct Layer<'t> {
    pub tree: &'t mut Tree,
    pub maker: &'t mut Maker,
    pub dir: String,
    pub family: Family,
    pub fields: Map<String, Value>,
    /// The objects that the file sees.
    pub ids: Vec<Id>,
    pub json: bool,
    pub files: usize,
    /// Whether no other directory includes this one.
    pub top: bool,
}

pub fn field_spec(dice: &mut Dice) -> Value {
    dice.pick(&[
        json!({"path": "spec/extra", "kind": "Widget", "create": true}),
        json!({"path": "spec/template/metadata/labels", "kind": "Widget"}),
        json!({"path": "metadata/labels", "create": true, "kind": "Service"}),
        json!({"path": "spec/selector/matchLabels", "group": "example.io", "create": false}),
        json!({"path": "spec/template/spec/containers[]/labels", "create": true, "group": "apps"}),
    ])
}

pub fn pairs(dice: &mut Dice) -> Value {
    let mut pairs = Map::new();
    for _ in 0..dice.between(1, 2) {
        let key = dice.text(&["app", "team", "example.io/owner", "tier"]);
        pairs.insert(key, dice.text(&["blue", "1", "true", "", "a.b"]).into());
    }
    Value::Object(pairs)
}

impl Layer<'_> {
    fn set(&mut self, field: &str, value: Value) {
        self.fields.insert(field.to_owned(), value);
    }

    fn push(&mut self, field: &str, value: Value) {
        if let Value::Array(items) = self.fields.entry(field.to_owned()).or_insert_with(|| json!([])) {
            items.push(value);
        }
    }

    fn rolls(&self, dice: &mut Dice, own: &[(Family, usize)]) -> bool {
        dice.chance(self.family.chance(own))
    }

    /// A file beside the kustomization file; gives its name.
    pub fn file(&mut self, stem: &str, documents: Vec<Value>) -> String {
        self.files += 1;
        let name = format!("{stem}{}.yaml", self.files);
        self.tree.add(&format!("{}/{name}", self.dir), documents, self.json);
        name
    }

    fn text_file(&mut self, name: &str, text: &str) {
        let path = format!("{}/{name}", self.dir);
        self.tree.add_text(&path, text);
    }

    /// A value inline or in a file of its own.
    pub fn either(&mut self, dice: &mut Dice, stem: &str, value: Value) -> Value {
        if dice.chance(50) { inline(value) } else { Value::from(self.file(stem, vec![value])) }
    }

    /// Rolls for every field.
    pub fn decorate(&mut self, dice: &mut Dice) {
        self.generators(dice);
        self.patches(dice);
        self.names(dice);
        self.labels(dice);
        self.images(dice);
        self.replacements(dice);
        self.vars(dice);
        self.schemas(dice);
        self.configurations(dice);
        // Both fields count in the directory that is built only.
        let asked = self.top || dice.chance(20);
        if asked && self.rolls(dice, &[(Metadata, 80), (Builtin, 15), (Components, 15)]) {
            let all = ["originAnnotations", "transformerAnnotations", "managedByLabel"];
            let some: Vec<&str> = all.into_iter().filter(|_| dice.chance(60)).collect();
            self.set("buildMetadata", json!(some));
        }
        if asked && self.rolls(dice, &[(Metadata, 60)]) {
            let order = match dice.below(5) {
                0 | 1 => json!({"order": "fifo"}),
                2 => json!({"order": "legacy"}),
                3 => json!({"order": "legacy", "legacySortOptions": {
                    "orderFirst": [dice.text(&["Deployment", "Widget", "Namespace"]), "ConfigMap"], "orderLast": ["Service"],
                }}),
                _ => json!({"order": "legacy", "legacySortOptions": {"orderFirst": ["Service", "Service"]}}),
            };
            self.set("sortOptions", order);
        }
        if self.rolls(dice, &[(Builtin, 85)]) {
            for _ in 0..dice.between(1, 2) {
                let config = builtin::transformer(dice, self);
                let entry = self.either(dice, "transformer", config);
                self.push("transformers", entry);
            }
        }
        if self.rolls(dice, &[(Builtin, 35)])
            && let Some(config) = builtin::generator(dice, self)
        {
            let entry = self.either(dice, "generator", config);
            self.push("generators", entry);
        }
        if self.rolls(dice, &[(Builtin, 8)]) {
            let config =
                if dice.chance(90) { builtin::validator(dice, self) } else { builtin::transformer(dice, self) };
            let entry = self.either(dice, "validator", config);
            self.push("validators", entry);
        }
    }

    fn names(&mut self, dice: &mut Dice) {
        let own = [
            (Names, 60),
            (Generators, 35),
            (Vars, 30),
            (Configurations, 50),
            (Replacements, 15),
            (Schemas, 40),
            (Namespaces, 25),
            (Components, 40),
        ];
        let (mut prefix, mut suffix) = (String::new(), String::new());
        if self.rolls(dice, &own) {
            prefix = dice.text(&["p-", "live-", "x"]);
            self.set("namePrefix", prefix.clone().into());
        }
        if self.rolls(dice, &own) && dice.chance(60) {
            suffix = dice.text(&["-s", "-v1", "0"]);
            self.set("nameSuffix", suffix.clone().into());
        }
        let own = [(Namespaces, 75), (Names, 25), (Generators, 25), (Components, 25), (Configurations, 20)];
        let namespace = self.rolls(dice, &own).then(|| dice.text(&["shop", "ops", "default", "prod"]));
        if let Some(namespace) = &namespace {
            self.set("namespace", namespace.clone().into());
        }
        for id in &mut self.ids {
            id.current = format!("{prefix}{}{suffix}", id.current);
            if namespace.is_some() {
                id.current_namespace.clone_from(&namespace);
            }
        }
    }

    fn labels(&mut self, dice: &mut Dice) {
        if self.rolls(dice, &[(Labels, 75), (Metadata, 20)]) {
            for _ in 0..dice.between(1, 2) {
                let mut entry = json!({"pairs": pairs(dice)});
                if dice.chance(40) {
                    entry["includeSelectors"] = dice.chance(80).into();
                }
                if dice.chance(40) {
                    entry["includeTemplates"] = dice.chance(80).into();
                }
                if dice.chance(30) {
                    entry["fields"] = json!([field_spec(dice)]);
                }
                self.push("labels", entry);
            }
        }
        if self.rolls(dice, &[(Labels, 30), (Configurations, 25)]) {
            let pairs = pairs(dice);
            self.set("commonLabels", pairs);
        }
        if self.rolls(dice, &[(Labels, 50), (Configurations, 25)]) {
            let pairs = pairs(dice);
            self.set("commonAnnotations", pairs);
        }
    }

    fn images(&mut self, dice: &mut Dice) {
        if self.rolls(dice, &[(Images, 85), (Configurations, 25)]) {
            for _ in 0..dice.between(1, 2) {
                let mut image = json!({"name": dice.text(&["nginx", "redis", "registry.example:5000/team/web", "app", "n.*", "none"])});
                let values = [
                    ("newName", ["mirror.example/nginx", "redis"]),
                    ("newTag", ["1.2", "v9"]),
                    ("digest", ["sha256:0123", "sha256:fedc"]),
                    ("tagSuffix", ["-slim", "-x"]),
                ];
                for (field, values) in values {
                    if dice.chance(40) {
                        image[field] = dice.text(&values).into();
                    }
                }
                self.push("images", image);
            }
        }
        let own: Vec<Id> = self
            .ids
            .iter()
            .filter(|id| ["Deployment", "StatefulSet", "ReplicaSet"].contains(&id.kind.as_str()))
            .cloned()
            .collect();
        if !own.is_empty() && self.rolls(dice, &[(Images, 75), (Configurations, 25)]) {
            let id = dice.pick(&own);
            let name = if dice.chance(70) { id.name } else { id.current };
            self.push("replicas", json!({"name": name, "count": dice.below(6)}));
        }
        if self.family == Configurations
            && self.fields.get("configurations").is_some()
            && let Some(widget) = self.ids.iter().find(|id| id.kind == "Widget")
        {
            let entry = json!({"name": widget.name, "count": 5});
            self.push("replicas", entry);
        }
    }

    /// A target that selects one or several of the objects.
    pub fn target(&mut self, dice: &mut Dice, id: &Id) -> Value {
        let name = if dice.chance(75) { id.name.clone() } else { id.current.clone() };
        match dice.below(9) {
            0..=3 => json!({"kind": id.kind, "name": name}),
            4 => json!({"kind": id.kind}),
            5 => json!({"kind": id.kind, "name": format!("{}.*", &name[..1]), "version": id.version()}),
            6 if !id.group().is_empty() => json!({"group": id.group(), "kind": id.kind, "name": name}),
            7 if !id.labels.is_empty() => {
                let (key, value) = dice.pick(&id.labels);
                json!({"labelSelector": format!("{key}={value}"), "kind": id.kind})
            }
            8 => match &id.namespace {
                Some(namespace) => json!({"kind": id.kind, "namespace": namespace}),
                None => json!({"kind": format!("{}|Nothing", id.kind), "name": name}),
            },
            _ => json!({"kind": id.kind, "name": name}),
        }
    }

    /// A name and namespace by which a patch or generator finds an object: in a diamond the old ones mean two.
    fn address(&self, id: &Id) -> (String, Option<String>) {
        let same = |other: &&Id| (&other.kind, &other.name) == (&id.kind, &id.name);
        if self.ids.iter().filter(same).count() == 1 {
            (id.name.clone(), id.namespace.clone())
        } else {
            (id.current.clone(), id.current_namespace.clone())
        }
    }

    /// A strategic merge patch for an object.
    pub fn merge(&mut self, dice: &mut Dice, id: &Id) -> Value {
        let (name, namespace) = self.address(id);
        let mut patch = json!({"apiVersion": id.api, "kind": id.kind, "metadata": {"name": name}});
        if let Some(namespace) = namespace {
            patch["metadata"]["namespace"] = namespace.into();
        }
        if dice.chance(6) {
            patch["$patch"] = "delete".into();
            return patch;
        }
        if dice.chance(30) {
            patch["metadata"]["labels"] = json!({"app": "patched", "new": dice.text(&TEXTS)});
        }
        if dice.chance(25) {
            patch["metadata"]["annotations"] = json!({"note": null, "added": dice.text(&TEXTS)});
        }
        let body = match id.kind.as_str() {
            "ConfigMap" => json!({"data": {"added": dice.text(&TEXTS), "key": dice.pick(&[json!("x"), Value::Null])}}),
            "Secret" => json!({"stringData": {"added": dice.text(&TEXTS)}}),
            "Service" => match dice.below(3) {
                0 => json!({"spec": {"ports": [{"port": 443, "name": "https"}]}}),
                1 => json!({"spec": {"type": "LoadBalancer", "ports": [{"port": 80, "targetPort": 8080}]}}),
                _ => json!({"spec": {"selector": {"app": null, "other": "x"}}}),
            },
            "Widget" => {
                json!({"spec": {"size": 9, "items": [{"name": "two", "value": "22"}, {"name": "three", "value": "3"}]}})
            }
            "Ingress" => {
                json!({"spec": {"ingressClassName": "other", "tls": [{"hosts": ["b.example"], "secretName": "cfg"}]}})
            }
            "CronJob" => {
                json!({"spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}}})
            }
            "ServiceAccount" => json!({"secrets": [{"name": "db"}], "automountServiceAccountToken": false}),
            _ if id.has_pods() => match dice.below(8) {
                0 => json!({"spec": {"replicas": 5}}),
                1 => json!({"spec": {"template": {"spec": {"containers": [{"name": "c0", "image": "patched:2", "env": [
                    {"name": "E0", "value": dice.text(&TEXTS)}, {"name": "NEW", "value": "n"},
                ]}]}}}}),
                2 => json!({"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "side:1"}]}}}}),
                3 => json!({"spec": {"template": {"spec": {"containers": [{"name": "c1", "$patch": "delete"}]}}}}),
                4 => {
                    json!({"spec": {"template": {"spec": {"containers": [{"$patch": "replace"}, {"name": "only", "image": "only:1"}]}}}})
                }
                5 => {
                    json!({"spec": {"template": {"spec": {"$patch": "replace", "containers": [{"name": "only", "image": "only:1"}]}}}})
                }
                6 => json!({"spec": {"template": {"spec": {"volumes": [
                    {"name": "v0", "configMap": {"name": "web"}}, {"name": "extra", "secret": {"secretName": "db"}},
                ]}}}}),
                _ => json!({"spec": {"template": {"metadata": {"labels": {"extra": "1"}}, "spec": {
                    "serviceAccountName": null, "affinity": null, "tolerations": [{"key": "a", "operator": "Exists"}],
                    "containers": [{"name": "c0", "args": ["new"], "ports": [{"containerPort": 8080, "protocol": "TCP"}], "resources": {"limits": {"cpu": null, "memory": "2Gi"}}}],
                }}}}),
            },
            _ => json!({"metadata": {"labels": {"patched": "yes"}}}),
        };
        if let (Some(patch), Value::Object(body)) = (patch.as_object_mut(), body) {
            for (key, value) in body {
                match (patch.get_mut(&key).and_then(Value::as_object_mut), value) {
                    (Some(there), Value::Object(more)) => there.extend(more),
                    (_, value) => drop(patch.insert(key, value)),
                }
            }
        }
        patch
    }

    /// Operations of JSON6902 for an object.
    pub fn operations(&mut self, dice: &mut Dice, id: &Id) -> Value {
        let mut operations = Vec::new();
        for _ in 0..dice.between(1, 2) {
            let text = dice.text(&TEXTS);
            let number = dice.below(9);
            let common = [
                json!({"op": "add", "path": "/metadata/annotations", "value": {"by": text}}),
                json!({"op": "add", "path": "/metadata/labels", "value": {"by": "patch", "n": text}}),
                json!({"op": "replace", "path": "/metadata/name", "value": id.name}),
                json!({"op": "add", "path": "/spec", "value": {"number": number, "text": text}}),
                json!({"op": "test", "path": "/kind", "value": id.kind}),
                json!({"op": "copy", "from": "/metadata/name", "path": "/metadata/generateName"}),
            ];
            let pods = [
                json!({"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "patched:3"}),
                json!({"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "last", "image": "last:1"}}),
                json!({"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "A", "value": text}]}),
                json!({"op": "replace", "path": "/spec/replicas", "value": number}),
                json!({"op": "add", "path": "/spec/template/metadata", "value": {"labels": {"a": "b"}}}),
                json!({"op": "move", "from": "/spec/template/spec/containers/0/name", "path": "/spec/template/spec/containers/0/title"}),
            ];
            let data = [
                json!({"op": "add", "path": "/data", "value": {"whole": text}}),
                json!({"op": "add", "path": "/data/some~1key", "value": text}),
                json!({"op": "replace", "path": "/data/key", "value": text}),
            ];
            operations.push(match id.kind.as_str() {
                _ if dice.chance(40) => dice.pick(&common),
                "ConfigMap" => dice.pick(&data),
                _ if id.has_pods() => dice.pick(&pods),
                _ => dice.pick(&common),
            });
        }
        Value::Array(operations)
    }

    fn patches(&mut self, dice: &mut Dice) {
        let own = [(Patches, 90), (Schemas, 60), (Metadata, 25), (Components, 30)];
        if self.ids.is_empty() {
            return;
        }
        if self.rolls(dice, &own) {
            for _ in 0..dice.between(1, 2) {
                let id = dice.pick(&self.ids);
                let mut entry = Map::new();
                let merge = dice.chance(60);
                let mut body = if merge { self.merge(dice, &id) } else { self.operations(dice, &id) };
                if !merge || dice.chance(40) {
                    entry.insert("target".into(), self.target(dice, &id));
                }
                if dice.chance(15) && entry.contains_key("target") {
                    let (name, kind) = (dice.chance(60), dice.chance(40));
                    entry.insert("options".into(), json!({"allowNameChange": name, "allowKindChange": kind}));
                    if merge && dice.chance(70) {
                        body["metadata"]["name"] = "renamed".into();
                    }
                    if merge && kind && dice.chance(50) {
                        body["kind"] = "Widget".into();
                    }
                }
                if !merge && dice.chance(8) {
                    body = json!([{"op": "replace", "path": "/metadata/name", "value": "moved"}]);
                }
                if dice.chance(60) {
                    entry.insert("patch".into(), inline(body));
                } else {
                    let file = self.file("patch", vec![body]);
                    entry.insert("path".into(), file.into());
                }
                self.push("patches", Value::Object(entry));
            }
        }
        if self.rolls(dice, &[(Patches, 20)]) {
            let id = dice.pick(&self.ids);
            let body = self.merge(dice, &id);
            let entry = self.either(dice, "merge", body);
            self.push("patchesStrategicMerge", entry);
        }
        if self.rolls(dice, &[(Patches, 20)]) {
            let id = dice.pick(&self.ids);
            let body = self.operations(dice, &id);
            let mut target = json!({"version": id.version(), "kind": id.kind, "name": id.name});
            if !id.group().is_empty() {
                target["group"] = id.group().into();
            }
            if let Some(namespace) = &id.namespace {
                target["namespace"] = namespace.as_str().into();
            }
            let entry = json!({"target": target, "patch": inline(body)});
            self.push("patchesJson6902", entry);
        }
    }

    pub fn replacement(&mut self, dice: &mut Dice) -> Option<Value> {
        if self.ids.is_empty() {
            return None;
        }
        let source = self.unique(dice)?;
        let mut from =
            json!({"kind": source.kind, "name": if dice.chance(80) { &source.name } else { &source.current }});
        if let Some(namespace) = &source.namespace {
            from["namespace"] = namespace.as_str().into();
        }
        if dice.chance(20) {
            from["version"] = source.version().into();
        }
        let path = match source.kind.as_str() {
            _ if source.generated => dice.text(&["metadata.name", "metadata.name", "kind", "data.key"]),
            "ConfigMap" => dice.text(&["data.key", "data.key", "data.[other.key]", "metadata.name"]),
            "Service" => {
                dice.text(&["metadata.name", "spec.ports.0.port", "spec.ports.[name=http].port", "spec.selector"])
            }
            "Widget" => {
                dice.text(&["spec.image", "spec.size", "spec.items.[name=two].value", "spec.items", "spec.text"])
            }
            _ if source.has_pods() => dice.text(&[
                "spec.replicas",
                "spec.template.spec.containers.0.image",
                "spec.template.spec.containers.[name=c0].image",
                "metadata.name",
                "spec.template.metadata.labels",
            ]),
            _ => dice.text(&["metadata.name", "kind", "metadata.labels.app"]),
        };
        // What is not there is an error, which must stay rare.
        let path = if source.at(&path).is_some() || dice.chance(5) { path } else { "metadata.name".to_owned() };
        let value = source.at(&path).cloned().unwrap_or_else(|| source.name.as_str().into());
        if path != "metadata.name" || dice.chance(50) {
            from["fieldPath"] = path.into();
        }
        if dice.chance(25) && (!value.is_object() && !value.is_array() || dice.chance(10)) {
            let delimiter = dice.text(&[":", ".", "-", "/"]);
            let parts = value.as_str().map_or(1, |text| text.split(&delimiter).count());
            let limit = if dice.chance(5) { 9 } else { parts };
            from["options"] = json!({"delimiter": delimiter, "index": dice.below(limit)});
        }
        let mut targets = Vec::new();
        for _ in 0..dice.between(1, 2) {
            let id = dice.pick(&self.ids);
            let mut select = match dice.below(4) {
                0 => json!({"kind": id.kind}),
                1 => json!({"kind": id.kind, "name": id.current}),
                _ => json!({"kind": id.kind, "name": id.name}),
            };
            if dice.chance(10)
                && let Some((key, value)) = id.labels.first()
            {
                select = json!({"labelSelector": format!("{key}={value}")});
            }
            let (path, exists) = match id.kind.as_str() {
                "ConfigMap" => dice.pick(&[("data.key", true), ("data.new", false), ("data.[new.key]", false)]),
                "Service" => dice.pick(&[
                    ("spec.ports.*.targetPort", false),
                    ("spec.ports.0.port", true),
                    ("spec.ports.[name=http].nodePort", false),
                ]),
                "Widget" => dice.pick(&[
                    ("spec.text", true),
                    ("spec.items.*.value", true),
                    ("spec.items.[name=one].value", true),
                    ("spec.items.[name=new].value", false),
                    ("spec.size", true),
                    ("spec.deep.er.path", false),
                    ("spec.selector", true),
                    ("spec.image", true),
                    ("spec.items.0", true),
                ]),
                _ if id.has_pods() => dice.pick(&[
                    ("spec.template.spec.containers.*.image", true),
                    ("spec.template.spec.containers.[name=c0].image", true),
                    ("spec.template.spec.containers.0.image", true),
                    ("spec.replicas", false),
                    ("spec.template.metadata.annotations.[a.b/c]", false),
                    ("spec.template.spec.containers.[name=c0].env.[name=NEW].value", false),
                    ("spec.template.spec.nodeSelector", false),
                ]),
                _ => dice.pick(&[
                    ("metadata.labels.replaced", false),
                    ("metadata.annotations.[example.io/y]", false),
                    ("metadata.name", true),
                ]),
            };
            let mut target = json!({"select": select, "fieldPaths": [path]});
            let exists = exists && !id.generated && id.at(path).is_some();
            let number = id.at(path).is_some_and(Value::is_number) && !value.is_number();
            if number && dice.chance(90) {
                continue;
            }
            let mut options = Map::new();
            let everyone = select.get("name").is_some();
            if (!exists || !everyone) && dice.chance(95) || dice.chance(15) {
                options.insert("create".into(), true.into());
            }
            if dice.chance(25) && id.at(path).is_none_or(Value::is_string) {
                options.insert("delimiter".into(), dice.text(&[":", ".", "-", "/"]).into());
                options.insert("index".into(), dice.pick(&[json!(0), json!(1), json!(5), json!(-1)]));
            }
            if !options.is_empty() {
                target["options"] = options.into();
            }
            if dice.chance(20) {
                let other = dice.pick(&self.ids);
                target["reject"] = json!([{"kind": other.kind, "name": other.name}]);
            }
            if dice.chance(5) {
                target["fieldPaths"] = json!([path, "metadata.annotations.second"]);
                target["options"]["create"] = true.into();
            }
            targets.push(target);
        }
        if targets.is_empty() && dice.chance(97) {
            return None;
        }
        if dice.chance(10) {
            return Some(json!({"sourceValue": dice.text(&TEXTS), "targets": targets}));
        }
        Some(json!({"source": from, "targets": targets}))
    }

    fn replacements(&mut self, dice: &mut Dice) {
        if !self.rolls(dice, &[(Replacements, 85)]) {
            return;
        }
        for _ in 0..dice.between(1, 2) {
            let Some(one) = self.replacement(dice) else { return };
            let entry = if dice.chance(80) {
                one
            } else {
                let documents = if dice.chance(50) { one } else { json!([one]) };
                json!({"path": self.file("replacement", vec![documents])})
            };
            self.push("replacements", entry);
        }
    }

    /// An object that is the only one with its kind and name.
    fn unique(&self, dice: &mut Dice) -> Option<Id> {
        let id = dice.pick(&self.ids);
        let same = |other: &&Id| (&other.kind, &other.name) == (&id.kind, &id.name);
        (self.ids.iter().filter(same).count() == 1 || dice.chance(5)).then_some(id)
    }

    fn vars(&mut self, dice: &mut Dice) {
        if self.maker.shared || self.ids.is_empty() || !self.rolls(dice, &[(Vars, 75)]) {
            return;
        }
        for name in VARIABLES {
            // One layer defines a variable, or kustomize refuses the second one.
            if !dice.chance(50) || !self.maker.take("a variable", name, None) {
                continue;
            }
            let Some(id) = self.unique(dice) else { continue };
            let mut object = json!({"apiVersion": id.api, "kind": id.kind, "name": if dice.chance(85) { &id.name } else { &id.current }});
            if let Some(namespace) = &id.namespace {
                object["namespace"] = namespace.as_str().into();
            }
            let mut variable = json!({"name": name, "objref": object});
            let path = match id.kind.as_str() {
                "ConfigMap" => dice.text(&["data.key", "metadata.name", "data.key"]),
                "Service" => dice.text(&["spec.ports[0].port", "metadata.name"]),
                "Widget" => dice.text(&["spec.size", "spec.image", "spec.items[1].value"]),
                _ if id.has_pods() => dice.text(&["spec.template.spec.containers[0].image", "metadata.name"]),
                _ => dice.text(&["metadata.name", "kind", "apiVersion"]),
            };
            if (path != "metadata.name" || dice.chance(40)) && (id.at(&path).is_some() || dice.chance(5)) {
                variable["fieldref"] = json!({dice.text(&["fieldpath", "fieldPath"]): path});
            }
            self.push("vars", variable);
        }
    }

    /// The sources and options of a generator, without its name.
    pub fn sources(&mut self, dice: &mut Dice) -> Map<String, Value> {
        let mut entry = Map::new();
        let mut literals: Vec<String> = Vec::new();
        for key in ["key", "a.b", "MODE", "x-y"] {
            if dice.chance(35) {
                let value = match dice.below(6) {
                    0 => format!("\"{}\"", dice.text(&TEXTS)),
                    1 => "'single'".to_owned(),
                    2 => "long ".repeat(dice.between(10, 30)),
                    3 => "a\tb\r\nc".to_owned(),
                    _ => dice.text(&TEXTS),
                };
                literals.push(format!("{key}={value}"));
            }
        }
        if !literals.is_empty() {
            entry.insert("literals".into(), json!(literals));
        }
        if dice.chance(30) {
            self.files += 1;
            let name = format!("data{}.txt", self.files);
            let text = dice.text(&[
                "",
                "one line",
                "a\nb\n",
                "tab\tand trailing \n",
                "crlf\r\nend\r\n",
                "\u{e9}\u{1f600}\n",
                "{\"json\": [1, 2]}\n",
                "  indented\nfirst\n",
                "\n\nlead\n",
            ]);
            self.text_file(&name, &text);
            let source = if dice.chance(40) { format!("renamed.txt={name}") } else { name };
            entry.insert("files".into(), json!([source]));
        }
        if dice.chance(30) {
            self.files += 1;
            let name = format!("env{}.env", self.files);
            let text = dice.text(&[
                "A=1\nB=two words\n",
                "# note\n\n  C=3  \nD=\"q\"\n",
                "E=\r\nF=a=b\r\n",
                "\u{feff}G=bom\n",
                "H='x' # no comment\nI=$(NAME)",
            ]);
            self.text_file(&name, &text);
            entry.insert("envs".into(), json!([name]));
        }
        if dice.chance(35) {
            entry.insert("options".into(), options(dice));
        }
        entry
    }

    fn generators(&mut self, dice: &mut Dice) {
        for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
            if !self.rolls(
                dice,
                &[
                    (Generators, 75),
                    (Vars, 40),
                    (Replacements, 25),
                    (Names, 30),
                    (Metadata, 25),
                    (Components, 30),
                    (Namespaces, 20),
                ],
            ) {
                continue;
            }
            for _ in 0..dice.between(1, 2) {
                let mut entry = self.sources(dice);
                let earlier: Vec<Id> = self.ids.iter().filter(|id| id.kind == kind && id.generated).cloned().collect();
                if !earlier.is_empty() && dice.chance(60) {
                    let id = dice.pick(&earlier);
                    // An object is known by its name and namespace of one moment, not by those of two.
                    let before = dice.chance(75);
                    let (name, namespace) = if before { self.address(&id) } else { (id.current, id.current_namespace) };
                    entry.insert("name".into(), name.into());
                    if let Some(namespace) = namespace {
                        entry.insert("namespace".into(), namespace.into());
                    }
                    entry.insert("behavior".into(), dice.text(&["merge", "merge", "replace"]).into());
                } else {
                    let name = self.maker.name(dice);
                    let namespace = dice.chance(12).then(|| dice.text(&["shop", "ops"]));
                    if !self.maker.take(kind, &name, namespace.as_deref()) {
                        continue;
                    }
                    entry.insert("name".into(), name.clone().into());
                    if let Some(namespace) = &namespace {
                        entry.insert("namespace".into(), namespace.clone().into());
                    }
                    if dice.chance(15) {
                        entry.insert("behavior".into(), dice.text(&["create", "", "unknown"]).into());
                    }
                    self.ids.push(Id {
                        api: "v1".into(),
                        kind: kind.into(),
                        current: name.clone(),
                        name,
                        current_namespace: namespace.clone(),
                        namespace,
                        generated: true,
                        labels: Vec::new(),
                        body: Value::Null,
                    });
                }
                if kind == "Secret" && dice.chance(40) {
                    entry.insert("type".into(), dice.text(&["Opaque", "kubernetes.io/tls", ""]).into());
                }
                self.push(field, Value::Object(entry));
            }
        }
        if self.rolls(dice, &[(Generators, 30)]) {
            let options = options(dice);
            self.set("generatorOptions", options);
        }
    }

    fn configurations(&mut self, dice: &mut Dice) {
        if !self.rolls(dice, &[(Configurations, 85), (Vars, 20)]) {
            return;
        }
        let widget = |path: &str| json!([{"path": path, "kind": "Widget"}]);
        let all = [
            (
                "nameReference",
                json!([
                    {"kind": "ConfigMap", "version": "v1", "fieldSpecs": [{"path": "spec/configRef", "kind": "Widget"}]},
                    {"kind": "Secret", "fieldSpecs": [{"path": "spec/ref/name", "kind": "Widget"}]},
                ]),
            ),
            (
                "nameReference",
                json!([{"kind": "Widget", "group": "example.io", "fieldSpecs": [{"path": "data/key", "kind": "ConfigMap"}, {"path": "spec/configRef", "group": "example.io"}]}]),
            ),
            ("namePrefix", widget("spec/text")),
            ("namePrefix", json!([{"path": "metadata/name", "kind": "Widget"}])),
            ("nameSuffix", widget("spec/configRef")),
            ("namespace", json!([{"path": "spec/namespace", "kind": "Widget", "create": true}])),
            ("commonLabels", json!([{"path": "spec/common", "kind": "Widget", "create": true}])),
            ("labels", json!([{"path": "spec/labels", "kind": "Widget", "create": true}])),
            ("templateLabels", json!([{"path": "spec/template/metadata/labels", "kind": "Widget", "create": true}])),
            (
                "commonAnnotations",
                json!([{"path": "spec/template/metadata/annotations", "kind": "Widget", "create": true}]),
            ),
            (
                "varReference",
                json!([{"path": "spec/text", "kind": "Widget"}, {"path": "data", "kind": "ConfigMap"}, {"path": "spec/items/value", "kind": "Widget"}]),
            ),
            ("images", widget("spec/image")),
            ("replicas", json!([{"path": "spec/size", "kind": "Widget", "create": true}])),
        ];
        let mut config = Map::new();
        for _ in 0..dice.between(1, 4) {
            let (key, value) = dice.pick(&all);
            config.insert(key.to_owned(), value);
        }
        let file = self.file("config", vec![Value::Object(config)]);
        self.push("configurations", file.into());
    }

    fn schemas(&mut self, dice: &mut Dice) {
        if self.rolls(dice, &[(Schemas, 60)]) {
            let definitions = json!({"definitions": {"io.example.v1.Widget": {
                "type": "object",
                "x-kubernetes-group-version-kind": [{"group": "example.io", "version": "v1", "kind": "Widget"}],
                "properties": {"spec": {"type": "object", "properties": {
                    "items": {
                        "type": "array", "items": {"type": "object"},
                        "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge",
                    },
                }}},
            }}});
            let file = self.file("schema", vec![definitions]);
            self.set("openapi", json!({"path": file}));
        } else if self.rolls(dice, &[(Schemas, 10)]) {
            self.set("openapi", json!({"version": "v1.21.2"}));
        }
        if self.rolls(dice, &[(Schemas, 50)]) {
            let reference = json!({
                "type": "object", "x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret",
            });
            let mut key = json!({
                "type": "string", "x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap",
            });
            if dice.chance(40) {
                key["x-kubernetes-object-ref-name-key"] = "name".into();
            }
            let crds = json!({
                "example.io/v1.Widget": {"Schema": {"properties": {
                    "apiVersion": {"type": "string"}, "kind": {"type": "string"},
                    "metadata": {"$ref": "k8s.io/apimachinery/pkg/apis/meta/v1.ObjectMeta"},
                    "spec": {"$ref": "example.io/v1.WidgetSpec"},
                }}, "Dependencies": ["example.io/v1.WidgetSpec"]},
                "example.io/v1.WidgetSpec": {"Schema": {"properties": {
                    "configRef": if dice.chance(10) { key } else { json!({"type": "string"}) }, "ref": reference, "template": {"type": "object", "x-kubernetes-label-selector": ""},
                    "text": {"type": "string", "x-kubernetes-identity": ""},
                }}},
            });
            let file = self.file("crd", vec![crds]);
            self.push("crds", file.into());
        }
    }
}

fn options(dice: &mut Dice) -> Value {
    let mut options = Map::new();
    if dice.chance(40) {
        options.insert("labels".into(), pairs(dice));
    }
    if dice.chance(30) {
        options.insert("annotations".into(), pairs(dice));
    }
    if dice.chance(30) {
        options.insert("immutable".into(), dice.chance(70).into());
    }
    if dice.chance(40) {
        options.insert("disableNameSuffixHash".into(), dice.chance(70).into());
    }
    Value::Object(options)
}
