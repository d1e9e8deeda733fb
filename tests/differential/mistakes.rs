//! What people get wrong: after it both programs should fail, or both should not mind.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::tree::{File, Tree, inline};

/// Every field of a kustomization file.
const FIELDS: [&str; 30] = [
    "apiVersion",
    "kind",
    "metadata",
    "resources",
    "bases",
    "components",
    "namespace",
    "namePrefix",
    "nameSuffix",
    "labels",
    "commonLabels",
    "commonAnnotations",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "images",
    "replicas",
    "replacements",
    "vars",
    "configMapGenerator",
    "secretGenerator",
    "generatorOptions",
    "configurations",
    "crds",
    "openapi",
    "transformers",
    "generators",
    "validators",
    "buildMetadata",
    "sortOptions",
];

/// Spoils one thing.
pub fn make(dice: &mut Dice, tree: &mut Tree) {
    let names: Vec<String> = tree.files.keys().cloned().collect();
    let files: Vec<String> = names.iter().filter(|name| name.ends_with("kustomization.yaml")).cloned().collect();
    let file = dice.pick(&files);
    let any = dice.pick(&names);
    let dir = file.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
    if dice.chance(12) {
        tree.files.remove(&any);
        return;
    }
    if dice.chance(10) {
        let text = dice.text(&[
            "a: b: c\n",
            "{",
            "- [\n",
            "\t\n",
            "a: 1\na: 2\n",
            "just text\n",
            "",
            "---\n",
            "null\n",
            "[]\n",
            "apiVersion: v1\n",
            "kind: X\nmetadata: {name: a}\n",
        ]);
        tree.add_text(&any, &text);
        return;
    }
    let text = dice.text(&["a", "missing.yaml", "../base", ".", "/", "", "..", "kustomization.yaml"]);
    if dice.chance(8) {
        tree.add_text(&format!("{dir}/kustomization.yml"), "resources: []\n");
        return;
    }
    let Some(File::Documents { documents, .. }) = tree.files.get_mut(&file) else { return };
    let Some(Value::Object(fields)) = documents.first_mut() else { return };
    let field = dice.text(&FIELDS);
    let push = |fields: &mut serde_json::Map<String, Value>, field: &str, value: Value| match fields
        .entry(field.to_owned())
        .or_insert_with(|| json!([]))
    {
        Value::Array(items) => items.push(value),
        other => *other = json!([value]),
    };
    match dice.below(12) {
        0 | 1 => {
            let wrong = dice.pick(&[json!(1), json!(true), json!("text"), json!([]), json!({}), json!(null), json!(["a"]), json!({"a": "b"}), json!([{"a": 1}]), json!([null]), json!("")]);
            fields.insert(field, wrong);
        }
        2 => drop(fields.insert(dice.text(&["resource", "patch", "nameprefix", "NAMESPACE", "commonlabels", "helmCharts"]), json!("x"))),
        3 => push(fields, &dice.text(&["resources", "components", "configurations", "crds", "transformers", "generators", "patchesStrategicMerge"]), json!(text)),
        4 => push(fields, "patches", json!({"patch": inline(json!({"apiVersion": "v1", "kind": "Nothing", "metadata": {"name": "none"}}))})),
        5 => push(fields, "patches", json!({"path": text, "target": {"kind": "ConfigMap"}})),
        6 => push(fields, "configMapGenerator", dice.pick(&[
            json!({"name": "g", "literals": ["no"]}), json!({"name": "g", "literals": ["a=1", "a=2"]}), json!({"name": "g", "files": ["none"]}),
            json!({"name": "g", "behavior": "merge", "literals": ["a=b"]}), json!({"literals": ["a=b"]}), json!({"name": "g", "envs": ["none"]}),
            json!({"name": "g", "literals": ["=x"]}), json!({"name": "g", "files": ["a=b=c"]}), json!({"name": "g", "literal": []}),
        ])),
        7 => push(fields, "replacements", dice.pick(&[
            json!({"source": {"kind": "None"}, "targets": [{"select": {"kind": "ConfigMap"}, "fieldPaths": ["a"]}]}), json!({"source": {"kind": "ConfigMap"}}),
            json!({"path": "none.yaml"}), json!({"targets": []}), json!({"sourceValue": "a", "targets": [{"select": {"kind": "ConfigMap"}, "fieldPaths": ["data.none.x"]}]}),
            json!({"sourceValue": "a", "targets": [{"select": {}, "fieldPaths": ["no.such.path"]}]}),
        ])),
        8 => push(fields, "vars", dice.pick(&[
            json!({"name": "X", "objref": {"kind": "ConfigMap", "name": "none", "apiVersion": "v1"}}), json!({"name": "X"}), json!({"objref": {}}),
        ])),
        9 => push(fields, "replicas", dice.pick(&[json!({"name": "none", "count": 1}), json!({"name": "web"}), json!({"count": 1}), json!({"name": "web", "count": "1"})])),
        10 => push(fields, "transformers", inline(dice.pick(&[
            json!({"apiVersion": "builtin", "kind": "Unknown", "metadata": {"name": "x"}}), json!({"apiVersion": "example.io/v1", "kind": "Plugin", "metadata": {"name": "x"}}),
            json!({"apiVersion": "builtin", "kind": "PrefixTransformer", "metadata": {"name": "x"}}), json!({"kind": "PrefixTransformer"}),
            json!({"apiVersion": "builtin", "kind": "PatchTransformer", "metadata": {"name": "x"}}),
        ]))),
        _ => {
            if let Some(items) = fields.get_mut("resources").and_then(Value::as_array_mut)
                && let Some(first) = items.first().cloned()
            {
                items.push(first);
            }
        }
    }
}
