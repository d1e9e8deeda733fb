//! `fluxwright diff --effective`: what would change in the cluster, told from what Flux applies before and after.

mod support;

use support::{Run, Sandbox};

const FORMATS: [&[&str]; 7] = [
    &[],
    &["-o", "json"],
    &["-o", "markdown"],
    &["-o", "html"],
    &["-o", "name-only"],
    &["--raw"],
    &["--raw", "-o", "markdown"],
];

/// A Kustomization of Flux in `clusters/<cluster>/<name>.yaml`.
fn kustomization(sandbox: &Sandbox, cluster: &str, name: &str, path: &str, more: &str) {
    let text = format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
         flux-system}}\nspec:\n  path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{more}"
    );
    sandbox.write(&format!("clusters/{cluster}/{name}.yaml"), text);
}

/// The Kustomization that applies the directory of the cluster.
fn root(sandbox: &Sandbox, cluster: &str) {
    kustomization(sandbox, cluster, "flux-system", &format!("./clusters/{cluster}"), "  prune: true\n");
}

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: web}}\ndata: {{key: {value}}}\n")
}

fn commit(sandbox: &Sandbox) {
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "--quiet", "--message", "state"]);
}

fn remove(sandbox: &Sandbox, path: &str) {
    let path = sandbox.repo().join(path);
    if path.is_dir() {
        std::fs::remove_dir_all(path).expect("a directory");
    } else {
        std::fs::remove_file(path).expect("a file");
    }
}

/// A cluster with a Kustomization `a` of the directory `a`.
fn one(more: &str) -> Sandbox {
    let sandbox = Sandbox::with_git();
    root(&sandbox, "prod");
    kustomization(&sandbox, "prod", "a", "./a", more);
    sandbox
}

fn diff(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.run(&[&["diff", "--effective"], args].concat())
}

fn json(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: web}\nspec:\n  \
                          replicas: 1\n  template:\n    spec:\n      containers:\n        - {name: web, image: \
                          'registry.corp.example/web:1.0'}\n";

#[test]
fn a_base_changes_the_overlays_of_every_cluster() {
    let sandbox = Sandbox::with_git();
    sandbox.write("apps/base/web.yaml", DEPLOYMENT);
    sandbox.write("apps/base/kustomization.yaml", "resources: [web.yaml]\n");
    for cluster in ["prod", "test"] {
        root(&sandbox, cluster);
        kustomization(&sandbox, cluster, "apps", &format!("./apps/{cluster}"), "  prune: true\n");
        sandbox.write(
            &format!("apps/{cluster}/kustomization.yaml"),
            format!("resources: [../base]\nimages: [{{name: registry.corp.example/web, newTag: {cluster}-1}}]\n"),
        );
    }
    commit(&sandbox);
    let none = diff(&sandbox, &[]);
    assert_eq!(
        (none.code, none.stdout.as_str()),
        (0, "cluster prod, compared with HEAD: no changes\ncluster test, compared with HEAD: no changes\n"),
        "{none}"
    );

    sandbox.write(
        "apps/base/kustomization.yaml",
        "resources: [web.yaml]\npatches:\n  - target: {kind: Deployment}\n    patch: '- {op: replace, path: /spec/replicas, value: 3}'\n",
    );
    let prod = sandbox.read("apps/prod/kustomization.yaml").replace("prod-1", "prod-2");
    sandbox.write("apps/prod/kustomization.yaml", prod);
    let run = diff(&sandbox, &[]);
    let shown = "cluster prod, Kustomization flux-system/apps
  ~ apps/v1 Deployment web/web  apps/base/web.yaml
      ~ spec.replicas: 1 -> 3
      ~ spec.template.spec.containers[web].image: registry.corp.example/web:prod-1 -> registry.corp.example/web:prod-2

cluster test, Kustomization flux-system/apps
  ~ apps/v1 Deployment web/web  apps/base/web.yaml
      ~ spec.replicas: 1 -> 3

cluster prod, compared with HEAD: objects: 1 changed
  ~ apps/v1 Deployment web/web (flux-system/apps)
cluster test, compared with HEAD: objects: 1 changed
  ~ apps/v1 Deployment web/web (flux-system/apps)
";
    assert_eq!((run.code, run.stdout.as_str()), (1, shown), "{run}");

    // One cluster by its name or its directory; one Kustomization of it.
    for name in ["test", "clusters/test"] {
        let run = diff(&sandbox, &[name, "-o", "name-only"]);
        assert_eq!(run.stdout, "test: flux-system/apps: apps/v1 Deployment web/web\n", "{run}");
    }
    assert_eq!(diff(&sandbox, &["--kustomization", "flux-system"]).code, 0);
    let run = diff(&sandbox, &["--kustomization", "gone"]);
    assert!(run.code == 2 && run.stderr.contains("there is no Kustomization `gone`"), "{run}");

    // Another revision than the last commit.
    commit(&sandbox);
    assert_eq!(diff(&sandbox, &[]).code, 0);
    assert_eq!(diff(&sandbox, &["--against", "HEAD~1"]).code, 1);

    let run = diff(&sandbox, &["--against", "HEAD~1", "--raw"]);
    assert!(
        run.stdout.starts_with(
            "--- flux-system/apps: apps/v1 Deployment web/web\n+++ flux-system/apps: apps/v1 Deployment web/web\n@@ "
        ),
        "{run}"
    );
    assert!(run.stdout.contains("\n-  replicas: 1\n+  replicas: 3\n"), "{run}");
    let run = diff(&sandbox, &["--against", "HEAD~1", "-o", "markdown"]);
    assert!(run.stdout.contains("#### Kustomization `flux-system/apps`\n"), "{run}");
    let run = diff(&sandbox, &["--against", "HEAD~1", "-o", "html"]);
    assert!(run.stdout.contains("<h3>Kustomization flux-system/apps</h3>"), "{run}");
}

#[test]
fn what_is_gone_is_deleted_or_left_behind() {
    for (more, effect) in [("  prune: true\n", "deleted"), ("  prune: false\n", "leftBehind"), ("", "leftBehind")] {
        let sandbox = one(more);
        sandbox.write("a/x.yaml", config_map("x", "1"));
        sandbox.write("a/y.yaml", config_map("y", "1"));
        let kept = config_map("kept", "1")
            .replace("namespace: web", "namespace: web, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}");
        sandbox.write("a/kept.yaml", kept);
        sandbox.write("a/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n");
        commit(&sandbox);
        for file in ["x", "kept", "ns"] {
            remove(&sandbox, &format!("a/{file}.yaml"));
        }
        let run = diff(&sandbox, &["-o", "json"]);
        let document = json(&run);
        let cluster = &document["clusters"][0];
        assert_eq!((&cluster["effective"], &cluster["unchangedObjects"]), (&true.into(), &3.into()), "{run}");
        let objects = cluster["objects"].as_array().expect("a list");
        let told: Vec<[&str; 3]> = objects
            .iter()
            .map(|o| ["change", "object", "effect"].map(|key| o[key].as_str().unwrap_or_default()))
            .collect();
        let expected = [
            ["removed", "v1 ConfigMap web/kept", "leftBehind"],
            ["removed", "v1 ConfigMap web/x", effect],
            ["removed", "v1 Namespace web", effect],
        ];
        assert_eq!(told, expected, "{run}");
        let text = diff(&sandbox, &[]);
        let marked = text.stdout.contains("  - v1 Namespace web  deleted from the cluster, with everything in it\n");
        assert_eq!(marked, effect == "deleted", "{text}");
    }
}

#[test]
fn an_object_that_moves_may_be_created_again() {
    for (more, waits, words) in [
        ("  prune: true\n", "", "may be deleted and created again"),
        ("  prune: true\n", "  dependsOn: [{name: b}]\n", "taken over"),
        ("  prune: false\n", "", "taken over"),
    ] {
        let sandbox = one(&format!("{more}{waits}"));
        kustomization(&sandbox, "prod", "b", "./b", "  prune: true\n");
        sandbox.write("a/x.yaml", config_map("x", "1"));
        sandbox.write("a/y.yaml", config_map("y", "1"));
        sandbox.write("b/z.yaml", config_map("z", "1"));
        commit(&sandbox);
        remove(&sandbox, "a/x.yaml");
        sandbox.write("b/x.yaml", config_map("x", "2"));
        let run = diff(&sandbox, &[]);
        let shown = format!(
            "cluster prod, Kustomization flux-system/b
  > v1 ConfigMap web/x  b/x.yaml, from flux-system/a, {words}
      ~ data.key: 1 -> 2

cluster prod, compared with HEAD: objects: 1 moved
  > v1 ConfigMap web/x (flux-system/b): {words}
"
        );
        assert_eq!((run.code, run.stdout), (1, shown), "{}", run.stderr);
    }
}

#[test]
fn a_kustomization_takes_its_objects_with_it() {
    for (more, effect) in [
        ("  prune: true\n", "deleted"),
        ("  prune: true\n  deletionPolicy: Orphan\n", "leftBehind"),
        ("  prune: false\n  deletionPolicy: Delete\n", "deleted"),
        ("  prune: true\n  suspend: true\n", "leftBehind"),
        ("  prune: false\n", "leftBehind"),
    ] {
        let sandbox = one(more);
        sandbox.write("a/x.yaml", config_map("x", "1"));
        commit(&sandbox);
        remove(&sandbox, "clusters/prod/a.yaml");
        let run = diff(&sandbox, &["-o", "json"]);
        let document = json(&run);
        let objects = document["clusters"][0]["objects"].as_array().expect("a list");
        let of = |at: usize, key: &str| objects[at][key].as_str().unwrap_or_default().to_owned();
        let name = "kustomize.toolkit.fluxcd.io/v1 Kustomization flux-system/a";
        assert_eq!((of(0, "object").as_str(), of(0, "effect").as_str()), (name, "deleted"), "{run}");
        assert_eq!(
            (of(1, "object").as_str(), of(1, "effect").as_str()),
            ("v1 ConfigMap web/x", effect),
            "{more}: {run}"
        );
        // Under another name, another Kustomization applies the objects.
        kustomization(&sandbox, "prod", "b", "./a", more);
        let run = diff(&sandbox, &[]);
        let words = if effect == "deleted" { "may be deleted and created again" } else { "taken over" };
        let words = if more.contains("suspend") { "left behind in the cluster" } else { words };
        assert!(run.stdout.contains(&format!("  > v1 ConfigMap web/x (flux-system/b): {words}\n")), "{run}");
        assert!(run.stdout.contains("cluster prod, Kustomization flux-system/b (new"), "{run}");
    }
}

#[test]
fn nothing_is_deleted_when_the_directory_of_a_cluster_is_gone() {
    let sandbox = one("  prune: true\n");
    sandbox.write("a/x.yaml", config_map("x", "1"));
    root(&sandbox, "other");
    commit(&sandbox);
    remove(&sandbox, "clusters/prod");
    root(&sandbox, "fresh");
    let run = diff(&sandbox, &[]);
    assert!(run.stdout.contains("  - v1 ConfigMap web/x (flux-system/a): left behind in the cluster\n"), "{run}");
    assert!(run.stdout.contains("cluster prod: removed, compared with HEAD: objects: 3 removed\n"), "{run}");
    assert!(run.stdout.contains("cluster fresh: new, compared with HEAD: objects: 1 added\n"), "{run}");
    assert!(run.stdout.contains("cluster other, compared with HEAD: no changes\n"), "{run}");
}

#[test]
fn values_of_secrets_are_in_no_format() {
    let sandbox = one("  prune: true\n  postBuild: {substituteFrom: [{kind: Secret, name: values}]}\n");
    let secret = |value: &str, encoded: &str| {
        let last = format!(
            "{{\\\"apiVersion\\\":\\\"v1\\\",\\\"kind\\\":\\\"Secret\\\",\\\"data\\\":{{\\\"k\\\":\\\"{encoded}\\\"}},\\\"stringData\\\":{{\\\"k\\\":\\\"{value}\\\"}}}}"
        );
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  namespace: web\n  annotations: {{kubectl.kubernetes.io/last-applied-configuration: \"{last}\"}}\nstringData:\n  plain: {value}\n  config.yaml: |\n    inner: {value}\n    other: same\ndata: {{k: {encoded}}}\n"
        )
    };
    let values = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: values, namespace: flux-system}}\nstringData: {{word: {value}}}\n"
        )
    };
    let embedded = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, namespace: web}}\ndata:\n  list.yaml: |\n    kind: Secret\n    apiVersion: v1\n    stringData: {{a: {value}}}\n  text: 'the word is ${{word}}, twice ${{word}}'\n  key_${{word}}: x\n"
        )
    };
    let state = |value: &str, encoded: &str| {
        sandbox.write("a/s.yaml", secret(value, encoded));
        sandbox.write("clusters/prod/values.yaml", values(&format!("{value}var")));
        sandbox.write("a/c.yaml", embedded(&format!("{value}emb")));
    };
    state("hunter2old", "aHVudGVyMm9sZA==");
    commit(&sandbox);
    // Changed, then removed, then added.
    state("swordfish9", "c3dvcmRmaXNoOQ==");
    let forbidden = ["hunter2", "swordfish", "aHVudGVy", "c3dvcmRm"];
    let check = |expected: &str| {
        for format in FORMATS {
            let run = diff(&sandbox, format);
            assert_eq!(run.code, 1, "{format:?} {run}");
            for word in forbidden {
                assert!(!run.stdout.contains(word) && !run.stderr.contains(word), "{format:?}: `{word}` in {run}");
            }
            assert!(run.stdout.contains("v1 Secret web/s") && run.stdout.contains(expected), "{format:?}: {run}");
        }
    };
    check("v1 ConfigMap web/c");
    let text = diff(&sandbox, &[]).stdout;
    assert!(text.contains("      ~ data.plain: what differs is hidden\n"), "{text}");
    remove(&sandbox, "a/s.yaml");
    remove(&sandbox, "a/c.yaml");
    sandbox.write("a/keep.yaml", config_map("keep", "1"));
    check("v1 ConfigMap web/c");
    commit(&sandbox);
    state("swordfish9", "c3dvcmRmaXNoOQ==");
    check("v1 ConfigMap web/c");
}

#[test]
fn encrypted_values_that_differ_are_told_and_hidden() {
    let sandbox = one("  prune: true\n  decryption: {provider: sops}\n");
    let secret = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: web}}\nstringData: {{k: 'ENC[AES256_GCM,data:{value},type:str]'}}\nsops: {{mac: 'ENC[{value}]', lastmodified: '{value}'}}\n"
        )
    };
    sandbox.write("a/s.yaml", secret("before"));
    commit(&sandbox);
    sandbox.write("a/s.yaml", secret("after"));
    for format in FORMATS {
        let run = diff(&sandbox, format);
        assert_eq!(run.code, 1, "{format:?} {run}");
        assert!(run.stdout.contains("v1 Secret web/s") && !run.stdout.contains("AES256"), "{format:?} {run}");
    }
    let text = diff(&sandbox, &[]).stdout;
    assert!(text.contains("      ~ [\"encrypted values\"]: what differs is hidden\n"), "{text}");
    // Another key of the file, and the same values.
    sandbox.write("a/s.yaml", secret("before").replace("lastmodified: 'before'", "lastmodified: later"));
    assert_eq!(diff(&sandbox, &[]).code, 0);
}

#[test]
fn values_of_a_release_are_told_field_by_field() {
    let sandbox = one("  prune: true\n");
    let release = |tag: &str, port: u16| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: r, namespace: web}}\nspec:\n  values:\n    image: {{tag: '{tag}'}}\n    config: |\n      server: {{port: {port}}}\n      name: x\n"
        )
    };
    sandbox.write("a/r.yaml", release("1.0", 80));
    sandbox.write(
        "a/s.yaml",
        config_map("s", "1")
            .replace("namespace: web", "namespace: web, annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}"),
    );
    commit(&sandbox);
    sandbox.write("a/r.yaml", release("1.1", 8080));
    let s = sandbox.read("a/s.yaml").replace("key: 1", "key: 2");
    sandbox.write("a/s.yaml", s);
    let run = diff(&sandbox, &[]);
    let shown = "cluster prod, Kustomization flux-system/a
  ~ helm.toolkit.fluxcd.io/v2 HelmRelease web/r  a/r.yaml
      ~ spec.values.image.tag: \"1.0\" -> \"1.1\"
      ~ spec.values.config.server.port: 80 -> 8080
  ~ v1 ConfigMap web/s  a/s.yaml, left as it is in the cluster
      ~ data.key: 1 -> 2
";
    assert!(run.stdout.starts_with(shown), "{run}");
    // Another version of the API is another field of the same object.
    sandbox.write("a/r.yaml", release("1.0", 80).replace("fluxcd.io/v2", "fluxcd.io/v2beta2"));
    let run = diff(&sandbox, &["-o", "json"]);
    assert_eq!(json(&run)["clusters"][0]["objects"][0]["fields"][0]["path"], "apiVersion", "{run}");
}

#[test]
fn variables_are_substituted_and_unknown_ones_stay() {
    let sandbox = one(
        "  prune: true\n  postBuild: {substitute: {v: '1'}, substituteFrom: [{kind: ConfigMap, name: elsewhere}]}\n",
    );
    sandbox.write("a/x.yaml", config_map("x", "'a-${v}-${w}'"));
    commit(&sandbox);
    kustomization(
        &sandbox,
        "prod",
        "a",
        "./a",
        "  prune: true\n  postBuild: {substitute: {v: '2'}, substituteFrom: [{kind: ConfigMap, name: elsewhere}]}\n",
    );
    sandbox.write("a/y.yaml", config_map("y", "'${u}'"));
    let run = diff(&sandbox, &[]);
    assert!(run.code == 1 && run.stdout.contains("      ~ data.key: a-1-${w} -> a-2-${w}\n"), "{run}");
    assert!(run.stderr.contains("note: flux-system/a: `v1 ConfigMap web/y`: `u` stays as it is"), "{run}");
    assert!(!run.stderr.contains("`w`"), "both sides have it: {run}");
}

#[test]
fn a_side_that_cannot_be_built_is_named_and_the_rest_compared() {
    let sandbox = one("  prune: true\n");
    kustomization(&sandbox, "prod", "b", "./b", "  prune: true\n");
    sandbox.write("a/x.yaml", config_map("x", "1"));
    sandbox.write("b/x.yaml", config_map("z", "1"));
    sandbox.write("b/k.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: child, namespace: flux-system}\nspec: {path: ./c, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n");
    sandbox.write("c/x.yaml", config_map("child", "1"));
    commit(&sandbox);
    sandbox.write("a/x.yaml", config_map("x", "2"));
    sandbox.write("b/kustomization.yaml", "resources: [gone.yaml]\n");
    let run = diff(&sandbox, &[]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("error: the working tree: flux-system/b"), "{run}");
    assert!(run.stdout.contains("      ~ data.key: 1 -> 2\n"), "{run}");
    let skipped = "not compared: it cannot be built on both sides";
    for name in ["b", "child"] {
        assert!(run.stdout.contains(&format!("cluster prod, Kustomization flux-system/{name} ({skipped})\n")), "{run}");
    }
    assert!(!run.stdout.contains("web/z") && !run.stdout.contains("web/child"), "{run}");
    commit(&sandbox);
    remove(&sandbox, "b/kustomization.yaml");
    let run = diff(&sandbox, &[]);
    assert!(run.code == 2 && run.stderr.contains("error: `HEAD`: flux-system/b"), "{run}");
    // A whole cluster that says nothing keeps the others from nothing.
    root(&sandbox, "other");
    sandbox.write("clusters/prod/kustomization.yaml", "resources: [gone.yaml]\n");
    let run = diff(&sandbox, &[]);
    assert!(run.code == 2 && run.stderr.contains("error: the working tree: clusters/prod: "), "{run}");
    assert!(run.stdout.contains("cluster other: new"), "{run}");
}

#[test]
fn what_is_asked_for_must_be_there() {
    let sandbox = one("  prune: true\n");
    sandbox.write("a/x.yaml", config_map("x", "1"));
    // Nothing is committed yet: everything is new.
    let run = diff(&sandbox, &[]);
    assert!(run.code == 1 && run.stdout.contains("cluster prod: new, compared with HEAD: objects: 3 added\n"), "{run}");
    commit(&sandbox);
    for (args, message) in [
        (&["gone"][..], "`gone` does not exist in the repository, nor in `HEAD`"),
        (&["--against", "nowhere"], "nowhere"),
        (&["-o", "json", "--raw"], "`--raw` does not change the format `json`"),
        (&["--base", "a=b"], "cannot be used with"),
    ] {
        let run = diff(&sandbox, args);
        assert!(run.code == 2 && run.stderr.contains(message), "{args:?}: {run}");
    }
    let run = sandbox.run(&["diff", "--flux-version", "2.8"]);
    assert!(run.code == 2 && run.stderr.contains("--effective"), "{run}");
    // A repository of Flux that is a part of a git repository, and a cluster that is gone by its name.
    for file in ["flux-system", "a"] {
        let text = sandbox.read(&format!("clusters/prod/{file}.yaml"));
        sandbox.write(&format!("fleet/clusters/prod/{file}.yaml"), text);
    }
    sandbox.write("fleet/a/x.yaml", config_map("x", "1"));
    commit(&sandbox);
    sandbox.write("fleet/a/x.yaml", config_map("x", "2"));
    let run = diff(&sandbox, &["--repo", "fleet", "-o", "name-only"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, "prod: flux-system/a: v1 ConfigMap web/x\n"), "{run}");
    remove(&sandbox, "fleet/clusters/prod");
    let run = diff(&sandbox, &["--repo", "fleet", "prod"]);
    assert!(run.code == 1 && run.stdout.contains("cluster prod: removed"), "{run}");
    // Without clusters/ the root is the entry, which no Kustomization applies: nobody knows who prunes.
    sandbox.write("flat/x.yaml", config_map("x", "1"));
    sandbox.write("flat/y.yaml", config_map("y", "1"));
    commit(&sandbox);
    remove(&sandbox, "flat/x.yaml");
    let run = diff(&sandbox, &["--repo", "flat"]);
    let shown = "cluster ., directory .\n  - v1 ConfigMap web/x\n\ncluster ., compared with HEAD: objects: 1 removed\n  - v1 ConfigMap web/x (.)\n";
    assert_eq!((run.code, run.stdout.as_str()), (1, shown), "{run}");
    let plain = Sandbox::new();
    let run = diff(&plain, &[]);
    assert!(run.code == 2 && run.stderr.contains("is in no git repository"), "{run}");
}
