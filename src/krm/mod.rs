//! fluxwright as a function of kustomize and kpt: a ResourceList comes in, a ResourceList goes out.
//!
//! Follows the specification of KRM functions (`config.kubernetes.io/v1`), and what kustomize 5.8 and kpt really do with
//! it: both throw results away when a function fails, and both delete what it leaves out. So an error keeps every item,
//! and a change keeps every annotation, which is how kustomize remembers names and hashes. Pure; `cli` reads and prints.

mod generate;
mod legacy;
mod list;
mod results;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, codes};
use crate::intent::{Findings, Function};
use crate::pipeline::Outcome;
use crate::render::Resource;
use crate::verify;

pub use legacy::{read as read_legacy, write as write_legacy};
pub use list::{Item, ResourceList, is_resource_list};
pub use results::results;

/// Lets the function do what its configuration says. Items change only when there is no error.
pub fn run(list: &mut ResourceList, outcome: &mut Outcome) {
    let mut findings = Findings::new(outcome.file.as_str());
    if let Some((plan, _)) = &outcome.desired {
        findings.set_document(plan.cluster.document.clone());
    }
    match Function::of(&list.config_annotations()) {
        // A fault in the intent's own file is reported by its rules already.
        Err(_) if outcome.diagnostics.iter().any(|one| one.code == codes::FUNCTION_INVALID.name) => {}
        Err((key, message, hint)) => {
            findings.add(codes::FUNCTION_INVALID, "", format!("annotation `{key}`: {message}")).hint = Some(hint);
        }
        Ok(function) if !outcome.has_errors() => perform(&function, list, outcome, &mut findings),
        Ok(_) => {}
    }
    outcome.diagnostics.extend(findings.into_vec());
    crate::diagnostic::sort(&mut outcome.diagnostics);
}

fn perform(function: &Function, list: &mut ResourceList, outcome: &mut Outcome, findings: &mut Findings) {
    let Some((plan, layout)) = &outcome.desired else { return };
    match function {
        Function::Unset => {
            let message =
                "nothing says what the function should do; the intent was checked, and all items are unchanged";
            findings.add(codes::FUNCTION_UNSET, "", message).hint = Some(
                "set the annotation `fluxwright.dev/function` to `generator`, `transformer` or `validator`".into(),
            );
        }
        Function::Validator => list.items.clear(),
        Function::Generator { path } => generate::add(list, plan, layout, path.as_ref(), findings),
        Function::Transformer => {
            let at: Vec<usize> = (0..list.items.len()).filter(|at| list.items[*at].resource().is_some()).collect();
            let resources: Vec<Resource> = at.iter().filter_map(|at| list.items[*at].resource()).collect();
            let (landed, proofs) = verify::land(plan, layout, resources, findings);
            outcome.proofs = proofs;
            if findings.has_errors() {
                return;
            }
            let mut deleted = Vec::new();
            for (at, resource) in at.into_iter().zip(landed) {
                match resource {
                    Some(resource) => list.items[at].set(resource.body),
                    None => deleted.push(at),
                }
            }
            let mut index = 0;
            list.items.retain(|_| {
                index += 1;
                deleted.binary_search(&(index - 1)).is_err()
            });
        }
    }
}

/// Makes a finding about the list itself.
fn invalid(message: impl Into<String>, hint: &str) -> Diagnostic {
    Diagnostic::new(codes::RESOURCE_LIST_INVALID, message).file("stdin").hint(hint)
}

/// Returns an annotation of an object.
fn annotation<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get("metadata")?.get("annotations")?.get(key)?.as_str()
}
