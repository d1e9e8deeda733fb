//! What keeps Flux from building or applying a Kustomization, as findings.

use super::places::Places;
use super::{Written, file_of, written};
use crate::build::flux::{Built, FluxFault, Note, SubstituteFault};
use crate::build::{BuildError, PatchFault, Reason};
use crate::diagnostic::{Code, Diagnostic, codes};

pub(super) fn check(built: &Built, places: &Places<'_>, out: &mut Vec<Diagnostic>) {
    for fault in &built.faults {
        out.extend(of(built, fault, places));
    }
    for note in &built.notes {
        if let Note::Unset { object, variable } = note {
            let object = built.objects.iter().find(|one| one.resource.id() == *object).map_or_else(
                || (object.clone(), None),
                |found| (found.resource.id(), found.origin.as_deref().map(str::to_owned)),
            );
            let message = format!(
                "{} uses the variable `${{{variable}}}`, which nothing sets in Kustomization `{}`; it becomes an empty text",
                object.0, built.id
            );
            let found = variable_place(codes::VARIABLE_UNSET, built, object.1.as_deref(), variable, message, places);
            out.push(found.hint("set it, give it a default with `${name:=text}`, or write `$${` for a literal `${`"));
        }
    }
}

/// A finding about a variable: at its first use in the file of the object, else at the Kustomization.
fn variable_place(
    code: Code,
    built: &Built,
    origin: Option<&str>,
    variable: &str,
    message: String,
    places: &Places<'_>,
) -> Diagnostic {
    let place = origin.and_then(|file| Some((file, places.text(file, &format!("${{{variable}"))?)));
    match place {
        Some((file, span)) => Diagnostic::new(code, message).file(file).span(span),
        None => places.of_kustomization(code, built, "spec.postBuild", message),
    }
}

fn of(built: &Built, fault: &FluxFault, places: &Places<'_>) -> Vec<Diagnostic> {
    let id = &built.id;
    let at = |code: Code, field: &str, message: String, hint: &str| {
        vec![places.of_kustomization(code, built, field, message).hint(hint)]
    };
    match fault {
        FluxFault::Field { field, reason } => at(
            codes::KUSTOMIZATION_INVALID,
            field,
            format!("Kustomization `{id}`: the field {reason}"),
            "Flux refuses the Kustomization, or cannot build it; correct the field",
        ),
        FluxFault::Target { field, fault } => at(
            codes::KUSTOMIZATION_INVALID,
            field,
            format!("Kustomization `{id}`: {fault}"),
            "correct the target; its fields are those of a patch of kustomize",
        ),
        FluxFault::VariableName { name, from } => at(
            codes::KUSTOMIZATION_INVALID,
            "spec.postBuild",
            format!(
                "Kustomization `{id}`: the variable name {name:?} of {from} is not made of letters, digits and `_`"
            ),
            "rename it; Flux refuses all variables otherwise",
        ),
        FluxFault::Path { path, excluded } => {
            let how = if *excluded { ", as the exclusions of the source leave it out" } else { "" };
            at(
                codes::PATH_MISSING,
                "spec.path",
                format!("Kustomization `{id}` names `{path}`, which does not exist in the source{how}"),
                "paths start at the root of the repository",
            )
        }
        FluxFault::Build(error) => of_build(error, Some(built), places),
        FluxFault::Substitution { object, origin, fault: SubstituteFault::Unset { name } } => {
            let message =
                format!("{object} uses the variable `${{{name}}}`, which nothing sets in Kustomization `{id}`");
            let found = variable_place(codes::VARIABLE_UNDECLARED, built, origin.as_deref(), name, message, places);
            vec![found.hint("set it, give it a default with `${name:=text}`, or write `$${` for a literal `${`")]
        }
        FluxFault::Substitution { object, origin, fault } => {
            let message = format!("{object} in Kustomization `{id}`: {fault}");
            let found = match (origin.as_deref(), object.split(' ').collect::<Vec<_>>().as_slice()) {
                (Some(file), [_, kind, name]) => {
                    let name = name.rsplit('/').next().unwrap_or_default();
                    places.in_object(codes::SUBSTITUTION_FAILED, Some(file), (kind, name), "", message)
                }
                _ => places.of_kustomization(codes::SUBSTITUTION_FAILED, built, "spec.postBuild", message),
            };
            vec![found.hint("write `$${` for a literal `${`, or annotate the object with `kustomize.toolkit.fluxcd.io/substitute: disabled`")]
        }
        FluxFault::Broken { object, reason } => at(
            codes::SUBSTITUTION_FAILED,
            "spec.postBuild",
            format!("{object} is no object any more with its variables substituted: {reason}"),
            "values are put into the text of the object; quote them, or keep line breaks out of them",
        ),
        FluxFault::Unsettled => at(
            codes::SUBSTITUTION_FAILED,
            "spec.postBuild",
            format!("Kustomization `{id}` takes values from objects that change with them, without end"),
            "let the values come from objects that do not depend on them",
        ),
        FluxFault::Twice { object } => at(
            codes::OBJECT_DUPLICATE,
            "spec.postBuild",
            format!("{object} is in Kustomization `{id}` twice once variables are substituted"),
            "give one of the two another name",
        ),
        FluxFault::Encrypted { object } => at(
            codes::DECRYPTION_MISSING,
            "spec.decryption",
            format!("{object} is encrypted with SOPS, and Kustomization `{id}` does not decrypt"),
            "add `spec.decryption` with `provider: sops`",
        ),
        // A circle is the same one for all that are in it.
        FluxFault::Cycle { through } if through.iter().any(|other| other < id) => Vec::new(),
        FluxFault::Cycle { through } => {
            let through: Vec<String> = through.iter().map(ToString::to_string).collect();
            at(
                codes::DEPENDENCY_CYCLE,
                "spec.dependsOn",
                format!("Kustomizations wait for each other: {}", through.join(" -> ")),
                "remove one of the dependencies",
            )
        }
        FluxFault::Contested { first, second } => at(
            codes::OBJECT_WRITTEN_TWICE,
            "",
            format!(
                "Kustomization `{id}` is written by Kustomization `{first}`, and with another content by `{second}`"
            ),
            "they overwrite each other for ever; remove one of them",
        ),
    }
}

/// Makes findings of a build that fails. Those about a file say nothing of the Kustomization: several may share it.
pub(super) fn of_build(error: &BuildError, built: Option<&Built>, places: &Places<'_>) -> Vec<Diagnostic> {
    let at = |code: Code, file: &str, field: &str, message: String, hint: &str| {
        let written = match built {
            Some(built) => written(built, file, field),
            None => Written { file: Some(file.to_owned()), field: field.to_owned(), borrowed: false },
        };
        let found = match (built, written.file.as_deref()) {
            (Some(built), Some(file)) if written.borrowed || !places.exists(file) => {
                let field = if written.borrowed { written.field.as_str() } else { "spec.path" };
                places.of_kustomization(code, built, field, message)
            }
            (Some(built), None) => places.of_kustomization(code, built, &written.field, message),
            (_, file) => places.in_file(code, file.unwrap_or_default(), &written.field, message),
        };
        vec![found.hint(hint)]
    };
    let failed = codes::BUILD_FAILED;
    match error {
        BuildError::Unsupported { file, field } => at(
            codes::BUILD_UNSUPPORTED,
            file,
            field,
            "fluxwright cannot build this; what depends on it is not checked".into(),
            "check it with `kustomize build`",
        ),
        BuildError::UnknownField { file, field, candidate } => {
            let hint = candidate.as_ref().map(|candidate| format!("did you mean `{candidate}`?"));
            let message = "the field does not exist in a kustomization file".to_owned();
            at(failed, file, field, message, hint.as_deref().unwrap_or("remove it"))
        }
        BuildError::Field { file, field, reason } => {
            at(failed, file, field, format!("the value {reason}"), "correct the value; kustomize cannot build it")
        }
        BuildError::Yaml { faults, .. } => faults.clone(),
        BuildError::NotAnObject { file, document, reason } => {
            let message = format!("document {document} is not a Kubernetes object: {reason}");
            at(
                failed,
                file,
                "",
                message,
                "keep files that are no manifests out of the directory, or list what belongs to it in a kustomization.yaml",
            )
        }
        BuildError::Path { file, field, path, reason } => {
            let message = format!("it names `{path}`, {reason}");
            at(codes::PATH_MISSING, file, field, message, "paths start at the directory of the kustomization file")
        }
        BuildError::NoKustomization { directory } => at(
            codes::PATH_MISSING,
            directory,
            "",
            format!("`{directory}` holds no kustomization.yaml, kustomization.yml or Kustomization"),
            "a directory that another one includes needs such a file",
        ),
        BuildError::SeveralKustomizations { directory, files } => at(
            failed,
            files.first().unwrap_or(directory),
            "",
            format!("`{directory}` has several kustomization files: {}", files.join(", ")),
            "keep one of them",
        ),
        BuildError::Duplicate { file, id } => at(
            codes::OBJECT_DUPLICATE,
            file,
            "",
            format!("{id} is there twice"),
            "remove one of the two, or change it with a patch",
        ),
        BuildError::Reference { id, reason } => {
            let message = format!("{id} {reason}");
            let hint = "kustomize cannot tell which object is meant; correct the reference";
            match built {
                Some(built) => vec![places.of_kustomization(failed, built, "spec.path", message).hint(hint)],
                None => vec![Diagnostic::new(failed, message).hint(hint)],
            }
        }
        BuildError::Patch { file, field, fault, .. } => {
            let (code, suffix, message, hint) = of_patch(fault);
            at(code, file, &format!("{field}{suffix}"), message, &hint)
        }
        BuildError::TooLarge { file } => at(
            failed,
            file,
            "",
            "the build takes in too many directories".into(),
            "check that directories do not include one another over and over",
        ),
    }
}

/// Code, field in the entry, message and hint of a patch that cannot be applied. No value of an object is told.
fn of_patch(fault: &PatchFault) -> (Code, &'static str, String, String) {
    match fault {
        PatchFault::NoMatch { id, candidate } => {
            let hint = candidate.as_ref().map(|candidate| format!("did you mean `{candidate}`?"));
            let hint = hint.unwrap_or_else(|| "correct kind, name and namespace in the patch".into());
            (codes::PATCH_TARGET_MISSING, "", format!("the patch matches no object: there is no `{id}`"), hint)
        }
        PatchFault::Ambiguous { .. } => {
            (codes::PATCH_TARGET_AMBIGUOUS, "", fault.to_string(), "name one object".into())
        }
        PatchFault::Operation { id, fault } => match &fault.reason {
            Reason::TestFailed { .. } => (
                codes::PATCH_TEST_FAILED,
                "",
                format!("the test of `{}` in {id} does not hold", fault.path),
                "correct the expected value or the path of the `test`".into(),
            ),
            reason => {
                let existing = if fault.existing.is_empty() { "the object itself" } else { &fault.existing };
                let hint = match &fault.candidate {
                    Some(candidate) => format!("did you mean `{candidate}`? what exists of the path: `{existing}`"),
                    None => format!("what exists of the path: {existing}"),
                };
                (codes::PATCH_PATH_MISSING, "", format!("`{}` in {id}: {reason}", fault.path), hint)
            }
        },
        PatchFault::Target(fault) => (
            codes::PATCH_INVALID,
            ".target",
            fault.to_string(),
            "the fields of a target are expressions and selectors".into(),
        ),
        other => (codes::PATCH_INVALID, "", other.to_string(), "correct the patch; kustomize cannot apply it".into()),
    }
}

/// Tells whether all objects of a Kustomization are known.
pub(super) fn is_whole(built: &Built) -> bool {
    built.faults.iter().all(|fault| {
        matches!(fault, FluxFault::Cycle { .. } | FluxFault::Contested { .. } | FluxFault::Encrypted { .. })
    })
}

/// Names a Kustomization with its file.
pub(super) fn shown(built: &Built) -> String {
    match file_of(built) {
        Some(file) => format!("Kustomization `{}` ({file})", built.id),
        None => format!("Kustomization `{}`", built.id),
    }
}
