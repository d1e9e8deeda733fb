//! The repository that Flux reads.

use super::super::cluster::root;
use super::super::findings::Findings;
use super::super::read::Intent;
use crate::diagnostic::{codes, mask};
use crate::tree::RepoPath;

pub(super) fn check(intent: &Intent, findings: &mut Findings) {
    let source = &intent.manifest.spec.gitops.source;
    if let Some(path) = &source.path
        && let Err(error) = RepoPath::resolve(None, path)
    {
        findings
            .add(
                codes::FILE_REFERENCE_INVALID,
                "/spec/gitops/source/path",
                format!("{} is not a directory of this repository: {error}", mask::quote(path)),
            )
            .hint = Some(format!("write `clusters/{}`", intent.manifest.metadata.name));
    }
    if source.path.is_none()
        && let Err(error) = RepoPath::resolve(None, &format!("clusters/{}", intent.manifest.metadata.name))
    {
        findings
            .add(
                codes::FILE_REFERENCE_INVALID,
                "/metadata/name",
                format!("the name cannot be that of a directory: {error}"),
            )
            .hint = Some("choose another name".into());
    }
    // Only an intent inside the repository has a place that the path can contradict.
    if let (Some(root), Some(file)) = (root(intent), &intent.path) {
        let lies_in = file.parent();
        if lies_in.as_ref() != Some(&root) {
            let lies_in = lies_in.map_or(".".to_owned(), |dir| dir.to_string());
            let pointer = if source.path.is_some() { "/spec/gitops/source/path" } else { "/metadata/name" };
            findings
                .add(
                    codes::SOURCE_PATH_MISMATCH,
                    pointer,
                    format!("the cluster's tree is `{root}`, but the intent lies in `{lies_in}`"),
                )
                .hint =
                Some(format!("set `spec.gitops.source.path: {lies_in}`, or move the intent to `{root}/cluster.yaml`"));
        }
    }
    if source.url.starts_with("ssh://") && source.secret_ref.is_none() {
        findings
            .add(
                codes::SOURCE_SECRET_REQUIRED,
                "/spec/gitops/source/url",
                "Flux refuses an ssh:// repository without a Secret",
            )
            .hint = Some("add `secretRef: {name: ...}`; the Secret holds `identity` and `known_hosts`".into());
    }
}
