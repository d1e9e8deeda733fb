//! Any bytes as the input of the function: what it prints is a ResourceList with the items that it made.
#![no_main]

use std::sync::OnceLock;

use fluxwright::intent::Library;
use fluxwright::krm::{self, ResourceList};
use fluxwright::pipeline::{self, Context, Inputs};
use fluxwright::tree::Tree;
use fluxwright::verify::Bases;
use fluxwright::yaml::{self, Dialect, Limits};
use libfuzzer_sys::fuzz_target;

static CONTEXT: OnceLock<Context> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut list) = ResourceList::read(bytes.to_vec()) else { return };
    let context = CONTEXT.get_or_init(|| Context::new(&Tree::new()).ok().expect("the catalog of the binary is valid"));
    let items = list.items.len();
    let library = Library::new(|_| Ok(None));
    let read = pipeline::read("functionConfig", None, yaml::emit(&list.config).as_bytes(), context, &library);
    let draft = read.ok().expect("nothing is read that could not be");
    let mut outcome = pipeline::complete(draft, Inputs::default(), context, &Bases::default());
    krm::run(&mut list, &mut outcome);
    if outcome.has_errors() {
        assert_eq!(list.items.len(), items, "a function that fails keeps every item");
    }
    let printed = list.print(&krm::results(&outcome.diagnostics, &list.config));
    let read = yaml::parse_one(printed.as_bytes(), Dialect::Kubernetes, Limits::RESOURCE_LIST);
    let read = read.ok().unwrap_or_else(|| panic!("{printed}")).to_value();
    let held: Vec<_> = list.items.iter().map(|item| item.value().clone()).collect();
    assert_eq!(read["items"].as_array(), Some(&held), "{printed}");
});
