//! The schema for editors judges every intent as the one that fluxwright validates with.

mod support;

use std::collections::BTreeSet;

use fluxwright::yaml::{Dialect, Limits, parse_one};
use serde_json::{Value, json};
use support::{Sandbox, files, project};

/// Keywords that mean the same in both drafts, or that say nothing to a validator. Another one needs a translation, with
/// a test, in `intent::draft7`.
const ALIKE: &[&str] = &[
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "description",
    "else",
    "enum",
    "enumDescriptions",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "properties",
    "propertyNames",
    "required",
    "then",
    "title",
    "type",
    "uniqueItems",
    "x-fluxwright-file",
    "x-kubernetes-list-map-keys",
];

/// Keywords that are translated.
const TRANSLATED: &[&str] = &["$schema", "$defs"];

fn schema(draft: &str) -> Value {
    let run = Sandbox::new().run(&["schema", "--draft", draft]);
    serde_json::from_str(&run.stdout).expect("JSON")
}

fn keywords(schema: &Value, found: &mut BTreeSet<String>) {
    let Value::Object(map) = schema else { return };
    for (keyword, value) in map {
        found.insert(keyword.clone());
        match (keyword.as_str(), value) {
            ("default" | "const" | "enum" | "examples", _) => {}
            ("properties" | "patternProperties" | "$defs", Value::Object(map)) => {
                map.values().for_each(|one| keywords(one, found));
            }
            (_, Value::Array(items)) => items.iter().for_each(|one| keywords(one, found)),
            (_, one) => keywords(one, found),
        }
    }
}

#[test]
fn no_keyword_needs_more_than_is_translated() {
    let mut found = BTreeSet::new();
    keywords(&schema("2020-12"), &mut found);
    let unknown: Vec<&String> =
        found.iter().filter(|one| !ALIKE.contains(&one.as_str()) && !TRANSLATED.contains(&one.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(TRANSLATED.iter().all(|one| found.contains(*one)));
    // Beside `$ref`, draft-07 sees nothing: only texts and defaults may stand there.
    fn beside(schema: &Value, at: &str) {
        if let Value::Object(map) = schema {
            if map.get("$ref").is_some_and(Value::is_string) {
                let others: Vec<&String> =
                    map.keys().filter(|key| !["$ref", "description", "default"].contains(&key.as_str())).collect();
                assert!(others.is_empty(), "{at}: {others:?} beside $ref");
            }
            map.iter().for_each(|(key, one)| beside(one, &format!("{at}/{key}")));
        }
    }
    beside(&schema("2020-12"), "");
}

/// Every intent of the project that is YAML, valid or not.
fn intents() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for folder in ["examples/cluster-repo/clusters", "tests/invalid", "tests/secrets", "plugins/modules"] {
        for (name, bytes) in files(&project(folder)) {
            let intent = name.ends_with(".yaml") && String::from_utf8_lossy(&bytes).contains("kind: ClusterIntent");
            if let (true, Ok(node)) = (intent, parse_one(&bytes, Dialect::Strict, Limits::INTENT)) {
                found.push((format!("{folder}/{name}"), node.to_value()));
            }
        }
    }
    found
}

/// The pointers of all values in a value, and the value itself.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, one)| {
            pointers(one, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found)
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, one)| pointers(one, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

#[test]
fn both_drafts_judge_alike() {
    let latest = jsonschema::draft202012::options().build(&schema("2020-12")).expect("a schema");
    let seven = jsonschema::draft7::options().build(&schema("7")).expect("a schema");
    let faults = |validator: &jsonschema::Validator, value: &Value| -> BTreeSet<String> {
        validator.iter_errors(value).map(|e| format!("{} {}", e.instance_path(), e.kind().keyword())).collect()
    };
    let intents = intents();
    assert!(intents.len() > 150, "{}", intents.len());
    let (mut valid, mut invalid) = (0, 0);
    for (name, intent) in &intents {
        let mut places = Vec::new();
        pointers(intent, "", &mut places);
        let mut variants = vec![intent.clone()];
        for place in &places {
            for wrong in
                [json!(null), json!(70000), json!("Wrong Value"), json!([]), json!([{}]), json!({"surplus": 1})]
            {
                let mut variant = intent.clone();
                *variant.pointer_mut(place).expect("it is there") = wrong;
                variants.push(variant);
            }
            if let Some((parent, key)) = place.rsplit_once('/')
                && let Some(Value::Object(map)) = intent.pointer(parent)
            {
                let mut less = map.clone();
                less.shift_remove(key);
                let mut variant = intent.clone();
                *variant.pointer_mut(parent).expect("it is there") = Value::Object(less);
                variants.push(variant);
            }
        }
        // A slice of the mutations of each intent: all of them for the examples, some for the many small ones.
        let step = if name.starts_with("examples/") { 1 } else { 7 };
        for variant in variants.iter().step_by(step) {
            let found = faults(&latest, variant);
            assert_eq!(found, faults(&seven, variant), "{name}: {variant}");
            if found.is_empty() { valid += 1 } else { invalid += 1 }
        }
    }
    assert!(valid > 500 && invalid > 5000, "{valid} valid, {invalid} invalid");
}

#[test]
fn init_writes_the_schema_for_editors() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["init", "prod"]).code, 0);
    let text = sandbox.read("clusters/prod/cluster.yaml");
    assert!(text.starts_with("# yaml-language-server: $schema=../../schemas/cluster-intent.schema.json\n"), "{text}");
    assert_eq!(sandbox.read("schemas/cluster-intent.schema.json"), sandbox.run(&["schema", "--draft", "7"]).stdout);
}
