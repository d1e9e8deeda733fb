//! The output of every command, as users see it.

mod support;

use support::{INTENT, PORT, Run, Sandbox, intent, project};

/// Takes out what differs between machines.
fn show(run: &Run, sandbox: &Sandbox) -> String {
    run.to_string().replace(&sandbox.repo().display().to_string(), "REPO")
}

#[test]
fn help_is_the_manual() {
    let sandbox = Sandbox::new();
    let commands = [
        "init",
        "check",
        "diff",
        "render",
        "commit",
        "graph",
        "build",
        "fn",
        "comment",
        "schema",
        "explain",
        "modules",
        "completions",
        "man",
    ];
    let mut text = sandbox.run(&["--help"]).stdout;
    for command in commands {
        text.push_str(&format!("\n=== {command}\n{}", sandbox.run(&[command, "--help"]).stdout));
    }
    insta::assert_snapshot!("help", text);
}

#[test]
fn init_writes_a_valid_intent_once() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["init", "prod"]);
    insta::assert_snapshot!("init", show(&run, &sandbox));
    insta::assert_snapshot!("init_intent", sandbox.read("clusters/prod/cluster.yaml"));
    assert!(sandbox.exists("schemas/cluster-intent.schema.json"));
    let check = sandbox.run(&["check"]);
    assert_eq!(check.code, 0, "{check}");
    assert!(check.stdout.starts_with("prod: ok"), "{check}");
    let again = sandbox.run(&["init", "prod"]);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("exists already"), "{again}");
}

#[test]
fn init_refuses_what_check_would_refuse() {
    let sandbox = Sandbox::new();
    for (args, needle) in [
        (vec!["init", "Prod_1"], "DNS-1123"),
        (vec!["init", "../x"], "DNS-1123"),
        (vec!["init", "a", "--url", "https://u:hunter2@git.corp.example/x.git"], "plaintext-credential"),
        (vec!["init", "a", "--platform", "nova"], "did you mean `Nova`?"),
    ] {
        let run = sandbox.run(&args);
        assert_ne!(run.code, 0, "{args:?}: {run}");
        assert!(run.stderr.contains(needle), "{args:?}: {run}");
        assert!(!run.to_string().contains("hunter2"), "{run}");
    }
    assert!(!sandbox.exists("clusters"));
}

#[test]
fn check_reports_every_fault_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write(
        INTENT,
        intent(
            "exposedPorts:\n  - prot: UDP\n    port: 70000\n    backend: {namespace: db, service: pg, port: 5432}\n  - port: 443\n    backend: {namespace: db, service: pg, port: 5432}\n  - port: \"5433\"\n    backend: {namespace: db, service: pg, port: 5432}\nproxy:\n  http: {server: \"http://172.31.100.100:3128\"}\n  https: {server: proxy.corp.example}\nmodules:\n  - name: neuvectr\n",
        ),
    );
    let run = sandbox.run(&["check"]);
    assert_eq!(run.code, 1);
    insta::assert_snapshot!("check_faults", show(&run, &sandbox));
}

#[test]
fn check_shows_proofs() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    let run = sandbox.run(&["check", "-v"]);
    assert_eq!(run.code, 0);
    insta::assert_snapshot!("check_verbose", show(&run, &sandbox));
    let quiet = sandbox.run(&["check", "-q"]);
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (0, "", ""));
}

#[test]
fn diff_writes_nothing_and_exits_with_1() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(""));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    sandbox.write(INTENT, intent(PORT));
    let before = support::files(&sandbox.repo());
    for format in ["text", "json", "markdown", "name-only"] {
        let run = sandbox.run(&["diff", "-o", format]);
        assert_eq!(run.code, 1, "{run}");
        let text: String =
            show(&run, &sandbox).lines().filter(|line| !is_digest(line)).map(|line| format!("{line}\n")).collect();
        insta::assert_snapshot!(format!("diff_{format}"), hide_digests(&text));
    }
    for format in ["text", "markdown"] {
        let run = sandbox.run(&["diff", "--raw", "-o", format]);
        assert_eq!(run.code, 1, "{run}");
        assert!(
            run.stdout.contains("\n+++ b/clusters/demo/ingress/tcp-udp-services.yaml\n@@ -0,0 +1,11 @@\n"),
            "{run}"
        );
    }
    let refused = sandbox.run(&["diff", "--raw", "-o", "json"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused}");
    assert_eq!(support::files(&sandbox.repo()), before);
    assert_eq!(sandbox.run(&["render"]).code, 0);
    let clean = sandbox.run(&["diff"]);
    assert_eq!(clean.code, 0, "{clean}");
    insta::assert_snapshot!("diff_clean", show(&clean, &sandbox));
}

/// Digests follow from the rest and would make every snapshot differ.
fn is_digest(line: &str) -> bool {
    let line = line.trim_start_matches(['+', '-', ' ']);
    line.len() > 66 && line[..64].bytes().all(|b| b.is_ascii_hexdigit())
}

fn hide_digests(text: &str) -> String {
    regex::Regex::new("[0-9a-f]{64}").expect("valid").replace_all(text, "DIGEST").into_owned()
}

#[test]
fn html_shows_findings_also_of_an_intent_with_errors() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    let run = sandbox.run(&["diff", "-o", "html"]);
    assert_eq!(run.code, 1, "{run}");
    let count = |run: &support::Run, mark: &str| run.stdout.matches(mark).count();
    let json: serde_json::Value = serde_json::from_str(&sandbox.run(&["diff", "-o", "json"]).stdout).expect("JSON");
    let cluster = &json["clusters"][0];
    let list = |value: &serde_json::Value| value.as_array().map_or(0, Vec::len);
    assert_eq!(count(&run, " data-object="), list(&cluster["objects"]), "{run}");
    assert_eq!(count(&run, " data-proof="), list(&cluster["proofs"]), "{run}");
    let written = sandbox.run(&["diff", "--raw", "-o", "html"]);
    assert_eq!((written.code, written.stdout.as_str()), (2, ""), "{written}");
    sandbox
        .write(INTENT, intent("exposedPorts:\n  - port: 443\n    backend: {namespace: db, service: pg, port: 5432}\n"));
    let faulty = sandbox.run(&["diff", "-o", "html"]);
    assert_eq!(faulty.code, 1, "{faulty}");
    assert!(faulty.stdout.contains("Nothing was compared.") && faulty.stderr.contains("error["), "{faulty}");
    assert_eq!(count(&faulty, " data-finding=\"error\""), faulty.stderr.matches("error[").count(), "{faulty}");
    assert_eq!(count(&faulty, " data-object="), 0, "{faulty}");
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    assert_eq!(sandbox.run(&["diff", "-o", "html"]).code, 0);
}

#[test]
fn json_is_one_document() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    let run = sandbox.run(&["diff", "-o", "json"]);
    let value: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(value["kind"], "Diff");
    assert_eq!(value["clusters"][0]["proofs"][0]["matched"], 1);
    assert_eq!(value["clusters"][0]["proofs"][0]["line"], 10);
}

#[test]
fn render_prints_what_it_did() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    insta::assert_snapshot!("render", show(&sandbox.run(&["render"]), &sandbox));
    insta::assert_snapshot!("render_again", show(&sandbox.run(&["render"]), &sandbox));
}

#[test]
fn render_streams_every_document_with_its_path() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    let run = sandbox.run(&["render", "--stdout"]);
    assert_eq!(run.code, 0);
    assert!(!sandbox.exists("clusters/demo/flux"));
    let documents: Vec<&str> = run.stdout.split("---\n").skip(1).collect();
    assert!(documents.len() > 6, "{run}");
    assert!(documents.iter().all(|document| document.starts_with("# clusters/demo/")), "{run}");
    insta::assert_snapshot!("render_stdout", run.stdout);
}

#[test]
fn one_file_outside_the_repository() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.repo().join("../elsewhere.yaml"), intent(PORT)).expect("writable");
    let run = sandbox.run(&["render", "-f", "../elsewhere.yaml", "--out", "out"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(
        sandbox
            .read("out/clusters/demo/platform/kustomization.yaml")
            .contains("# Rendered by fluxwright from clusters/demo/cluster.yaml.")
    );
}

#[test]
fn explain_knows_codes_and_fields() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!("explain_code", sandbox.run(&["explain", "port-reserved"]).stdout);
    insta::assert_snapshot!("explain_rule", sandbox.run(&["explain", "neuvector-replicas-with-autoscale"]).stdout);
    insta::assert_snapshot!(
        "explain_field",
        sandbox.run(&["explain", "spec.registries[0].pullSecret.delivery"]).stdout
    );
    insta::assert_snapshot!("explain_list", sandbox.run(&["explain", "--list"]).stdout);
    let unknown = sandbox.run(&["explain", "port-reservd"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("did you mean `port-reserved`?"), "{unknown}");
}

#[test]
fn modules_lists_the_catalog() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!("modules", sandbox.run(&["modules"]).stdout);
    insta::assert_snapshot!("modules_neuvector", sandbox.run(&["modules", "neuvector"]).stdout);
    let unknown = sandbox.run(&["modules", "neuvectr"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("did you mean `neuvector`?"), "{unknown}");
}

#[test]
fn completions_exist_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = sandbox.run(&["completions", shell]);
        assert_eq!(run.code, 0, "{run}");
        assert!(run.stdout.contains("fluxwright"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["man", "man1"]);
    assert_eq!(run.code, 0, "{run}");
    let pages = support::files(&sandbox.repo().join("man1"));
    let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(run.stdout.lines().count(), names.len());
    for command in ["", "-check", "-diff", "-render", "-commit", "-modules", "-modules-new", "-man"] {
        assert!(names.contains(&format!("fluxwright{command}.1").as_str()), "{names:?}");
    }
    for (name, bytes) in &pages {
        let text = String::from_utf8_lossy(bytes);
        let title = format!(".TH {} 1 \" \" \"fluxwright {}\"", name.trim_end_matches(".1"), env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&title) && text.contains("\n.SH SYNOPSIS\n"), "{text}");
    }
    assert_eq!(sandbox.run(&["man", "man1", "-q"]).stdout, "");
    assert_eq!(support::files(&sandbox.repo().join("man1")), pages);
    sandbox.write("file", "");
    assert_eq!(sandbox.run(&["man", "file"]).code, 2);
}

#[test]
fn the_environment_fails_with_2() {
    let sandbox = Sandbox::new();
    for (args, needle) in [
        (vec!["check"], "fluxwright init NAME"),
        (vec!["check", "--repo", "nowhere"], "is not a directory"),
        (vec!["check", "-f", "nowhere.yaml"], "nowhere.yaml"),
        (vec!["commit"], "not in a git repository"),
        (vec!["check", "--base", "x"], "NAME=DIR"),
    ] {
        let run = sandbox.run(&args);
        assert_eq!(run.code, 2, "{args:?}: {run}");
        assert!(run.stderr.contains(needle), "{args:?}: {run}");
    }
    sandbox.write(INTENT, intent(""));
    let run = sandbox.run(&["check", "dmo"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("did you mean `demo`?"), "{run}");
}

#[test]
fn colour_is_a_choice() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent("exposedPorts: 5\n"));
    assert!(!sandbox.run(&["check"]).stderr.contains('\x1b'), "the sandbox runs with `--color never`");
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_fluxwright"))
        .args(["check", "--color", "always", "--repo"])
        .arg(sandbox.repo())
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts");
    assert!(String::from_utf8_lossy(&run.stderr).contains('\x1b'));
}

#[test]
fn a_graph_shows_who_waits_for_whom() {
    let sandbox = Sandbox::new();
    sandbox.copy("examples/cluster-repo", ".");
    let mermaid = sandbox.run(&["graph", "prod"]);
    assert_eq!(mermaid.code, 0, "{mermaid}");
    assert!(mermaid.stdout.lines().nth(1) == Some("flowchart LR"), "{mermaid}");
    let node = |name: &str| {
        let line = mermaid.stdout.lines().find(|line| line.contains(&format!("\"{name}\""))).expect("a node").trim();
        line.split(['[', '(', '{']).next().expect("an id").to_owned()
    };
    let depends = format!("{} --> {}", node("nova-release-longhorn-main"), node("nova-release-opensearch-main"));
    let awaited = format!("{} -.-> {}", node("nova-release-ingress-public-main"), node("cluster-intent-platform"));
    let chart = format!("{} --> {}", node("cluster-intent-astrom-release"), node("cluster-intent-astrom"));
    for edge in [depends, awaited, chart] {
        assert!(mermaid.stdout.contains(&format!("  {edge}\n")), "{edge}: {mermaid}");
    }
    let dot = sandbox.run(&["graph", "prod", "-o", "dot"]).stdout;
    assert!(dot.contains("  \"cluster-intent-astrom-release\" -> \"cluster-intent-astrom\";\n"), "{dot}");
    let svg = sandbox.run(&["graph", "prod", "-o", "svg"]).stdout;
    assert_eq!(svg.matches("<rect ").count(), mermaid.stdout.lines().filter(|line| line.contains('"')).count());
    assert_eq!(svg.matches("marker-end").count(), mermaid.stdout.lines().filter(|line| line.contains("> n")).count());
    assert!(!svg.contains("<script") && !svg.contains("href"), "{svg}");
    let several = sandbox.run(&["graph"]);
    assert!(several.code == 2 && several.stderr.contains("name it: alauda, closed"), "{several}");
}

#[test]
fn a_cycle_is_drawn_and_reported() {
    let sandbox = Sandbox::new();
    let modules = "modules:\n  - {name: velero, release: {path: ./v, dependsOn: [nova-release-longhorn-main]}}\n  - {name: longhorn, release: {path: ./l, dependsOn: [nova-release-velero-main]}}\n";
    let source = "    source: {name: cluster-intent,";
    sandbox.write(
        INTENT,
        intent(modules).replace(source, &format!("    releaseSource: {{name: nova-release}}\n{source}")),
    );
    for format in ["mermaid", "dot", "svg"] {
        let run = sandbox.run(&["graph", "-o", format]);
        assert_eq!(run.code, 1, "{run}");
        assert!(
            run.stderr.contains("error[dependency-cycle]") && run.stdout.contains("nova-release-velero-main"),
            "{run}"
        );
    }
}

#[test]
#[cfg(unix)]
fn the_script_that_verifies_grants_runs() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    // A kubectl that lets nobody but a person pull.
    sandbox
        .write("bin/kubectl", "#!/bin/sh\necho \"$*\" >> asked\ncase \"$*\" in *alice*) exit 0 ;; *) exit 1 ;; esac\n");
    std::fs::set_permissions(sandbox.repo().join("bin/kubectl"), std::fs::Permissions::from_mode(0o755)).expect("ours");
    let script = project("examples/cluster-repo/clusters/alauda/install/verify-pull-grants.sh");
    let path = format!("{}:{}", sandbox.repo().join("bin").display(), std::env::var("PATH").expect("set"));
    let output = std::process::Command::new("sh")
        .arg(script)
        .current_dir(sandbox.repo())
        .env("PATH", path)
        .output()
        .expect("sh starts");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("ok      shared-ns --as=alice@corp.example\n"), "{text}");
    assert_eq!(text.matches("MISSING").count(), 2, "{text}");
    let asked = sandbox.read("asked");
    assert!(
        asked.contains(
            "auth can-i get images.registry.alauda.io --namespace shared-ns --as=system:serviceaccount:my-ns:default\n"
        ),
        "{asked}"
    );
}
