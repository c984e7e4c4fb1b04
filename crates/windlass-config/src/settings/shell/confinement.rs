use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windlass_core::units::{Bytes, Span};

/// Limits on one command and everything it starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShellLimits {
    /// Memory.
    pub memory: Bytes,
    /// Processes and threads.
    pub processes: u32,
    /// Largest file a command may write.
    pub file_size: Bytes,
    /// Processor time of one process.
    pub cpu: Span,
    /// Open files of one process.
    pub open_files: u32,
}

impl Default for ShellLimits {
    fn default() -> Self {
        Self {
            memory: Bytes(1 << 30),
            processes: 256,
            file_size: Bytes(1 << 30),
            cpu: Span(Duration::from_secs(300)),
            open_files: 1024,
        }
    }
}

/// What the kernel keeps commands from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxSettings {
    /// Landlock: files outside the roots, system libraries and programs cannot be reached, whatever the rules let pass.
    pub landlock: KernelFeature,
    /// seccomp: system calls commands have no business with (mount, ptrace, kernel modules, ...) fail.
    pub seccomp: KernelFeature,
    /// Whether commands may use the network.
    pub network: NetworkAccess,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self { landlock: KernelFeature::Auto, seccomp: KernelFeature::Auto, network: NetworkAccess::Deny }
    }
}

/// How much a protection of the kernel is insisted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KernelFeature {
    /// Used where the kernel has it; `/ready` and `doctor` say whether it does.
    #[default]
    Auto,
    /// Commands are refused where the kernel has it not.
    Required,
    /// Not used.
    Off,
}

/// Whether commands may use the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetworkAccess {
    /// They may not.
    #[default]
    Deny,
    /// They may.
    Allow,
}
