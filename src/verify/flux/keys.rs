//! Keys that stand twice in a kustomization file: kustomize and Flux take the last one without a word.

use std::collections::BTreeSet;

use crate::build::KUSTOMIZATION_FILES;
use crate::build::flux::Cluster;
use crate::diagnostic::{Diagnostic, codes};
use crate::tree::{RepoPath, Tree};
use crate::yaml::{Dialect, Limits, parse};

pub(super) fn check(cluster: &Cluster, tree: &Tree, out: &mut Vec<Diagnostic>) {
    let directories: BTreeSet<Option<&RepoPath>> =
        cluster.built.iter().flat_map(|built| built.directory.taken_in.iter().map(Option::as_ref)).collect();
    for directory in directories {
        for name in KUSTOMIZATION_FILES {
            let Ok(path) = RepoPath::resolve(directory, name) else { continue };
            let Some(blob) = tree.get(&path) else { continue };
            let faults = parse(blob.bytes(), Dialect::Kubernetes, Limits::MANIFEST).err().unwrap_or_default();
            for fault in faults.into_iter().filter(|fault| fault.code == codes::DUPLICATE_KEY.name) {
                let mut found = Diagnostic::new(codes::KEY_OVERRIDDEN, fault.message)
                    .file(path.as_str())
                    .hint("the last one wins, and what stands under the others is lost; put them together");
                (found.span, found.field) = (fault.span, fault.field);
                out.push(found);
            }
        }
    }
}
