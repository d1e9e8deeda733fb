//! Our engine and the real kustomize, side by side on the same directories.
//!
//! A case is a folder of `tests/conformance/`: `input/**`, and `case.yaml` with `build` (the directory below `input`),
//! `why` (the fact under test) and `expect`: `agree` (same objects, or both fail) or `refuse` (we fail on purpose where
//! kustomize goes on). `expected.yaml`, where it is there, is what kustomize printed; `tests/build.rs` compares our bytes with it. The program is named by FLUXWRIGHT_KUSTOMIZE.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use fluxwright::build::{BuildError, build};
use fluxwright::tree::{RepoPath, Tree};
use fluxwright::yaml::{Dialect, Limits, parse};
use serde_json::Value;

type Objects = BTreeMap<String, Value>;

fn kustomize() -> PathBuf {
    std::env::var_os("FLUXWRIGHT_KUSTOMIZE")
        .map(PathBuf::from)
        .expect("FLUXWRIGHT_KUSTOMIZE must name the kustomize program (v5.8.1) to compare with")
}

fn load(dir: &Path, below: &Path, tree: &mut Tree) {
    let mut entries: Vec<_> =
        std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())).flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            load(&path, below, tree);
        } else {
            let name = path.strip_prefix(below).expect("the walk stays below its start").to_string_lossy().into_owned();
            if let Ok(name) = RepoPath::parse(&name) {
                tree.insert(name, std::fs::read(&path).expect("the file can be read"));
            }
        }
    }
}

fn ours(input: &Path, dir: &str) -> Result<Objects, BuildError> {
    let mut tree = Tree::new();
    load(input, input, &mut tree);
    let dir = (dir != ".").then(|| RepoPath::parse(dir).expect("`build` is a path"));
    Ok(objects(build(&tree, dir.as_ref())?.into_iter().map(|resource| resource.body)))
}

fn real(input: &Path, dir: &str) -> Result<Objects, String> {
    let output = Command::new(kustomize())
        .args(["build", "."])
        .current_dir(input.join(dir))
        .output()
        .expect("FLUXWRIGHT_KUSTOMIZE names a program");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(printed(&output.stdout))
}

fn printed(text: &[u8]) -> Objects {
    let nodes = parse(text, Dialect::Kubernetes, Limits::MANIFEST).expect("kustomize prints YAML");
    objects(nodes.iter().map(|node| node.to_value()).filter(|value| !value.is_null()))
}

fn objects(bodies: impl Iterator<Item = Value>) -> Objects {
    bodies
        .map(|mut body| {
            let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
            let parts = ["/apiVersion", "/kind", "/metadata/namespace", "/metadata/name"].map(text);
            whole_numbers(&mut body);
            (parts.join(" "), body)
        })
        .collect()
}

/// `1.0` and `1` are one number to everybody but serde_json.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 1e15) {
                *value = Value::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

/// Says how two outcomes differ, or nothing.
fn difference(ours: &Result<Objects, BuildError>, real: &Result<Objects, String>) -> Option<String> {
    match (ours, real) {
        (Err(_), Err(_)) => None,
        (Ok(a), Ok(b)) if a == b => None,
        (Ok(a), Ok(b)) => {
            let mut out = String::new();
            for id in a.keys().chain(b.keys().filter(|id| !a.contains_key(*id))) {
                if a.get(id) != b.get(id) {
                    let show =
                        |o: Option<&Value>| o.map_or("(none)".into(), |v| serde_json::to_string(v).unwrap_or_default());
                    out.push_str(&format!("  {id}\n    ours: {}\n    real: {}\n", show(a.get(id)), show(b.get(id))));
                }
            }
            Some(out)
        }
        (Ok(_), Err(error)) => Some(format!("  only kustomize fails: {}\n", error.lines().last().unwrap_or_default())),
        (Err(error), Ok(_)) => Some(format!("  only we fail: {error}\n")),
    }
}

/// A recorded output must be what the program prints.
fn outdated(case: &Path, input: &Path, dir: &str) -> Option<String> {
    let recorded = std::fs::read(case.join("expected.yaml")).ok()?;
    let output = Command::new(kustomize()).args(["build", "."]).current_dir(input.join(dir)).output().ok()?;
    (recorded != output.stdout).then(|| "  expected.yaml is not what kustomize prints\n".to_owned())
}

#[test]
fn every_case_agrees_with_kustomize() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&root)
        .expect("the cases are there")
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() >= 35, "only {} cases found", cases.len());
    let mut failures = String::new();
    for case in &cases {
        let text = std::fs::read(case.join("case.yaml")).expect("a case has a case.yaml");
        let meta = parse(&text, Dialect::Strict, Limits::INTENT).expect("case.yaml is YAML")[0].to_value();
        let dir = meta["build"].as_str().unwrap_or(".");
        let input = case.join("input");
        let ours = ours(&input, dir);
        let wrong = match meta["expect"].as_str() {
            Some("refuse") => ours.is_ok().then(|| "  we should refuse this\n".to_owned()),
            _ => difference(&ours, &real(&input, dir)).or_else(|| outdated(case, &input, dir)),
        };
        let fails = meta["fails"].as_bool().unwrap_or(false);
        let wrong =
            wrong.or_else(|| (fails != ours.is_err()).then(|| format!("  `fails` is {fails}, we gave {ours:?}\n")));
        if let Some(wrong) = wrong {
            failures.push_str(&format!("{}:\n{wrong}", case.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    println!("{} cases", cases.len());
}

#[test]
fn shared_bases_agree_with_kustomize() {
    let shared = PathBuf::from(
        std::env::var_os("FLUXWRIGHT_SHARED")
            .expect("FLUXWRIGHT_SHARED must name the folder with the shared test data"),
    );
    let input = shared.join("data/bases");
    for dir in ["ingress-base", "nv-base"] {
        assert_eq!(difference(&ours(&input, dir), &real(&input, dir)), None, "{dir}");
    }
}

/// Texts that readers of YAML 1.1 or 1.2 are known to misread, and some that are merely ugly.
const NASTY: &[&str] = &[
    "",
    " ",
    "a",
    "yes",
    "Yes",
    "NO",
    "on",
    "Off",
    "y",
    "N",
    "~",
    "null",
    "Null",
    "true",
    "FALSE",
    "=",
    "<<",
    "-",
    "--",
    "---",
    "--- a",
    "...",
    "?",
    "? a",
    ":",
    ": a",
    "a:",
    "a: b",
    "a #b",
    "#a",
    "a#b",
    " a",
    "a ",
    "\ta",
    "a\t",
    "a\tb",
    "\n",
    "a\n",
    "a\n\n",
    "\na",
    " a\nb",
    "a \nb",
    "a\n b\n",
    "a\nb",
    "a\r\nb",
    "0",
    "-0",
    "00",
    "07",
    "08",
    "012",
    "0o17",
    "0x1F",
    "0b101",
    "1_000",
    "1e3",
    "1E3",
    "1.",
    ".5",
    "+.5",
    "-.5",
    "1.0e+21",
    "1e+21",
    "6.02e23",
    ".inf",
    "-.INF",
    ".nan",
    "12:30",
    "12:30:45",
    "190:20:30.15",
    "2024-01-01",
    "2024-1-1",
    "2024-01-01T00:00:00Z",
    "2024-01-01 00:00:00",
    "1.8.1",
    "10.0.0.0/8",
    "1c-1540",
    "10m0s",
    "4506Mi",
    "${q}${a}${q}",
    "{a: b}",
    "[a]",
    "{",
    "}",
    "[",
    "]",
    ",",
    "a, b",
    "&a",
    "*a",
    "!a",
    "!!str a",
    "|",
    ">",
    "|-",
    "%a",
    "@a",
    "`a",
    "'",
    "''",
    "\"",
    "\\",
    "\\n",
    "it's",
    "\"x\"",
    "'\"",
    "a'b\"c",
    "https://a.example/b?c=d&e=f",
    "0 0 * * *",
    "*/5 * * * *",
    "é",
    "имя",
    "日本語",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}a",
    "\u{1f600}",
    "a\u{0}b",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{fffe}",
    "_",
    "_1",
    "1_",
    "0_",
    "+1",
    "-1",
    "+",
    "1+1",
    "1-2",
    "9223372036854775808",
    "1e400",
    "0.1",
    "-1.5e-7",
    "no: yes",
    "key: |\n  text\n",
    "- a\n- b\n",
    "a: &x 1\nb: *x\n",
];

/// Deterministic texts over an alphabet that is rich in YAML syntax.
fn scrambled(count: usize) -> Vec<String> {
    let alphabet: Vec<char> =
        " \t\n\r:#-?'\"\\,[]{}&*!|>%@`~=<0123456789aAeEnNyYoO._+$é\u{2028}\u{1f600}".chars().collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as usize) % limit
    };
    (0..count).map(|_| (0..1 + next(12)).map(|_| alphabet[next(alphabet.len())]).collect()).collect()
}

/// Writes what our emitter prints, for readers that are not ours: `.ci/yaml_readers.py` gives it to PyYAML and kustomize.
#[test]
fn samples_for_other_yaml_readers_are_written() {
    let file =
        std::env::var_os("FLUXWRIGHT_YAML_SAMPLES").expect("FLUXWRIGHT_YAML_SAMPLES must name the file to write");
    let texts: Vec<String> = NASTY.iter().map(|text| (*text).to_owned()).chain(scrambled(4000)).collect();
    let mut lines = String::new();
    let mut add = |value: Value, configmap: bool| {
        let text = fluxwright::yaml::emit(&value);
        let mut line = serde_json::json!({"text": text, "value": value});
        if configmap {
            line["configmap"] = Value::Bool(true);
        }
        lines.push_str(&format!("{line}\n"));
    };
    for (index, text) in texts.iter().enumerate() {
        add(
            serde_json::json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("sample-{index}")}, "data": {"text": text},
            }),
            true,
        );
    }
    for chunk in texts.chunks(50) {
        let keyed: serde_json::Map<String, Value> =
            chunk.iter().map(|text| (text.clone(), Value::from(text.clone()))).collect();
        add(
            serde_json::json!({"keys": keyed, "list": chunk, "nested": [{"name": chunk[0], "items": [[chunk[0]], {}, []]}]}),
            false,
        );
    }
    add(serde_json::json!({"numbers": [0, -1, 1.5, 1e21, 1e-7, 123456789012345678u64, true, false, null]}), false);
    std::fs::write(&file, lines).expect("the file can be written");
}

mod support;

/// The proofs of the program on upstream manifests under the platform's names, whose outcome with kustomize is known.
#[test]
fn proofs_hold_on_real_manifests() {
    let shared =
        PathBuf::from(std::env::var_os("FLUXWRIGHT_SHARED").expect("FLUXWRIGHT_SHARED must name the shared test data"));
    let base = format!("nova-release={}", shared.join("data/bases").display());
    for (sample, cluster, patches) in [("minimal", "dev", 1), ("airgapped", "closed", 3)] {
        let text = std::fs::read_to_string(shared.join(format!("data/samples/{sample}.yaml")))
            .expect("the sample can be read");
        let sandbox = support::Sandbox::new();
        sandbox.write(
            &format!("clusters/{cluster}/cluster.yaml"),
            text.replace("intent.example.io/v1alpha1", "fluxwright.dev/v1alpha1"),
        );
        let run = sandbox.run(&["check", "--base", &base]);
        assert_eq!(run.code, 0, "{run}");
        let wanted = format!("{patches} of {patches} patches proven on base {}", shared.join("data/bases").display());
        assert!(run.stdout.contains(&wanted), "{run}");
    }
}
