//! Sources from the settings.

use std::sync::Arc;

use windlass_config::settings::KnowledgeSourceSettings;

use super::{Source, folder::Folder, git, place::Place, s3::Prefix};
use crate::{SettingError, Surroundings};

/// The source that `settings` describe. Nothing is opened and nobody is asked yet.
///
/// # Errors
/// A setting is wrong by itself, or it is not one of `folder`, `git` and `s3`.
pub fn make(settings: &KnowledgeSourceSettings, surroundings: &Surroundings) -> Result<Arc<dyn Source>, SettingError> {
    let place = Place::new(settings, surroundings.max_file.0)?;
    match (&settings.folder, &settings.git, &settings.s3) {
        (Some(folder), None, None) => {
            none_of(settings, "folder", &["branch", "subfolder", "token", "region"])?;
            Ok(Arc::new(Folder::new(folder, surroundings.base.join(folder), place)))
        }
        (None, Some(url), None) => {
            none_of(settings, "git", &["region"])?;
            git::make(url, settings, surroundings, place)
        }
        (None, None, Some(url)) => {
            none_of(settings, "s3", &["branch", "subfolder", "token"])?;
            Ok(Arc::new(Prefix::new(url, settings.region.clone(), surroundings.aws.clone(), place)?))
        }
        (None, None, None) => Err(SettingError::new("sources", "a source has one of `folder`, `git` and `s3`")),
        _ => Err(SettingError::new("sources", "a source has only one of `folder`, `git` and `s3`")),
    }
}

/// Refuses what would be ignored.
fn none_of(settings: &KnowledgeSourceSettings, kind: &str, foreign: &[&'static str]) -> Result<(), SettingError> {
    for &setting in foreign {
        let given = match setting {
            "branch" => settings.branch.is_some(),
            "subfolder" => settings.subfolder.is_some(),
            "token" => settings.token.is_some(),
            _ => settings.region.is_some(),
        };
        if given {
            return Err(SettingError::new(setting, format!("it means nothing for a source with `{kind}`")));
        }
    }
    Ok(())
}
