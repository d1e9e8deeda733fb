//! The patches that people write for ingress-nginx and image scanners, right and wrong, with what the real program made of them.

use serde_json::json;

use super::super::{ChangeKind, PatchFault, Reason};
use super::*;

const INGRESS: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: controller, namespace: ingress}
spec:
  ports:
  - {name: http, port: 80, protocol: TCP, targetPort: http}
  - {name: https, port: 443, protocol: TCP, targetPort: https}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: controller, namespace: ingress}
spec:
  template:
    spec:
      containers:
      - name: controller
        ports:
        - {containerPort: 80, name: http, protocol: TCP}
        - {containerPort: 443, name: https, protocol: TCP}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: tcp-services, namespace: ingress}
"#;

const SCANNER: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: scanner-pod, namespace: security}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: scanner-pod
        image: hub.example/scanner:latest
        env: [{name: CLUSTER_JOIN_ADDR, value: controller.old}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: updater-pod, namespace: security}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: updater-pod, image: hub.example/updater}]}}}}}
"#;

const SERVICE: &str = "{kind: Service, name: controller, namespace: ingress}";
const CONFIG: &str = "{kind: ConfigMap, name: tcp-services}";
const DAEMON: &str = "{kind: DaemonSet, name: controller}";
const HEAD: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: scanner-pod, namespace: security}\n";

fn add(index: &str, port: u16) -> String {
    format!(
        "- op: add\n  path: /spec/ports/{index}\n  value: {{name: p{port}, port: {port}, targetPort: {port}, protocol: TCP}}\n"
    )
}

#[test]
fn a2_target_fields_beside_the_target_are_unknown() {
    let files = [
        ("base/i.yaml", INGRESS),
        ("base/kustomization.yaml", "resources: [i.yaml]"),
        (
            "o/kustomization.yaml",
            "resources: [../base]\npatches:\n- patch: |\n    - {op: add, path: /x, value: 1}\n  target:\n  kind: Service\n",
        ),
    ];
    let error = built(&files, "o").expect_err("`kind` is not a field of a patch");
    assert!(matches!(&error, BuildError::UnknownField { field, .. } if field == "patches[0].kind"), "{error}");
}

#[test]
fn a3_operations_without_target_are_refused() {
    assert_eq!(Patch::parse(&add("0", 1540), None), Err(PatchFault::TargetRequired));
}

#[test]
fn a4_callouts_in_an_operation_are_refused() {
    let patch = "- op: add ①\n  path: /spec/ports/0 ②\n  value: {port: 1}\n";
    assert!(matches!(Patch::parse(patch, Some(target(SERVICE))), Err(PatchFault::Unrecognised(_))));
}

#[test]
fn a5_insertions_stand_where_their_index_says() {
    let (objects, done) = patched(INGRESS, &(add("0", 1540) + &add("1", 1541)), Some(SERVICE)).expect("applies");
    assert_eq!(names(&objects[0], "/spec/ports", "name"), ["p1540", "p1541", "http", "https"]);
    assert_eq!(done.len(), 1);
    assert_eq!((done[0].index, done[0].id.as_str()), (0, "v1 Service ingress/controller"));
    let kinds: Vec<_> = done[0].changes.iter().map(|c| (c.op_index, c.path.as_str(), c.kind)).collect();
    assert_eq!(kinds, [(0, "/spec/ports/0", ChangeKind::Inserted), (1, "/spec/ports/1", ChangeKind::Inserted)]);
}

#[test]
fn a6_a_dash_appends_and_the_report_tells_the_index() {
    let (objects, done) = patched(INGRESS, &(add("-", 1540) + &add("-", 1541)), Some(SERVICE)).expect("applies");
    assert_eq!(names(&objects[0], "/spec/ports", "name"), ["http", "https", "p1540", "p1541"]);
    assert_eq!(done[0].changes[1].path, "/spec/ports/3");
}

#[test]
fn a7_an_index_past_the_end_is_an_error() {
    let error = patched(INGRESS, &add("5", 1540), Some(SERVICE)).expect_err("out of range");
    let PatchFault::Operation { id, fault } = error else { panic!("{error}") };
    assert_eq!(id, "v1 Service ingress/controller");
    assert_eq!((fault.existing.as_str(), fault.reason), ("/spec/ports", Reason::OutOfRange { length: 2 }));
}

#[test]
fn a8_a_mistyped_target_is_silent_and_reported_as_no_application() {
    let (objects, done) = patched(INGRESS, &add("0", 1540), Some("{kind: Service, name: controler}")).expect("silent");
    assert_eq!(objects, resources(INGRESS));
    assert!(done.is_empty());
}

#[test]
fn a9_target_names_are_expressions() {
    let (_, done) = patched(INGRESS, &add("0", 1540), Some("{kind: Service, name: contr.*}")).expect("applies");
    assert_eq!(done.len(), 1);
}

#[test]
fn b1_a_key_below_missing_data_is_an_error() {
    let patch = "- {op: add, path: /data/1540, value: \"a/b:1540\"}\n";
    let error = patched(INGRESS, patch, Some(CONFIG)).expect_err("no data");
    let PatchFault::Operation { fault, .. } = error else { panic!("{error}") };
    assert_eq!((fault.existing.as_str(), fault.reason), ("", Reason::MissingParent));
    // B5: with `data` it works.
    let with = INGRESS.to_owned() + "data: {\"1\": x}\n";
    assert!(patched(&with, patch, Some(CONFIG)).is_ok());
}

#[test]
fn b2_integer_keys_are_refused_and_b3_quoted_ones_are_merged() {
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tcp-services, namespace: ingress}\n";
    let wrong = format!("{head}data: {{1540: a}}\n");
    assert!(matches!(Patch::parse(&wrong, None), Err(PatchFault::Yaml(_))));
    let (objects, done) = patched(INGRESS, &format!("{head}data: {{\"1540\": a}}\n"), None).expect("applies");
    assert_eq!(objects[2].body["data"], json!({"1540": "a"}));
    let change = &done[0].changes[0];
    assert_eq!((change.path.as_str(), change.kind, change.before.clone()), ("/data", ChangeKind::Added, None));
}

#[test]
fn b6_merged_ports_are_told_apart_by_protocol_and_stand_first() {
    let patch = "apiVersion: v1\nkind: Service\nmetadata: {name: controller, namespace: ingress}\nspec:\n  ports:\n  - {name: dns-tcp, port: 53, protocol: TCP}\n  - {name: dns-udp, port: 53, protocol: UDP}\n";
    let (objects, done) = patched(INGRESS, patch, None).expect("applies");
    assert_eq!(names(&objects[0], "/spec/ports", "name"), ["dns-tcp", "dns-udp", "http", "https"]);
    let added: Vec<_> = done[0].added_items.iter().map(|i| (i.list.as_str(), i.key.as_str())).collect();
    assert_eq!(added, [("/spec/ports", "53/TCP"), ("/spec/ports", "53/UDP")]);
    // Items that only moved are no changes.
    assert_eq!(done[0].changes.len(), 2);
}

#[test]
fn b8_operations_do_not_notice_duplicates() {
    let (objects, _) = patched(INGRESS, &(add("-", 1540) + &add("-", 1540)), Some(SERVICE)).expect("applies");
    assert_eq!(names(&objects[0], "/spec/ports", "name"), ["http", "https", "p1540", "p1540"]);
}

#[test]
fn b9_and_b10_a_test_guards_what_follows() {
    let patch = |name: &str| {
        format!(
            "- {{op: test, path: /spec/template/spec/containers/0/name, value: {name}}}\n- {{op: add, path: /spec/template/spec/containers/0/ports/-, value: {{containerPort: 1540}}}}\n"
        )
    };
    let (objects, done) = patched(INGRESS, &patch("controller"), Some(DAEMON)).expect("holds");
    assert_eq!(names(&objects[1], "/spec/template/spec/containers/0/ports", "containerPort"), ["80", "443", "1540"]);
    assert_eq!(done[0].changes[0].kind, ChangeKind::Tested);
    let error = patched(INGRESS, &patch("nginx"), Some(DAEMON)).expect_err("fails closed");
    let PatchFault::Operation { fault, .. } = error else { panic!("{error}") };
    assert_eq!(fault.reason, Reason::TestFailed { found: Some(json!("controller")) });
}

#[test]
fn c2_a_target_inside_the_object_is_merged_like_any_field() {
    let patch = format!(
        "{HEAD}spec:\n  template:\n    spec:\n      containers: [{{name: scanner-pod, image: i}}]\n    target: {{kind: Deployment}}\n"
    );
    let (objects, done) = patched(SCANNER, &patch, None).expect("applies");
    assert_eq!(objects[0].body["spec"]["template"]["target"], json!({"kind": "Deployment"}));
    assert!(done[0].changes.iter().any(|c| c.path == "/spec/template/target" && c.kind == ChangeKind::Added));
}

#[test]
fn c3_the_correct_form_changes_what_it_says_and_nothing_else() {
    let patch = format!(
        "{HEAD}spec: {{template: {{spec: {{imagePullSecrets: [{{name: creds}}], containers: [{{name: scanner-pod, image: corp.example/scanner:1}}]}}}}}}\n"
    );
    let (_, done) = patched(SCANNER, &patch, Some("{kind: Deployment, name: scanner-pod}")).expect("applies");
    let paths: Vec<_> = done[0].changes.iter().map(|c| (c.path.as_str(), c.kind)).collect();
    assert_eq!(
        paths,
        [
            ("/spec/template/spec/containers/0/image", ChangeKind::Replaced),
            ("/spec/template/spec/imagePullSecrets", ChangeKind::Added)
        ]
    );
    assert!(done[0].added_items.is_empty());
}

#[test]
fn c4_an_empty_image_overwrites() {
    let patch = format!("{HEAD}spec: {{template: {{spec: {{containers: [{{name: scanner-pod, image: \"\"}}]}}}}}}\n");
    let (objects, _) = patched(SCANNER, &patch, None).expect("applies");
    assert_eq!(objects[0].body.pointer("/spec/template/spec/containers/0/image"), Some(&json!("")));
}

#[test]
fn c5_a_wrong_container_name_adds_a_container_and_the_report_says_so() {
    let patch = format!("{HEAD}spec: {{template: {{spec: {{containers: [{{name: scanner, image: x}}]}}}}}}\n");
    let (objects, done) = patched(SCANNER, &patch, None).expect("applies");
    assert_eq!(names(&objects[0], "/spec/template/spec/containers", "name"), ["scanner", "scanner-pod"]);
    assert_eq!(done[0].added_items.len(), 1);
    assert_eq!(done[0].added_items[0].list, "/spec/template/spec/containers");
    assert_eq!(done[0].added_items[0].key, "scanner");
}

#[test]
fn c6_images_name_and_tag_are_replaced() {
    let k = "resources: [s.yaml]\nimages:\n- {name: hub.example/scanner, newName: corp.example/scanner, newTag: v2}\n- {name: hub.example/updater, newName: corp.example/updater}\n";
    let objects = built(&[("kustomization.yaml", k), ("s.yaml", SCANNER)], ".").expect("builds");
    assert_eq!(
        objects[0].body.pointer("/spec/template/spec/containers/0/image"),
        Some(&json!("corp.example/scanner:v2"))
    );
    let image = "/spec/jobTemplate/spec/template/spec/containers/0/image";
    assert_eq!(objects[1].body.pointer(image), Some(&json!("corp.example/updater")));
}

#[test]
fn c7_and_c8_replicas_are_removed_by_both_forms() {
    let operation = patched(SCANNER, "- {op: remove, path: /spec/replicas}", Some("{kind: Deployment}"));
    let merge = patched(SCANNER, &format!("{HEAD}spec: {{replicas: null}}\n"), None);
    for outcome in [operation, merge] {
        let (objects, done) = outcome.expect("applies");
        assert_eq!(objects[0].body["spec"].get("replicas"), None);
        assert_eq!(
            (done[0].changes[0].kind, done[0].changes[0].path.as_str()),
            (ChangeKind::Removed, "/spec/replicas")
        );
    }
}

#[test]
fn c9_two_documents_patch_two_objects() {
    let patch = format!(
        "{HEAD}spec: {{replicas: 4}}\n---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: updater-pod, namespace: security}}\nspec: {{schedule: x}}\n"
    );
    let (_, done) = patched(SCANNER, &patch, None).expect("applies");
    assert_eq!(done.iter().map(|d| (d.index, d.changes[0].op_index)).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
}

#[test]
fn c10_and_c11_a_merge_that_names_nothing_fails_and_tells_what_is_near() {
    for head in ["{name: scanner-pod}", "{name: scanner, namespace: security}"] {
        let patch = format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {head}\nspec: {{replicas: 4}}\n");
        let error = patched(SCANNER, &patch, None).expect_err("no such object");
        let PatchFault::NoMatch { candidate, .. } = error else { panic!("{error}") };
        assert_eq!(candidate.as_deref(), Some("apps/v1 Deployment security/scanner-pod"));
    }
}

#[test]
fn c13_an_empty_target_hits_every_object() {
    let patch = format!("{HEAD}spec: {{template: {{spec: {{imagePullSecrets: [{{name: creds}}]}}}}}}\n");
    let (objects, done) = patched(SCANNER, &patch, Some("{}")).expect("applies");
    assert_eq!(done.len(), 2);
    assert_eq!(objects[1].body.pointer("/spec/template/spec/imagePullSecrets/0/name"), Some(&json!("creds")));
}

#[test]
fn c14_and_c15_a_target_makes_the_name_irrelevant_and_a_miss_silent() {
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: unused}\nspec: {replicas: 4}\n";
    let (objects, done) = patched(SCANNER, patch, Some("{name: scanner-pod}")).expect("applies");
    assert_eq!((objects[0].name(), done.len()), ("scanner-pod", 1));
    let (_, done) = patched(SCANNER, patch, Some("{name: scaner-pod}")).expect("silent");
    assert!(done.is_empty());
}

#[test]
fn c16_a_directive_removes_one_port() {
    let patch = "apiVersion: v1\nkind: Service\nmetadata: {name: controller, namespace: ingress}\nspec: {ports: [{port: 443, protocol: TCP, $patch: delete}]}\n";
    let (objects, done) = patched(INGRESS, patch, None).expect("applies");
    assert_eq!(names(&objects[0], "/spec/ports", "name"), ["http"]);
    assert_eq!((done[0].changes[0].kind, done[0].changes[0].path.as_str()), (ChangeKind::Removed, "/spec/ports/1"));
}

#[test]
fn c17_integer_keys_in_a_resource_name_the_file() {
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {1540: x}\n";
    let error = built(&[("kustomization.yaml", "resources: [c.yaml]"), ("c.yaml", object)], ".").expect_err("no keys");
    assert!(matches!(&error, BuildError::Yaml { file, .. } if file == "c.yaml"), "{error}");
}
