use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One approved program: a short form (`ls`, `git status`) or the long one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum CommandRule {
    /// A program, or a program with its first arguments: `ls`, `git status`, `/opt/bin/report`. The built-in rules of
    /// that program apply, and its path arguments stay under the roots.
    Short(String),
    /// The same with conditions.
    Full(Box<CommandSettings>),
}

/// One approved program, with conditions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandSettings {
    /// A name, looked up in `path`, or an absolute path. `git status` fixes the first arguments too.
    pub program: String,
    /// First arguments to accept, e.g. `[log, diff, "remote show"]`. Default: any.
    #[serde(default)]
    pub subcommands: Vec<String>,
    /// Patterns, one of which every further argument must match whole: `build`, `--jobs=*`, `*.txt`. Default: any.
    #[serde(default)]
    pub arguments: Option<Vec<String>>,
    /// Flags to accept or refuse, beside the built-in rules of the program.
    #[serde(default)]
    pub flags: FlagSettings,
    /// Where path arguments may point.
    #[serde(default)]
    pub paths: PathScope,
    /// Environment given to this program, over the one given to all.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Lets a program that runs other code (python, make, env, ssh, `find -exec`, ...) do so: the built-in rules of
    /// this program are off, and whoever may call it may run anything the sandbox lets pass.
    #[serde(default)]
    pub interpreter: bool,
    /// The grant of shell strings: `program` is a shell, and `sh -c "anything"` runs. Nothing in the string is checked
    /// by any rule. Prefer anything else.
    #[serde(default)]
    pub shell: bool,
    /// Instead of the section's `operators`, for lines with this command.
    #[serde(default)]
    pub operators: Option<BTreeSet<Operator>>,
    /// Instead of the section's `redirects`.
    #[serde(default)]
    pub redirects: Option<bool>,
    /// Instead of the section's `variables`.
    #[serde(default)]
    pub variables: Option<BTreeSet<String>>,
    /// Instead of the section's `globs`.
    #[serde(default)]
    pub globs: Option<bool>,
}

/// Flags to accept or refuse. `-v` stands for the short flag alone or in a bundle (`-xvz`), `--verbose` for the long one
/// in each spelling the program reads (`--verb`, `--verbose=1`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlagSettings {
    /// Only these. Default: any.
    pub allow: Option<BTreeSet<String>>,
    /// Not these.
    pub deny: BTreeSet<String>,
}

/// Where path arguments may point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PathScope {
    /// Inside the roots.
    #[default]
    Roots,
    /// Anywhere but `/proc`, `/sys` and `/dev`.
    Any,
    /// Nowhere: arguments that look like paths are refused.
    None,
}

/// What joins commands in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// `|`
    Pipe,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `;` and a new line.
    Sequence,
    /// `!` before a command.
    Not,
}

/// What may not run although approved: a program (`shutdown`, `mkfs*`) or a program with certain arguments.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum DenyRule {
    /// A program's name; `*` stands for anything.
    Program(String),
    /// A program with certain arguments.
    Full(DenySettings),
}

/// Refuses a program when all of `flags` and all of `arguments` are there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenySettings {
    /// A program's name; `*` stands for anything.
    pub program: String,
    /// Flags, in any spelling: `-r` is found in `-fr` and `-rf`. `-r|--recursive` names one flag with two spellings.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Patterns, each of which some argument must match. One that is an absolute path matches arguments that lead there.
    #[serde(default)]
    pub arguments: Vec<String>,
}
