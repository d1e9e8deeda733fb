//! Any bytes as an inventory: it owns only paths that stay in the directory, and comes back as it was printed.
#![no_main]

use fluxwright::layout::Inventory;
use fluxwright::tree::{Blob, RepoPath};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let inventory = Inventory::read(&Blob::from(bytes.to_vec()));
    for path in inventory.paths() {
        assert!(RepoPath::parse(path).is_ok(), "{path:?}");
        assert!(inventory.owns(path));
    }
    let printed = inventory.print();
    let again = Inventory::read(&Blob::from(printed.clone()));
    assert!(!again.is_conflicted(), "what is printed has no marks of a conflict");
    assert!(again.paths().eq(inventory.paths()), "{printed}");
    assert_eq!(again.print(), printed);
});
