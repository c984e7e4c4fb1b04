//! What happens during a run, from the machine-readable lines.

use serde::Deserialize;

use crate::{Action, Diagnostic, error::diagnostic::Wire};

/// Progress of a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// This will be done.
    Planned {
        /// The resource.
        address: String,
        /// What will happen to it.
        action: Action,
    },
    /// This is being done now.
    Started {
        /// The resource.
        address: String,
        /// What happens to it.
        action: Action,
    },
    /// This is done.
    Done {
        /// The resource.
        address: String,
        /// How long it took.
        seconds: f64,
    },
    /// This was tried.
    Failed {
        /// The resource.
        address: String,
    },
    /// A line for people: a warning, or the sum of a plan.
    Message(String),
}

/// A line, as Terraform writes it.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "@message", default)]
    message: String,
    #[serde(rename = "type")]
    kind: String,
    hook: Option<Hook>,
    change: Option<Change>,
    diagnostic: Option<Wire>,
}

#[derive(Debug, Deserialize)]
struct Hook {
    resource: Resource,
    #[serde(default)]
    action: String,
    #[serde(default)]
    elapsed_seconds: f64,
}

#[derive(Debug, Deserialize)]
struct Change {
    resource: Resource,
    action: String,
}

#[derive(Debug, Deserialize)]
struct Resource {
    #[serde(rename = "addr")]
    address: String,
}

/// Gathers errors from a stream of lines and hands out the rest.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) errors: Vec<Diagnostic>,
}

impl Reader {
    /// What a line means. Lines of kinds that are not known mean nothing: later releases have more.
    pub(crate) fn read(&mut self, line: &str) -> Option<Event> {
        let line: Line = serde_json::from_str(line).ok()?;
        match (line.kind.as_str(), line.hook, line.change) {
            ("planned_change", _, Some(Change { resource, action })) => {
                Some(Event::Planned { address: resource.address, action: Action::parse(&action) })
            }
            ("apply_start", Some(hook), _) => {
                Some(Event::Started { address: hook.resource.address, action: Action::parse(&hook.action) })
            }
            ("apply_complete", Some(hook), _) => {
                Some(Event::Done { address: hook.resource.address, seconds: hook.elapsed_seconds })
            }
            ("apply_errored", Some(hook), _) => Some(Event::Failed { address: hook.resource.address }),
            ("change_summary", ..) => Some(Event::Message(line.message)),
            ("diagnostic", ..) => self.diagnose(line.diagnostic?),
            _ => None,
        }
    }

    fn diagnose(&mut self, diagnostic: Wire) -> Option<Event> {
        let error = diagnostic.severity == "error";
        let diagnostic = Diagnostic::from(diagnostic);
        if error {
            self.errors.push(diagnostic);
            return None;
        }
        let place = diagnostic.address.as_ref().map(|address| format!(" ({address})")).unwrap_or_default();
        Some(Event::Message(format!("warning: {}{place}", diagnostic.summary)))
    }
}
