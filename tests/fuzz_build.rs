//! Kustomizations that nobody would write: a build ends, without panic, with objects or with one fault of a file.
//!
//! The trees are small, so what takes long is a fault as well: it shows as a test that does not end.

use fluxwright::build::{Restriction, build_with, print};
use fluxwright::tree::{RepoPath, Tree};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// One use of every field, and all that it says below.
const KUSTOMIZATION: &str = r#"
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
metadata: {name: top, labels: {a: b}, annotations: {a: b}}
resources: [objects.yaml, ../base]
bases: [../other]
components: [../part]
namespace: shop
namePrefix: p-
nameSuffix: -s
labels: [{pairs: {a: b}, includeSelectors: true, includeTemplates: true, fields: [{path: spec/x, create: true, kind: Widget, group: g, version: v1}]}]
commonLabels: {app: web}
commonAnnotations: {note: "1"}
patches:
- {patch: "{apiVersion: v1, kind: ConfigMap, metadata: {name: cfg}, data: {x: y}}"}
- {path: merge.yaml, target: {group: apps, version: v1, kind: Deployment, name: web, namespace: shop, labelSelector: a=b, annotationSelector: a=b}, options: {allowNameChange: true, allowKindChange: true}}
- {patch: '[{"op": "add", "path": "/data/z", "value": "1"}]', target: {kind: ConfigMap}}
patchesStrategicMerge: [merge.yaml]
patchesJson6902: [{target: {version: v1, kind: ConfigMap, name: cfg}, patch: '[{"op": "add", "path": "/data/z", "value": "1"}]'}]
images: [{name: nginx, newName: a/b, newTag: "1", digest: sha256:0, tagSuffix: -x}]
imageTags: [{name: nginx, newTag: "1"}]
replicas: [{name: web, count: 3}]
replacements:
- source: {group: "", version: v1, kind: ConfigMap, name: cfg, namespace: shop, fieldPath: data.key, options: {delimiter: ".", index: 0, encoding: base64, create: true}}
  targets: [{select: {kind: Deployment}, reject: [{name: x}], fieldPaths: ["spec.template.spec.containers.[name=c].image", "spec.template.spec.containers.*.env.0.value", "metadata.labels.[a.b/c]"], options: {delimiter: ":", index: 1, create: true}}]
- {path: replacement.yaml}
- {sourceValue: text, targets: [{select: {}, fieldPaths: [metadata.name]}]}
vars: [{name: NAME, objref: {apiVersion: v1, kind: ConfigMap, name: cfg, namespace: shop}, fieldref: {fieldpath: "data.key"}}]
configMapGenerator:
- {name: made, namespace: shop, behavior: create, literals: [a=b, c="d"], files: [data.txt, k=data.txt], envs: [data.env], env: data.env, options: {labels: {a: b}, annotations: {a: b}, immutable: true, disableNameSuffixHash: true}}
secretGenerator: [{name: made, type: Opaque, literals: [a=b]}]
generatorOptions: {labels: {a: b}, annotations: {a: b}, immutable: true, disableNameSuffixHash: false}
configurations: [config.yaml]
crds: [crd.yaml]
openapi: {path: schema.json, version: v1.21.2}
transformers: ["{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: t}, prefix: t-, fieldSpecs: [{path: metadata/name}]}", plugin.yaml]
generators: ["{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: g}, literals: [a=b]}"]
validators: [plugin.yaml]
buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]
sortOptions: {order: legacy, legacySortOptions: {orderFirst: [ConfigMap], orderLast: [Service]}}
helmCharts: [{name: x}]
helmGlobals: {chartHome: x}
helmChartInflationGenerator: [{chartName: x}]
"#;

/// The files beside it.
const FILES: [(&str, &str); 14] = [
    (
        "top/objects.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg, annotations: {a: b}}\ndata: {key: a.b, n: \"$(NAME)\"}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {app: web}}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers: [{name: c, image: \"nginx:1\", args: [\"$(NAME)\"], env: [{name: A, value: x}, {name: B, valueFrom: {configMapKeyRef: {name: cfg, key: key}}}]}]\n",
    ),
    (
        "top/merge.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: c, $patch: replace}, {name: d, image: x}]}}}\n",
    ),
    (
        "top/replacement.yaml",
        "- source: {kind: ConfigMap, name: cfg}\n  targets: [{select: {kind: Deployment}, fieldPaths: [metadata.labels.x], options: {create: true}}]\n",
    ),
    ("top/data.txt", "text\n"),
    ("top/data.env", "A=1\n# note\nB=two\n"),
    (
        "top/config.yaml",
        "namePrefix: [{path: spec/x, kind: Widget}]\nnameReference: [{kind: ConfigMap, version: v1, fieldSpecs: [{path: spec/ref/name, kind: Widget, create: false}]}]\nvarReference: [{path: data, kind: ConfigMap}]\ncommonLabels: [{path: spec/l, create: true, kind: Widget}]\nimages: [{path: spec/image, kind: Widget}]\nreplicas: [{path: spec/size, kind: Widget}]\nnamespace: [{path: spec/ns, kind: Widget, create: true}]\n",
    ),
    (
        "top/crd.yaml",
        "{\"example.io/v1.Widget\": {\"Schema\": {\"properties\": {\"spec\": {\"$ref\": \"example.io/v1.Spec\"}}}}, \"example.io/v1.Spec\": {\"Schema\": {\"properties\": {\"ref\": {\"x-kubernetes-object-ref-kind\": \"ConfigMap\", \"x-kubernetes-object-ref-api-version\": \"v1\"}}}}}\n",
    ),
    (
        "top/schema.json",
        "{\"definitions\": {\"io.example.v1.Widget\": {\"x-kubernetes-group-version-kind\": [{\"group\": \"example.io\", \"version\": \"v1\", \"kind\": \"Widget\"}], \"properties\": {\"spec\": {\"properties\": {\"items\": {\"type\": \"array\", \"x-kubernetes-patch-merge-key\": \"name\", \"x-kubernetes-patch-strategy\": \"merge\", \"items\": {\"type\": \"object\"}}}}}}}}\n",
    ),
    (
        "top/plugin.yaml",
        "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {a: b}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
    ),
    (
        "base/kustomization.yaml",
        "namePrefix: b-\nresources: [w.yaml]\nconfigMapGenerator: [{name: made, literals: [z=1]}]\n",
    ),
    (
        "base/w.yaml",
        "apiVersion: example.io/v1\nkind: Widget\nmetadata: {name: w}\nspec: {ref: {name: cfg}, image: nginx, items: [{name: a}]}\n---\napiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80}]}}]\n",
    ),
    ("other/kustomization.yaml", "resources: [o.yaml]\n"),
    (
        "other/o.yaml",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: o}\nroleRef: {kind: ClusterRole, name: r, apiGroup: rbac.authorization.k8s.io}\nsubjects: [{kind: ServiceAccount, name: default, namespace: x}]\n",
    ),
    ("part/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -part\n"),
];

/// Pieces that readers of YAML stumble over.
const FRAGMENTS: [&str; 30] = [
    "&a [*a]",
    "*none",
    "<<: *x",
    "<<: {a: b}",
    "!!binary aGk=",
    "!x y",
    "? {a: b}\n: c",
    "- - - - -",
    "%YAML 1.1",
    "\u{feff}",
    "---\n",
    "...\n",
    "\0",
    "\t",
    "\r\n",
    "{",
    "]",
    "\"",
    "'",
    "|+2\n",
    ">-\n",
    "99999999999999999999999999",
    "1e999",
    "-.inf",
    ".nan",
    "0x",
    "2024-01-01",
    "~",
    "- ../top\n",
    "\u{1f600}\u{2028}",
];

/// Texts for fields that name files, objects, fields and patches.
const TEXTS: [&str; 40] = [
    "",
    ".",
    "..",
    "/",
    "../top",
    "../base",
    "./../top/../top",
    "objects.yaml",
    "missing.yaml",
    "top",
    "a=b",
    "=",
    "a=",
    "==",
    "\0",
    "\u{1f600}",
    "(",
    "[",
    "a{1000}{1000}",
    "*",
    "$(NAME)",
    "$(NAME",
    "$$(NAME)",
    "$()",
    "metadata.name",
    "spec.*.*",
    "a.[b=c].d",
    "[",
    "a.[",
    "a..b",
    "\\.",
    "a/b[]/c",
    "[]",
    "{",
    "- {op: add, path: /a, value: 1}",
    "- {op: copy, from: /, path: /a/b}",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\n$patch: delete\n",
    "https://example.io/x",
    "git@example.io:a/b",
    "99999999999999999999",
];

fn wild() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![Just(0), Just(-1), Just(i64::MAX), Just(i64::MIN), any::<i64>()].prop_map(Value::from),
        prop_oneof![Just(u64::MAX).prop_map(Value::from), any::<f64>().prop_map(Value::from)],
        prop::sample::select(TEXTS.as_slice()).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "name", "kind", "metadata", "spec", "path", "$patch", "", "a.b/c", "items", "options", "target"
        ]),
        prop::sample::select(TEXTS.as_slice()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}

/// What is done to a tree. Numbers choose a file, a place in it, and so on, whatever there is.
#[derive(Clone, Debug)]
enum Mutation {
    /// A value in a file becomes another one.
    Value(usize, usize, Value),
    /// A value gets another one inside, or beside it under this key.
    Key(usize, usize, String, Value),
    /// A value moves to another place.
    Copy(usize, usize, usize),
    /// A piece is put into a file's text.
    Fragment(usize, usize, String),
    /// A file ends early.
    Truncate(usize, usize),
    /// A file has random bytes.
    Bytes(usize, usize, Vec<u8>),
    /// A value lies very deep.
    Deep(usize, usize, usize),
    /// A file is gone.
    Missing(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let (file, at) = (any::<usize>(), any::<usize>());
    let fragment = prop::sample::select(FRAGMENTS.as_slice()).prop_map(str::to_owned);
    let text = prop::sample::select(TEXTS.as_slice()).prop_map(str::to_owned);
    prop_oneof![
        8 => (file, at, wild()).prop_map(|(file, at, value)| Mutation::Value(file, at, value)),
        2 => (file, at, text, wild()).prop_map(|(file, at, key, value)| Mutation::Key(file, at, key, value)),
        2 => (file, at, at).prop_map(|(file, from, to)| Mutation::Copy(file, from, to)),
        1 => (file, at, fragment).prop_map(|(file, at, piece)| Mutation::Fragment(file, at, piece)),
        1 => (file, at).prop_map(|(file, at)| Mutation::Truncate(file, at)),
        1 => (file, at, prop::collection::vec(any::<u8>(), 1..6)).prop_map(|(file, at, bytes)| Mutation::Bytes(file, at, bytes)),
        1 => (file, at, 20..400_usize).prop_map(|(file, at, depth)| Mutation::Deep(file, at, depth)),
        1 => file.prop_map(Mutation::Missing),
    ]
}

fn documents(text: &str) -> Vec<Value> {
    let nodes = fluxwright::yaml::parse(
        text.as_bytes(),
        fluxwright::yaml::Dialect::Kubernetes,
        fluxwright::yaml::Limits::MANIFEST,
    );
    nodes.map(|nodes| nodes.iter().map(|node| node.to_value()).collect()).unwrap_or_default()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

/// The value with this number, counted from the outside.
fn nth(value: &mut Value, at: usize) -> Option<&mut Value> {
    if at == 0 {
        return Some(value);
    }
    let mut at = at - 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(map) => map.values_mut().collect(),
        _ => Vec::new(),
    };
    for child in children {
        let size = count(child);
        if at < size {
            return nth(child, at);
        }
        at -= size;
    }
    None
}

/// Changes one value of a file, which is written anew.
fn change(text: &mut Vec<u8>, at: usize, with: impl FnOnce(&mut Value)) {
    let mut all = Value::Array(documents(&String::from_utf8_lossy(text)));
    let places = count(&all);
    // The first one is the list of documents.
    if places > 1
        && let Some(value) = nth(&mut all, 1 + at % (places - 1))
    {
        with(value);
    }
    let documents: Vec<String> = all.as_array().into_iter().flatten().map(Value::to_string).collect();
    *text = documents.join("\n---\n").into_bytes();
}

fn mutate(files: &mut Vec<(String, Vec<u8>)>, mutation: &Mutation) {
    if files.is_empty() {
        return;
    }
    let total = files.len();
    // Most of what can go wrong is in the first file.
    let chosen = |file: usize| if file.is_multiple_of(2) { 0 } else { (file / 2) % total };
    let place = |text: &[u8], at: usize| at % (text.len() + 1);
    match mutation {
        Mutation::Value(file, at, value) => change(&mut files[chosen(*file)].1, *at, |place| *place = value.clone()),
        Mutation::Key(file, at, key, value) => change(&mut files[chosen(*file)].1, *at, |place| match place {
            Value::Object(map) => drop(map.insert(key.clone(), value.clone())),
            Value::Array(items) => items.push(value.clone()),
            other => *other = json!({key.as_str(): value}),
        }),
        Mutation::Copy(file, from, to) => {
            let mut copied = Value::Null;
            change(&mut files[chosen(*file)].1, *from, |place| copied = place.clone());
            change(&mut files[chosen(*file)].1, *to, |place| *place = copied);
        }
        Mutation::Fragment(file, at, piece) => {
            let text = &mut files[chosen(*file)].1;
            let at = place(text, *at);
            text.splice(at..at, piece.bytes());
        }
        Mutation::Truncate(file, at) => {
            let text = &mut files[chosen(*file)].1;
            text.truncate(place(text, *at));
        }
        Mutation::Bytes(file, at, bytes) => {
            let text = &mut files[chosen(*file)].1;
            let at = place(text, *at);
            text.splice(at..at, bytes.iter().copied());
        }
        Mutation::Deep(file, at, depth) => change(&mut files[chosen(*file)].1, *at, |place| {
            *place = (0..*depth)
                .fold(json!("x"), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) });
        }),
        Mutation::Missing(file) => drop(files.remove(chosen(*file))),
    }
}

/// The files with some of the fields, spoiled.
fn spoiled(kept: &[bool], mutations: &[Mutation]) -> Vec<(String, Vec<u8>)> {
    let all = documents(KUSTOMIZATION).into_iter().next().expect("the constant holds a document");
    let fields = all.as_object().expect("the constant is a map");
    let some: Map<String, Value> = fields
        .iter()
        .zip(kept)
        .filter(|(_, kept)| **kept)
        .map(|((key, value), _)| (key.clone(), value.clone()))
        .collect();
    let mut files = vec![("top/kustomization.yaml".to_owned(), Value::Object(some).to_string().into_bytes())];
    files.extend(FILES.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())));
    for mutation in mutations {
        mutate(&mut files, mutation);
    }
    files
}

fn check(files: &[(String, Vec<u8>)]) -> Result<(), TestCaseError> {
    let mut tree = Tree::new();
    for (path, text) in files {
        tree.insert(RepoPath::parse(path).expect("the paths are plain"), text.clone());
    }
    let dir = RepoPath::parse("top").expect("a plain path");
    match build_with(&tree, Some(&dir), Restriction::RootOnly) {
        Ok(objects) => drop(print(&objects)),
        Err(error) => {
            let message = error.to_string();
            let named = files.iter().any(|(path, _)| message.contains(path.as_str()))
                || ["top", "base", "other", "part"].iter().any(|dir| message.starts_with(&format!("{dir}:")));
            prop_assert!(named, "no file is named: {message}");
            prop_assert!(!message.contains('\n'), "more than one line: {message}");
            prop_assert!(message.len() < 2000, "{} characters: {message}", message.len());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("FLUXWRIGHT_FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(200),
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(std::env::var("FLUXWRIGHT_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)),
        ..ProptestConfig::default()
    })]

    /// A few fields, so that most of what is read also runs.
    #[test]
    fn a_spoiled_kustomization_ends_well(
        kept in prop::collection::vec(prop::bool::weighted(0.2), 45),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let mut kept = kept;
        // Nothing happens without objects.
        kept[3] = true;
        check(&spoiled(&kept, &mutations))?;
    }

    /// One field at a time with a value that it never has.
    #[test]
    fn a_wild_value_in_any_field_ends_well(field in 0..45_usize, value in wild(), more in wild()) {
        let all = documents(KUSTOMIZATION).into_iter().next().expect("the constant holds a document");
        let fields = all.as_object().expect("the constant is a map");
        let (name, _) = fields.iter().nth(field % fields.len()).expect("the number is below the length");
        for value in [value.clone(), json!([value]), json!([value, more]), json!({"name": value, "path": more}), json!([{"name": value, "kind": more}])] {
            let text = json!({"resources": ["objects.yaml"], name.as_str(): value}).to_string().into_bytes();
            let mut files = vec![("top/kustomization.yaml".to_owned(), text)];
            files.extend(FILES.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())));
            check(&files)?;
        }
    }
}
