use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Approved commands.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShellSettings {}
