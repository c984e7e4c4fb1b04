use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may call what. Nothing matched = denied.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySettings {
    /// The short form; each grant becomes one Cedar `permit`.
    pub grants: Vec<GrantSettings>,
    /// Cedar policies in place, for what the short form cannot say.
    pub cedar: Option<String>,
    /// Files of Cedar policies.
    pub cedar_files: Vec<PathBuf>,
}

/// Lets some callers use some tools.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantSettings {
    /// Callers: a principal's id (`key:ci`), `group:NAME`, `scope:NAME`, or `*` for anyone authenticated.
    pub to: Vec<String>,
    /// Tools: a name (`run_command`), `toolset/*` (`shell/*`), or `*`.
    pub tools: Vec<String>,
    /// Only tools annotated as changing nothing.
    #[serde(default)]
    pub read_only: bool,
}
