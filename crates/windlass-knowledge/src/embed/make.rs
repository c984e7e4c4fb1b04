//! The embedder from the settings.

use std::sync::Arc;

use windlass_config::settings::{EmbedderKind, EmbedderSettings};

use super::{Embedder, bedrock::Bedrock, hashed::Hashed, model::Static, openai::OpenAi};
use crate::{SettingError, Surroundings};

/// The embedder that `settings` describe. Nobody is asked and no model is read yet.
///
/// # Errors
/// A setting is missing, wrong by itself, or means nothing for this kind.
pub fn make(settings: &EmbedderSettings, surroundings: &Surroundings) -> Result<Arc<dyn Embedder>, SettingError> {
    match settings.kind {
        EmbedderKind::Hashed => {
            none_of(settings, "hashed", &["model", "url", "api_key", "dimensions", "region", "directory"])?;
            Ok(Arc::new(Hashed))
        }
        EmbedderKind::Openai => {
            none_of(settings, "openai", &["region", "directory"])?;
            Ok(Arc::new(OpenAi::new(settings, surroundings)?))
        }
        EmbedderKind::Bedrock => {
            none_of(settings, "bedrock", &["url", "api_key", "directory"])?;
            Ok(Arc::new(Bedrock::new(settings, surroundings)?))
        }
        EmbedderKind::Model => {
            none_of(settings, "model", &["url", "api_key", "dimensions", "region"])?;
            Ok(Arc::new(Static::new(settings, surroundings)?))
        }
    }
}

/// Refuses what would be ignored.
fn none_of(settings: &EmbedderSettings, kind: &str, foreign: &[&'static str]) -> Result<(), SettingError> {
    let given = |setting: &str| match setting {
        "model" => settings.model.is_some(),
        "url" => settings.url.is_some(),
        "api_key" => settings.api_key.is_some(),
        "dimensions" => settings.dimensions.is_some(),
        "region" => settings.region.is_some(),
        _ => settings.directory.is_some(),
    };
    match foreign.iter().find(|setting| given(setting)) {
        Some(setting) => Err(SettingError::new(setting, format!("it means nothing for an embedder of kind `{kind}`"))),
        None => Ok(()),
    }
}

/// A setting that this kind cannot do without.
pub(super) fn needed<'a, T>(setting: &'static str, value: Option<&'a T>) -> Result<&'a T, SettingError> {
    value.ok_or_else(|| SettingError::new(setting, "it is needed for an embedder of this kind"))
}
