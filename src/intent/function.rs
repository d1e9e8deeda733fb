//! [`Function`]: what fluxwright does as a function of kustomize or kpt, said by annotations of the intent.

use serde_json::{Map, Value};

use crate::diagnostic::{did_you_mean, mask};
use crate::tree::RepoPath;

/// The annotation that says what the function does.
const FUNCTION: &str = "fluxwright.dev/function";
/// The annotation that says what a generator adds.
const PATH: &str = "fluxwright.dev/path";
/// What is ours among annotations.
const PREFIX: &str = "fluxwright.dev/";
/// What a generator adds when nothing says it.
const DEFAULT_PATH: &str = "flux";

/// What the function does with its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Function {
    /// Nothing says it: the intent is checked, and the items pass unchanged.
    Unset,
    /// Adds rendered objects.
    Generator {
        /// Directory of the cluster's tree whose objects are added; `None` for all of them.
        path: Option<RepoPath>,
    },
    /// Applies to the items what Flux would apply to them.
    Transformer,
    /// Checks the intent and emits no item.
    Validator,
}

impl Function {
    /// Reads the annotations of an intent.
    ///
    /// # Errors
    /// The key of the annotation that cannot be used, what is wrong with it, and what to do.
    pub fn of(annotations: &Map<String, Value>) -> Result<Self, (String, String, String)> {
        let known = [FUNCTION, PATH];
        if let Some(key) = annotations.keys().find(|key| key.starts_with(PREFIX) && !known.contains(&key.as_str())) {
            let hint = did_you_mean(key, known).unwrap_or(FUNCTION);
            return Err((key.clone(), "there is no such annotation".into(), format!("did you mean `{hint}`?")));
        }
        let text = |key: &str| annotations.get(key).and_then(Value::as_str);
        let fault = |key: &str, message: &str, hint: &str| Err((key.to_owned(), message.to_owned(), hint.to_owned()));
        let path = match text(PATH).unwrap_or(DEFAULT_PATH) {
            "." => None,
            given => match RepoPath::parse(given.trim_end_matches('/')) {
                Ok(path) => Some(path),
                Err(error) => {
                    let message = format!("{} is not a directory of the cluster's tree: {error}", mask::quote(given));
                    return fault(PATH, &message, "name a directory such as `flux` or `ingress`, or `.` for all");
                }
            },
        };
        match text(FUNCTION) {
            Some("generator") => Ok(Self::Generator { path }),
            _ if text(PATH).is_some() => {
                fault(PATH, "only a generator adds objects", "set `fluxwright.dev/function: generator`, or remove it")
            }
            Some("transformer") => Ok(Self::Transformer),
            Some("validator") => Ok(Self::Validator),
            None => Ok(Self::Unset),
            Some(other) => {
                let message = format!("{} is nothing that the function does", mask::quote(other));
                fault(FUNCTION, &message, "choose `generator`, `transformer` or `validator`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(value: Value) -> Result<Function, (String, String, String)> {
        Function::of(value.as_object().expect("a map"))
    }

    #[test]
    fn annotations_say_what_to_do() {
        let generator =
            |path: Option<&str>| Function::Generator { path: path.map(|path| RepoPath::parse(path).expect("valid")) };
        assert_eq!(of(json!({"a": "b"})), Ok(Function::Unset));
        assert_eq!(of(json!({FUNCTION: "transformer"})), Ok(Function::Transformer));
        assert_eq!(of(json!({FUNCTION: "validator"})), Ok(Function::Validator));
        assert_eq!(of(json!({FUNCTION: "generator"})), Ok(generator(Some("flux"))));
        assert_eq!(of(json!({FUNCTION: "generator", PATH: "modules/x/"})), Ok(generator(Some("modules/x"))));
        assert_eq!(of(json!({FUNCTION: "generator", PATH: "."})), Ok(generator(None)));
    }

    #[test]
    fn what_means_nothing_is_an_error() {
        let key = |value: Value| of(value).expect_err("a fault").0;
        assert_eq!(key(json!({FUNCTION: "generate"})), FUNCTION);
        assert_eq!(key(json!({FUNCTION: "generator", PATH: "../x"})), PATH);
        assert_eq!(key(json!({FUNCTION: "transformer", PATH: "flux"})), PATH);
        assert_eq!(key(json!({"fluxwright.dev/mode": "generator"})), "fluxwright.dev/mode");
    }
}
