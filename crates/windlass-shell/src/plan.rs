//! What will run, exactly. A line becomes a [`Plan`] or it is refused; the plan is what `explain_command` shows, what the
//! rules allowed and what the executor starts. No shell reads the line again, so the three cannot differ.

use std::path::PathBuf;

/// Pipelines in order, each with the condition under which it runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    /// The steps; never empty.
    pub steps: Vec<Step>,
}

/// One pipeline and when it runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Step {
    /// When it runs.
    pub when: When,
    /// `! pipeline`: success and failure swapped.
    pub negated: bool,
    /// The commands, each one's stdout feeding the next one's stdin; never empty.
    pub pipeline: Vec<Command>,
}

/// The operator before a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// First, or after `;` or a newline.
    Always,
    /// After `&&`.
    IfSucceeded,
    /// After `||`.
    IfFailed,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Command {
    /// The executable: absolute, resolved by the server, never through the caller's PATH.
    pub program: PathBuf,
    /// The arguments, `argv[0]` (the name as written) included.
    pub argv: Vec<String>,
    /// Redirections, in order.
    pub redirects: Vec<Redirect>,
    /// Environment the rule adds for this program, over the clean base.
    pub environment: Vec<(String, String)>,
    /// The rule that allowed it, as a person would find it in the configuration.
    pub rule: String,
}

/// One redirection. Paths are absolute and inside the granted roots.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Redirect {
    /// `< path`
    Read {
        /// The file.
        path: PathBuf,
    },
    /// `> path`, `2> path`, or with `append` `>> path`.
    Write {
        /// Descriptor: 1 or 2.
        fd: u8,
        /// The file.
        path: PathBuf,
        /// Append rather than truncate.
        append: bool,
    },
    /// `2>&1`, `1>&2`.
    Duplicate {
        /// The descriptor that changes.
        fd: u8,
        /// The descriptor it becomes a copy of.
        from: u8,
    },
    /// `>/dev/null`, `2>/dev/null`, `</dev/null`: always allowed.
    Null {
        /// Descriptor: 0, 1 or 2.
        fd: u8,
    },
}
