//! `windlass connect`: makes an AI client use a server, by printing its configuration or merging it into the client's
//! file.
//!
//! Planning ([`plan`]) touches nothing and decides everything; [`Plan::write`] only does what the plan says. Where each
//! client keeps its file and what it looks like was checked against the clients' own pages, see
//! docs/connect.md.

mod app;
mod file;
mod json;
mod shape;
mod toml;

use std::{fmt, path::PathBuf};

use url::Url;
use windlass_core::SecretString;

pub use app::{App, Os, Places};
pub use file::Written;

use crate::{error::ClientError, text::one_line};

/// How the client reaches the server.
#[derive(Debug, Clone)]
pub enum Server {
    /// The client starts it.
    Stdio {
        /// The program, absolute: clients do not have a terminal's PATH.
        command: PathBuf,
        /// Its arguments.
        args: Vec<String>,
    },
    /// It runs already.
    Http {
        /// Its endpoint.
        url: Url,
        /// What the client shows it.
        token: Token,
    },
}

/// The token of an HTTP server, and where it is kept.
#[derive(Debug, Clone)]
pub enum Token {
    /// The server wants none.
    None,
    /// In the environment variable of this name; the file only refers to it.
    Env(String),
    /// In the file itself, because that was asked for.
    Raw(SecretString),
}

/// What to connect to what.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// The client.
    pub app: App,
    /// What the client calls the server.
    pub name: String,
    /// The server.
    pub server: Server,
    /// Where things are on this machine.
    pub places: Places,
}

/// What connecting would do.
#[derive(Clone)]
pub struct Plan {
    /// The client.
    pub app: App,
    /// The client's configuration file.
    pub path: PathBuf,
    /// A command of the client's own that does the same, where it has one.
    pub command: Option<String>,
    /// What else to know.
    pub notes: Vec<String>,
    edit: file::Edit,
    secret: Option<SecretString>,
}

// Not derived: the edit may hold a raw token.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("app", &self.app).field("path", &self.path).finish_non_exhaustive()
    }
}

/// Works out the configuration. Nothing is read or written.
pub fn plan(options: &ConnectOptions) -> Result<Plan, ClientError> {
    let name = &options.name;
    let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !fits {
        return Err(ClientError::usage(
            format!("`{}` cannot be a server's name", one_line(name)),
            "use letters, digits, `-` and `_`",
        ));
    }
    shape::plan(options)
}

impl Plan {
    /// The plan for a person: what goes where, and what else to do. A raw token is not shown.
    pub fn text(&self) -> String {
        use windlass_core::ExposeSecret;
        let mut out = format!("{} reads {}:\n\n", self.app.title(), self.path.display());
        let snippet = self.edit.snippet();
        out.push_str(&match &self.secret {
            Some(secret) => {
                let quoted = serde_json::Value::from(secret.expose_secret()).to_string();
                snippet.replace(quoted.trim_matches('"'), "[token]")
            }
            None => snippet,
        });
        if let Some(command) = &self.command {
            out.push_str(&format!("\nor let it do that itself:\n\n  {command}\n"));
        }
        for note in &self.notes {
            out.push_str(&format!("\n{note}\n"));
        }
        out
    }

    /// Merges the configuration into the client's file. Everything else in it stays as it is, byte for byte; the file
    /// as it was is kept beside it.
    pub fn write(&self) -> Result<Written, ClientError> {
        file::write(&self.path, &self.edit, self.secret.is_some())
    }
}
