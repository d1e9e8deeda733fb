//! Hostile and mistaken input: one clear answer, quickly, and nothing written.

mod support;

use support::{INTENT, PORT, Sandbox, intent};

#[test]
fn hostile_files_are_refused() {
    let bomb = {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..30 {
            text.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")));
        }
        text
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![b'#'; 2 << 20], "file-too-large"),
        (bomb.into_bytes(), "alias-explosion"),
        ("[".repeat(100_000).into_bytes(), "error["),
        (format!("{}x", "a: ".repeat(1000)).into_bytes(), "error["),
        ("- ".repeat(1000).into_bytes(), "error["),
        (b"\0\0\0".to_vec(), "error["),
        (vec![0xff, 0xfe, b'a', 0], "not-utf8"),
        (vec![b'a', 0xe9, b'\n'], "not-utf8"),
        (b"&a [*a]".to_vec(), "error["),
        (b"? {a: b}\n: c\n".to_vec(), "non-string-key"),
        (b"kind: Deployment\napiVersion: apps/v1\n".to_vec(), "unsupported-version"),
        (b"[]".to_vec(), "wrong-type"),
        (b"42".to_vec(), "wrong-type"),
        (b"".to_vec(), "empty-file"),
        (b"# nothing\n".to_vec(), "empty-file"),
        (b"---\n---\n".to_vec(), "error["),
        (b"!!python/object/apply:os.system [ls]".to_vec(), "error["),
        (b"a: !!binary aGk=\n".to_vec(), "unsupported-tag"),
        (b"a: !include [x]\n".to_vec(), "unsupported-tag"),
        ("a: \"b\"ж\n".as_bytes().to_vec(), "yaml-syntax"),
        ("ж: [\n\tж".as_bytes().to_vec(), "yaml-syntax"),
        (intent("exposedPorts: [null]\n").into_bytes(), "wrong-type"),
        (intent("").replace("name: demo", "name: aux").into_bytes(), "file-reference-invalid"),
        (intent("exposedPorts:\n  - {port: 5432, controller: privat, backend: {namespace: db, service: pg, port: 1}}\n").into_bytes(), "controller-unknown"),
        (intent("exposedPorts:\n  - {port: 5432, controller: public, backend: {namespace: db, service: pg, port: 1}}\n  - {port: 5432, backend: {namespace: db, service: pg, port: 1}}\n").into_bytes(), "port-duplicate"),
        (intent("exposedPorts:\n  - {port: 5432, protocol: tcp, backend: {namespace: db, service: pg, port: 1}}\n").into_bytes(), "did you mean `TCP`?"),
        (
            b"metadata: {name: ../../x}\nkind: ClusterIntent\napiVersion: fluxwright.dev/v1alpha1\n".to_vec(),
            "invalid-value",
        ),
    ];
    for (bytes, needle) in cases {
        let sandbox = Sandbox::new();
        sandbox.write(INTENT, &bytes);
        let run = sandbox.run(&["render"]);
        assert_eq!(run.code, 1, "{needle}: {run}");
        assert!(run.stderr.contains(needle), "{needle}: {run}");
        assert!(!run.stderr.contains("panicked"), "{run}");
        assert_eq!(support::files(&sandbox.repo()).len(), 1, "{needle}: something was written");
    }
}

#[test]
fn paths_cannot_leave_the_cluster() {
    for path in ["../elsewhere", "/etc", "clusters/demo/../../..", "a/.git/hooks", "clusters/\u{0}x"] {
        let sandbox = Sandbox::new();
        let quoted = serde_json::to_string(path).expect("JSON");
        sandbox.write(INTENT, intent("").replace("source: {", &format!("source: {{path: {quoted}, ")));
        let run = sandbox.run(&["render"]);
        assert_eq!(run.code, 1, "{path}: {run}");
        assert!(
            run.stderr.contains("error[file-reference-invalid]")
                || run.stderr.contains("error[source-path-mismatch]")
                || run.stderr.contains("error[yaml-syntax]"),
            "{path}: {run}"
        );
        assert_eq!(support::files(&sandbox.repo()).len(), 1);
    }
}

#[test]
fn two_intents_of_one_cluster_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(""));
    sandbox.write("clusters/other/cluster.yaml", intent(""));
    let run = sandbox.run(&["check"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[cluster-duplicate]"), "{run}");
}

#[test]
fn credentials_are_never_echoed() {
    let secret = "hunter2-S3cr3t";
    for spec in [
        format!(
            "proxy:\n  http: {{server: \"http://bob:{secret}@172.31.100.100\", port: x}}\n  https: {{server: \"http://172.31.100.100\"}}\n"
        ),
        format!(
            "proxy:\n  http: {{server: \"http://172.31.100.100\", password: \"{secret}\"}}\n  https: {{server: \"http://172.31.100.100\"}}\n"
        ),
        format!("registries:\n  - name: corp\n    host: registry.corp.example\n    password: {secret}\n"),
        format!(
            "patches:\n  - kustomization: nova-release-ingress-public-main\n    target: {{kind: Secret, name: x}}\n    strategicMerge: {{apiVersion: v1, kind: Secret, metadata: {{name: x}}, stringData: {{password: {secret}}}}}\n"
        ),
        format!(
            "modules:\n  - name: neuvector\n    state: Existing\n    release: {{vars: {{db_password: {secret}}}}}\n"
        ),
        format!("proxy: {{http: {{server: \"http://bob:{secret}@h\"}}, https: [}}\n"),
        format!("password: {secret}\nproxy: [\n"),
        format!("modules:\n  - name: neuvector\n    state: {secret}\n    token: {secret}\n"),
        format!(
            "patches:\n  - kustomization: nova-release-ingress-public-main\n    target: {{kind: Deployment, name: x}}\n    json6902:\n      - op: add\n        path: /spec/env\n        value:\n          - name: DB_PASSWORD\n            value: {secret}\n"
        ),
        format!(
            "patches:\n  - kustomization: nova-release-ingress-public-main\n    target: {{kind: Secret, name: x}}\n    json6902: [{{op: add, path: /data/x, value: {secret}}}]\n"
        ),
        format!(
            "modules:\n  - name: neuvector\n    state: Existing\n    release:\n      vars:\n        db_password:\n          {secret}\n"
        ),
        format!(
            "modules:\n  - name: neuvector\n    state: Existing\n    release:\n      vars:\n        db_password: |\n          {secret}\n"
        ),
        format!(
            "modules:\n  - name: neuvector\n    state: Existing\n    release: {{}}\n    neuvector:\n      init:\n        sysinitcfg: |\n          always_reload: true\n          Password: {secret}\n"
        ),
        format!("registries:\n  - name: corp\n    host: bob:{secret}@registry.corp.example\n    token: x\n"),
        format!("registries:\n  - name: corp\n    host: bob:{secret}@registry.corp.example/x\n"),
        format!(
            "proxy:\n  http: {{server: \"http://172.31.100.100\", pass: {secret}}}\n  https: {{server: \"http://172.31.100.100\"}}\n  noProxy: [\"bob:{secret}@h\"]\n"
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(INTENT, intent(&spec));
        for command in [vec!["check"], vec!["diff"], vec!["render", "--stdout"]] {
            let run = sandbox.run(&command);
            assert_eq!(run.code, 1, "{spec}: {run}");
            let named = ["[plaintext-credential]", "[yaml-syntax]", "[registry-host-invalid]"];
            assert!(named.iter().any(|code| run.stderr.contains(code)), "{spec}: {run}");
            // A state is no credential by its name or form; everything else must stay hidden.
            if !spec.contains(&format!("state: {secret}")) {
                assert!(!run.to_string().contains(secret), "{spec}: {run}");
            }
        }
    }
}

#[test]
fn names_of_users_cannot_inject_yaml() {
    let sandbox = Sandbox::new();
    let spec = "registries:\n  - name: corp\n    host: registry.corp.example\n    pullSecret:\n      name: pull\n      namespaces: [shop]\n      delivery:\n        type: ExternalSecret\n        externalSecret:\n          storeRef: {name: store}\n          key: \"a\\nkind: Evil\\n---\\napiVersion: v1\\u2028\"\n";
    sandbox.write(INTENT, intent(spec));
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    let text = sandbox.read("clusters/demo/registries/pull-secrets.yaml");
    assert!(!text.lines().any(|line| line.starts_with("kind: Evil")), "{text}");
    assert_eq!(text.matches("\n---\n").count(), 0, "{text}");
}

#[test]
fn odd_places_for_a_repository_work() {
    let sandbox = Sandbox::new();
    sandbox.write(&format!("дом и сад/{INTENT}"), intent(PORT));
    let run = sandbox.run(&["render", "--repo", "дом и сад"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_wrong_element_in_a_list_of_choices_ends_the_check() {
    let sandbox = Sandbox::new();
    let module = "modules:\n  - name: astrom\n    helm: {source: {url: \"oci://r.example/charts/a\", version: 1.0.0}}\n    astrom: {operatorVersion: v1.6.0, apiUrl: \"https://a.example/api\", mode: HostMonitoring, activeGate: {capabilities: [bogus, routing, wrong]}}\n";
    sandbox.write(INTENT, intent(module));
    let run = sandbox.run(&["check"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("capabilities[0]") && run.stderr.contains("capabilities[2]"), "{run}");
    assert_eq!(run.stderr.matches("error[").count(), 2, "{run}");
}
