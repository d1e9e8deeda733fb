//! Any bytes as an intent, and behind `%%%` those of every file that it extends: findings or a tree, never a panic, and
//! nothing outside of the cluster's directory.
#![no_main]

use std::sync::OnceLock;

use fluxwright::intent::Library;
use fluxwright::layout::Layout;
use fluxwright::pipeline::{self, Context, Inputs, Outcome};
use fluxwright::plan::Plan;
use fluxwright::tree::{Blob, RepoPath, Tree};
use fluxwright::verify::Bases;
use libfuzzer_sys::fuzz_target;

static CONTEXT: OnceLock<Context> = OnceLock::new();

fn run(intent: &[u8], base: &[u8]) -> Outcome {
    let context = CONTEXT.get_or_init(|| Context::new(&Tree::new()).ok().expect("the catalog of the binary is valid"));
    let path = RepoPath::parse("clusters/demo/cluster.yaml").expect("a valid path");
    let library = Library::new(|_| Ok(Some(Blob::from(base.to_vec()))));
    let draft = pipeline::read(path.as_str(), Some(path.clone()), intent, context, &library).ok().expect("readable");
    pipeline::complete(draft, Inputs::default(), context, &Bases::default())
}

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.windows(3).position(|window| window == b"%%%").unwrap_or(bytes.len());
    let (intent, base) = bytes.split_at(end);
    let outcome = run(intent, base.get(3..).unwrap_or_default());
    let Some((plan, layout)) = outcome.desired.as_ref().filter(|_| !outcome.has_errors()) else {
        assert!(outcome.has_errors(), "neither a tree nor an error");
        return;
    };
    check(plan, layout);
    let again = run(intent, base.get(3..).unwrap_or_default());
    assert_eq!(again.desired.map(|(_, layout)| layout.tree), Some(layout.tree.clone()));
});

fn check(plan: &Plan, layout: &Layout) {
    for (path, blob) in layout.tree.iter() {
        assert!(path.strip_prefix(&plan.cluster.root).is_some(), "`{path}` lies outside of `{}`", plan.cluster.root);
        assert!(blob.text().is_some(), "`{path}` is no text");
    }
}
