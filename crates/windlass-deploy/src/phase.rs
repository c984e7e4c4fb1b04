use std::fmt;

use serde::{Deserialize, Serialize};

/// A step of the line, with a contract of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The configuration is sound, and a server started from it keeps MCP.
    Check,
    /// The image and the zip, proven as a container.
    Build,
    /// In the registry, pulled back, the same.
    Push,
    /// Running at the target.
    Deploy,
    /// Every promise asked of the endpoint.
    Verify,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Self; 5] = [Self::Check, Self::Build, Self::Push, Self::Deploy, Self::Verify];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Build => "build",
            Self::Push => "push",
            Self::Deploy => "deploy",
            Self::Verify => "verify",
        }
    }

    /// The one whose receipt this one reads.
    pub fn before(self) -> Option<Self> {
        Self::ALL.into_iter().take_while(|phase| *phase != self).last()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
