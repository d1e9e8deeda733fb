//! `-o name-only`: the paths that differ, one a line.

use super::ClusterDiff;

/// Writes all clusters.
pub(super) fn write(diffs: &[ClusterDiff], _color: bool) -> String {
    diffs.iter().flat_map(|diff| &diff.changes.files).map(|change| format!("{}\n", change.path)).collect()
}
