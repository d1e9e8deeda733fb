//! `fluxwright modules new`: the folder of a new module.

use anyhow::bail;

use super::test;
use crate::catalog::{LONGEST_NAME, is_name, is_reserved};
use crate::cli::Status;
use crate::cli::args::{Global, NewModule, TestModules};
use crate::cli::session;
use crate::cli::ui::Ui;
use crate::tree::RepoPath;

/// The files of a scaffold; `NAME` and `PLATFORM` are filled in. docs/plugins.md explains each.
const FILES: &[(&str, &str)] = &[
    (
        "plugin.yaml",
        r#"# docs/plugins.md of fluxwright documents every field.
apiVersion: fluxwright.dev/v1alpha1
kind: Plugin
name: NAME
summary: NAME from its Helm chart
category: add-on
module:
  namespace: NAME
  delivery: Helm          # Release: a Kustomization of the platform's release delivers it
  chart: NAME

# self: the options with defaults; cluster: facts of the cluster; module: this module.
validations:
  - code: NAME-replicas-even
    rule: "self.replicas % 2 == 1"
    fieldPath: .replicas
    messageExpression: "string(self.replicas) + ' replicas cannot elect a leader'"
    hint: choose an odd number
"#,
    ),
    (
        "options.schema.json",
        r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "description": "Options of NAME.",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "replicas": {
      "description": "Number of pods.",
      "type": "integer",
      "minimum": 1,
      "maximum": 9,
      "default": 1
    }
  }
}
"#,
    ),
    (
        "templates/values.yaml.j2",
        r#"{#- Values of the chart. Objects besides the chart go into further templates. -#}
apiVersion: fluxwright.dev/v1alpha1
kind: Values
values:
  replicaCount: {{ options.replicas }}
"#,
    ),
    (
        "explain/NAME-replicas-even.md",
        r#"# NAME-replicas-even

An even number of replicas cannot elect a leader.

Choose an odd number.
"#,
    ),
    (
        "tests/basic.yaml",
        r#"apiVersion: fluxwright.dev/v1alpha1
kind: ClusterIntent
metadata:
  name: demo
spec:
  platform: {type: PLATFORM, kubernetesVersion: "1.30"}
  gitops:
    source: {name: cluster-intent, url: "https://git.corp.example/platform/clusters.git"}
  modules:
    - name: NAME
      helm:
        source: {url: "https://charts.corp.example", version: 1.0.0}
      NAME: {replicas: 3}
"#,
    ),
];

pub fn run(global: &Global, args: &NewModule, ui: &Ui) -> anyhow::Result<Status> {
    let name = &args.name;
    let valid = is_name(name) && name.starts_with(|c: char| c.is_ascii_lowercase());
    if !valid {
        bail!(
            "the name of a module is a DNS-1123 label of at most {LONGEST_NAME} characters that starts with a letter"
        );
    }
    let repo = session::repository(global)?;
    let Some(context) = session::context(&repo, ui)? else { return Ok(Status::Findings) };
    if is_reserved(name) || context.catalog.plugins().any(|plugin| plugin.name == *name) {
        bail!("`{name}` is taken; `fluxwright modules` lists what there is");
    }
    let base = context.catalog.platforms().find(|platform| platform.base_module(name).is_some());
    let free = context.catalog.platforms().filter(|platform| platform.base_module(name).is_none());
    let Some(platform) = free.max_by_key(|platform| platform.default).map(|platform| platform.name.clone()) else {
        bail!("`{name}` is a base module of every platform");
    };
    let dir = RepoPath::parse(&format!("plugins/modules/{name}"))?;
    if repo.root().join(dir.as_str()).symlink_metadata().is_ok() {
        bail!("`{dir}` exists already");
    }
    for (file, text) in FILES {
        let mut text = text.replace("NAME", name).replace("PLATFORM", &platform);
        if let (Some(base), true) = (base, *file == "plugin.yaml") {
            let others: Vec<&str> = context
                .catalog
                .platforms()
                .filter(|platform| platform.name != base.name && platform.base_module(name).is_none())
                .map(|platform| platform.name.as_str())
                .collect();
            text =
                text.replace("category: add-on\n", &format!("category: add-on\nplatforms: [{}]\n", others.join(", ")));
        }
        let path = dir.join(&file.replace("NAME", name))?;
        repo.write(&path, text.as_bytes())?;
        ui.result(&format!("{:8}{path}", "created"))?;
    }
    test::run(global, &TestModules { names: vec![name.clone()], update: true }, ui)?;
    ui.say(&format!("edit it, then run `fluxwright modules test {name}`"));
    Ok(Status::Clean)
}
