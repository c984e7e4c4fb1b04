//! The variables of the systems Windlass replaces, read so that their users move in one step. Every one that is used,
//! or that cannot be, is named in a notice.
//!
//! They only fill what neither windlass.yaml nor `WINDLASS_*` says: somebody who has written a windlass.yaml has moved.

mod table;
mod words;

use std::sync::Arc;

use windlass_core::units::Span;

use crate::{
    ConfigError, Env, Notice, Origin, check,
    node::{Node, Path, Value},
};
use table::{DATABASES, LATER, Part, Reading, SEEDS};

/// Seed 4's command rules as they were written. The shell toolset turns them into argv rules and names the differences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeedCommands {
    /// `MCP_ALLOWED_COMMANDS`: prefixes of command lines. Empty meant "everything" there.
    pub allowed: Vec<String>,
    /// `MCP_BLOCKED_COMMANDS`: forbidden parts of command lines.
    pub blocked: Vec<String>,
    /// `MCP_SHELL`.
    pub shell: Option<String>,
    /// `MCP_SHELL_ARG`.
    pub shell_arg: Option<String>,
    /// `MCP_DEFAULT_TIMEOUT`.
    pub timeout: Option<Span>,
}

/// What the seeds' variables come to.
pub(crate) struct Seeds {
    /// To lie under everything else.
    pub tree: Node,
    pub commands: Option<SeedCommands>,
    pub notices: Vec<Notice>,
    pub errors: Vec<ConfigError>,
}

/// Reads the seeds' variables. `above` is what windlass.yaml, `WINDLASS_*` and the command line say.
pub(crate) fn read(env: &dyn Env, above: &Node) -> Seeds {
    let mut seeds = Seeds { tree: Node::empty(), commands: None, notices: Vec::new(), errors: Vec::new() };
    for seed in SEEDS {
        if let Some(value) = env.get(seed.name) {
            seeds.take(seed.name, &seed.reading, value.trim(), env, above);
        }
    }
    seeds.complete_sources();
    seeds.remark(env, above);
    seeds
}

impl Seeds {
    fn take(&mut self, name: &'static str, reading: &Reading, value: &str, env: &dyn Env, above: &Node) {
        if value.is_empty() {
            return self.note(name, "blank, so not used");
        }
        match reading {
            Reading::Set(setting) => self.set(name, setting, value, above),
            Reading::Switch(setting) => {
                let off = ["false", "0"].contains(&value.to_ascii_lowercase().as_str());
                self.set(name, setting, if off { "false" } else { "true" }, above);
            }
            Reading::Transport => {
                let transport = words::transport(value);
                if let words::Transport::Guessed(_) = transport {
                    self.note(name, format!("`{value}` is no transport; both are opened, as there"));
                }
                self.set(name, "server.transport", transport.word(), above);
            }
            Reading::Level => match words::level(value) {
                Some(level) => self.set(name, "telemetry.log", level, above),
                None => self.note(name, format!("`{value}` is no log level, so not used")),
            },
            Reading::Directives => match check::bad_level(value) {
                None => self.set(name, "telemetry.log", value, above),
                Some(level) => self.note(name, format!("`{level}` is no log level, so not used")),
            },
            Reading::Token => match above.find(&Path::dotted("auth")) {
                // A credential nobody wrote down for this server must not open it.
                Some(auth) => self.note(name, format!("not used, because {} configures authentication", auth.origin)),
                None => self.set(name, "auth.token", &format!("env:{name}"), above),
            },
            Reading::Source(source, key) => self.source(name, source, key, value, env, above),
            Reading::Password(source) => self.source(name, source, "password", &format!("env:{name}"), env, above),
            Reading::Commands(part) => match above.find(&Path::dotted("shell")) {
                Some(shell) => self.note(name, format!("not used, because {} has a `shell` section", shell.origin)),
                None => self.command(name, *part, value),
            },
            Reading::Agent(section, setting) => match above.find(&Path::dotted(section)) {
                Some(given) => self.note(name, format!("not used, because {} has `{section}`", given.origin)),
                None => self.set(name, setting, value, above),
            },
            Reading::Unused(why) => self.note(name, *why),
        }
    }

    fn set(&mut self, name: &'static str, setting: &str, value: &str, above: &Node) {
        let path = Path::dotted(setting);
        if let Some(other) = above.find(&path).or_else(|| self.tree.find(&path)) {
            let message = format!("not used, because {} sets `{setting}`", other.origin);
            return self.note(name, message);
        }
        let origin = Origin::Variable(name.into());
        self.tree.set(&path, Node { origin, value: Value::Loose(value.into()) });
        self.note(name, format!("read as `{setting}`"));
    }

    /// Part of a database.
    fn source(&mut self, name: &'static str, source: &str, key: &str, value: &str, env: &dyn Env, above: &Node) {
        let places = DATABASES.iter().find(|(known, _)| *known == source).map_or(&[][..], |(_, places)| places);
        // Who wrote down databases has all that are wanted.
        if let Some(sql) = above.find(&Path::dotted("sql.sources")) {
            self.note(name, format!("not used, because {} has databases", sql.origin));
        } else if places.iter().any(|place| env.get(place).is_some()) {
            self.set(name, &format!("sql.sources.{source}.{key}"), value, above);
        } else {
            self.note(name, format!("not used, because {} is not set", places.join(" or ")));
        }
    }

    /// A database is of the kind that its variables are named after, and has the tools it had there.
    fn complete_sources(&mut self) {
        for (kind, _) in DATABASES {
            let source = Path::dotted("sql.sources").key(*kind);
            let Some(node) = self.tree.find(&source) else { continue };
            let origin = node.origin.clone();
            let text = |text: &str| Node { origin: origin.clone(), value: Value::Loose(text.into()) };
            self.tree.set(&source.clone().key("kind"), text(kind));
            let tools = "execute_sql, explain_sql, list_tables, describe_table, sample_rows";
            self.tree.set(&source.key("tools"), text(tools));
        }
    }

    fn command(&mut self, name: &'static str, part: Part, value: &str) {
        let commands = self.commands.get_or_insert_default();
        let list = || value.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        match part {
            Part::Allowed => commands.allowed = list(),
            Part::Blocked => commands.blocked = list(),
            Part::Shell => commands.shell = Some(value.into()),
            Part::ShellArg => commands.shell_arg = Some(value.into()),
            Part::Timeout => match words::go_duration(value) {
                Some(span) => commands.timeout = Some(span),
                None => {
                    let error =
                        ConfigError::new(format!("`{value}` is not a duration")).hint("write for example 30s or 1m30s");
                    self.errors.push(error.at(Origin::Variable(Arc::from(name))));
                    return;
                }
            },
        }
        self.note(name, "read for the `shell` toolset");
    }

    fn note(&mut self, name: &str, message: impl Into<String>) {
        self.notices.push(Notice::new(name, message));
    }

    /// Says where the same variables led to something else.
    fn remark(&mut self, env: &dyn Env, above: &Node) {
        let has = |path: &str, tree: &Node| tree.find(&Path::dotted(path)).is_some();
        let petty = ["PETTY_TRANSPORT", "PETTY_HTTP_PORT", "BOUVET_TRANSPORT", "BOUVET_HTTP_PORT"];
        if let Some(name) = petty.into_iter().find(|name| env.get(name).is_some())
            && !has("server.host", above)
            && !has("server.host", &self.tree)
        {
            let host = if name.starts_with("PETTY") { "PETTY_HTTP_HOST" } else { "BOUVET_HTTP_HOST" };
            self.note(host, "unset, which meant 0.0.0.0 there; here only this machine is served, on 127.0.0.1");
        }
        if let Some(commands) = &self.commands {
            if commands.allowed.is_empty() {
                self.note("MCP_ALLOWED_COMMANDS", "unset, which meant every command there; here it means none");
            }
            if !has("server.port", above) && !has("server.port", &self.tree) {
                self.note("WINDLASS_PORT", "unset, so HTTP is on port 8080; the guide of that system has 3000");
            }
        }
        for (toolset, names) in LATER {
            let names = env.names().into_iter().filter(|name| names.iter().any(|known| table::matches(known, name)));
            let names: Vec<String> = names.filter(|name| env.get(name).is_some()).collect();
            if !names.is_empty() {
                self.note(&names.join(", "), format!("not used by this version, which has no {toolset}"));
            }
        }
    }
}
