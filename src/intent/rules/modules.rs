//! Modules: what can be said without the catalog.

use std::collections::HashMap;

use super::super::findings::Findings;
use super::super::read::Intent;
use crate::diagnostic::{codes, mask};

pub(super) fn check(intent: &Intent, findings: &mut Findings) {
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (index, module) in intent.manifest.spec.modules.indexed() {
        let at = format!("/spec/modules/{index}");
        if let Some(first) = names.insert(&module.name, index) {
            let first = findings.name_of(&format!("/spec/modules/{first}"), &at);
            findings
                .add(
                    codes::MODULE_DUPLICATE,
                    &format!("{at}/name"),
                    format!("module `{}` is listed already by {first}", module.name),
                )
                .hint = Some("merge the two entries".into());
        }
        let Some(release) = &module.release else { continue };
        for name in release.vars.keys() {
            let mut chars = name.chars();
            let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            if !first || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let pointer = format!("{at}/release/vars/{}", name.replace('~', "~0").replace('/', "~1"));
                findings
                    .add_at_key(
                        codes::VARIABLE_NAME_INVALID,
                        &pointer,
                        format!("{} is not the name of a Flux substitution variable", mask::quote(name)),
                    )
                    .hint = Some("use letters, digits and `_`, not starting with a digit".into());
            }
        }
    }
}
