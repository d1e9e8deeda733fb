//! `crds`: definitions of custom resources whose extensions say which fields hold names, labels and references.

use serde_json::{Map, Value};

use super::config::{Config, FieldSpec, Kinds, NameReference};

/// Types that may refer to one another in a chain.
const DEEPEST: usize = 64;

/// Reads a file of definitions, by type name: `{Schema: {properties: ...}}`.
pub(super) fn read(definitions: &Map<String, Value>) -> Result<Config, String> {
    let mut config = Config::default();
    for (name, definition) in definitions {
        if !matches!(definition, Value::Object(_) | Value::Null) {
            return Err(format!("has `{name}`, which is no definition of a type"));
        }
        let Some(properties) = properties(definition) else { continue };
        if !["kind", "apiVersion", "metadata"].iter().all(|key| properties.contains_key(*key)) {
            continue;
        }
        let kind = name.rsplit('.').next().unwrap_or(name);
        let mut reader = Reader { definitions, kinds: Kinds::new("", "", kind), config: &mut config, path: Vec::new() };
        reader.properties(properties)?;
    }
    Ok(config)
}

fn properties(definition: &Value) -> Option<&Map<String, Value>> {
    let schema = definition.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("schema"))?.1;
    schema.get("properties")?.as_object()
}

struct Reader<'r> {
    definitions: &'r Map<String, Value>,
    kinds: Kinds,
    config: &'r mut Config,
    path: Vec<String>,
}

impl Reader<'_> {
    fn properties(&mut self, properties: &Map<String, Value>) -> Result<(), String> {
        if self.path.len() > DEEPEST {
            return Err(format!("has types that refer to one another without end, at `{}`", self.path.join("/")));
        }
        for (name, property) in properties {
            self.path.push(name.replace('/', "\\/"));
            let text = |key: &str| property.get(key).and_then(Value::as_str);
            let fields = [
                ("x-kubernetes-annotation", &mut self.config.common_annotations),
                ("x-kubernetes-label-selector", &mut self.config.common_labels),
                ("x-kubernetes-identity", &mut self.config.name_prefix),
            ];
            for (extension, list) in fields {
                if text(extension).is_some() {
                    list.push(FieldSpec::new(self.kinds.clone(), &self.path.join("/"), false));
                }
            }
            if let (Some(version), Some(kind)) =
                (text("x-kubernetes-object-ref-api-version"), text("x-kubernetes-object-ref-kind"))
            {
                let key = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
                let path = format!("{}/{key}", self.path.join("/"));
                self.config.name_reference.push(NameReference {
                    kinds: Kinds::new("", version, kind),
                    fields: vec![FieldSpec::new(self.kinds.clone(), &path, false)],
                });
            }
            if let Some(below) = text("$ref")
                .and_then(|reference| self.definitions.get(reference))
                .and_then(|definition| self::properties(definition))
            {
                self.properties(below)?;
            }
            self.path.pop();
        }
        Ok(())
    }
}
