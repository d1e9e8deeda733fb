//! Who comes first among Kustomizations, and who waits for itself.

use std::collections::{BTreeMap, BTreeSet};

use super::Known;
use crate::build::flux::kustomization::Id;

/// Finds the shortest way from a Kustomization back to it.
pub(super) fn cycle(waits: &BTreeMap<Id, Vec<Id>>, start: &Id) -> Option<Vec<Id>> {
    let mut came_from: BTreeMap<&Id, &Id> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(id) = queue.pop_front() {
        for next in waits.get(id).into_iter().flatten() {
            if next == start {
                let mut through = vec![start.clone(), id.clone()];
                let mut at = id;
                while at != start {
                    at = came_from.get(at)?;
                    through.push(at.clone());
                }
                through.reverse();
                // The start is at both ends; of a circle of one it stands there twice already.
                through.dedup();
                if through.len() == 1 {
                    through.push(start.clone());
                }
                return Some(through);
            }
            if waits.contains_key(next) && !came_from.contains_key(next) {
                came_from.insert(next, id);
                queue.push_back(next);
            }
        }
    }
    None
}

/// Orders Kustomizations: who brings one and what one waits for come first, else by name.
pub(super) fn order(waits: &BTreeMap<Id, Vec<Id>>, known: &BTreeMap<Id, Known>) -> Vec<Id> {
    let mut left: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
    for (id, waits) in waits {
        let by = known.get(id).and_then(|one| one.brought_by.as_ref()).map(|(by, _)| by.clone());
        let first = waits.iter().cloned().chain(by).filter(|first| first != id && known.contains_key(first));
        left.insert(id.clone(), first.collect());
    }
    let mut followers: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    for (id, first) in &left {
        first.iter().for_each(|first| followers.entry(first.clone()).or_default().push(id.clone()));
    }
    let mut ready: BTreeSet<Id> = left.iter().filter(|(_, first)| first.is_empty()).map(|(id, _)| id.clone()).collect();
    let mut done = Vec::with_capacity(left.len());
    while !left.is_empty() {
        // In a circle anyone may be the first.
        let Some(next) = ready.pop_first().or_else(|| left.keys().next().cloned()) else { break };
        left.remove(&next);
        for follower in followers.remove(&next).unwrap_or_default() {
            if let Some(first) = left.get_mut(&follower) {
                first.remove(&next);
                if first.is_empty() {
                    ready.insert(follower);
                }
            }
        }
        done.push(next);
    }
    done
}
