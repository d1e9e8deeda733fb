//! What Flux cannot do: files for whoever installs the nodes, and the steps that a person takes, in one page.

use std::collections::BTreeMap;

use serde_json::json;

use super::file_text;
use crate::plan::Plan;
use crate::render::{FileContent, Resource};

/// Files and steps to hand over.
#[derive(Clone, Debug, Default)]
pub(super) struct HandOver {
    files: BTreeMap<String, FileContent>,
    steps: Vec<(String, String)>,
    later: Vec<(String, String)>,
}

impl HandOver {
    /// Adds a file; the same file twice is fine when the content is the same.
    pub(super) fn file(&mut self, path: &str, content: FileContent) -> Result<(), String> {
        match (self.files.get(path), &content) {
            (Some(FileContent::Text(known)), FileContent::Text(text)) if known == text => Ok(()),
            (Some(_), _) => Err(format!("the handed-over file `{path}` is rendered twice")),
            (None, _) => {
                self.files.insert(path.to_owned(), content);
                Ok(())
            }
        }
    }

    /// Adds a step for the time before Flux sees the tree.
    pub(super) fn step(&mut self, title: &str, text: &str) {
        add(&mut self.steps, title, text);
    }

    /// Adds a step for the time when Flux has applied the tree.
    pub(super) fn later(&mut self, title: &str, text: &str) {
        add(&mut self.later, title, text);
    }

    /// Adds the patch block of a Kustomization with the steps for the console.
    pub(super) fn snippet(&mut self, plan: &Plan, name: &str, resource: &Resource) {
        let spec = resource.body.get("spec").cloned().unwrap_or_else(|| json!({}));
        self.files.insert(format!("install/patches/{name}.yaml"), FileContent::Object(spec));
        let text =
            plan.platform.gitops.by_hand.replace("{kustomization}", name).replace("{namespace}", &plan.namespace);
        let text = text.replace("{file}", &format!("install/patches/{name}.yaml"));
        self.step(&format!("Patch Kustomization {name} by hand"), &text);
    }

    /// Adds the check for patches that the cluster has and this repository has not.
    pub(super) fn existing_patches(&mut self, name: &str, namespace: &str) {
        self.step(
            &format!("Look for patches that Kustomization {name} has already"),
            &format!(
                "`spec.patches` is one list, and the one of this repository replaces it. Before the first commit reaches Flux:\n\n\
                 ```sh\nkubectl -n {namespace} get kustomization {name} -o jsonpath='{{.spec.patches}}'\n```\n\n\
                 What is shown and not in the intent would be lost: ports belong into `spec.exposedPorts`, the rest into\n`spec.patches`.\n"
            ),
        );
    }

    /// Adds the values of a module whose HelmRelease is not known.
    pub(super) fn values(&mut self, module: &str, kustomization: &str, namespace: &str, values: serde_json::Value) {
        self.files.insert(format!("install/{module}/values.yaml"), FileContent::Object(values));
        self.step(
            &format!("Give module {module} its options"),
            &format!(
                "`install/{module}/values.yaml` holds the options of `{module}` as values of its Helm chart. How Kustomization\n`{kustomization}` takes them is not known, so Flux does not apply them. Look for the HelmRelease that it deploys:\n\n\
                 ```sh\nkubectl get helmreleases --all-namespaces \\\n  --selector kustomize.toolkit.fluxcd.io/name={kustomization},kustomize.toolkit.fluxcd.io/namespace={namespace}\n```\n\n\
                 and name it in `release.helmRelease` of the module; then the values become a patch that is proven. Without a\n\
                 HelmRelease the release has variables (`release.vars`), or objects that `spec.patches` changes.\n"
            ),
        );
    }

    /// Prints the files.
    pub(super) fn files(&self, header: &str) -> Vec<(String, String)> {
        self.files.iter().map(|(path, content)| (path.clone(), file_text(header, path, content))).collect()
    }

    /// Prints the page of steps in their order; the bootstrap stands between what it needs and what needs it.
    pub(super) fn steps(&self, plan: &Plan, header: &str) -> String {
        let comment = header.trim_end().trim_start_matches("# ");
        let root = &plan.cluster.root;
        let source = &plan.cluster.intent.spec.gitops.source;
        let mut text = format!(
            "<!-- {comment} -->\n\n# Hand-over of cluster {}\n\nWhat Flux cannot do by itself, in this order. Paths are relative to this directory.\n",
            plan.cluster.name
        );
        let mut bootstrap = String::from("Once, with rights on the cluster:\n\n```sh\n");
        if let Some(secret) = &source.secret_ref {
            bootstrap.push_str(&format!(
                "# Secret `{}` in namespace {} must hold the credentials of {}\nkubectl -n {} get secret {}\n",
                secret.name, plan.namespace, source.url, plan.namespace, secret.name
            ));
        }
        if let Some(key) = plan.cluster.intent.spec.gitops.decryption.as_ref().and_then(|one| one.secret_ref.as_ref()) {
            bootstrap.push_str(&format!(
                "# Secret `{}` in namespace {} must hold the key of SOPS\nkubectl -n {} get secret {}\n",
                key.name, plan.namespace, plan.namespace, key.name
            ));
        }
        bootstrap.push_str(&format!("kubectl apply -f flux/bootstrap.yaml   # {root}/flux/bootstrap.yaml\n```\n\nFrom there on Flux follows branch `{}` by itself.\n", source.branch));
        let bootstrap = ("Bootstrap Flux".to_owned(), bootstrap);
        for (number, (title, body)) in self.steps.iter().chain([&bootstrap]).chain(&self.later).enumerate() {
            text.push_str(&format!("\n## {}. {title}\n\n{}\n", number + 1, body.trim_end()));
        }
        text
    }
}

/// Several plugins may ask for the same step; it is taken once.
fn add(steps: &mut Vec<(String, String)>, title: &str, text: &str) {
    let step = (title.to_owned(), text.to_owned());
    if !steps.contains(&step) {
        steps.push(step);
    }
}
