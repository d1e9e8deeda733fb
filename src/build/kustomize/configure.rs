//! `openapi`, `configurations` and `crds`: what a directory says about kinds and their fields.

use std::sync::Arc;

use super::config::{self, Config};
use super::file::{self, Kustomization};
use super::run::{Accumulated, Place, Run};
use super::{BuildError, crds};
use crate::build::openapi::Custom;
use crate::build::patch::Schema;

impl<'t> Run<'_, 't> {
    /// Takes the schema of a directory, if it is the first one to bring one.
    pub(super) fn schema_of(&mut self, kustomization: &Kustomization, place: &Place<'_>) -> Result<(), BuildError> {
        let fault = |field: &str, reason: String| BuildError::Field {
            file: place.file.to_owned(),
            field: field.to_owned(),
            reason,
        };
        let bytes = match kustomization.openapi.get("path") {
            Some(path) => Some(self.bytes(place, "openapi.path", path)?),
            None => None,
        };
        if self.schema_said {
            return Ok(());
        }
        self.schema_said = !kustomization.openapi.is_empty();
        match (bytes, kustomization.openapi.get("version")) {
            (Some(_), Some(_)) => Err(fault("openapi.version", "cannot stand beside `path`".into())),
            (None, Some(version)) if !version.is_empty() && version != "v1.21.2" => {
                Err(fault("openapi.version", format!("is `{version}`, and kustomize knows `v1.21.2` only")))
            }
            (Some(bytes), None) => {
                let path = kustomization.openapi.get("path").map(String::as_str).unwrap_or_default();
                let (schema, _) = self.document(place, "openapi.path", path)?;
                let with_builtin = self.builtin_uses > 0;
                let custom =
                    Custom::new(bytes, &schema, with_builtin).map_err(|reason| fault("openapi.path", reason))?;
                self.schema = Some(Schema { custom, with_builtin });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Merges `configurations` and `crds` into what the transformers know.
    pub(super) fn configure(
        &self,
        place: &Place<'_>,
        kustomization: &Kustomization,
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let conflict = |field: String, e: config::Conflict| BuildError::Field {
            file: place.file.to_owned(),
            field,
            reason: format!("says of `{}` something else about `create` than is known", e.path),
        };
        let files = &kustomization.configurations;
        let mut own = Config::defaults().clone();
        if !files.is_empty() {
            let mut written = Config::default();
            for (index, entry) in files.iter().enumerate() {
                let field = format!("configurations[{index}]");
                let (value, path) = self.document(place, &field, entry)?;
                let read = Config::read(&value).map_err(|e| file::error(path.as_str(), e))?;
                written.merge(&read).map_err(|e| conflict(field, e))?;
            }
            let mut whole = (**Config::defaults()).clone();
            whole.merge(&written).map_err(|e| conflict("configurations".into(), e))?;
            own = Arc::new(whole);
        }
        add_config(&mut content.config, &own).map_err(|e| conflict("configurations".into(), e))?;
        for (index, entry) in kustomization.crds.iter().enumerate() {
            let field = format!("crds[{index}]");
            let (value, path) = self.document(place, &field, entry)?;
            let fault = |reason: String| BuildError::Field { file: path.to_string(), field: String::new(), reason };
            let map = value.as_object().ok_or_else(|| fault("is not a map of definitions".into()))?;
            let read = Arc::new(crds::read(map).map_err(fault)?);
            add_config(&mut content.config, &read).map_err(|e| conflict(field, e))?;
        }
        Ok(())
    }
}

/// Adds to a configuration that may be shared.
pub(super) fn add_config(config: &mut Option<Arc<Config>>, other: &Arc<Config>) -> Result<(), config::Conflict> {
    let mut merged = match config {
        // The defaults merged with themselves are the defaults.
        Some(known) if Arc::ptr_eq(known, other) => return Ok(()),
        None if Arc::ptr_eq(other, Config::defaults()) => {
            *config = Some(other.clone());
            return Ok(());
        }
        Some(known) => (**known).clone(),
        None => Config::default(),
    };
    merged.merge(other)?;
    *config = Some(Arc::new(merged));
    Ok(())
}
