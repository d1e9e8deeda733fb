//! Any bytes as an intent: findings or a tree, never a panic, and nothing outside of the cluster's directory.
#![no_main]

use std::sync::OnceLock;

use fluxwright::pipeline::{self, Context, Inputs};
use fluxwright::tree::{RepoPath, Tree};
use fluxwright::verify::Bases;
use libfuzzer_sys::fuzz_target;

static CONTEXT: OnceLock<Context> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let context = CONTEXT.get_or_init(|| Context::new(&Tree::new()).ok().expect("the catalog of the binary is valid"));
    let path = RepoPath::parse("clusters/demo/cluster.yaml").expect("a valid path");
    let draft = pipeline::read(path.as_str(), Some(path.clone()), bytes, context);
    let outcome = pipeline::complete(draft, Inputs::default(), context, &Bases::default());
    let Some((plan, layout)) = outcome.desired.as_ref().filter(|_| !outcome.has_errors()) else {
        assert!(outcome.has_errors(), "neither a tree nor an error");
        return;
    };
    for (path, blob) in layout.tree.iter() {
        assert!(path.strip_prefix(&plan.cluster.root).is_some(), "`{path}` lies outside of `{}`", plan.cluster.root);
        assert!(blob.text().is_some(), "`{path}` is no text");
    }
    let again = pipeline::read(path.as_str(), Some(path.clone()), bytes, context);
    let again = pipeline::complete(again, Inputs::default(), context, &Bases::default());
    assert_eq!(again.desired.map(|(_, layout)| layout.tree), Some(layout.tree.clone()));
});
