//! References to files that stand in a base are relative to the base. Here they become relative to the intent, so that
//! nobody behind has to know where a value came from.

use serde_json::Value;

use super::super::document::Part;
use super::merge::{field_schema, resolved};
use crate::tree::RepoPath;
use crate::yaml::{Body, Node};

/// The keyword of the schema for a text that names a file.
const FILE: &str = "x-fluxwright-file";

/// Rewrites the references of the bases in a merged document. `dir` is the directory of the intent.
pub(in crate::intent) fn relocate(node: &mut Node, schema: &Value, parts: &[Part], dir: Option<&RepoPath>) {
    walk(node, schema, &Places { schema, parts, dir });
}

struct Places<'p> {
    schema: &'p Value,
    parts: &'p [Part],
    dir: Option<&'p RepoPath>,
}

fn walk(node: &mut Node, schema: &Value, places: &Places) {
    match &mut node.body {
        Body::Scalar(Value::String(text)) if schema.get(FILE).is_some() && node.file != 0 => {
            let base = places.parts.get(usize::from(node.file)).and_then(|part| part.path.as_ref()?.parent());
            *text = relative(places.dir, base.as_ref(), text);
        }
        Body::Scalar(_) => {}
        Body::Sequence(items) => {
            if let Some(schema) = resolved(schema, places.schema).get("items") {
                items.iter_mut().for_each(|item| walk(item, schema, places));
            }
        }
        Body::Mapping(entries) => {
            for (key, _, child) in entries {
                if let Some(schema) = field_schema(schema, key, places.schema) {
                    walk(child, schema, places);
                }
            }
        }
    }
}

/// Writes a reference from another directory of the repository.
fn relative(from: Option<&RepoPath>, base: Option<&RepoPath>, text: &str) -> String {
    if text.starts_with('/') {
        return text.to_owned();
    }
    let parts = |path: Option<&RepoPath>| -> Vec<String> {
        path.map(|path| path.as_str().split('/').map(str::to_owned).collect()).unwrap_or_default()
    };
    let from = parts(from);
    // What leads nowhere must lead nowhere from here, too, for its rule to see it.
    let (to, shared) = match RepoPath::resolve(base, text) {
        Ok(target) => {
            let to = parts(Some(&target));
            let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            (to, shared)
        }
        Err(_) => (parts(base).into_iter().chain([text.to_owned()]).collect(), 0),
    };
    let up = std::iter::repeat_n("..", from.len() - shared);
    up.chain(to.iter().skip(shared).map(String::as_str)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_the_same_file_from_elsewhere() {
        let path = |text: &str| RepoPath::parse(text).expect("valid");
        let from = path("clusters/prod");
        for (base, text, wanted) in [
            (Some("bases"), "ca/root.pem", "../../bases/ca/root.pem"),
            (Some("bases"), "../ca/root.pem", "../../ca/root.pem"),
            (Some("clusters"), "prod/root.pem", "root.pem"),
            (Some("clusters/prod"), "ca/root.pem", "ca/root.pem"),
            (None, "root.pem", "../../root.pem"),
            (Some("bases"), "/root.pem", "/root.pem"),
            (Some("bases"), "../../root.pem", "../../bases/../../root.pem"),
        ] {
            let base = base.map(path);
            let given = relative(Some(&from), base.as_ref(), text);
            assert_eq!(given, wanted);
            let [here, there] = [RepoPath::resolve(Some(&from), &given), RepoPath::resolve(base.as_ref(), text)];
            assert_eq!(here.ok(), there.ok(), "{text}");
        }
    }
}
