//! `check --flux`: what is found in any Flux repository, and that nothing is found in a sound one.

mod support;

use support::{Run, Sandbox};

/// A repository as `flux bootstrap` lays it out, with infrastructure and apps.
const SOUND: &[(&str, &str)] = &[
    (
        "clusters/prod/flux-system/gotk-sync.yaml",
        "apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, ref: {branch: main}, secretRef: {name: flux-system}, url: ssh://git@example.com/fleet}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, path: ./clusters/prod, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
",
    ),
    ("clusters/prod/flux-system/kustomization.yaml", "resources: [gotk-sync.yaml]\n"),
    (
        "clusters/prod/infrastructure.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: infrastructure, namespace: flux-system}
spec:
  interval: 1h
  path: ./infrastructure
  prune: true
  wait: true
  sourceRef: {kind: GitRepository, name: flux-system}
  decryption: {provider: sops, secretRef: {name: sops-age}}
",
    ),
    (
        "clusters/prod/apps.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  interval: 10m
  path: ./apps/prod
  prune: true
  dependsOn: [{name: infrastructure}]
  sourceRef: {kind: GitRepository, name: flux-system}
  patches:
    - target: {kind: Deployment, name: web}
      patch: |
        - {op: add, path: /spec/revisionHistoryLimit, value: 3}
    - target: {kind: HelmRelease}
      patch: |
        - {op: add, path: /spec/timeout, value: 5m}
  postBuild:
    substitute: {domain: example.com}
    substituteFrom: [{kind: ConfigMap, name: settings}, {kind: Secret, name: keys, optional: true}]
  healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: web, namespace: shop}]
",
    ),
    (
        "infrastructure/settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {replicas: \"3\"}\n",
    ),
    (
        "infrastructure/repository.yaml",
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts, namespace: flux-system}\nspec: {interval: 1h, url: https://charts.example.com}\n",
    ),
    (
        "infrastructure/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: web-keys, namespace: shop}\nstringData: {password: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: 'ENC[AES256_GCM,data:y]'}\n",
    ),
    ("infrastructure/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"),
    ("infrastructure/empty.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: token, namespace: shop}\n"),
    ("apps/base/kustomization.yaml", "resources: [web.yaml, release.yaml]\nnamespace: shop\n"),
    (
        "apps/base/web.yaml",
        "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: ghcr.io/example/web:1, env: [{name: HOST, value: \"web.${domain}\"}]}
",
    ),
    (
        "apps/base/release.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cache}
spec:
  interval: 1h
  chart: {spec: {chart: cache, sourceRef: {kind: HelmRepository, name: charts, namespace: flux-system}}}
  valuesFrom: [{kind: Secret, name: web-keys}]
",
    ),
    (
        "apps/prod/kustomization.yaml",
        "resources: [../base]
images: [{name: ghcr.io/example/web, newTag: \"2\"}]
patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: shop}
      spec: {template: {spec: {containers: [{name: web, resources: {limits: {memory: 64Mi}}}]}}}
",
    ),
];

/// The sound repository with one text of one file replaced by another, or a file more.
fn changed(changes: &[(&str, &str, &str)]) -> Sandbox {
    let sandbox = Sandbox::with_git();
    for (path, text) in SOUND {
        sandbox.write(path, text);
    }
    for (path, from, to) in changes {
        let text = if sandbox.exists(path) { sandbox.read(path) } else { String::new() };
        assert!(text.contains(from), "{path} has no `{from}`");
        sandbox.write(path, if from.is_empty() { (*to).to_owned() } else { text.replacen(from, to, 1) });
    }
    sandbox
}

fn check(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.run(&[&["check", "--flux"], args].concat())
}

#[test]
fn a_sound_repository_has_no_finding() {
    let sandbox = changed(&[]);
    let run = check(&sandbox, &[]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "clusters/prod: ok\n", ""), "{run}");
    assert_eq!(check(&sandbox, &["--flux-version", "2.8", "clusters/prod"]).code, 0);
}

/// Code, where it is, a part of the message, and the changes that bring it about.
type Case<'c> = (&'c str, &'c str, &'c str, &'c [(&'c str, &'c str, &'c str)]);

const APPS: &str = "clusters/prod/apps.yaml";
const OVERLAY: &str = "apps/prod/kustomization.yaml";
const BASE: &str = "apps/base/kustomization.yaml";

const CASES: &[Case<'_>] = &[
    (
        "patch-target-missing",
        "clusters/prod/apps.yaml:11",
        "there is no Deployment `wep`",
        &[(APPS, "{kind: Deployment, name: web}\n      patch", "{kind: Deployment, name: wep}\n      patch")],
    ),
    (
        "patch-target-missing",
        "apps/prod/kustomization.yaml:4",
        "there is no `apps/v1 Deployment shop/wep`",
        &[(OVERLAY, "{name: web, namespace: shop}", "{name: wep, namespace: shop}")],
    ),
    (
        "patch-target-missing",
        "apps/base/kustomization.yaml:3",
        "there is no Deployment `wep`",
        &[(
            BASE,
            "namespace: shop\n",
            "namespace: shop\npatchesJson6902: [{target: {version: v1, kind: Deployment, name: wep}, patch: '[{\"op\": \"remove\", \"path\": \"/spec\"}]'}]\n",
        )],
    ),
    (
        "selects-nothing",
        "clusters/prod/apps.yaml:14",
        "the patch matches no object",
        &[(APPS, "{kind: HelmRelease}", "{kind: HelmReleas}")],
    ),
    (
        "selects-nothing",
        "apps/prod/kustomization.yaml:2",
        "no container has the image `example/web`",
        &[(OVERLAY, "ghcr.io/example/web", "example/web")],
    ),
    (
        "selects-nothing",
        "apps/prod/kustomization.yaml:8",
        "the replacement finds no object",
        &[(
            OVERLAY,
            "metadata: {name: web, namespace: shop}\n      spec: {template: {spec: {containers: [{name: web, resources: {limits: {memory: 64Mi}}}]}}}\n",
            "metadata: {name: web, namespace: shop}\nreplacements: [{sourceValue: a, targets: [{select: {kind: Job}, fieldPaths: [spec.a]}]}]\n",
        )],
    ),
    (
        "patch-container-unknown",
        "apps/prod/kustomization.yaml:4",
        "has no container `wep`; the patch adds one, without image",
        &[(OVERLAY, "containers: [{name: web", "containers: [{name: wep")],
    ),
    (
        "reference-missing",
        "apps/base/release.yaml:6",
        "refers to HelmRepository `flux-system/chart`",
        &[("apps/base/release.yaml", "name: charts", "name: chart")],
    ),
    (
        "reference-missing",
        "apps/base/release.yaml:7",
        "takes values from Secret `shop/web-key`",
        &[("apps/base/release.yaml", "name: web-keys", "name: web-key")],
    ),
    (
        "reference-missing",
        "clusters/prod/infrastructure.yaml:9",
        "refers to GitRepository `flux-system/flux-sytem`",
        &[("clusters/prod/infrastructure.yaml", "name: flux-system}\n  dec", "name: flux-sytem}\n  dec")],
    ),
    (
        "reference-missing",
        "clusters/prod/apps.yaml:19",
        "takes values from Secret `flux-system/keys`",
        &[(APPS, "name: keys, optional: true", "name: keys")],
    ),
    (
        "reference-missing",
        "clusters/prod/apps.yaml:20",
        "waits for Deployment `wep`, which it does not bring",
        &[(APPS, "kind: Deployment, name: web, namespace", "kind: Deployment, name: wep, namespace")],
    ),
    (
        "dependency-unknown",
        "clusters/prod/apps.yaml:8",
        "waits for Kustomization `flux-system/infra`",
        &[(APPS, "[{name: infrastructure}]", "[{name: infra}]")],
    ),
    (
        "dependency-cycle",
        "clusters/prod/apps.yaml:8",
        "flux-system/apps -> flux-system/infrastructure -> flux-system/apps",
        &[("clusters/prod/infrastructure.yaml", "  wait: true\n", "  dependsOn: [{name: apps}]\n")],
    ),
    (
        "object-written-twice",
        "apps/base/namespace.yaml:1",
        "v1 Namespace shop is written by Kustomization `flux-system/infrastructure` (clusters/prod/infrastructure.yaml) and by Kustomization `flux-system/apps` (clusters/prod/apps.yaml)",
        &[
            ("apps/base/namespace.yaml", "", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"),
            (BASE, "release.yaml", "release.yaml, namespace.yaml"),
        ],
    ),
    (
        "variable-undeclared",
        "apps/base/web.yaml:5",
        "uses the variable `${replica}`, which nothing sets in Kustomization `flux-system/apps`",
        &[
            ("apps/base/web.yaml", "${replicas}", "${replica}"),
            (APPS, ", {kind: Secret, name: keys, optional: true}", ""),
        ],
    ),
    (
        "substitution-failed",
        "apps/base/web.yaml:1",
        "is not an expression that Flux can read",
        &[("apps/base/web.yaml", "web.${domain}", "web.${domain[@]}")],
    ),
    (
        "path-missing",
        "clusters/prod/apps.yaml:6",
        "names `./apps/stage`, which does not exist",
        &[(APPS, "./apps/prod", "./apps/stage")],
    ),
    (
        "path-missing",
        "apps/prod/kustomization.yaml:1",
        "it names `../bas`, which does not exist",
        &[(OVERLAY, "[../base]", "[../bas]")],
    ),
    (
        "build-failed",
        "infrastructure/values.yaml:1",
        "is not a Kubernetes object",
        &[("infrastructure/values.yaml", "", "replicas: 1\n")],
    ),
    (
        "build-unsupported",
        "apps/base/kustomization.yaml:1",
        "fluxwright cannot build this",
        &[(BASE, "release.yaml", "release.yaml, 'https://example.com/a.yaml'")],
    ),
    (
        "non-string-key",
        "apps/base/web.yaml:6",
        "",
        &[("apps/base/web.yaml", "{app: web}}\n  template", "{1: web}}\n  template")],
    ),
    (
        "object-duplicate",
        "apps/base/again.yaml",
        "apps/v1 Deployment web is there twice",
        &[
            ("apps/base/again.yaml", "", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"),
            (BASE, "release.yaml", "release.yaml, again.yaml"),
        ],
    ),
    (
        "kustomization-invalid",
        "clusters/prod/apps.yaml:18",
        "Kustomization `flux-system/apps`: the field is not a text; put it in quotes",
        &[(APPS, "domain: example.com", "domain: 1")],
    ),
    (
        "decryption-missing",
        "clusters/prod/infrastructure.yaml:4",
        "is encrypted with SOPS",
        &[("clusters/prod/infrastructure.yaml", "  decryption: {provider: sops, secretRef: {name: sops-age}}\n", "")],
    ),
    (
        "plaintext-secret",
        "infrastructure/plain.yaml:1",
        "v1 Secret shop/plain holds `a`, `b` in plain text",
        &[(
            "infrastructure/plain.yaml",
            "",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: plain, namespace: shop}\ndata: {a: aHVudGVyMg==}\nstringData: {b: hunter2}\n",
        )],
    ),
    (
        "key-overridden",
        "apps/prod/kustomization.yaml:3",
        "the key \"images\" stands here twice",
        &[(OVERLAY, "patches:\n", "images: [{name: ghcr.io/example/web, newTag: \"3\"}]\npatches:\n")],
    ),
];

#[test]
fn every_finding_has_its_code_and_place_and_comes_alone() {
    let mut wrong = Vec::new();
    for (code, place, message, changes) in CASES {
        let run = check(&changed(changes), &[]);
        let findings = run.stderr.matches("error[").count() + run.stderr.matches("warning[").count();
        let parts = [format!("[{code}]"), (*message).to_owned(), format!(" {place}")];
        let right = findings == 1
            && parts.iter().all(|part| run.stderr.contains(part))
            && run.code == i32::from(run.stderr.contains("error["))
            && !["hunter2", "aHVudGVyMg"].iter().any(|value| format!("{run}").contains(value));
        if !right {
            wrong.push(format!("{code} {place} {message}\n{run}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_findings_come_in_one_run_and_every_format_has_them() {
    let all = ["patch-target-missing", "path-missing", "reference-missing"];
    let sandbox = changed(&[
        (APPS, "{kind: Deployment, name: web}\n      patch", "{kind: Deployment, name: wep}\n      patch"),
        ("apps/base/release.yaml", "name: charts", "name: chart"),
        (
            "clusters/prod/more.yaml",
            "",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\nspec: {path: ./more, sourceRef: {kind: GitRepository, name: flux-system}}\n",
        ),
    ]);
    for format in ["json", "sarif", "github", "markdown"] {
        let run = check(&sandbox, &["-o", format]);
        assert_eq!(run.code, 1, "{run}");
        assert!(all.iter().all(|code| run.stdout.contains(code)), "{format}: {run}");
    }
    let json: serde_json::Value = serde_json::from_str(&check(&sandbox, &["-o", "json"]).stdout).expect("JSON");
    assert_eq!(json["clusters"][0]["directory"], "clusters/prod");
    insta::assert_snapshot!(check(&sandbox, &[]).stderr);
}

#[test]
fn before_flux_2_9_a_variable_that_nothing_sets_is_a_warning() {
    let sandbox = changed(&[
        ("apps/base/web.yaml", "web.${domain}", "web.${domains}"),
        (APPS, ", {kind: Secret, name: keys, optional: true}", ""),
    ]);
    assert_eq!(check(&sandbox, &[]).code, 1);
    let run = check(&sandbox, &["--flux-version", "2.8"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("warning[variable-unset]") && run.stderr.contains("apps/base/web.yaml:11"), "{run}");
}

#[test]
fn an_entry_that_selects_something_somewhere_is_no_finding() {
    // Every Kustomization gets the same patch; only one of them has something for it.
    let patch = "  patches:\n    - target: {kind: HelmRelease}\n      patch: |\n        - {op: add, path: /spec/timeout, value: 5m}\n";
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{target: {kind: Deployment, name: web}, patch: '[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": true}]'}]\n";
    let sandbox = changed(&[
        ("clusters/prod/infrastructure.yaml", "  prune: true\n", &format!("  prune: true\n{patch}")),
        ("component/kustomization.yaml", "", component),
        (OVERLAY, "images:", "components: [../../component]\nimages:"),
        (
            "infrastructure/kustomization.yaml",
            "",
            "resources: [settings.yaml, repository.yaml, secret.yaml, namespace.yaml, empty.yaml]\ncomponents: [../component]\n",
        ),
    ]);
    let run = check(&sandbox, &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
}

#[test]
fn objects_that_are_merged_or_created_once_may_have_another_writer() {
    for policy in ["IfNotPresent", "Merge", "Ignore"] {
        let namespace = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, annotations: {{kustomize.toolkit.fluxcd.io/ssa: {policy}}}}}\n"
        );
        let sandbox = changed(&[
            ("apps/base/namespace.yaml", "", &namespace),
            (BASE, "release.yaml", "release.yaml, namespace.yaml"),
        ]);
        assert_eq!(check(&sandbox, &[]).stderr, "", "{policy}");
    }
}

#[test]
fn what_cannot_be_told_is_a_failure_of_the_tool() {
    let sandbox = changed(&[]);
    assert_eq!(check(&sandbox, &["gone"]).code, 2);
    assert_eq!(sandbox.run(&["check", "--source", "a/b/c"]).code, 2);
}
