//! Fleets: intents that extend others, what comes out, where it stands, and which clusters a change concerns.

mod support;

use fluxwright::yaml::{self, Dialect, Limits};
use serde_json::{Value, json};
use support::{Run, Sandbox, files, project};

const HEAD: &str = "apiVersion: fluxwright.dev/v1alpha1\nkind: ClusterIntent\n";
const SPEC: &str = "spec:\n  platform: {type: Nova, kubernetesVersion: \"1.28\", nodes: {infra: 3}}\n  gitops:\n    source: {name: cluster-intent, url: \"https://git.corp.example/platform/clusters.git\"}\n";

/// A base with what every intent needs, and further lines under `spec`.
fn base(spec: &str) -> String {
    format!("{HEAD}{SPEC}{}", indented(spec))
}

/// An intent of a cluster that extends `bases/common.yaml`, with further lines under `spec`.
fn extending(name: &str, spec: &str) -> String {
    let spec = if spec.is_empty() { String::new() } else { format!("spec:\n{}", indented(spec)) };
    format!("{HEAD}extends: ../../bases/common.yaml\nmetadata: {{name: {name}}}\n{spec}")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn intent_of(name: &str) -> String {
    format!("clusters/{name}/cluster.yaml")
}

/// The merged intent as a value.
fn merged(sandbox: &Sandbox, name: &str) -> Value {
    let run = sandbox.run(&["check", "--show-merged", name]);
    let node = yaml::parse_one(run.stdout.as_bytes(), Dialect::Strict, Limits::INTENT);
    node.unwrap_or_else(|faults| panic!("{faults:?}\n{run}")).to_value()
}

/// Merges lines of a base's `spec` with those of an intent.
fn merge(below: &str, over: &str) -> (Value, Run) {
    let sandbox = Sandbox::new();
    sandbox.write("bases/common.yaml", base(below));
    sandbox.write(&intent_of("demo"), extending("demo", over));
    let value = merged(&sandbox, "demo");
    (value["spec"].clone(), sandbox.run(&["check"]))
}

const REGISTRIES: &str = "registries:\n  - {name: one, host: one.example, mirrors: [a.example, b.example]}\n  - {name: two, host: two.example}\n";

#[test]
fn maps_are_merged_and_scalars_replaced() {
    let (spec, run) = merge(
        "proxy:\n  http: {server: \"http://a\", port: 1}\n  https: {server: \"http://a\", port: 1}\n  noProxy: [a.example, b.example]\n",
        "proxy:\n  http: {port: 2}\n  noProxy: [c.example]\n",
    );
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(spec["proxy"]["http"], json!({"server": "http://a", "port": 2}));
    assert_eq!(spec["proxy"]["https"], json!({"server": "http://a", "port": 1}));
    assert_eq!(spec["proxy"]["noProxy"], json!(["c.example"]), "a list of texts is replaced");
}

#[test]
fn lists_are_merged_by_the_key_of_the_schema() {
    let (spec, run) = merge(
        REGISTRIES,
        "registries:\n  - {name: three, host: three.example}\n  - {name: one, mirrors: [c.example]}\n",
    );
    assert_eq!(run.code, 0, "{run}");
    let wanted = json!([
        {"name": "one", "host": "one.example", "mirrors": ["c.example"]},
        {"name": "two", "host": "two.example"},
        {"name": "three", "host": "three.example"},
    ]);
    assert_eq!(spec["registries"], wanted);
}

#[test]
fn ports_are_merged_by_port_protocol_and_controller() {
    let below = "ingress:\n  controllers:\n    - {name: public}\n    - {name: inner, namespace: x, service: x, daemonSet: x, tcpConfigMap: t, udpConfigMap: u, kustomization: k}\nexposedPorts:\n  - {port: 5432, controller: public, backend: {namespace: db, service: a, port: 1}}\n  - {port: 5432, controller: inner, backend: {namespace: db, service: b, port: 1}}\n";
    let over = "exposedPorts:\n  - {port: 5432, protocol: TCP, controller: inner, backend: {service: c}}\n  - {port: 5432, protocol: UDP, controller: inner, name: x, backend: {namespace: db, service: d, port: 1}}\n";
    let (spec, _) = merge(below, over);
    let services: Vec<&Value> =
        spec["exposedPorts"].as_array().expect("a list").iter().map(|port| &port["backend"]["service"]).collect();
    assert_eq!(services, ["a", "c", "d"]);
}

#[test]
fn options_of_modules_are_merged_by_the_key_of_their_schema() {
    let below = "modules:\n  - name: velero\n    velero:\n      schedules:\n        - {name: daily, schedule: \"0 1 * * *\"}\n        - {name: weekly, schedule: \"0 2 * * 0\"}\n";
    let (spec, _) = merge(
        below,
        "modules:\n  - name: velero\n    velero:\n      schedules:\n        - {name: daily, ttl: 24h}\n        - {name: weekly, $patch: delete}\n",
    );
    assert_eq!(
        spec["modules"][0]["velero"]["schedules"],
        json!([{"name": "daily", "schedule": "0 1 * * *", "ttl": "24h"}])
    );
}

#[test]
fn patches_are_replaced_as_a_whole_and_keep_their_own_directives() {
    let patch = |name: &str| {
        format!(
            "patches:\n  - kustomization: k\n    target: {{kind: Deployment, name: {name}}}\n    strategicMerge:\n      apiVersion: apps/v1\n      kind: Deployment\n      metadata: {{name: {name}}}\n      spec: {{$patch: delete, x: null}}\n"
        )
    };
    let (spec, run) = merge(&patch("one"), &patch("two"));
    assert!(!run.stderr.contains("merge-"), "{run}");
    assert_eq!(spec["patches"].as_array().map(Vec::len), Some(1));
    assert_eq!(spec["patches"][0]["strategicMerge"]["spec"], json!({"$patch": "delete", "x": null}));
}

#[test]
fn null_and_directives_remove_what_is_inherited() {
    let below = format!("{REGISTRIES}proxy:\n  http: {{server: \"http://a\"}}\n  https: {{server: \"http://a\"}}\n");
    for (over, registries, proxy) in [
        ("registries: null\nproxy: null\n", json!(null), false),
        ("registries: [{$patch: replace}]\nproxy: {$patch: delete}\n", json!([]), false),
        (
            "registries:\n  - $patch: replace\n  - {name: x, host: x.example}\n",
            json!([{"name": "x", "host": "x.example"}]),
            true,
        ),
        ("registries:\n  - {name: one, $patch: delete}\n", json!([{"name": "two", "host": "two.example"}]), true),
        (
            "registries:\n  - {name: one, $patch: replace, host: x.example}\n  - {name: two, $patch: delete}\n",
            json!([{"name": "one", "host": "x.example"}]),
            true,
        ),
        (
            "registries:\n  - {name: one, mirrors: null}\n  - {name: two, $patch: delete}\n",
            json!([{"name": "one", "host": "one.example"}]),
            true,
        ),
    ] {
        let (spec, run) = merge(&below, over);
        assert_eq!(run.code, 0, "{over}{run}");
        assert_eq!(spec["registries"], registries, "{over}");
        assert_eq!(spec["proxy"].is_object(), proxy, "{over}");
    }
    let (spec, run) = merge(&below, "proxy:\n  $patch: replace\n  http: {server: \"http://b\"}\n");
    assert_eq!(spec["proxy"], json!({"http": {"server": "http://b"}}));
    assert!(run.stderr.contains("error[missing-field]: spec.proxy: the required field `https` is missing"), "{run}");
}

#[test]
fn a_directive_without_bases_is_an_unknown_field() {
    let sandbox = Sandbox::new();
    sandbox.write(&intent_of("demo"), format!("{HEAD}metadata: {{name: demo}}\n{SPEC}  proxy: {{$patch: delete}}\n"));
    let run = sandbox.run(&["check"]);
    assert!(
        run.stderr.contains("unknown field `$patch`") && run.stderr.contains("hint: there is nothing to merge"),
        "{run}"
    );
}

#[test]
fn what_stands_twice_in_one_file_is_reported_as_that() {
    let (_, run) =
        merge(REGISTRIES, "registries:\n  - {name: one, host: x.example}\n  - {name: one, host: y.example}\n");
    assert!(run.stderr.contains("error[registry-duplicate]: spec.registries[1].name: registry `one` is declared already by spec.registries[0]"), "{run}");
    let twice = "registries:\n  - {name: one, host: x.example}\n  - {name: one, host: y.example}\n";
    let (_, run) = merge(twice, "registries:\n  - {name: two, host: x.example}\n");
    assert!(run.stderr.contains("--> bases/common.yaml:"), "{run}");
}

#[test]
fn later_bases_win_and_what_two_share_lies_below_both() {
    let sandbox = Sandbox::new();
    let proxy = |port: u32| format!("spec:\n  proxy:\n    http: {{port: {port}}}\n");
    sandbox.write(
        "bases/root.yaml",
        format!("{}{}", base("proxy:\n  http: {server: \"http://a\", port: 1}\n  https: {server: \"http://a\"}\n"), ""),
    );
    sandbox.write("bases/left.yaml", format!("{HEAD}extends: root.yaml\n{}    noProxy: [left.example]\n", proxy(2)));
    sandbox.write("bases/right.yaml", format!("{HEAD}extends: [root.yaml]\nspec: {{proxy: {{https: {{port: 3}}}}}}\n"));
    sandbox.write(
        &intent_of("demo"),
        format!("{HEAD}extends:\n  - ../../bases/left.yaml\n  - ../../bases/right.yaml\nmetadata: {{name: demo}}\n"),
    );
    let spec = &merged(&sandbox, "demo")["spec"];
    // The root, which the right one extends as well, does not undo what the left one says.
    assert_eq!(spec["proxy"]["http"]["port"], 2);
    assert_eq!(spec["proxy"]["https"]["port"], 3);
    sandbox.write(&intent_of("demo"), format!("{HEAD}extends:\n  - ../../bases/left.yaml\n  - ../../bases/right.yaml\nmetadata: {{name: demo}}\nspec: {{proxy: {{http: {{port: 4}}, https: {{port: 5}}}}}}\n"));
    let spec = &merged(&sandbox, "demo")["spec"];
    assert_eq!((&spec["proxy"]["http"]["port"], &spec["proxy"]["https"]["port"]), (&json!(4), &json!(5)));
    assert_eq!(sandbox.run(&["check"]).code, 0);
}

#[test]
fn every_finding_names_the_file_that_holds_the_fault() {
    let sandbox = Sandbox::new();
    sandbox.write("bases/common.yaml", base("exposedPorts:\n  - {port: 5432, backend: {namespace: db, service: pg, port: 5432}}\n  - {port: 80, backend: {namespace: db, service: pg, port: 80}}\nregistries:\n  - {name: corp, host: registry.corp.example, tls: {caFile: ca/root.pem}}\n  - {name: bad, hots: registry.corp.example}\npatches:\n  - kustomization: nova-release-ingress-public-main\n    target: {kind: DaemonSet, namespace: nova-ingress-public, name: nova-ingress-publik}\n    json6902: [{op: add, path: /spec/x, value: 1}]\n"));
    sandbox.write(&intent_of("demo"), extending("demo", "exposedPorts:\n  - {port: 443, backend: {namespace: db, service: pg, port: 443}}\nproxy:\n  http: {server: \"http://a:3128\"}\n  https: {server: \"http://a\"}\n"));
    let run = sandbox.run(&["check"]);
    insta::assert_snapshot!("origins", run.stderr);
    sandbox.write(
        "bases/common.yaml",
        sandbox
            .read("bases/common.yaml")
            .replace("hots", "host")
            .replace(", tls: {caFile: ca/root.pem}", "")
            .replace("port: 80", "port: 81"),
    );
    sandbox.write(&intent_of("demo"), extending("demo", ""));
    let run = sandbox.run(&["check", "-v"]);
    assert!(
        run.stderr.contains("error[patch-target-missing]") && run.stderr.contains("--> bases/common.yaml:"),
        "{run}"
    );
    assert!(run.stdout.contains("(from spec.patches[0], line 14 of bases/common.yaml)"), "{run}");
}

#[test]
fn one_fault_of_a_base_is_said_once() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "bases/common.yaml",
        base("exposedPorts:\n  - {port: 80, backend: {namespace: db, service: pg, port: 80}}\n"),
    );
    for name in ["one", "two", "three"] {
        // Other ports in front do not make it another fault.
        sandbox.write(
            &intent_of(name),
            extending(name, "exposedPorts:\n  - {port: 5432, backend: {namespace: db, service: pg, port: 5432}}\n"),
        );
    }
    for args in [&["check"][..], &["render"], &["diff"], &["check", "-o", "github"], &["check", "-o", "sarif"]] {
        let run = sandbox.run(args);
        assert_eq!(run.code, 1, "{args:?}: {run}");
        let both = format!("{}{}", run.stdout, run.stderr).replace("\"id\": \"port-reserved\"", "");
        let said = both.matches("80 is reserved by ingress-nginx").count();
        assert_eq!(said, 1, "{args:?}: {run}");
    }
    let run = sandbox.run(&["check"]);
    assert_eq!(run.stdout, "one: 1 error\nthree: 1 error\ntwo: 1 error\n", "each cluster counts it");
    let report: Value = serde_json::from_str(&sandbox.run(&["check", "-o", "json"]).stdout).expect("JSON");
    assert_eq!(report["clusters"][2]["findings"][0]["file"], "bases/common.yaml", "JSON tells of each cluster");
}

#[test]
fn a_credential_in_a_base_is_refused_and_shown_nowhere() {
    let secret = "hunter2-S3cr3t";
    let below = format!(
        "modules:\n  - name: longhorn\n    release: {{path: a, vars: {{db_password: {secret}}}}}\nexposedPorts:\n  - {{port: 80, backend: {{namespace: db, service: pg, port: 80}}}}\n"
    );
    let sandbox = Sandbox::new();
    sandbox.write("bases/common.yaml", base(&below));
    for name in ["one", "two"] {
        sandbox.write(&intent_of(name), extending(name, ""));
    }
    for args in [
        &["check"][..],
        &["check", "--show-merged"],
        &["check", "-o", "json"],
        &["check", "two"],
        &["render"],
        &["diff", "-o", "html"],
    ] {
        let run = sandbox.run(args);
        assert_eq!(run.code, 1, "{args:?}: {run}");
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{args:?}: {run}");
    }
    let run = sandbox.run(&["check"]);
    assert!(run.stderr.contains("error[plaintext-credential]: spec.modules[0].release.vars.db_password"), "{run}");
    assert!(run.stderr.contains("--> bases/common.yaml:9:"), "{run}");
    // What a cluster replaces is in the repository all the same.
    sandbox.write(
        &intent_of("one"),
        extending("one", "modules:\n  - {name: longhorn, release: {vars: {db_password: null}}}\n"),
    );
    assert!(sandbox.run(&["check", "one"]).stderr.contains("error[plaintext-credential]"));
}

#[test]
fn what_is_shown_merged_holds_no_credential_whoever_would_refuse_it() {
    let secret = "hunter2-S3cr3t";
    for (spec, top) in [
        (format!("proxy: {{http: {{server: \"http://u:{secret}@proxy.corp.example\", port: 3128}}}}\n"), String::new()),
        (format!("password: {secret}\n"), String::new()),
        (format!("ingress: {{controllers: [{{name: public, token: {secret}}}]}}\n"), String::new()),
        (
            format!("modules:\n  - {{name: longhorn, secretKey: {{a: {secret}}}, helm: {{password: [{secret}]}}}}\n"),
            String::new(),
        ),
        (String::new(), format!("stringData: {{password: {secret}}}\ntoken: [{secret}]\n")),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("bases/common.yaml", base(&spec) + &top);
        sandbox.write(&intent_of("demo"), extending("demo", ""));
        let run = sandbox.run(&["check", "--show-merged"]);
        assert!(run.stdout.contains("name: demo") && run.stdout.contains("********"), "{run}");
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run}");
        assert_eq!(sandbox.run(&["check"]).code, 1);
    }
}

#[test]
fn a_credential_of_two_files_is_refused() {
    let chart = "modules:\n  - name: longhorn\n    helm: {source: {url: \"https://charts.longhorn.io\", version: 1.7.2}, values: {env: {name: DB_PASSWORD}}}\n";
    let (spec, run) = merge(chart, "modules:\n  - {name: longhorn, helm: {values: {env: {value: hunter2-S3cr3t}}}}\n");
    assert!(run.stderr.contains("error[plaintext-credential]: spec.modules[0].helm.values.env.value"), "{run}");
    assert!(run.stderr.contains("--> clusters/demo/cluster.yaml:7:"), "{run}");
    assert!(!run.stderr.contains("hunter2") && !spec.to_string().contains("hunter2"), "{run}");
}

#[test]
fn references_are_relative_to_the_file_that_holds_them() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "site/bases/common.yaml",
        base("registries:\n  - {name: corp, host: registry.corp.example, tls: {caFile: ../ca/root.pem}}\n"),
    );
    sandbox.write(&intent_of("demo"), extending("demo", "").replace("../../bases", "../../site/bases"));
    let run = sandbox.run(&["check"]);
    assert!(run.stderr.contains("the file `site/ca/root.pem` does not exist"), "{run}");
    assert_eq!(merged(&sandbox, "demo")["spec"]["registries"][0]["tls"]["caFile"], "../../site/ca/root.pem");
    sandbox.write("site/bases/common.yaml", sandbox.read("site/bases/common.yaml").replace("../ca/", "../../../ca/"));
    let run = sandbox.run(&["check"]);
    assert!(
        run.stderr.contains("error[file-reference-invalid]") && run.stderr.contains("--> site/bases/common.yaml"),
        "{run}"
    );
}

#[test]
fn what_is_shown_merged_is_the_same_intent() {
    let sandbox = Sandbox::new();
    sandbox.copy("examples/fleet", ".");
    let before = files(&sandbox.repo());
    let names: Vec<String> = std::fs::read_dir(sandbox.repo().join("clusters"))
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.len() >= 3);
    for name in &names {
        let run = sandbox.run(&["check", "--show-merged", name]);
        assert!(run.code == 0 && run.stderr.is_empty(), "{run}");
        assert_eq!(run.stdout, sandbox.run(&["check", "--show-merged", name]).stdout);
        sandbox.write(&intent_of(name), &run.stdout);
        let again = merged(&sandbox, name);
        let once = yaml::parse_one(run.stdout.as_bytes(), Dialect::Strict, Limits::INTENT).expect("valid").to_value();
        assert_eq!(again, once);
    }
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    let without_intents = |files: Vec<(String, Vec<u8>)>| -> Vec<_> {
        files.into_iter().filter(|(path, _)| !path.ends_with("/cluster.yaml")).collect()
    };
    assert_eq!(without_intents(files(&sandbox.repo())), without_intents(before));
    let all = sandbox.run(&["check", "--show-merged"]).stdout;
    assert_eq!(all.matches("---\n").count(), names.len());
}

#[test]
fn an_intent_without_bases_is_shown_too() {
    let sandbox = Sandbox::new();
    sandbox.write(support::INTENT, support::intent(support::PORT));
    let run = sandbox.run(&["check", "--show-merged"]);
    assert!(
        run.code == 0 && run.stdout.contains("name: demo") && run.stdout.contains("# clusters/demo/cluster.yaml:4\n"),
        "{run}"
    );
    sandbox.write(support::INTENT, "a: [");
    let run = sandbox.run(&["check", "--show-merged"]);
    assert!(run.code == 1 && run.stdout.is_empty() && run.stderr.contains("yaml-syntax"), "{run}");
}

#[test]
fn links_are_no_bases() {
    let sandbox = Sandbox::new();
    sandbox.write("bases/real.yaml", base(""));
    std::os::unix::fs::symlink("real.yaml", sandbox.repo().join("bases/common.yaml")).expect("a link");
    sandbox.write(&intent_of("demo"), extending("demo", ""));
    assert!(sandbox.run(&["check"]).stderr.contains("error[extends-missing]: extends: "));
    std::fs::remove_file(sandbox.repo().join("bases/common.yaml")).expect("there");
    std::fs::rename(sandbox.repo().join("bases"), sandbox.repo().join("real")).expect("moved");
    std::os::unix::fs::symlink("real", sandbox.repo().join("bases")).expect("a link");
    sandbox.write("real/common.yaml", base(""));
    assert!(sandbox.run(&["check"]).stderr.contains("error[extends-missing]: extends: "));
}

#[test]
fn faults_of_a_base_itself_are_its_own() {
    let sandbox = Sandbox::new();
    sandbox.write(&intent_of("demo"), extending("demo", ""));
    for (text, code, place) in [
        ("a: [".to_owned(), "yaml-syntax", "bases/common.yaml:"),
        (String::new(), "empty-file", "bases/common.yaml"),
        (format!("{HEAD}extends: 5\n{SPEC}"), "wrong-type", "bases/common.yaml:3:"),
        (format!("{HEAD}extends: [x.yaml]\n{SPEC}"), "extends-missing", "bases/common.yaml:3:"),
        (format!("{HEAD}metadata: {{nam: x}}\n{SPEC}"), "unknown-field", "bases/common.yaml:3:"),
        (format!("{HEAD}{SPEC}  proxy: {{$patch: delete}}\n"), "merge-without-effect", "bases/common.yaml:7:"),
        (format!("{HEAD}$patch: replace\n{SPEC}"), "merge-directive-invalid", "bases/common.yaml:3:"),
    ] {
        sandbox.write("bases/common.yaml", &text);
        let run = sandbox.run(&["check"]);
        assert!(run.code == 1 && run.stderr.contains(&format!("error[{code}]")), "{text}\n{run}");
        assert!(run.stderr.contains(&format!("--> {place}")), "{text}\n{run}");
    }
    // An intent with a wrong `extends` of its own.
    sandbox.write(&intent_of("demo"), format!("{HEAD}extends: 5\nmetadata: {{name: demo}}\n{SPEC}"));
    let run = sandbox.run(&["check"]);
    assert!(run.stderr.contains("error[wrong-type]: extends: expected a string or a list"), "{run}");
}

#[test]
fn a_cluster_may_be_extended_and_stays_one() {
    let sandbox = Sandbox::new();
    sandbox.write(&intent_of("prod"), format!("{HEAD}metadata: {{name: prod}}\n{SPEC}{}", indented(support::PORT)));
    sandbox.write(&intent_of("stage"), format!("{HEAD}extends: ../prod/cluster.yaml\nmetadata: {{name: stage}}\n"));
    let run = sandbox.run(&["check"]);
    assert!(run.code == 0 && run.stdout.starts_with("prod: ok") && run.stdout.contains("\nstage: ok"), "{run}");
    sandbox.write(&intent_of("stage"), format!("{HEAD}extends: ../prod/cluster.yaml\n"));
    assert!(sandbox.run(&["check"]).stderr.contains("error[cluster-duplicate]"));
    // A base lies beside the clusters, or in the directory of one, and is none.
    sandbox.write("clusters/base.yaml", base(""));
    sandbox.write("clusters/stage/base.yaml", format!("{HEAD}extends: ../base.yaml\n"));
    sandbox.write(&intent_of("stage"), format!("{HEAD}extends: base.yaml\nmetadata: {{name: stage}}\n"));
    let run = sandbox.run(&["check"]);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 2), "{run}");
}

#[test]
fn an_intent_from_elsewhere_finds_its_bases_where_it_belongs() {
    let sandbox = Sandbox::new();
    sandbox.write("bases/common.yaml", base(""));
    sandbox.write("../home/demo.yaml", extending("demo", ""));
    let run = sandbox.run(&["check", "-f", "../home/demo.yaml"]);
    assert_eq!(run.code, 0, "{run}");
    sandbox.write("../home/demo.yaml", extending("demo", "").replace("metadata: {name: demo}\n", ""));
    let run = sandbox.run(&["check", "-f", "../home/demo.yaml"]);
    assert!(run.stderr.contains("error[extends-outside]"), "{run}");
    sandbox.write("drafts/demo.yaml", extending("demo", "").replace("../../", "../"));
    let run = sandbox.run(&["check", "--show-merged", "-f", "drafts/demo.yaml"]);
    assert!(run.stdout.contains("# bases/common.yaml:4"), "{run}");
}

#[test]
fn a_function_has_nothing_to_extend() {
    let sandbox = Sandbox::new();
    sandbox.write("bases/common.yaml", base(""));
    sandbox.write(&intent_of("demo"), extending("demo", ""));
    let config =
        yaml::parse_one(sandbox.read(&intent_of("demo")).as_bytes(), Dialect::Strict, Limits::INTENT).expect("valid");
    let list = json!({"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [], "functionConfig": config.to_value()});
    let run = sandbox.pipe(&["fn"], list.to_string().as_bytes());
    assert!(run.code == 1 && run.stderr.contains("error[extends-unavailable]"), "{run}");
    let list = json!({"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [], "functionConfig": merged(&sandbox, "demo")});
    let run = sandbox.pipe(&["fn"], list.to_string().as_bytes());
    assert_eq!(run.code, 0, "{run}");
}

/// Clusters `one` and `two` extend `bases/common.yaml`, `three` stands alone and refers to `ca/root.pem`; all committed.
fn fleet() -> Sandbox {
    let sandbox = Sandbox::with_git();
    let trusting =
        |spec: &str, file: &str| spec.replace("infra: 3}", &format!("infra: 3}}, caTrustBundle: {{file: {file}}}"));
    let pem = std::fs::read(project("examples/fleet/bases/ca/corp-root.pem")).expect("readable");
    sandbox.write("bases/common.yaml", trusting(&base(""), "root.pem"));
    sandbox.write("bases/root.pem", &pem);
    sandbox.write("ca/root.pem", &pem);
    sandbox.write("README.md", "notes\n");
    for name in ["one", "two"] {
        sandbox.write(&intent_of(name), extending(name, ""));
    }
    let alone = format!("{HEAD}metadata: {{name: three}}\n{SPEC}");
    sandbox.write(&intent_of("three"), trusting(&alone, "../../ca/root.pem"));
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "--quiet", "--message", "first"]);
    sandbox
}

fn looked_at(run: &Run) -> Vec<&str> {
    assert!(run.code < 2, "{run}");
    run.stdout.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect()
}

#[test]
fn a_base_is_an_input_of_its_clusters() {
    let sandbox = fleet();
    for (path, clusters) in [
        ("bases/common.yaml", vec!["one", "two"]),
        ("bases", vec!["one", "two"]),
        ("bases/root.pem", vec!["one", "two"]),
        ("ca/root.pem", vec!["three"]),
    ] {
        let run = sandbox.run(&["check", path]);
        assert_eq!(looked_at(&run), clusters, "{path}: {run}");
    }
    // Of a base that is gone, too.
    std::fs::remove_file(sandbox.repo().join("bases/common.yaml")).expect("there");
    let run = sandbox.run(&["check", "one", "bases/common.yaml"]);
    assert!(run.stderr.contains("extends-missing"), "{run}");
}

#[test]
fn changed_since_takes_what_changed_in_any_way() {
    let sandbox = fleet();
    let changed = |rev: &str, more: &[&str]| {
        let mut args = vec!["check", "--changed-since", rev];
        args.extend(more);
        let run = sandbox.run(&args);
        looked_at(&run).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let reset = || {
        sandbox.git(&["reset", "--quiet", "--hard", "HEAD"]);
        sandbox.git(&["clean", "--quiet", "-fdx"]);
    };
    let none: [&str; 0] = [];
    assert_eq!(changed("HEAD", &[]), none);
    assert!(
        sandbox
            .run(&["check", "--changed-since", "HEAD"])
            .stderr
            .contains("nothing to do: no cluster is made of what changed since `HEAD`")
    );
    for (path, clusters) in [
        ("clusters/one/cluster.yaml", vec!["one"]),
        ("clusters/one/HANDOVER.md", vec!["one"]),
        ("clusters/two/notes/deep/x.txt", vec!["two"]),
        ("bases/common.yaml", vec!["one", "two"]),
        ("bases/root.pem", vec!["one", "two"]),
        ("ca/root.pem", vec!["three"]),
        ("ca/other.pem", vec![]),
        ("README.md", vec![]),
        ("clusters/README.md", vec![]),
        ("plugins/modules/notes.txt", vec!["one", "three", "two"]),
    ] {
        let touch = || {
            let known = if sandbox.exists(path) { sandbox.read(path) } else { String::new() };
            sandbox.write(path, format!("{known}# changed\n"));
        };
        touch();
        assert_eq!(changed("HEAD", &[]), clusters, "{path} in the work tree");
        sandbox.git(&["add", "."]);
        assert_eq!(changed("HEAD", &[]), clusters, "{path} staged");
        sandbox.git(&["commit", "--quiet", "--message", "second"]);
        assert_eq!(changed("HEAD~1", &[]), clusters, "{path} committed");
        assert_eq!(changed("HEAD", &[]), none, "{path} committed");
        sandbox.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
        reset();
    }
    std::fs::remove_file(sandbox.repo().join("bases/common.yaml")).expect("there");
    assert_eq!(changed("HEAD", &[]), ["one", "two"], "a base is gone");
    reset();
    sandbox.write("bases/common.yaml", sandbox.read("bases/common.yaml") + "# x\n");
    assert_eq!(changed("HEAD", &["two", "three"]), ["two"], "both must mean it");
    assert_eq!(changed("HEAD", &["clusters/one"]), ["one"]);
    reset();
    sandbox.write(".gitignore", "*.log\n");
    sandbox.write("clusters/one/x.log", "ignored\n");
    assert_eq!(changed("HEAD", &[]), none);
}

#[test]
fn changed_since_sees_what_lies_in_the_directory_of_another_cluster() {
    let sandbox = fleet();
    sandbox.write(&intent_of("two"), format!("{HEAD}extends: ../one/base.yaml\nmetadata: {{name: two}}\n"));
    sandbox.write("clusters/one/base.yaml", base(""));
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "--quiet", "--message", "second"]);
    sandbox.write("clusters/one/base.yaml", base("proxy: null\n"));
    assert_eq!(looked_at(&sandbox.run(&["check", "--changed-since", "HEAD"])), ["one", "two"]);
}

#[test]
fn changed_since_tells_of_clusters_that_are_gone() {
    let sandbox = fleet();
    assert_eq!(sandbox.run(&["render"]).code, 0);
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "--quiet", "--message", "rendered"]);
    std::fs::remove_file(sandbox.repo().join(intent_of("one"))).expect("there");
    let run = sandbox.run(&["check", "--changed-since", "HEAD"]);
    assert!(run.code == 1 && run.stderr.contains("error[intent-missing]"), "{run}");
    std::fs::remove_dir_all(sandbox.repo().join("clusters/one")).expect("there");
    let run = sandbox.run(&["check", "--changed-since", "HEAD"]);
    assert!(run.code == 0 && run.stderr.contains("note: `clusters/one/cluster.yaml` is gone"), "{run}");
    let run = sandbox.run(&["diff", "--changed-since", "HEAD", "--against", "HEAD", "-o", "name-only"]);
    assert!(run.stderr.contains("warning[cluster-removed]") && !run.stderr.contains("`two`"), "{run}");
}

#[test]
fn changed_since_works_for_every_command_that_selects() {
    let sandbox = fleet();
    sandbox.write(&intent_of("one"), extending("one", support::PORT));
    let run = sandbox.run(&["diff", "--changed-since", "HEAD", "-o", "name-only"]);
    assert!(run.stdout.contains("clusters/one/") && !run.stdout.contains("clusters/two/"), "{run}");
    assert!(sandbox.run(&["render", "--changed-since", "HEAD"]).stdout.contains("one: "));
    assert!(!sandbox.exists("clusters/two/HANDOVER.md"));
    let run = sandbox.run(&["commit", "--changed-since", "HEAD"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(!sandbox.git(&["show", "--name-only", "--format="]).contains("clusters/two"));
}

#[test]
fn changed_since_needs_a_revision_of_a_repository() {
    let sandbox = fleet();
    let run = sandbox.run(&["check", "--changed-since", "nowhere"]);
    assert!(run.code == 2 && run.stderr.contains("`nowhere` does not name a revision of this repository"), "{run}");
    let run = sandbox.run(&["check", "--flux", "--changed-since", "HEAD"]);
    assert_eq!(run.code, 2, "{run}");
    let bare = Sandbox::new();
    bare.write(support::INTENT, support::intent(""));
    let run = bare.run(&["check", "--changed-since", "HEAD"]);
    assert!(run.code == 2 && run.stderr.contains("--changed-since needs a git repository"), "{run}");
    // Nothing is committed yet: all is new.
    let fresh = Sandbox::with_git();
    fresh.write(support::INTENT, support::intent(""));
    assert_eq!(looked_at(&fresh.run(&["check", "--changed-since", "HEAD"])), ["demo"]);
}

#[test]
fn changed_since_works_below_the_root_of_the_work_tree() {
    let sandbox = Sandbox::with_git();
    sandbox.write("deploy/bases/common.yaml", base(""));
    for name in ["one", "two"] {
        sandbox.write(&format!("deploy/{}", intent_of(name)), extending(name, ""));
    }
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "--quiet", "--message", "first"]);
    sandbox.write("bases/common.yaml", "not ours\n");
    sandbox.write("deploy/clusters/two/x", "x\n");
    let run = sandbox.run(&["check", "--repo", "deploy", "--changed-since", "HEAD"]);
    assert_eq!(looked_at(&run), ["two"], "{run}");
}

#[test]
fn a_commit_holds_the_bases() {
    let sandbox = fleet();
    sandbox.write("bases/common.yaml", base(support::PORT));
    sandbox.write("bases/unused.yaml", base(""));
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 0, "{run}");
    let committed = sandbox.git(&["show", "--name-only", "--format="]);
    assert!(committed.lines().any(|path| path == "bases/common.yaml"), "{committed}");
    assert!(!committed.contains("bases/unused.yaml"), "{committed}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "?? bases/unused.yaml\n");
    let header = sandbox.read("clusters/one/kustomization.yaml");
    assert!(header.starts_with("# Rendered by fluxwright from clusters/one/cluster.yaml."), "{header}");
}

#[test]
fn many_clusters_give_the_same_at_any_number_of_threads() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "bases/common.yaml",
        base("exposedPorts:\n  - {port: 80, backend: {namespace: db, service: pg, port: 80}}\n"),
    );
    for number in 0..40 {
        let name = format!("c{number}");
        sandbox.write(
            &intent_of(&name),
            extending(
                &name,
                &format!(
                    "exposedPorts:\n  - {{port: {}, backend: {{namespace: db, service: pg, port: 1}}}}\n",
                    5000 + number
                ),
            ),
        );
    }
    let run = |threads: &str| {
        let run = sandbox.run_with(&["check"], &[("RAYON_NUM_THREADS", threads)]);
        (run.code, run.stdout, run.stderr)
    };
    assert_eq!(run("1"), run("8"));
}

#[test]
fn a_base_does_not_name_a_cluster() {
    let sandbox = Sandbox::new();
    sandbox.write("bases/common.yaml", base(""));
    sandbox.write(&intent_of("berlin"), extending("berlin", ""));
    let path = intent_of("hamburg");
    sandbox.write(&path, format!("{HEAD}extends: ../berlin/cluster.yaml\n"));
    let run = sandbox.run(&["check"]);
    assert!(run.code == 1 && run.stderr.contains("error[missing-field]: metadata: the required field `name`"), "{run}");
    assert!(run.stderr.contains(&format!("--> {path}:")), "{run}");
    sandbox.write(&path, extending("hamburg", "").replace("../../bases/common.yaml", "../berlin/cluster.yaml"));
    assert_eq!(sandbox.run(&["check"]).code, 0);
}
