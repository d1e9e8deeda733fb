//! Proofs over what Flux makes of any repository, one file for each family: entries that select nothing, faults of builds,
//! objects with two writers, plain Secrets, references that lead nowhere, keys that stand twice.
//!
//! Only the repository is known here. What may well be made elsewhere is a warning, and nothing is said of it while a part
//! of the repository itself could not be built.

mod entries;
mod faults;
mod keys;
mod objects;
mod places;
mod references;

use crate::build::BuildError;
use crate::build::flux::{Built, Cluster};
use crate::diagnostic::{self, Diagnostic};
use crate::tree::Tree;
use places::Places;

/// Checks clusters of one repository; the findings are in the order of the clusters.
pub fn check(tree: &Tree, clusters: &[&Cluster]) -> Vec<Vec<Diagnostic>> {
    let places = Places::new(tree);
    let selected = entries::selected(clusters);
    clusters
        .iter()
        .map(|cluster| {
            let mut found = Vec::new();
            for built in &cluster.built {
                entries::check(built, &selected, &places, &mut found);
                faults::check(built, &places, &mut found);
            }
            objects::check(cluster, &places, &mut found);
            references::check(cluster, &places, &mut found);
            keys::check(cluster, tree, &mut found);
            diagnostic::sort(&mut found);
            found
        })
        .collect()
}

/// Tells why the directory of a cluster cannot be built at all.
pub fn unbuildable(tree: &Tree, error: &BuildError) -> Vec<Diagnostic> {
    let mut found = faults::of_build(error, None, &Places::new(tree));
    diagnostic::sort(&mut found);
    found
}

/// Where a field of a kustomization file was written.
struct Written {
    file: Option<String>,
    field: String,
    /// Whether that is in the Flux Kustomization.
    borrowed: bool,
}

/// Finds out whether a field of a kustomization file comes from the Flux Kustomization.
fn written(built: &Built, file: &str, field: &str) -> Written {
    let own = built.directory.file.as_ref().is_some_and(|own| own.as_str() == file);
    let borrowed = built.directory.borrowed.iter().filter(|_| own).find_map(|(entry, original)| {
        let rest = field.strip_prefix(entry.as_str())?;
        (rest.is_empty() || rest.starts_with(['.', ' '])).then(|| format!("{original}{rest}"))
    });
    match borrowed {
        Some(field) => Written { file: file_of(built), field, borrowed: true },
        None => Written { file: Some(file.to_owned()), field: field.to_owned(), borrowed: false },
    }
}

/// The file that holds a Flux Kustomization.
fn file_of(built: &Built) -> Option<String> {
    built.brought_by.as_ref().and_then(|(_, file)| file.as_deref()).map(str::to_owned)
}
