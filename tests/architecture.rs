//! Who may import whom: the table of ARCHITECTURE.md, checked.

mod support;

use std::collections::BTreeSet;

use support::{files, project};

/// Module, and what it may use.
const TABLE: &[(&str, &[&str])] = &[
    ("diagnostic", &[]),
    ("tree", &[]),
    ("yaml", &["diagnostic"]),
    ("intent", &["yaml", "diagnostic", "tree"]),
    ("catalog", &["tree", "yaml", "diagnostic"]),
    ("plan", &["intent", "catalog", "diagnostic"]),
    ("render", &["plan", "catalog", "yaml", "diagnostic"]),
    ("layout", &["plan", "intent", "render", "tree", "yaml", "diagnostic"]),
    ("build", &["tree", "yaml", "diagnostic", "render"]),
    ("verify", &["plan", "intent", "layout", "build", "render", "tree", "yaml", "diagnostic"]),
    ("diff", &["build", "diagnostic", "layout", "render", "tree", "yaml"]),
    ("report", &["diagnostic", "diff", "layout", "tree", "verify", "yaml"]),
    ("repo", &["diagnostic", "tree", "build", "diff", "layout"]),
    ("forge", &["diagnostic"]),
    ("pipeline", &["build", "catalog", "diagnostic", "intent", "layout", "plan", "render", "tree", "verify"]),
    ("krm", &["diagnostic", "intent", "layout", "pipeline", "plan", "render", "tree", "verify", "yaml"]),
    (
        "cli",
        &[
            "build",
            "catalog",
            "diagnostic",
            "diff",
            "forge",
            "intent",
            "krm",
            "layout",
            "pipeline",
            "plan",
            "render",
            "repo",
            "report",
            "tree",
            "verify",
            "yaml",
        ],
    ),
];

fn module(path: &str) -> &str {
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// The part of a file before its unit tests, without comments.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn modules_import_what_the_table_allows() {
    let name = regex::Regex::new(r"crate::(\{[^;]*\}|\w+)").expect("valid");
    let word = regex::Regex::new(r"(?:^|[{,]\s*)(\w+)").expect("valid");
    let mut wrong = Vec::new();
    for (path, bytes) in files(&project("src")) {
        let own = module(&path);
        if matches!(own, "main" | "lib") || path.ends_with("/tests.rs") || path.contains("/tests/") {
            continue;
        }
        let allowed =
            TABLE.iter().find(|(name, _)| *name == own).unwrap_or_else(|| panic!("{own} is not in the table")).1;
        for found in name.captures_iter(&code(&String::from_utf8_lossy(&bytes))) {
            for used in word.captures_iter(&found[1]) {
                let used = &used[1];
                if used != own && TABLE.iter().any(|(name, _)| *name == used) && !allowed.contains(&used) {
                    wrong.push(format!("{path} uses {used}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_document_holds_the_same_table() {
    let text = std::fs::read_to_string(project("ARCHITECTURE.md")).expect("readable");
    for (name, allowed) in TABLE.iter().filter(|(name, _)| *name != "cli") {
        let row = text
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")))
            .unwrap_or_else(|| panic!("no row for {name}"));
        let cell = row.split('|').nth(2).unwrap_or_default();
        let listed: BTreeSet<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert_eq!(listed, allowed.iter().copied().collect::<BTreeSet<_>>(), "{row}");
    }
}

#[test]
fn pure_stages_touch_neither_disk_nor_environment() {
    let effects = [
        "std::fs",
        "std::env::",
        "std::process",
        "std::net::Tcp",
        "SystemTime",
        "Instant::now",
        "println!",
        "eprintln!",
        "File::",
    ];
    let mut wrong = Vec::new();
    for (path, bytes) in files(&project("src")) {
        if matches!(module(&path), "repo" | "forge" | "cli" | "main") || path.ends_with("/tests.rs") {
            continue;
        }
        let text = code(&String::from_utf8_lossy(&bytes));
        wrong.extend(
            effects.iter().filter(|effect| text.contains(**effect)).map(|effect| format!("{path} uses {effect}")),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn one_folder_owns_the_git_library() {
    let uses = regex::Regex::new(r"\bgix\b").expect("valid");
    let other = |path: &String| path.ends_with(".rs") && !path.starts_with("repo/git/");
    let found = files(&project("src")).into_iter().filter(|(path, _)| other(path));
    let wrong: Vec<_> = found.filter(|(_, bytes)| uses.is_match(&code(&String::from_utf8_lossy(bytes)))).collect();
    assert!(wrong.is_empty(), "{:?}", wrong.iter().map(|(path, _)| path).collect::<Vec<_>>());
}

#[test]
fn every_file_says_what_it_owns() {
    for (path, bytes) in files(&project("src")) {
        let header: &[u8] = if path.ends_with(".css") { b"/* " } else { b"//!" };
        assert!(bytes.starts_with(header), "src/{path} has no header");
    }
}

/// Names of modules, platforms and types of registries must not stand in code: they are data. The plugins that render
/// sections of the intent are left out (they have the sections' names), and so is the word "upstream" in lower case, which
/// is what ingress-nginx and containerd call the other side.
#[test]
fn no_module_and_no_platform_is_named_in_code() {
    let list = |kind: &str| -> Vec<String> {
        let dir = project(&format!("plugins/{kind}"));
        std::fs::read_dir(dir)
            .expect("readable")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .collect()
    };
    let sections = |name: &String| {
        let text = std::fs::read_to_string(project(&format!("plugins/modules/{name}/plugin.yaml"))).expect("readable");
        text.contains("\nsection:")
    };
    let mut names = list("platforms");
    names.extend(list("modules").into_iter().filter(|name| !sections(name)));
    assert!(names.len() >= 8, "{names:?}");
    let words: Vec<regex::Regex> = names
        .iter()
        .map(|name| if name == "upstream" { "Upstream".to_owned() } else { format!("(?i){name}") })
        .map(|pattern| regex::Regex::new(&pattern).expect("valid"))
        .collect();
    let mut found = Vec::new();
    for (path, bytes) in files(&project("src")) {
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            if words.iter().any(|word| word.is_match(line)) {
                found.push(format!("src/{path}:{}: {line}", number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
