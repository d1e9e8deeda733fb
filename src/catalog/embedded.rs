//! The catalog that is built into the binary.

use rust_embed::Embed;

use crate::tree::{Blob, RepoPath, Tree};

#[derive(Embed)]
#[folder = "plugins/"]
struct Plugins;

/// Returns the embedded folders below `plugins/`.
pub(super) fn tree() -> Tree {
    Plugins::iter()
        .filter(|name| !name.contains("/tests/"))
        .filter_map(|name| {
            let path = RepoPath::parse(&format!("plugins/{name}")).ok()?;
            Some((path, Blob::from(Plugins::get(&name)?.data.into_owned())))
        })
        .collect()
}
