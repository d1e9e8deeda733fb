//! Every diagnostic: its fixture, its place, its page. A new rule is a new file in `tests/invalid/`.

mod support;

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::Value;
use support::{INTENT, Run, Sandbox, files, project};

/// The codes of the program and of the plugins it carries.
fn codes() -> BTreeSet<String> {
    let listed = Sandbox::new().run(&["explain", "--list"]).stdout;
    listed.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

#[test]
fn the_list_of_codes_is_pinned() {
    insta::assert_snapshot!("codes", codes().into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_invalid_intent_gives_its_diagnostic_at_its_place() {
    let fixtures = std::fs::read_dir(project("tests/invalid")).expect("readable");
    let fixtures: Vec<PathBuf> = fixtures.map(|entry| entry.expect("readable").path()).collect();
    let checked = |path: &PathBuf| {
        let sandbox = Sandbox::new();
        sandbox.write(INTENT, std::fs::read(path).expect("readable"));
        let companions = path.with_extension("files");
        if companions.is_dir() {
            for (relative, bytes) in files(&companions) {
                sandbox.write(&relative, bytes);
            }
        }
        (path.file_stem().expect("a name").to_owned(), sandbox.run(&["check"]))
    };
    let intents = fixtures.par_iter().filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    let runs: HashMap<OsString, Run> = intents.map(checked).collect();
    insta::glob!("invalid/*.yaml", |path| {
        let name = path.file_stem().expect("a name");
        let (code, run) = (name.to_string_lossy().into_owned(), &runs[name]);
        assert!(run.stderr.contains(&format!("[{code}]")), "{code}: {run}");
        let warning = run.stderr.contains(&format!("warning[{code}]"));
        assert_eq!(run.code, i32::from(!warning), "{code}: {run}");
        let others = run.stderr.lines().filter(|line| line.starts_with("error[") && !line.contains(&code)).count();
        assert_eq!(others, 0, "{code} has other errors: {run}");
        insta::assert_snapshot!(run.stderr);
    });
}

/// Codes that one intent file alone cannot raise; each names the test that raises it.
const ELSEWHERE: &[(&str, &str)] = &[
    ("base-invalid", "tests/proofs.rs"),
    ("base-unknown", "tests/proofs.rs"),
    ("cluster-duplicate", "tests/hostile.rs"),
    ("extends-unavailable", "tests/fleets.rs"),
    ("file-too-large", "tests/hostile.rs"),
    ("cluster-removed", "tests/repository.rs"),
    ("file-left-out", "tests/odd_places.rs"),
    ("foreign-file", "tests/repository.rs"),
    ("function-unset", "tests/function.rs"),
    ("hand-edited-file", "tests/repository.rs"),
    ("intent-missing", "tests/repository.rs"),
    ("inventory-conflict", "tests/hand_edits.rs"),
    ("kept-file", "tests/hand_edits.rs"),
    ("path-case-clash", "tests/odd_places.rs"),
    ("path-in-submodule", "tests/odd_places.rs"),
    ("item-in-the-way", "tests/function.rs"),
    ("item-missing", "tests/function.rs"),
    ("kustomization-handed-back", "tests/repository.rs"),
    ("module-pruned", "tests/repository.rs"),
    ("object-in-base", "tests/proofs.rs"),
    ("object-left-behind", "tests/repository.rs"),
    ("resource-list-invalid", "tests/resource_list.rs"),
    ("build-failed", "tests/check_flux.rs"),
    ("build-unsupported", "tests/check_flux.rs"),
    ("decryption-missing", "tests/check_flux.rs"),
    ("key-overridden", "tests/check_flux.rs"),
    ("kustomization-invalid", "tests/check_flux.rs"),
    ("object-duplicate", "tests/check_flux.rs"),
    ("path-missing", "tests/check_flux.rs"),
    ("reference-missing", "tests/check_flux.rs"),
    ("selects-nothing", "tests/check_flux.rs"),
    ("substitution-failed", "tests/check_flux.rs"),
    ("variable-unset", "tests/check_flux.rs"),
    ("root-renamed", "tests/repository.rs"),
    ("plugin-invalid", "tests/plugins.rs"),
];

#[test]
fn every_code_has_a_fixture_and_a_page() {
    let fixtures: BTreeSet<String> = files(&project("tests/invalid"))
        .into_iter()
        .filter_map(|(path, _)| path.strip_suffix(".yaml").filter(|name| !name.contains('/')).map(str::to_owned))
        .collect();
    let sandbox = Sandbox::new();
    for code in codes() {
        let page = sandbox.run(&["explain", &code]);
        assert!(page.stdout.starts_with(&format!("# {code}\n")), "no page for {code}: {page}");
        let elsewhere = ELSEWHERE.iter().find(|(name, _)| *name == code);
        if !fixtures.contains(&code) {
            let (_, file) = elsewhere.unwrap_or_else(|| panic!("no fixture tests/invalid/{code}.yaml"));
            let text = std::fs::read_to_string(project(file)).expect("readable");
            assert!(text.contains(&code), "{file} does not raise {code}");
        }
    }
    for fixture in &fixtures {
        assert!(codes().contains(fixture), "tests/invalid/{fixture}.yaml is for no code");
    }
}

/// Where the page of a code lies, as seen from `docs/`.
fn page_of(code: &str) -> Option<String> {
    let own = format!("diagnostics/{code}.md");
    if project("docs").join(&own).is_file() {
        return Some(own);
    }
    let plugins = std::fs::read_dir(project("plugins/modules")).expect("readable");
    let mut names = plugins.map(|plugin| plugin.expect("readable").file_name().to_string_lossy().into_owned());
    let plugin = names.find(|name| project(&format!("plugins/modules/{name}/explain/{code}.md")).is_file())?;
    Some(format!("../plugins/modules/{plugin}/explain/{code}.md"))
}

/// What stands above the table is written by hand. `UPDATE_DOCS=1` writes the table.
#[test]
fn the_index_of_diagnostics_is_current() {
    const TABLE: &str = "| Code | Severity | What is wrong |\n|---|---|---|\n";
    let file = project("docs/diagnostics.md");
    let text = std::fs::read_to_string(&file).expect("readable");
    let (head, _) = text.split_once(TABLE).expect("a table");
    let mut wanted = format!("{head}{TABLE}");
    for line in Sandbox::new().run(&["explain", "--list"]).stdout.lines() {
        let (code, rest) = line.split_once(' ').expect("a severity");
        let (severity, summary) = rest.trim_start().split_once(' ').expect("a summary");
        if let Some(page) = page_of(code) {
            wanted.push_str(&format!("| [{code}]({page}) | {severity} | {} |\n", summary.trim().replace('|', "\\|")));
        }
    }
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        std::fs::write(file, wanted).expect("writable");
    } else {
        assert_eq!(text, wanted, "`UPDATE_DOCS=1 cargo test --test diagnostics` writes the table");
    }
}

/// Lays one partial intent over another.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// The fenced YAML blocks of a page under a heading line such as `Wrong:`.
fn blocks(page: &str, heading: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut block: Option<String> = None;
    for line in page.lines() {
        match &mut block {
            Some(text) if line == "```" => {
                if section == heading {
                    found.push(std::mem::take(text));
                }
                block = None;
            }
            Some(text) => {
                text.push_str(line);
                text.push('\n');
            }
            None if line == "```yaml" => block = Some(String::new()),
            None if line.ends_with(':') && !line.starts_with(' ') => section = line.to_owned(),
            None => {}
        }
    }
    found
}

#[test]
fn the_examples_of_every_page_are_right_and_wrong() {
    const BASE: &str = "apiVersion: fluxwright.dev/v1alpha1\nkind: ClusterIntent\nmetadata: {name: demo}\nspec:\n  platform: {type: Nova, kubernetesVersion: \"1.28\", nodes: {infra: 3}}\n  gitops:\n    source: {name: cluster-intent, url: \"https://git.corp.example/platform/clusters.git\", branch: main}\n";
    let limits = fluxwright::yaml::Limits::INTENT;
    let read = |text: &str| {
        fluxwright::yaml::parse_one(text.as_bytes(), fluxwright::yaml::Dialect::Strict, limits)
            .expect("YAML")
            .to_value()
    };
    let codes: Vec<String> = codes().into_iter().collect();
    let tried: usize = codes
        .par_iter()
        .map(|code| {
            let mut tried = 0;
            let page = Sandbox::new().run(&["explain", code]).stdout;
            for (heading, wanted) in [("Wrong:", true), ("Right:", false)] {
                for fragment in blocks(&page, heading) {
                    let mut value = read(BASE);
                    merge(&mut value, &read(&fragment));
                    let sandbox = Sandbox::new();
                    sandbox.write(INTENT, fluxwright::yaml::emit(&value));
                    let run = sandbox.run(&["check"]);
                    let raised = run.stderr.contains(&format!("[{code}]"));
                    assert_eq!(raised, wanted, "{code}, {heading}\n{fragment}\n{run}");
                    tried += 1;
                }
            }
            tried
        })
        .sum();
    assert!(tried > 120, "only {tried} examples were found");
}
