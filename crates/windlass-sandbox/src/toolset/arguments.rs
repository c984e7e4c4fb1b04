//! What the tools take.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use windlass_core::ToolError;

use crate::life::Wish;

/// Nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoArguments {}

/// A new sandbox.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CreateArguments {
    /// Memory in MiB. Files count too.
    #[schemars(range(min = 32, max = 1048576))]
    pub memory_mib: Option<u64>,
    /// Processors.
    #[schemars(range(min = 1, max = 1024))]
    pub vcpus: Option<u32>,
    /// Deprecated, use `vcpus`.
    #[schemars(range(min = 1, max = 1024))]
    pub vcpu_count: Option<u32>,
    /// Room for files in MiB.
    #[schemars(range(min = 1, max = 1048576))]
    pub disk_mib: Option<u64>,
    /// Seconds after which it is destroyed, used or not.
    #[schemars(range(min = 1, max = 2592000))]
    pub ttl_seconds: Option<u64>,
    /// Variables of everything that runs in it.
    pub environment: Option<BTreeMap<String, String>>,
    /// Words of your own to know it by, shown by list_sandboxes.
    pub labels: Option<BTreeMap<String, String>>,
    /// Go on where this snapshot was taken, with its size. See snapshot_sandbox.
    pub snapshot_id: Option<String>,
}

/// A piece of code.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeArguments {
    /// The sandbox to run in. Without one, it runs in a new one that is destroyed afterwards.
    #[serde(default)]
    pub sandbox_id: Option<String>,
    /// The language.
    pub language: Language,
    /// The code.
    pub code: String,
    /// Seconds after which it is ended. What it has printed by then is returned.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 604800.0))]
    pub timeout_seconds: Option<f64>,
    /// Text for its standard input. Default: none.
    #[serde(default)]
    pub stdin: Option<String>,
    /// Extra environment variables. In a session, those of its first piece of code.
    #[serde(default)]
    pub environment: Option<BTreeMap<String, String>>,
    /// Keep the interpreter: variables and imports are still there for the next code in this language with session true.
    /// The value of a last expression is printed. Needs a sandbox_id.
    #[serde(default)]
    pub session: bool,
}

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    /// Python 3.
    Python,
    /// Python 3.
    Python3,
    /// JavaScript, by Node.js.
    Javascript,
    /// JavaScript, by Node.js.
    Js,
    /// JavaScript, by Node.js.
    Node,
    /// Bash.
    Bash,
    /// Bash.
    Sh,
}

/// A line of bash.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandArguments {
    /// The sandbox to run in.
    pub sandbox_id: String,
    /// A line of bash, e.g. `ls -la && python3 main.py`.
    pub command: String,
    /// Directory to run in. Default: the home directory.
    #[serde(default)]
    pub working_directory: Option<String>,
    /// Seconds after which it is ended. What it has printed by then is returned.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 604800.0))]
    pub timeout_seconds: Option<f64>,
    /// Text for its standard input. Default: none.
    #[serde(default)]
    pub stdin: Option<String>,
    /// Extra environment variables.
    #[serde(default)]
    pub environment: Option<BTreeMap<String, String>>,
}

/// A sandbox.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SandboxArguments {
    /// The sandbox.
    pub sandbox_id: String,
}

/// A sandbox to keep.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotArguments {
    /// The sandbox.
    pub sandbox_id: String,
    /// Seconds after which the snapshot goes.
    #[serde(default)]
    #[schemars(range(min = 1, max = 2592000))]
    pub ttl_seconds: Option<u64>,
}

/// A sandbox to copy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForkArguments {
    /// The sandbox.
    pub sandbox_id: String,
    /// Seconds after which the copy is destroyed, used or not.
    #[serde(default)]
    #[schemars(range(min = 1, max = 2592000))]
    pub ttl_seconds: Option<u64>,
    /// Words of your own to know the copy by.
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
}

/// A file to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadArguments {
    /// The sandbox.
    pub sandbox_id: String,
    /// The file: absolute, or relative to the home directory.
    pub path: String,
    /// Byte to begin at.
    #[serde(default)]
    pub offset: u64,
    /// Bytes to read at most. Default and most: 1 MiB.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1048576))]
    pub limit: Option<u64>,
}

/// A file to write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteArguments {
    /// The sandbox.
    pub sandbox_id: String,
    /// The file: absolute, or relative to the home directory.
    pub path: String,
    /// What to write, as text. Exactly one of `content` and `content_base64`.
    #[serde(default)]
    pub content: Option<String>,
    /// What to write, as base64.
    #[serde(default)]
    pub content_base64: Option<String>,
    /// Add it at the end of the file instead.
    #[serde(default)]
    pub append: bool,
    /// Make the file executable.
    #[serde(default)]
    pub executable: bool,
}

/// A directory to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListArguments {
    /// The sandbox.
    pub sandbox_id: String,
    /// The directory: absolute, or relative to the home directory, which is the default.
    #[serde(default)]
    pub path: Option<String>,
}

impl TryFrom<CreateArguments> for Wish {
    type Error = ToolError;

    fn try_from(given: CreateArguments) -> Result<Self, ToolError> {
        let environment = given.environment.unwrap_or_default();
        check_environment(&environment)?;
        let labels = labels(given.labels)?;
        let mib = |given: Option<u64>| given.map(|mib| mib.saturating_mul(1 << 20));
        Ok(Self {
            memory: mib(given.memory_mib),
            vcpus: given.vcpus.or(given.vcpu_count),
            disk: mib(given.disk_mib),
            ttl: given.ttl_seconds.map(Duration::from_secs),
            environment,
            labels,
            snapshot: given.snapshot_id,
        })
    }
}

fn labels(given: Option<BTreeMap<String, String>>) -> Result<BTreeMap<String, String>, ToolError> {
    let labels = given.unwrap_or_default();
    if labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > 4096 {
        return Err(ToolError::invalid("the labels are longer than 4096 bytes").hint("write the rest into a file"));
    }
    Ok(labels)
}

impl ForkArguments {
    pub fn wish(&mut self) -> Result<Wish, ToolError> {
        let ttl = self.ttl_seconds.map(Duration::from_secs);
        Ok(Wish { ttl, labels: labels(self.labels.take())?, ..Wish::default() })
    }
}

pub(super) fn check_environment(environment: &BTreeMap<String, String>) -> Result<(), ToolError> {
    let bad =
        |(name, value): &(&String, &String)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0');
    match environment.iter().find(bad) {
        Some((name, _)) => Err(ToolError::invalid(format!("`{name}` cannot be an environment variable"))
            .hint("names have no `=` and are not empty; neither names nor values have a NUL byte")),
        None => Ok(()),
    }
}
