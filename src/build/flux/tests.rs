//! Facts about Flux Kustomizations, one test for each. The libraries of Flux are asked in `.ci/check_flux.py`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};

const VARIABLES: [(&str, &str); 5] = [("a", "foo/bar.txt"), ("n", "80"), ("e", ""), ("u", "Éa"), ("q", "\"")];

fn text(template: &str, strict: bool) -> Result<String, SubstituteFault> {
    let known: BTreeMap<&str, &str> = VARIABLES.into_iter().collect();
    let lookup = |name: &str| match known.get(name) {
        Some(value) => Lookup::Value(Cow::Borrowed(value.as_bytes())),
        None if name == "elsewhere" => Lookup::Elsewhere,
        None if name == "perhaps" => Lookup::Perhaps,
        None => Lookup::Unset,
    };
    substitute(template, strict, lookup).map(|done| String::from_utf8_lossy(&done.text).into_owned())
}

#[test]
fn every_operator_does_what_it_does_in_flux() {
    for (template, wanted) in [
        ("${a} $a ${n}", "foo/bar.txt $a 80"),
        ("$$ $${a} $$${n} $", "$ ${a} $80 $"),
        ("${x:-d}${x:=d}${x=d}${e:-d}${n:-d}", "dddd80"),
        // Both give a default, whatever a shell does.
        ("${x:+d}${n:+d}${x:?d}", "d80d"),
        ("${x:-a ${n} ${y:-b}}", "a 80 b"),
        ("${x:-}", ""),
        ("${a^}${a^^}${u,}${u,,}${a,^}", "Foo/bar.txtFOO/BAR.TXTéaéafoo/bar.txt"),
        ("${a#*o}${a##*o}", "o/bar.txt/bar.txt"),
        ("${a%.*}${a%%o*}", "foo/barf"),
        ("${a/o/0}${a//o/0}${a/#f/F}${a/%txt/md}", "f0o/bar.txtf00/bar.txtFoo/bar.txtfoo/bar.md"),
        ("${a/\\//+}${a/o/}${a//o/\\/}", "foo+bar.txtfo/bar.txtf///bar.txt"),
        ("${a:4}|${a:4:3}|${a:-3}|${a:4:-4}|${a:99}|${a: 1}", "bar.txt|bar|txt|bar||foo/bar.txt"),
        // Bytes, not characters.
        ("${#a}${#u}${#x}", "1130"),
        ("${x}", ""),
    ] {
        // A negative position is a default, as in a shell.
        let wanted = wanted.replace("|txt|", "|foo/bar.txt|");
        assert_eq!(text(template, false), Ok(wanted), "{template}");
    }
}

#[test]
fn what_flux_cannot_read_is_an_error_that_shows_it() {
    for template in
        ["${}", "${a", "${a-b}", "${a+b}", "${a!}", "${ a}", "${a:}", "${a#}", "${a/x}", "${a:1:}", "${a:é}", "${#}"]
    {
        let fault = text(&format!("x: {template} y"), false).expect_err(template).to_string();
        assert!(fault.contains(&template[..3]), "{template}: {fault}");
    }
    let deep = "${x:-".repeat(5000);
    assert_eq!(text(&deep, false), Err(SubstituteFault::TooDeep));
}

#[test]
fn since_2_9_a_variable_needs_a_value_or_a_default() {
    assert_eq!(text("${x}", true), Err(SubstituteFault::Unset { name: "x".into() }));
    assert_eq!(text("${x^}", true), Err(SubstituteFault::Unset { name: "x".into() }));
    assert_eq!(text("${n:-${x}}", true), Err(SubstituteFault::Unset { name: "x".into() }));
    assert_eq!(text("${x:-1}${x=2}", true), Ok("12".into()));
}

#[test]
fn what_is_elsewhere_stays() {
    assert_eq!(
        text("${n}-${elsewhere:-1}-${perhaps:-1}-${perhaps}", true),
        Ok("80-${elsewhere:-1}-1-${perhaps}".into())
    );
    assert_eq!(text("${n:-${elsewhere}}${x:-${elsewhere}}", true), Ok("80${x:-${elsewhere}}".into()));
}

/// A repository from paths and texts.
fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| (RepoPath::parse(path).expect("a path"), (*text).into())).collect()
}

fn cluster(files: &[(&str, &str)]) -> Cluster {
    let entry = RepoPath::parse("entry").expect("a path");
    Repository::new(&tree(files), &Options::default()).build_all(Some(&entry)).expect("an entry")
}

fn flux(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec:\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{}",
        spec.lines().map(|line| format!("  {line}\n")).collect::<String>()
    )
}

fn thing(name: &str, spec: &str) -> String {
    format!("---\napiVersion: example.com/v1\nkind: Thing\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

fn built<'c>(cluster: &'c Cluster, name: &str) -> &'c Built {
    cluster.built.iter().find(|built| built.id.name == name).unwrap_or_else(|| panic!("{name} in {cluster:?}"))
}

fn faults(built: &Built) -> Vec<String> {
    built.faults.iter().map(ToString::to_string).collect()
}

fn spec(built: &Built) -> &Value {
    assert_eq!(faults(built), [""; 0]);
    &built.objects.first().expect("an object").resource.body["spec"]
}

/// One Kustomization over one file.
fn one(fields: &str, file: &str) -> Cluster {
    cluster(&[("entry/apps.yaml", &flux("apps", &format!("path: ./apps\n{fields}"))), ("apps/all.yaml", file)])
}

#[test]
fn values_are_typed_as_yaml_1_1_types_them() {
    let values = "postBuild:\n  substitute: {port: '80', yes: 'yes', octal: '0644', big: '9007199254740993', none: '', q: '\"', map: '{a: 1}', ver: '1.10'}";
    let text = r#"{a: "${port}", b: "${yes}", c: "${octal}", d: "${big}", e: "${none}", f: "${q}${port}${q}", g: "${map}", h: "${ver}", i: "v${ver}", j: "$${port}"}"#;
    assert_eq!(
        spec(built(&one(values, &thing("t", text)), "apps")),
        &json!({"a": 80, "b": true, "c": 420, "d": 9_007_199_254_740_992_u64, "e": null, "f": "80", "g": {"a": 1}, "h": 1.1, "i": "v1.10", "j": "${port}"})
    );
}

#[test]
fn nothing_is_substituted_without_variables_or_where_it_is_switched_off() {
    let plain = thing("t", "{a: '${x:-1}'}");
    assert_eq!(spec(built(&one("", &plain), "apps")), &json!({"a": "${x:-1}"}));
    assert_eq!(spec(built(&one("postBuild: {}", &plain), "apps")), &json!({"a": "${x:-1}"}));
    assert_eq!(spec(built(&one("postBuild: {substituteStrategy: Always}", &plain), "apps")), &json!({"a": 1}));
    for field in ["labels", "annotations"] {
        let off = plain
            .replace("name: t", &format!("name: t, {field}: {{kustomize.toolkit.fluxcd.io/substitute: disabled}}"));
        assert_eq!(spec(built(&one("postBuild: {substitute: {y: a}}", &off), "apps")), &json!({"a": "${x:-1}"}));
    }
}

#[test]
fn a_value_may_not_break_an_object_or_make_two_of_one() {
    let values = "postBuild:\n  substitute: {open: '\"', name: a, none: ''}";
    let broken = faults(built(&one(values, &thing("t", "{a: '${open}'}")), "apps")).join("\n");
    assert!(broken.contains("`example.com/v1 Thing t` is no object any more"), "{broken}");
    let nameless = faults(built(&one(values, &thing("'${none}'", "{}")), "apps")).join("\n");
    assert!(nameless.contains("its `metadata.name` is no text"), "{nameless}");
    let twice = faults(built(&one(values, &(thing("a", "{}") + &thing("'${name}'", "{}"))), "apps")).join("\n");
    assert_eq!(twice, "`example.com/v1 Thing a` is there twice with its variables substituted");
    let name = faults(built(&one("postBuild: {substitute: {a-b: x}}", &thing("t", "{}")), "apps")).join("\n");
    assert!(name.contains("the variable name \"a-b\""), "{name}");
}

#[test]
fn values_come_from_what_other_kustomizations_bring() {
    let files = [
        (
            "entry/apps.yaml",
            flux("vars", "path: vars") + &flux("apps", "path: ./apps/${env}\npostBuild: {substituteFrom: [{kind: ConfigMap, name: gone, optional: true}]}")
                + &flux("top", "path: top\npostBuild:\n  substituteFrom: [{kind: ConfigMap, name: vars}, {kind: Secret, name: keys}]"),
        ),
        (
            "vars/all.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\ndata: {env: prod, both: map}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: flux-system}\ndata: {both: c2VjcmV0Cg==}\nstringData: {plain: \"x\\ny\"}\n".to_owned(),
        ),
        ("top/all.yaml", flux("deep", "path: ./deep/${env}\ntargetNamespace: t") + &thing("t", "{a: '${both}', b: '${plain}'}")),
        ("deep/prod/all.yaml", thing("d", "{}")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let cluster = cluster(&files);
    let top = built(&cluster, "top");
    assert_eq!(top.objects[1].resource.body["spec"], json!({"a": "secret", "b": "xy"}));
    let deep = built(&cluster, "deep");
    assert_eq!((faults(deep), deep.objects[0].resource.namespace()), (vec![], Some("t")));
    assert_eq!(
        deep.brought_by.as_ref().map(|(id, file)| (id.to_string(), file.as_deref())),
        Some(("flux-system/top".into(), Some("top/all.yaml")))
    );
    assert!(faults(built(&cluster, "apps")).join("").contains("`./apps/${env}`, which does not exist"));
}

#[test]
fn values_that_are_not_here_are_named() {
    let from = "postBuild: {substituteFrom: [{kind: Secret, name: keys}]}";
    let text = thing("t", "{a: '${password}', b: 1}");
    let cluster = one(from, &text);
    let apps = built(&cluster, "apps");
    assert_eq!(spec(apps), &json!({"a": "${password}", "b": 1}));
    assert_eq!(apps.objects[0].unresolved, ["password"]);
    let from_where = "the Secret `flux-system/keys`, which is not in the repository".to_owned();
    let object = "example.com/v1 Thing t".to_owned();
    assert_eq!(apps.notes, [Note::Unresolved { object, variable: "password".into(), from: from_where }]);
    let encrypted = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: flux-system}\ndata: {password: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: 'ENC[x]'}\n";
    let cluster = one(&format!("decryption: {{provider: sops}}\n{from}"), &(text + encrypted));
    let apps = built(&cluster, "apps");
    assert_eq!(spec(apps), &json!({"a": "${password}", "b": 1}));
    assert!(apps.notes.iter().any(|note| note.to_string().contains("which is encrypted")), "{:?}", apps.notes);
    assert_eq!(apps.objects[1].resource.body["data"], json!({"password": "KipTT1BTKio="}));
    assert!(!format!("{:?}", apps.objects).contains("ENC["));
}

#[test]
fn only_the_variables_of_an_encrypted_secret_stay() {
    let from = "decryption: {provider: sops}\npostBuild: {substituteFrom: [{kind: ConfigMap, name: open}, {kind: Secret, name: keys}]}";
    let text = thing("t", "{a: '${password}', b: '${port}', c: '${other:=x}'}")
        + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: open, namespace: flux-system}\ndata: {port: '80'}\n"
        + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: flux-system}\ndata: {password: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: 'ENC[x]'}\n";
    let cluster = one(from, &text);
    let apps = built(&cluster, "apps");
    assert_eq!(spec(apps), &json!({"a": "${password}", "b": 80, "c": "x"}));
    assert_eq!(apps.objects[0].unresolved, ["password"]);
}

#[test]
fn a_secret_made_of_encrypted_variables_needs_decryption() {
    let files = |spec: &str| {
        cluster(&[
            ("entry/apps.yaml", &flux("apps", &format!("path: ./apps\n{spec}"))),
            ("apps/kustomization.yaml", "secretGenerator: [{name: s, envs: [s.env]}]\n"),
            ("apps/s.env", "A=ENC[AES256_GCM,data:x]\nsops_mac=ENC[AES256_GCM,data:y]\n"),
        ])
    };
    assert_eq!(faults(built(&files(""), "apps")).len(), 1);
    let cluster = files("decryption: {provider: sops}");
    let apps = built(&cluster, "apps");
    assert!(apps.faults.is_empty() && matches!(apps.notes[0], Note::EncryptedGenerator { .. }), "{:?}", apps.notes);
}

#[test]
fn an_encrypted_secret_needs_decryption() {
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {a: 'ENC[x]'}\nsops: {mac: 'ENC[x]'}\n";
    assert_eq!(
        faults(built(&one("", secret), "apps")),
        ["`v1 Secret keys` is encrypted with SOPS, and the Kustomization has no `spec.decryption`"]
    );
    assert_eq!(faults(built(&one("decryption: {provider: sops}", secret), "apps")), [""; 0]);
}

#[test]
fn the_fields_of_the_kustomization_are_merged_into_the_file() {
    let service = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: a, image: 'nginx:1', ports: [{containerPort: 1}]}]}}}\nstatus: {x: 1}\n";
    let file = "resources: [web.yaml]\nnamespace: own\nunheardOf: 1\nimages: [{name: nginx, newTag: 1.10, digest: 'sha256:0'}]\npatches: [{patch: '[{\"op\": \"add\", \"path\": \"/spec/own\", \"value\": true}]', target: {kind: Deployment}}]\n";
    let fields = "path: apps\ntargetNamespace: target\nimages: [{name: nginx, newName: reg/nginx}]\ncomponents: [../gone]\nignoreMissingComponents: true\npatches:\n  - patch: '[{\"op\": \"test\", \"path\": \"/spec/own\", \"value\": true}, {\"op\": \"add\", \"path\": \"/spec/replicas\", \"value\": 2}]'\n    target: {kind: Deployment}\ncommonMetadata: {labels: {team: x}, annotations: {a: b}}";
    let cluster = cluster(&[
        ("entry/a.yaml", &flux("apps", fields)),
        ("apps/kustomization.yaml", file),
        ("apps/web.yaml", service),
    ]);
    let apps = built(&cluster, "apps");
    let body = &apps.objects.first().unwrap_or_else(|| panic!("{apps:?}")).resource.body;
    assert_eq!(body["metadata"]["namespace"], json!("target"));
    assert_eq!(
        body["metadata"]["labels"],
        json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system", "team": "x"})
    );
    let container = &body["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], json!("reg/nginx:1.1@sha256:0"));
    assert_eq!(container["ports"], json!([{"containerPort": 1, "protocol": "TCP"}]));
    assert_eq!((body["spec"]["replicas"].as_u64(), body.get("status")), (Some(2), None));
    assert_eq!(apps.objects[0].origin.as_deref(), Some("apps/web.yaml"));
}

#[test]
fn faults_of_all_kustomizations_are_told_at_once() {
    let files = [
        (
            "entry/a.yaml",
            flux("gone", "path: ./gone")
                + &flux("broken", "path: broken")
                + &flux("good", "path: good")
                + &flux("typed", "path: 1\npostBuild: {substitute: {a: 1}}\ndependsOn: [x]"),
        ),
        ("broken/x.yaml", "kind: Thing\n".to_owned()),
        ("good/x.yaml", thing("t", "{}")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let cluster = cluster(&files);
    assert_eq!(faults(built(&cluster, "gone")), ["`spec.path` names `./gone`, which does not exist"]);
    assert!(faults(built(&cluster, "broken"))[0].starts_with("broken/x.yaml: document 1 is not a Kubernetes object"));
    assert_eq!(faults(built(&cluster, "good")), [""; 0]);
    let typed = faults(built(&cluster, "typed")).join("\n");
    for field in ["`spec.path`", "`spec.postBuild.substitute.a`", "`spec.dependsOn[0]`"] {
        assert!(typed.contains(field), "{typed}");
    }
}

#[test]
fn dependencies_come_first_and_circles_are_told() {
    let files = flux("a", "path: x\ndependsOn: [{name: b}]")
        + &flux("b", "path: x\ndependsOn: [{name: c}]")
        + &flux("c", "path: x")
        + &flux("d", "path: x\ndependsOn: [{name: e}, {name: far, namespace: n}]")
        + &flux("e", "path: x\ndependsOn: [{name: d}]");
    let cluster = cluster(&[("entry/a.yaml", &files), ("x/x.txt", "")]);
    let names: Vec<&str> = cluster.built.iter().map(|built| built.id.name.as_str()).collect();
    assert_eq!(names, ["entry", "c", "b", "a", "d", "e"]);
    assert_eq!(
        faults(built(&cluster, "d")),
        ["it waits for itself: flux-system/d waits for flux-system/e waits for flux-system/d"]
    );
    assert_eq!(built(&cluster, "d").notes.len(), 1);
    assert_eq!(faults(built(&cluster, "a")), [""; 0]);
}

#[test]
fn the_sync_kustomization_is_built_once_and_decides_what_the_source_is() {
    let source = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {ignore: \"/*\\n!/entry\\n!/apps\\n\"}\n";
    let other = flux("other", "path: x")
        .replace("{kind: GitRepository, name: flux-system}", "{kind: OCIRepository, name: app}");
    let files = [
        ("entry/flux-system/sync.yaml", source.to_owned() + &flux("flux-system", "path: ./entry")),
        ("entry/apps.yaml", flux("apps", "path: apps") + &flux("docs", "path: docs") + &other),
        ("apps/x.yaml", thing("t", "{}")),
        ("docs/x.yaml", thing("t", "{}")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let cluster = cluster(&files);
    let names: Vec<&str> = cluster.built.iter().map(|built| built.id.name.as_str()).collect();
    assert_eq!(names, ["flux-system", "apps", "docs"]);
    assert_eq!(
        faults(built(&cluster, "docs")),
        ["`spec.path` names `docs`, which does not exist in the source: its exclusions leave it out"]
    );
    let source = SourceRef { kind: "OCIRepository".into(), namespace: "flux-system".into(), name: "app".into() };
    let id = Id { namespace: "flux-system".into(), name: "other".into() };
    assert_eq!(cluster.elsewhere, [Elsewhere { id, source: Some(source) }]);
}

#[test]
fn objects_of_another_cluster_are_not_followed() {
    let inner = flux("inner", "path: x");
    let cluster = one("kubeConfig: {secretRef: {name: k}}\nsuspend: true", &inner);
    assert!(cluster.built.iter().all(|built| built.id.name != "inner"));
    assert_eq!(built(&cluster, "apps").notes, [Note::Suspended, Note::OtherCluster]);
}

#[test]
fn two_contents_of_one_kustomization_are_a_fault() {
    let files = [
        ("entry/a.yaml", flux("a", "path: a") + &flux("b", "path: b")),
        ("a/x.yaml", flux("c", "path: x")),
        ("b/x.yaml", flux("c", "path: y")),
        ("x/x.txt", String::new()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    assert_eq!(
        faults(built(&cluster(&files), "c")),
        ["`flux-system/b` brings it with another content than `flux-system/a`"]
    );
}

#[test]
fn keys_of_an_object_say_how_it_is_applied() {
    let object = |annotation: &str, kind: &str| {
        Object {
        resource: Resource::new(json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "annotations": {(format!("kustomize.toolkit.fluxcd.io/{}", annotation.split_once('=').map_or("", |(k, _)| k))): annotation.split_once('=').map_or("", |(_, v)| v)}}})).expect("an object"),
        origin: None,
        ignored: Vec::new(),
        unresolved: Vec::new(),
        encrypted: None,
    }
    };
    assert_eq!(object("ssa=merge", "X").policy(), Policy::Merge);
    assert_eq!(object("ssa=IfNotPresent", "X").policy(), Policy::IfNotPresent);
    assert_eq!(object("reconcile=disabled", "X").policy(), Policy::Ignore);
    assert_eq!(object("prune=Disabled", "X").policy(), Policy::Override);
    assert!(object("prune=Disabled", "X").is_kept() && !object("ssa=merge", "X").is_kept());
    let stages = ["Namespace", "XClass", "X"].map(|kind| object("a=b", kind).stage());
    assert_eq!(stages, [Stage::Definitions, Stage::Classes, Stage::Rest]);
}

#[test]
fn ignored_fields_are_told_with_the_objects_that_they_are_for() {
    let rules = "ignore:\n  - paths: [/spec/replicas]\n    target: {kind: Thing, name: a}\n  - paths: [/spec/x]\n";
    let cluster = one(rules, &(thing("a", "{}") + &thing("b", "{}")));
    let ignored: Vec<&[String]> =
        built(&cluster, "apps").objects.iter().map(|object| object.ignored.as_slice()).collect();
    assert_eq!(ignored, [&["/spec/replicas".to_owned(), "/spec/x".to_owned()][..], &["/spec/x".to_owned()][..]]);
}

#[test]
fn traces_of_a_base_reach_all_that_take_it_in() {
    let files = [
        ("entry/a.yaml", flux("a", "path: a") + &flux("b", "path: b\npatches: [{patch: '[]', target: {kind: Gone}}]")),
        ("base/x.yaml", thing("t", "{}")),
        (
            "base/kustomization.yaml",
            "resources: [x.yaml]\npatches: [{target: {kind: Thing, name: u}, patch: '[]'}]\n".to_owned(),
        ),
        ("middle/kustomization.yaml", "resources: [../base]\n".to_owned()),
        ("a/kustomization.yaml", "resources: [../middle]\nnamespace: a\n".to_owned()),
        ("b/kustomization.yaml", "resources: [../middle]\nnamespace: b\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let cluster = cluster(&files);
    let told = |name: &str| -> Vec<String> {
        let traces = built(&cluster, name).directory.traces.iter();
        traces.map(|trace| format!("{}: {}", trace.file, trace.field)).collect()
    };
    assert_eq!(told("a"), ["base/kustomization.yaml: patches[0]"]);
    assert_eq!(told("b"), ["base/kustomization.yaml: patches[0]", "b/kustomization.yaml: patches[0]"]);
    assert_eq!(built(&cluster, "b").directory.borrowed.get("patches[0]").map(String::as_str), Some("spec.patches[0]"));
}
