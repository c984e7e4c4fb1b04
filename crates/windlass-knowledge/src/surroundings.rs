//! What sources and embedders need of where they run, and what is wrong with settings they cannot be made from.

use std::{path::PathBuf, sync::Arc};

use windlass_cloud::SdkConfig;
use windlass_core::units::Bytes;

use crate::secrets::Secrets;

/// What sources and embedders need of where they run.
#[derive(Clone)]
pub struct Surroundings {
    /// Relative paths of the settings start here.
    pub base: PathBuf,
    /// Where copies of repositories are kept between refreshes.
    pub cache: PathBuf,
    /// A larger file is passed over, and counted.
    pub max_file: Bytes,
    /// Where tokens and keys come from.
    pub secrets: Arc<dyn Secrets>,
    /// Another configuration of AWS than that of the environment.
    pub aws: Option<SdkConfig>,
}

/// A setting that nothing can be made from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {why}")]
pub struct SettingError {
    /// Which, as it stands in the settings of the source or the embedder.
    pub setting: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl SettingError {
    pub(crate) fn new(setting: &'static str, why: impl Into<String>) -> Self {
        Self { setting, why: why.into() }
    }
}
