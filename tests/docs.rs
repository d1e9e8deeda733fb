//! What the documents show is what the program does: sessions are replayed, files are written and used.

mod support;

use std::process::Command;

use support::{Sandbox, project};

/// A `$ command` of a console block with the output that the document shows.
struct Step {
    command: String,
    shown: String,
}

/// The console blocks of a document, in order.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line != "```console" {
            continue;
        }
        let mut heredoc: Option<String> = None;
        for line in lines.by_ref().take_while(|line| *line != "```") {
            match (&heredoc, line.strip_prefix("$ ")) {
                (Some(end), _) => {
                    let step = steps.last_mut().expect("a command is open");
                    step.command.push_str(&format!("\n{line}"));
                    if line == end {
                        heredoc = None;
                    }
                }
                (None, Some(command)) => {
                    heredoc = command.split("<<'").nth(1).and_then(|rest| rest.split('\'').next()).map(str::to_owned);
                    steps.push(Step { command: command.to_owned(), shown: String::new() });
                }
                (None, None) => {
                    let step = steps.last_mut().expect("a block starts with a command");
                    step.shown.push_str(&format!("{line}\n"));
                }
            }
        }
    }
    steps
}

/// The files that a document gives in blocks after a line `File: <path>`.
fn given_files(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(path) = line.strip_prefix("File: ") else { continue };
        let fence_line = lines.by_ref().find(|line| !line.is_empty()).expect("a block follows");
        let fence: String = fence_line.chars().take_while(|c| *c == '`').collect();
        let body: String = lines.by_ref().take_while(|line| *line != fence).map(|line| format!("{line}\n")).collect();
        found.push((path.trim_matches('`').to_owned(), body));
    }
    found
}

fn replay(document: &str) {
    let text = std::fs::read_to_string(project(document)).expect("readable");
    let sandbox = Sandbox::with_git();
    for (path, body) in given_files(&text) {
        sandbox.write(&path, body);
    }
    let commit = regex::Regex::new(r"(\[[a-z/]+ |\(commit )[0-9a-f]{10}").expect("valid");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_fluxwright"));
    let path = format!("{}:{}", program.parent().expect("a directory").display(), std::env::var("PATH").expect("set"));
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{document} has no console block");
    for step in steps {
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1\n{}", step.command)])
            .current_dir(sandbox.repo())
            .env_clear()
            .env("PATH", &path)
            .env("HOME", sandbox.repo().join("../home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("bash starts");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let same = |text: &str| commit.replace_all(text.trim_end(), "${1}0000000000").into_owned();
        assert_eq!(same(&printed), same(&step.shown), "{document}: $ {}", step.command);
    }
}

#[test]
fn the_session_of_the_readme_is_real() {
    replay("README.md");
}

#[test]
fn the_plugin_of_the_guide_works() {
    replay("docs/plugins.md");
}

#[test]
fn the_diff_of_the_guide_is_real() {
    replay("docs/diff.md");
}

#[test]
fn the_sessions_with_hand_edits_are_real() {
    replay("docs/hand-edits.md");
}

#[test]
fn the_page_of_the_report_guide_is_written() {
    replay("docs/report.md");
}

#[test]
fn the_diff_of_the_reference_is_real() {
    replay("docs/diff-json.md");
}

#[test]
fn the_sessions_of_the_guides_to_tools_are_real() {
    for guide in [
        "docs/commit.md",
        "docs/pre-commit.md",
        "docs/editors.md",
        "docs/fleets.md",
        "docs/install.md",
        "docs/ci.md",
        "docs/function.md",
        "docs/build.md",
    ] {
        replay(guide);
    }
}

#[test]
fn the_session_of_the_russian_guide_is_real() {
    replay("docs/ru/README.md");
}

/// The excerpts of a page: blocks after a line `From <path>:`, with their paths.
fn excerpts(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(path) = line.strip_prefix("From ").and_then(|rest| rest.strip_suffix(':')) else { continue };
        let path = path.trim_matches('`').to_owned();
        let fence = lines.by_ref().find(|line| !line.is_empty()).unwrap_or_default();
        assert!(fence.starts_with("```"), "{path}: no block follows");
        let body = lines.by_ref().take_while(|line| *line != "```").map(|line| line.trim().to_owned()).collect();
        found.push((path, body));
    }
    found
}

#[test]
fn the_excerpts_of_the_example_pages_are_real() {
    let example = project("examples/cluster-repo");
    for page in ["prod", "dev", "closed", "plain", "alauda"] {
        let text = std::fs::read_to_string(example.join(format!("docs/{page}.md"))).expect("readable");
        let excerpts = excerpts(&text);
        assert!(excerpts.len() >= 4, "{page}.md has only {} excerpts", excerpts.len());
        for (path, body) in excerpts {
            let file = std::fs::read_to_string(example.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            let lines: Vec<&str> = file.lines().map(str::trim).collect();
            let shown = body.join("\n");
            assert!(!body.is_empty(), "{page}.md: an empty excerpt of {path}");
            assert!(lines.windows(body.len()).any(|part| part == body), "{page}.md: not in {path}:\n{shown}");
        }
    }
}

#[test]
fn the_sections_of_the_tour_are_valid() {
    let text = std::fs::read_to_string(project("docs/intent.md")).expect("readable");
    let blocks: Vec<&str> = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 6, "only {} blocks", blocks.len());
    let read = |text: &str| {
        let limits = fluxwright::yaml::Limits::INTENT;
        fluxwright::yaml::parse_one(text.as_bytes(), fluxwright::yaml::Dialect::Strict, limits)
            .expect("YAML")
            .to_value()
    };
    let header = read(blocks[0]);
    for block in &blocks {
        let mut value = header.clone();
        if let (Some(spec), Some(own)) = (value["spec"].as_object_mut(), read(block)["spec"].as_object()) {
            for (section, content) in own {
                match (spec.get_mut(section).and_then(|known| known.as_object_mut()), content.as_object()) {
                    (Some(known), Some(content)) => known.extend(content.clone()),
                    _ => drop(spec.insert(section.clone(), content.clone())),
                }
            }
        }
        let name = value["metadata"]["name"].as_str().expect("a name").to_owned();
        let sandbox = Sandbox::new();
        sandbox.write(&format!("clusters/{name}/cluster.yaml"), fluxwright::yaml::emit(&value));
        let run = sandbox.run(&["check"]);
        assert_eq!(run.code, 0, "{block}\n{run}");
    }
}
