//! Configurations of the plugins that kustomize has built in, as `transformers`, `generators` and `validators` name them.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::fields::{Layer, field_spec, pairs};
use crate::objects::Id;
use crate::tree::inline;

fn config(layer: &mut Layer, dice: &mut Dice, kind: &str, mut body: Value) -> Value {
    layer.files += 1;
    let mut metadata = json!({"name": format!("plugin{}", layer.files)});
    if let Some(namespace) = body.get("namespace").cloned().filter(|_| kind == "NamespaceTransformer") {
        metadata["namespace"] = namespace;
        body.as_object_mut().expect("a body is a map").shift_remove("namespace");
    } else if dice.chance(10) {
        metadata["namespace"] = "plugins".into();
    }
    let mut config = json!({"apiVersion": "builtin", "kind": kind, "metadata": metadata});
    if let (Some(config), Value::Object(body)) = (config.as_object_mut(), body) {
        config.extend(body);
    }
    config
}

pub fn transformer(dice: &mut Dice, layer: &mut Layer) -> Value {
    let names = json!([{"path": "metadata/name"}]);
    let id: Option<Id> = (!layer.ids.is_empty()).then(|| dice.pick(&layer.ids));
    let (kind, body) = match (dice.below(16), id) {
        (0, _) => ("PrefixTransformer", json!({"prefix": "t-", "fieldSpecs": names})),
        (1, _) => ("SuffixTransformer", json!({"suffix": "-t", "fieldSpecs": names})),
        (2, _) => (
            "PrefixTransformer",
            json!({"prefix": "t-", "fieldSpecs": [{"path": "metadata/name", "kind": "ConfigMap"}, {"path": "data/key"}]}),
        ),
        (3, _) => {
            let mut fields = vec![json!({"path": "metadata/labels", "create": true})];
            if dice.chance(50) {
                fields.push(field_spec(dice));
            }
            ("LabelTransformer", json!({"labels": pairs(dice), "fieldSpecs": fields}))
        }
        (4, _) => (
            "AnnotationsTransformer",
            json!({"annotations": pairs(dice), "fieldSpecs": [{"path": "metadata/annotations", "create": true}]}),
        ),
        (5 | 6, _) => {
            let mut body = json!({"namespace": dice.text(&["shop", "plug"]), "fieldSpecs": [{"path": "metadata/namespace", "create": true}]});
            if dice.chance(40) {
                body["setRoleBindingSubjects"] = dice.text(&["defaultOnly", "allServiceAccounts", "none"]).into();
            }
            if dice.chance(40) {
                body["unsetOnly"] = dice.chance(80).into();
            }
            if dice.chance(20) {
                body["fieldSpecs"] = json!([
                    {"path": "metadata/name", "kind": "Namespace", "create": true}, {"path": "metadata/namespace", "create": true},
                ]);
            }
            ("NamespaceTransformer", body)
        }
        (7, _) => (
            "ImageTagTransformer",
            json!({
                "imageTag": {"name": "nginx", "newTag": "9"},
                "fieldSpecs": [{"path": "spec/template/spec/containers[]/image"}, {"path": "spec/image", "kind": "Widget"}],
            }),
        ),
        (8, Some(id)) if id.has_pods() => (
            "ReplicaCountTransformer",
            json!({
                "replica": {"name": id.name, "count": 7}, "fieldSpecs": [{"path": "spec/replicas", "create": true, "kind": id.kind}],
            }),
        ),
        (9, Some(id)) => {
            let patch = layer.merge(dice, &id);
            let mut body = json!({"patch": inline(patch)});
            if dice.chance(50) {
                body["target"] = layer.target(dice, &id);
            }
            ("PatchTransformer", body)
        }
        (10, Some(id)) => {
            let patch = layer.operations(dice, &id);
            let target = layer.target(dice, &id);
            ("PatchTransformer", json!({"patch": inline(patch), "target": target}))
        }
        (11, Some(id)) => {
            let patch = layer.merge(dice, &id);
            ("PatchStrategicMergeTransformer", json!({"patches": inline(patch)}))
        }
        (12, Some(id)) => {
            let operations = layer.operations(dice, &id);
            let mut target = json!({"version": id.version(), "kind": id.kind, "name": id.name});
            if !id.group().is_empty() {
                target["group"] = id.group().into();
            }
            ("PatchJson6902Transformer", json!({"target": target, "jsonOp": inline(operations)}))
        }
        (13, Some(id)) => (
            "ValueAddTransformer",
            json!({
                "value": dice.text(&["added", "1"]),
                "targets": [{"fieldPath": "metadata/labels/added", "selector": {"kind": id.kind}}],
            }),
        ),
        (14, _) => ("HashTransformer", json!({})),
        _ => match layer.replacement(dice) {
            Some(one) => ("ReplacementTransformer", json!({"replacements": [one]})),
            None => ("HashTransformer", json!({})),
        },
    };
    config(layer, dice, kind, body)
}

pub fn generator(dice: &mut Dice, layer: &mut Layer) -> Option<Value> {
    let (kind, made) = dice.pick(&[("ConfigMapGenerator", "ConfigMap"), ("SecretGenerator", "Secret")]);
    let name = layer.maker.name(dice);
    let namespace = dice.chance(20).then(|| dice.text(&["shop", "ops"]));
    if !layer.maker.take(made, &name, namespace.as_deref()) {
        return None;
    }
    let mut body = layer.sources(dice);
    let mut metadata = json!({"name": name});
    if let Some(namespace) = &namespace {
        metadata["namespace"] = namespace.as_str().into();
    }
    if dice.chance(30) {
        body.insert("name".into(), name.clone().into());
    }
    let mut config = json!({"apiVersion": "builtin", "kind": kind, "metadata": metadata});
    config.as_object_mut()?.extend(body);
    layer.ids.push(Id {
        api: "v1".into(),
        kind: made.into(),
        current: name.clone(),
        name,
        current_namespace: namespace.clone(),
        namespace,
        generated: true,
        labels: Vec::new(),
        body: Value::Null,
    });
    Some(config)
}

/// A transformer that changes nothing, or it would be an error.
pub fn validator(dice: &mut Dice, layer: &mut Layer) -> Value {
    let nothing = json!([{"path": "metadata/annotations", "create": true, "kind": "Nothing"}]);
    config(layer, dice, "AnnotationsTransformer", json!({"annotations": {"a": "b"}, "fieldSpecs": nothing}))
}
