//! Any files as a plugin folder: findings, or a plugin that renders or says why not. A file starts with a line `=== NAME`.
#![no_main]

use std::sync::OnceLock;

use fluxwright::catalog::Catalog;
use fluxwright::intent::Library;
use fluxwright::pipeline::{self, Context, Inputs};
use fluxwright::tree::{RepoPath, Tree};
use fluxwright::verify::Bases;
use libfuzzer_sys::fuzz_target;

const INTENT: &str = "\
apiVersion: fluxwright.dev/v1alpha1
kind: ClusterIntent
metadata: {name: demo}
spec:
  platform: {type: Upstream, kubernetesVersion: \"1.32\", nodes: {infra: 3}}
  gitops:
    source: {name: clusters, url: \"https://git.example.com/platform/clusters.git\"}
  modules:
    - {name: fuzzed, state: Existing, release: {kustomization: fuzzed}}
";

static CATALOG: OnceLock<Catalog> = OnceLock::new();

fuzz_target!(|text: &str| {
    let mut tree = Tree::new();
    for file in text.split("=== ").skip(1) {
        let (name, content) = file.split_once('\n').unwrap_or((file, ""));
        if let Ok(path) = RepoPath::parse(&format!("plugins/modules/fuzzed/{name}")) {
            tree.insert(path, content);
        }
    }
    // Most folders have faults, which are found before the rest of the catalog is compiled.
    let catalog = CATALOG.get_or_init(|| Catalog::embedded().ok().expect("the catalog of the binary is valid"));
    if catalog.clone().overlaid(&tree).is_err() {
        return;
    }
    let Ok(context) = Context::new(&tree) else { return };
    let path = RepoPath::parse("clusters/demo/cluster.yaml").expect("a valid path");
    let library = Library::new(|_| Ok(None));
    let read = pipeline::read(path.as_str(), Some(path.clone()), INTENT.as_bytes(), &context, &library);
    let draft = read.ok().expect("nothing is read that could not be");
    let outcome = pipeline::complete(draft, Inputs::default(), &context, &Bases::default());
    let Some((plan, layout)) = &outcome.desired else { return };
    for (path, _) in layout.tree.iter() {
        assert!(path.strip_prefix(&plan.cluster.root).is_some(), "`{path}` lies outside of `{}`", plan.cluster.root);
    }
});
