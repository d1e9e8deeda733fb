//! Random kustomizations, built by us and by the real kustomize, must give the same bytes.
//!
//! One test for each family of fields, so that a mismatch of one does not hide those of others. A family goes on after
//! a mismatch, makes each tree as small as it gets, and tells all that differ. Variables:
//!
//! | | |
//! |---|---|
//! | FLUXWRIGHT_KUSTOMIZE | the program to compare with, v5.8.1 |
//! | FLUXWRIGHT_DIFFERENTIAL_CASES | trees of each family; 25 without it |
//! | FLUXWRIGHT_DIFFERENTIAL_SEED | another number makes other trees |
//! | FLUXWRIGHT_DIFFERENTIAL_KEEP | a directory that gets the smallest tree of each mismatch |

mod builtin;
mod dice;
mod fields;
mod layers;
mod mistakes;
mod objects;
mod tree;
mod verdict;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use fields::Family;
use tree::{Tree, Trees};
use verdict::{Mismatch, Verdict, compare, still};

/// Trees of a family when nothing else is said.
const CASES: usize = 25;
/// Mismatches of one family that are made small; more of them tell little.
const MOST_SHRUNK: usize = 8;
/// Builds that one tree may take while it is made small.
const MOST_STEPS: usize = 600;
/// The share of trees, in percent, that kustomize must build, or a family tests little but errors.
const FEWEST_BUILT: usize = 50;
/// The share of trees, in percent, that we may refuse by name.
const MOST_REFUSED: usize = 8;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// The dice of one case: whatever other cases do, it is always the same tree.
fn rng(family: Family, case: usize) -> TestRng {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(number("FLUXWRIGHT_DIFFERENTIAL_SEED", 1) as u64).to_le_bytes());
    seed[8..16].copy_from_slice(&(case as u64).to_le_bytes());
    seed[16..24].copy_from_slice(&(family as u64).to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &seed)
}

/// The smallest tree that still differs in the same way.
fn smallest(case: &mut tree::Shrinking, first: Mismatch) -> (Tree, Mismatch) {
    let (mut least, mut mismatch) = (case.current(), first);
    let mut goes_on = case.simplify();
    for _ in 0..MOST_STEPS {
        if !goes_on {
            break;
        }
        match still(&case.current(), &mismatch) {
            Some(found) => {
                (least, mismatch) = (case.current(), found);
                goes_on = case.simplify();
            }
            None => goes_on = case.complicate(),
        }
    }
    (least, mismatch)
}

fn diff(mismatch: &Mismatch) -> String {
    similar::TextDiff::from_lines(&mismatch.real, &mismatch.ours)
        .unified_diff()
        .context_radius(2)
        .header("kustomize", "fluxwright")
        .to_string()
}

fn keep(dir: &Path, name: &str, tree: &Tree, mismatch: &Mismatch) {
    let dir = dir.join(name);
    tree.write(&dir.join("input"));
    let note = format!("{}\nbuild {}\n{}", mismatch.class, tree.dir, tree.fields().join(" "));
    for (name, text) in [("real.txt", &mismatch.real), ("ours.txt", &mismatch.ours), ("note.md", &note)] {
        std::fs::write(dir.join(name), text).expect("a mismatch can be kept");
    }
}

fn family(family: Family) {
    let cases = number("FLUXWRIGHT_DIFFERENTIAL_CASES", CASES);
    let (mut equal, mut fail, mut unstable, mut differ, mut built) = (0, 0, 0, 0, 0);
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut errors: BTreeMap<String, usize> = BTreeMap::new();
    let mut found: BTreeMap<String, (usize, Tree, Mismatch)> = BTreeMap::new();
    for case in 0..cases {
        let mut runner = TestRunner::new_with_rng(Config::default(), rng(family, case));
        let strategy = Trees(move |dice: &mut dice::Dice| layers::tree(dice, family));
        let mut one = strategy.new_tree(&mut runner).expect("every roll makes a tree");
        let (verdict, error) = compare(&one.current());
        match error {
            None => built += 1,
            Some(error) => *errors.entry(error).or_default() += 1,
        }
        match verdict {
            Verdict::Equal => equal += 1,
            Verdict::BothFail => fail += 1,
            Verdict::Unstable => unstable += 1,
            Verdict::Refused(field) => *refused.entry(field).or_default() += 1,
            Verdict::Mismatch(mismatch) => {
                differ += 1;
                if found.len() < MOST_SHRUNK {
                    let (tree, mismatch) = smallest(&mut one, mismatch);
                    let kind = format!("{} ({})", mismatch.class, tree.fields().join(", "));
                    let smaller = found.get(&kind).is_none_or(|(_, other, _)| tree.show().len() < other.show().len());
                    if smaller {
                        found.insert(kind, (case, tree, mismatch));
                    }
                }
            }
        }
    }
    let total: usize = refused.values().sum();
    println!(
        "{family:?}: {cases} trees, {built} build, {equal} equal, {fail} fail in both, {total} refused {refused:?}, {unstable} unstable, {differ} differ"
    );
    for (error, count) in &errors {
        println!("{family:?}: kustomize fails {count} times: {error}");
    }
    let mut report = String::new();
    for (number, (kind, (case, tree, mismatch))) in found.iter().enumerate() {
        if let Some(dir) = std::env::var_os("FLUXWRIGHT_DIFFERENTIAL_KEEP") {
            keep(Path::new(&dir), &format!("{family:?}-{case}"), tree, mismatch);
        }
        let (number, files, diff) = (number + 1, tree.show(), diff(mismatch));
        report.push_str(&format!("\n== {number}. {kind}\n   case {case}, build {}\n{files}-- diff\n{diff}", tree.dir));
    }
    assert!(found.is_empty(), "{family:?}: {} kinds of mismatches in {differ} trees\n{report}", found.len());
    assert!(total * 100 <= cases * MOST_REFUSED, "{family:?}: {total} of {cases} trees are refused: {refused:?}");
    let enough = family == Family::Mistakes || built * 100 >= cases * FEWEST_BUILT;
    assert!(enough, "{family:?}: kustomize builds only {built} of {cases} trees");
}

macro_rules! families {
    ($($test:ident $family:ident;)*) => {$(
        #[test]
        fn $test() {
            family(Family::$family);
        }
    )*};
}

families! {
    names_and_references Names;
    namespaces Namespaces;
    labels_and_annotations Labels;
    patches Patches;
    images_and_replicas Images;
    replacements Replacements;
    variables Vars;
    generators Generators;
    configurations Configurations;
    schemas Schemas;
    metadata_and_order Metadata;
    builtin_plugins Builtin;
    components Components;
    mistakes Mistakes;
    everything Everything;
}
