//! `fluxwright build`: what it prints, where it writes, and what it refuses. Real kustomize is compared in `.ci/run`.

mod support;

use support::Sandbox;

const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: a}\nspec: {ports: [{port: 80}]}\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("base/service.yaml", SERVICE);
    sandbox.write("base/kustomization.yaml", "resources: [service.yaml, more]\n");
    sandbox.write("base/more/kustomization.yaml", "resources: [all.yaml]\n");
    sandbox.write(
        "base/more/all.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: b}\ndata: {\"1\": \"yes\"}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
    );
    sandbox.write("prod/kustomization.yaml", "resources: [../base]\n");
    sandbox
}

#[test]
fn bases_are_found_wherever_they_lie_and_sorted_as_kustomize_sorts() {
    let run = sandbox().run(&["build", "prod"]);
    assert_eq!(run.code, 0, "{run}");
    let kinds: Vec<&str> = run.stdout.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    assert_eq!(kinds, ["Namespace", "ConfigMap", "Service"]);
    assert!(run.stdout.contains("data:\n  \"1\": \"yes\"\n"), "{run}");
    let none = sandbox().run(&["build", "prod", "--reorder", "none"]);
    let kinds: Vec<&str> = none.stdout.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    assert_eq!(kinds, ["Service", "ConfigMap", "Namespace"]);
}

/// What kustomize printed is recorded beside some cases of `tests/conformance/`; the gate compares that with the program.
#[test]
fn recorded_cases_are_printed_byte_for_byte() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let mut count = 0;
    for case in std::fs::read_dir(&root).expect("the cases are there").flatten().map(|entry| entry.path()) {
        let Ok(expected) = std::fs::read_to_string(case.join("expected.yaml")) else { continue };
        let input = case.join("input");
        let run = Sandbox::new().run(&["build", input.to_str().expect("a path of ASCII")]);
        assert_eq!((run.code, run.stdout.as_str()), (0, expected.as_str()), "{}: {run}", case.display());
        count += 1;
    }
    assert!(count >= 18, "only {count} cases");
}

#[test]
fn a_directory_takes_one_file_for_each_object() {
    let sandbox = sandbox();
    sandbox.write("out/kept.txt", "mine");
    let run = sandbox.run(&["build", "prod", "-o", "out"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run}");
    let mut files: Vec<String> = std::fs::read_dir(sandbox.repo().join("out"))
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(files, ["a_v1_service_web.yaml", "b_v1_configmap_web.yaml", "kept.txt", "v1_namespace_a.yaml"]);
    sandbox.run(&["build", "prod", "-o", "all.yaml"]);
    assert_eq!(sandbox.read("all.yaml"), sandbox.run(&["build", "prod"]).stdout);
}

#[test]
fn what_is_not_supported_is_an_error_that_names_it() {
    for (text, named) in [
        ("helmCharts: [{name: x}]\nresources: [../base]\n", "prod/kustomization.yaml: `helmCharts` is not supported"),
        (
            "resources: [../base]\ntransformers: ['{apiVersion: x.example/v1, kind: Tool, metadata: {name: t}}']\n",
            "`transformers[0] (a function or plugin: x.example/v1 Tool)` is not supported",
        ),
        (
            "resources: [https://example.com/x.yaml]\n",
            "`resources[0] (remote: https://example.com/x.yaml; put a copy into the repository)` is not supported",
        ),
        ("resources: [../base/service.yaml]\n", "is not in or below the directory"),
        ("resource: [../base]\n", "`resource` does not exist; did you mean `resources`?"),
        ("resources: [gone.yaml]\n", "`gone.yaml`, which does not exist"),
        ("resources: [../prod]\n", "includes this directory again"),
        ("resources: [\n", "error: prod/kustomization.yaml:1:12: "),
        (
            "patches: [{path: bad.yaml}]\nresources: [../base]\n",
            "`patches[0]` (bad.yaml): the patch is not YAML: line 2: ",
        ),
    ] {
        let sandbox = sandbox();
        sandbox.write("prod/kustomization.yaml", text);
        sandbox.write("prod/bad.yaml", "a: b\n c: d\n");
        let run = sandbox.run(&["build", "prod"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{text}{run}");
        assert!(run.stderr.contains(named), "{text}{run}");
    }
    let run = sandbox().run(&["build", "base/nowhere"]);
    assert_eq!(run.code, 2, "{run}");
    let odd = sandbox();
    odd.write("a:b/kustomization.yaml", "resources: []\n");
    let run = odd.run(&["build", "a:b"]);
    assert!(run.code == 2 && run.stderr.contains("cannot stand in a repository"), "{run}");
    let run = sandbox().run(&["build", "."]);
    assert!(run.code == 2 && run.stderr.contains("has no kustomization.yaml"), "{run}");
}

#[test]
fn files_of_other_directories_need_a_word() {
    let sandbox = sandbox();
    sandbox.write("prod/kustomization.yaml", "resources: [../base/service.yaml]\n");
    let run = sandbox.run(&["build", "prod", "--load-restrictor", "LoadRestrictionsNone"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
    assert!(run.stdout.contains("kind: Service"), "{run}");
}

#[cfg(unix)]
#[test]
fn a_link_never_leads_out_of_its_directory() {
    let sandbox = sandbox();
    sandbox.write("secret.yaml", SERVICE);
    std::os::unix::fs::symlink(sandbox.repo().join("secret.yaml"), sandbox.repo().join("prod/link.yaml"))
        .expect("a link");
    sandbox.write("prod/own.yaml", SERVICE);
    std::os::unix::fs::symlink("own.yaml", sandbox.repo().join("prod/inner.yaml")).expect("a link");
    sandbox.write("prod/kustomization.yaml", "resources: [link.yaml]\n");
    assert_eq!(sandbox.run(&["build", "prod"]).code, 2);
    sandbox.write("prod/kustomization.yaml", "resources: [inner.yaml]\n");
    assert_eq!(sandbox.run(&["build", "prod"]).code, 0);
}

/// A repository whose cluster has two Kustomizations, one of them broken.
fn flux() -> Sandbox {
    let sandbox = Sandbox::with_git();
    let flux = |name: &str, path: &str| {
        format!(
            "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{path: {path}, sourceRef: {{kind: GitRepository, name: flux-system}}, postBuild: {{substitute: {{a: '1'}}}}}}\n"
        )
    };
    sandbox.write("clusters/demo/all.yaml", flux("good", "./good") + &flux("bad", "./bad"));
    sandbox.write("good/x.yaml", "apiVersion: v1\nkind: X\nmetadata: {name: x}\nspec: ${a}\n");
    sandbox.write("bad/x.yaml", "apiVersion: v1\nkind: X\nmetadata: {name: x}\nspec: ${b}\n");
    sandbox.write("bad/ignored.yaml", "no object");
    sandbox.write(".gitignore", "ignored.yaml\n");
    sandbox
}

#[test]
fn flux_prints_what_can_be_built_and_tells_the_rest() {
    let sandbox = flux();
    let run = sandbox.run(&["build", "--flux"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stdout.contains("# flux-system/good: ./good\n") && run.stdout.contains("spec: 1\n"), "{run}");
    assert!(!run.stdout.contains("# flux-system/bad"), "{run}");
    let fault = "error: flux-system/bad (clusters/demo/all.yaml): `v1 X x`: the variable `b` is not set\n";
    assert!(run.stderr.contains(fault), "{run}");
    assert!(run.stderr.contains("1 of 3 Kustomizations cannot be built"), "{run}");
    let before = sandbox.run(&["build", "--flux", "clusters/demo", "--flux-version", "2.8"]);
    assert_eq!((before.code, before.stderr.as_str()), (0, ""), "{before}");
    let one = sandbox.run(&["build", "--flux", "--kustomization", "flux-system/good"]);
    assert_eq!((one.code, one.stdout.matches("kind: X").count()), (0, 1), "{one}");
}

#[test]
fn flux_writes_one_file_for_each_kustomization() {
    let sandbox = flux();
    sandbox.write("out/kept.txt", "mine");
    assert_eq!(sandbox.run(&["build", "--flux", "-o", "out"]).code, 2);
    let files = support::files(&sandbox.repo().join("out"));
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["clusters_demo.yaml", "flux-system_good.yaml", "kept.txt"]);
}

#[test]
fn a_fault_of_a_flux_kustomization_is_told_where_it_stands() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "clusters/prod/apps.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec:\n  path: ./apps\n  components: [../gone]\n  sourceRef: {kind: GitRepository, name: flux-system}\n",
    );
    sandbox.write("apps/kustomization.yaml", "resources: []\nnamespace: x\n");
    let run = sandbox.run(&["build", "--flux"]);
    let told = "flux-system/apps (clusters/prod/apps.yaml): `spec.components[0]` names `../gone`, which does not exist";
    assert!(run.code == 2 && run.stderr.contains(told), "{run}");
}

#[test]
fn flux_asks_for_what_it_cannot_know() {
    let sandbox = flux();
    for (args, said) in [
        (&["build", "--flux", "--kustomization", "goood"][..], "there is no Kustomization `goood`"),
        (&["build", "--flux", "gone"], "`gone` is not a directory"),
        (&["build", "--flux", "--flux-version", "1.0"], "expected a version of Flux 2"),
        (&["build", "--flux", "--source", "x"], "expected KIND/NAMESPACE/NAME"),
        (&["build", "--kustomization", "x"], "--flux"),
    ] {
        let run = sandbox.run(args);
        assert!(run.code == 2 && run.stderr.contains(said), "{args:?}: {run}");
    }
    sandbox.write("clusters/other/x.yaml", "");
    let run = sandbox.run(&["build", "--flux"]);
    assert!(run.stderr.contains("name its directory: clusters/demo, clusters/other"), "{run}");
}
