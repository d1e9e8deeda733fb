//! `fluxwright init`: a minimal, commented intent.

use anyhow::bail;

use super::schema;
use crate::cli::Status;
use crate::cli::args::{Global, Init};
use crate::cli::session;
use crate::cli::ui::Ui;
use crate::diagnostic::did_you_mean;
use crate::intent::{Library, draft7};
use crate::pipeline;
use crate::repo::Repo;
use crate::tree::RepoPath;

/// Where the schema lies for editors, relative to the repository.
const SCHEMA: &str = "schemas/cluster-intent.schema.json";

pub fn run(global: &Global, args: &Init, ui: &Ui) -> anyhow::Result<Status> {
    let repo = session::repository(global)?;
    let Some(context) = session::context(&repo, ui)? else { return Ok(Status::Findings) };
    let names: Vec<&str> = context.catalog.platforms().map(|platform| platform.name.as_str()).collect();
    let first = context.catalog.platforms().find(|platform| platform.default);
    let Some(platform) = args.platform.as_deref().or(first.map(|platform| platform.name.as_str())) else {
        bail!("name a platform with `--platform`; `fluxwright modules` lists them");
    };
    if !names.contains(&platform) {
        match did_you_mean(platform, names.iter().copied()) {
            Some(meant) => bail!("no platform `{platform}`; did you mean `{meant}`?"),
            None => bail!("no platform `{platform}`; there are: {}", names.join(", ")),
        }
    }
    let Ok(path) = RepoPath::parse(&format!("clusters/{}/cluster.yaml", args.name)) else {
        bail!("`{}` is not a DNS-1123 label: lower-case letters, digits and `-`", args.name);
    };
    if repo.root().join(path.as_str()).symlink_metadata().is_ok() {
        bail!("`{path}` exists already; edit it, or choose another name");
    }
    let text = template(&args.name, platform, &args.url);
    // What is written must be valid: a bad name or address is reported in the words of `check`.
    let draft = pipeline::read(path.as_str(), Some(path.clone()), text.as_bytes(), &context, &Library::none())?;
    let outcome = pipeline::complete(draft, pipeline::Inputs::default(), &context, &Default::default());
    if outcome.has_errors() {
        let sources = [(path.to_string(), text)].into();
        ui.diagnostics(&outcome.diagnostics, &sources);
        return Ok(Status::Findings);
    }
    write(&repo, &path, &text, ui)?;
    let schema_path = RepoPath::parse(SCHEMA)?;
    if repo.read(&schema_path)?.is_none() {
        write(&repo, &schema_path, &schema::print(&draft7(context.schema.value())), ui)?;
    }
    ui.say("edit it, then run `fluxwright check` and `fluxwright diff`");
    Ok(Status::Clean)
}

fn write(repo: &Repo, path: &RepoPath, text: &str, ui: &Ui) -> anyhow::Result<()> {
    repo.write(path, text.as_bytes())?;
    ui.result(&format!("{:8}{path}", "created"))
}

fn template(name: &str, platform: &str, url: &str) -> String {
    let name_text = crate::yaml::emit(&serde_json::json!(name));
    let url_text = crate::yaml::emit(&serde_json::json!(url));
    format!(
        r#"# yaml-language-server: $schema=../../{SCHEMA}
# The intent of one cluster. `fluxwright explain spec` documents every field.
apiVersion: fluxwright.dev/v1alpha1
kind: ClusterIntent
# extends: ../../bases/common.yaml     # what several clusters share; `fluxwright explain extends`
metadata:
  name: {name}                     # also the directory: clusters/{name}/
  annotations:
    config.kubernetes.io/local-config: "true"   # kustomize never applies this file
spec:
  platform:
    type: {platform}
    kubernetesVersion: "1.28"      # in quotes
    nodes:
      infra: 1                     # nodes with the role infra
  gitops:
    source:                        # this repository, as Flux fetches it; never the platform's release mirror
      name: cluster-intent
      url: {url}
      branch: main
      # secretRef: {{name: cluster-intent-git}}   # Secret with username and password, or an SSH key

  # Ports that the ingress controller passes through to a Service:
  # exposedPorts:
  #   - port: 5432
  #     backend: {{namespace: db, service: postgres, port: 5432}}

  # Pull secrets, without a password in this file:
  # registries:
  #   - name: corp
  #     host: registry.corp.example
  #     pullSecret:
  #       name: corp-pull
  #       namespaces: [my-app]
  #       delivery: {{type: Existing}}

  # Modules of the platform: `fluxwright modules` lists them.
  # modules: []
"#,
        name = name_text.trim_end(),
        url = url_text.trim_end(),
    )
}
