//! Any patch on any objects, `%%%` between them: a fault, or objects again.
#![no_main]

use fluxwright::build::{Patch, apply};
use fluxwright::render::Resource;
use fluxwright::yaml::{self, Dialect, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some((objects, patch)) = text.split_once("%%%") else { return };
    let Ok(nodes) = yaml::parse(objects.as_bytes(), Dialect::Kubernetes, Limits::MANIFEST) else { return };
    let mut resources: Vec<Resource> = nodes.iter().filter_map(|node| Resource::new(node.to_value())).collect();
    let Ok(Some(patch)) = Patch::parse(patch, None) else { return };
    let count = resources.len();
    if apply(&patch, &mut resources).is_ok() {
        assert!(resources.len() <= count, "a patch makes no objects");
        for resource in &resources {
            let text = yaml::emit(&resource.body);
            let read = yaml::parse_one(text.as_bytes(), Dialect::Kubernetes, Limits::MANIFEST);
            assert_eq!(read.ok().map(|node| node.to_value()), Some(resource.body.clone()), "{text}");
        }
    }
});
