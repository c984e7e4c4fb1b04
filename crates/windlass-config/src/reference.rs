//! The reference page, from the types; and the file `windlass init` writes.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{
    keys::{KEYS, Key, Kind},
    layers::SHORT,
};

/// A commented windlass.yaml to start from. It loads as it is, and so does every line of it that is commented out.
pub fn template() -> &'static str {
    include_str!("template.yaml")
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Generated from the types: cargo run -p windlass-config --example generate -->

Settings come from, each over the one before: defaults, the variables of earlier systems, `windlass.yaml`, `WINDLASS_*`
variables, the command line. All of it is checked before a port opens: `windlass config check`. What is in force, and from
where: `windlass config show`.

`windlass.yaml` is the file given with `--config` or `WINDLASS_CONFIG`, else the one in the working directory, else
`windlass/windlass.yaml` in `$XDG_CONFIG_HOME` or `~/.config`. It is read again when it changes and on SIGHUP; a file with
mistakes changes nothing. Relative paths in it start from its own directory.

Durations are written `500ms`, `30s`, `1m30s`, `2h`, `7d`; sizes `4096`, `512KiB`, `10MiB`. A list in a variable is
separated by commas. An empty variable counts as unset, an unknown `WINDLASS_*` variable as a mistake. Secrets never
stand in the file: `env:NAME` or `file:PATH` says where one is.

`WINDLASS_AUTH_TOKEN` holds the shared token itself (or a reference to it). Short names:
";

/// The page `docs/reference/configuration.md`.
pub fn reference() -> String {
    let mut page = INTRODUCTION.trim_end().to_owned();
    for (variable, setting) in SHORT {
        let _ = write!(page, " `{variable}` (`{setting}`),");
    }
    page.truncate(page.len() - 1);
    page.push_str(".\n");

    let sections = KEYS.iter().filter(|key| !key.path.contains('.') && key.kind == Kind::Section);
    for section in sections {
        let _ = write!(page, "\n## `{}`\n\n{}\n", section.path, section.about);
        let prefix = format!("{}.", section.path);
        let keys: Vec<&Key> =
            KEYS.iter().filter(|key| key.path.starts_with(&prefix) && key.kind != Kind::Section).collect();
        if keys.is_empty() {
            continue;
        }
        page.push_str("\n| Key | Takes | Default | Meaning |\n|---|---|---|---|\n");
        keys.iter().for_each(|key| row(&mut page, key));
    }
    page
}

fn row(page: &mut String, key: &Key) {
    let mut name = format!("`{}`", key.path);
    if let Some(variable) = key.variable() {
        let _ = write!(name, "<br>`{variable}`");
    }
    let mut about = key.about.clone();
    for (choice, meaning) in key.choices.iter().filter(|(_, meaning)| !meaning.is_empty()) {
        let _ = write!(about, " `{choice}`: {meaning}");
    }
    let default = match &key.default {
        None => "-".into(),
        Some(Value::String(text)) if text.is_empty() => "-".into(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(Value::Array(items)) if items.is_empty() => "none".into(),
        Some(other) => format!("`{other}`"),
    };
    let cells = [&name, &key.takes, &default, &about].map(|cell| cell.replace('|', "\\|"));
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}
