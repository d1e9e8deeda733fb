//! The example repository: its committed rendering is current, stable, and independent of the number of threads.

mod support;

use support::{Sandbox, files, listing, project};

#[test]
fn the_committed_rendering_is_current() {
    let sandbox = Sandbox::new();
    sandbox.copy("examples/cluster-repo", ".");
    let before = files(&sandbox.repo());
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(files(&sandbox.repo()), before, "run `just render-example`");
    assert!(run.stdout.contains("prod: 0 created, 0 changed, 0 deleted, 0 left alone"), "{run}");
}

#[test]
fn the_committed_rendering_of_the_fleet_is_current() {
    let sandbox = Sandbox::new();
    sandbox.copy("examples/fleet", ".");
    let before = files(&sandbox.repo());
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.is_empty(), "{run}");
    assert_eq!(files(&sandbox.repo()), before, "run `just render-example`");
}

#[test]
fn each_example_renders_as_reviewed() {
    for cluster in ["alauda", "closed", "dev", "plain", "prod"] {
        let sandbox = Sandbox::new();
        sandbox.copy("examples/cluster-repo", ".");
        let out = sandbox.repo().join("out");
        let run = sandbox.run(&["render", cluster, "--out", "out"]);
        assert_eq!(run.code, 0, "{run}");
        // Digests of the inventory follow from the rest.
        let text = listing(&out)
            .lines()
            .filter(|line| !line.contains("  ") || line.len() < 66 || line.starts_with(' '))
            .collect::<Vec<_>>()
            .join("\n");
        insta::assert_snapshot!(format!("example_{cluster}"), text);
    }
}

#[test]
fn one_and_eight_threads_give_the_same_bytes() {
    let render = |threads: &str| {
        let sandbox = Sandbox::new();
        sandbox.copy("examples/cluster-repo", ".");
        let run = sandbox.run_with(
            &["render", "--out", "out"],
            &[("RAYON_NUM_THREADS", threads), ("LC_ALL", "tr_TR.UTF-8"), ("TZ", "Asia/Kamchatka")],
        );
        assert_eq!(run.code, 0, "{run}");
        files(&sandbox.repo().join("out"))
    };
    assert_eq!(render("1"), render("8"));
}

#[test]
fn the_intent_is_never_part_of_what_flux_builds() {
    for cluster in ["alauda", "closed", "dev", "plain", "prod"] {
        let root = project(&format!("examples/cluster-repo/clusters/{cluster}"));
        for (path, bytes) in files(&root).iter().filter(|(path, _)| path.ends_with("kustomization.yaml")) {
            let text = String::from_utf8_lossy(bytes);
            assert!(
                !text.lines().any(|line| line.trim_start().starts_with("- ") && line.contains("cluster.yaml")),
                "{cluster}/{path} lists the intent"
            );
        }
    }
}

#[test]
fn the_schemas_in_the_repository_are_current() {
    let sandbox = Sandbox::new();
    for (args, file) in [
        (&["--draft", "2020-12"][..], "cluster-intent.schema.json"),
        (&["--draft", "7"], "cluster-intent.draft-07.schema.json"),
        (&["--draft", "7", "--partial"], "cluster-intent.partial.draft-07.schema.json"),
    ] {
        let run = sandbox.run(&[&["schema"][..], args].concat());
        assert_eq!(run.code, 0, "{run}");
        let kept = std::fs::read_to_string(project("schemas").join(file)).expect("readable");
        assert_eq!(kept, run.stdout, "run `just schema`");
    }
    assert_eq!(sandbox.run(&["schema"]).stdout, sandbox.run(&["schema", "--draft", "2020-12"]).stdout);
}

#[test]
fn every_field_of_the_schema_has_a_description() {
    fn walk(value: &serde_json::Value, path: &str, root: &serde_json::Value, missing: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(serde_json::Value::as_object) {
            for (name, child) in properties {
                let target =
                    child.get("$ref").and_then(|r| r.as_str()).and_then(|r| root.pointer(r.strip_prefix('#')?));
                let described = [Some(child), target].into_iter().flatten().any(|one| one.get("description").is_some());
                if !described {
                    missing.push(format!("{path}.{name}"));
                }
            }
        }
        match value {
            serde_json::Value::Object(map) => {
                map.iter().for_each(|(key, child)| walk(child, &format!("{path}/{key}"), root, missing))
            }
            serde_json::Value::Array(items) => items.iter().for_each(|child| walk(child, path, root, missing)),
            _ => {}
        }
    }
    let text = std::fs::read_to_string(project("schemas/cluster-intent.schema.json")).expect("readable");
    let schema: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let mut missing = Vec::new();
    walk(&schema, "", &schema, &mut missing);
    assert!(missing.is_empty(), "fields without description: {missing:#?}");
}
