//! The order of named items that two sides put in, take out and move. Which side is which makes no difference.

use std::collections::{HashMap, HashSet};

/// Puts the names that stay in order: those of the base as the side that moved them has them, new ones behind the item
/// that they stand behind on their side.
///
/// `None` when both sides moved items, each in its way.
pub(super) fn merge([base, yours, rendering]: [&Vec<String>; 3], stays: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let old: HashSet<&str> = base.iter().map(String::as_str).filter(|name| stays(name)).collect();
    let common = |side: &'_ [String]| -> Vec<String> {
        side.iter().filter(|name| old.contains(name.as_str())).cloned().collect()
    };
    let (before, a, b) = (common(base), common(yours), common(rendering));
    let spine = match (a == before, b == before) {
        (true, _) => b,
        (_, true) => a,
        _ if a == b => a,
        _ => return None,
    };
    let (mut a, mut b) = (runs(yours, &old, &stays), runs(rendering, &old, &stays));
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    for anchor in std::iter::once(None).chain(spine.iter().map(|name| Some(name.as_str()))) {
        out.extend(anchor.map(str::to_owned));
        let mut both = [a.remove(&anchor).unwrap_or_default(), b.remove(&anchor).unwrap_or_default()];
        both.sort();
        out.extend(both.into_iter().flatten().filter(|name| seen.insert(*name)).map(str::to_owned));
    }
    Some(out)
}

/// Groups the new names of a side by the old one that they stand behind.
fn runs<'n>(
    side: &'n [String],
    old: &HashSet<&str>,
    stays: &impl Fn(&str) -> bool,
) -> HashMap<Option<&'n str>, Vec<&'n str>> {
    let mut runs: HashMap<Option<&str>, Vec<&str>> = HashMap::new();
    let mut anchor = None;
    for name in side.iter().map(String::as_str).filter(|name| stays(name)) {
        if old.contains(name) {
            anchor = Some(name);
        } else {
            runs.entry(anchor).or_default().push(name);
        }
    }
    runs
}
