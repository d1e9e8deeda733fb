//! `check -o`: every format says the same, on stdout, with paths from the root of the git repository.

mod support;

use serde_json::Value;
use support::{INTENT, PORT, Sandbox, intent};

const FAULTY: &str =
    "exposedPorts:\n  - prot: UDP\n    port: 70000\n    backend: {namespace: db, service: pg, port: 5432}\n";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn every_format_names_every_finding_and_gives_the_same_exit_code() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(FAULTY));
    for (format, lines) in [("json", 2), ("sarif", 2), ("github", 2), ("markdown", 2)] {
        let run = sandbox.run(&["check", "-o", format]);
        assert_eq!(run.code, 1, "{run}");
        assert_eq!(run.stderr, "demo: 2 errors\n", "{format}");
        let named = ["unknown-field", "invalid-value"].iter().filter(|code| run.stdout.contains(**code)).count();
        assert_eq!(named, lines, "{run}");
        assert!(!run.stdout.contains(&sandbox.repo().display().to_string()), "{run}");
        let quiet = sandbox.run(&["check", "-q", "-o", format]);
        assert_eq!((quiet.stdout, quiet.stderr.as_str()), (run.stdout, ""));
    }
    sandbox.write(INTENT, intent(PORT));
    let clean = sandbox.run(&["check", "-o", "github"]);
    assert_eq!((clean.code, clean.stdout.as_str(), clean.stderr.as_str()), (0, "", "demo: ok\n"));
    let document = json(&sandbox.run(&["check", "-o", "sarif"]).stdout);
    assert_eq!(document["runs"][0]["results"], Value::Array(Vec::new()));
}

#[test]
fn paths_start_at_the_root_of_the_git_repository() {
    let sandbox = Sandbox::with_git();
    sandbox.write(&format!("gitops/{INTENT}"), intent(FAULTY));
    let run = sandbox.run(&["--repo", "gitops", "check", "-o", "github"]);
    assert!(run.stdout.contains(" file=gitops/clusters/demo/cluster.yaml,line=10,"), "{run}");
    let document = json(&sandbox.run(&["--repo", "gitops", "check", "-o", "json"]).stdout);
    assert_eq!(document["clusters"][0]["findings"][0]["file"], "gitops/clusters/demo/cluster.yaml");
    // An intent from elsewhere has no path that others would know.
    sandbox.write("../elsewhere/one.yaml", intent(FAULTY));
    let outside = sandbox.repo().join("../elsewhere/one.yaml").display().to_string();
    let run = sandbox.run(&["--repo", "gitops", "check", "-f", &outside, "-o", "sarif"]);
    assert!(run.stdout.contains("\"uri\": \"one.yaml\"") && !run.stdout.contains("elsewhere"), "{run}");
}

#[test]
fn a_file_that_is_no_yaml_and_a_broken_plugin_are_in_the_document() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, "a: [\n");
    let document = json(&sandbox.run(&["check", "-o", "json"]).stdout);
    let found = &document["clusters"][0]["findings"][0];
    assert_eq!((&found["code"], &found["file"]), (&"yaml-syntax".into(), &INTENT.into()));
    // The cluster has its name, or that of its directory while the name cannot be read.
    assert_eq!(document["clusters"][0]["name"], "demo");
    for (name, shown) in [("other", "other"), ("No Name", "demo")] {
        let text = format!("apiVersion: fluxwright.dev/v1\nkind: ClusterIntent\nmetadata: {{name: {name}}}\n");
        sandbox.write(INTENT, &text);
        let run = sandbox.run(&["check", "-o", "json"]);
        assert_eq!((&json(&run.stdout)["clusters"][0]["name"], run.code), (&shown.into(), 1), "{run}");
    }
    sandbox.write("plugins/modules/own/plugin.yaml", "kind: [\n");
    for format in ["json", "sarif", "github", "markdown"] {
        let run = sandbox.run(&["check", "-o", format]);
        assert!(run.code == 1 && run.stdout.contains("plugins/modules/own"), "{run}");
    }
    let text = sandbox.run(&["check"]);
    assert!(text.code == 1 && text.stdout.is_empty() && text.stderr.contains("plugins/modules/own"), "{text}");
}

#[test]
fn sarif_brings_the_pages_of_its_rules() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(FAULTY));
    let document = json(&sandbox.run(&["check", "-o", "sarif"]).stdout);
    let rules = document["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    let page = sandbox.run(&["explain", "unknown-field"]).stdout;
    let rule = rules.iter().find(|rule| rule["id"] == "unknown-field").expect("a rule");
    assert_eq!(rule["help"]["markdown"], Value::String(page));
    assert_eq!(rule["shortDescription"]["text"], "a field does not exist");
    assert_eq!(rule["defaultConfiguration"]["level"], "error");
    assert!(!rule["fullDescription"]["text"].as_str().expect("a text").contains("Wrong"));
}

#[test]
fn a_credential_is_in_no_format() {
    let sandbox = Sandbox::new();
    let secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    sandbox
        .write(INTENT, intent(&format!("proxy:\n  http: {{server: \"http://user:{secret}@proxy.corp.example\"}}\n")));
    for format in ["text", "json", "sarif", "github", "markdown"] {
        let run = sandbox.run(&["check", "-o", format]);
        assert!(run.code == 1 && !run.to_string().contains(secret), "{run}");
    }
}
