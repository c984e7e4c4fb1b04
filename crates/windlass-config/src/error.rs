use std::fmt;

use crate::{
    Origin,
    de::{Fault, Issue},
    keys::KEYS,
    mask,
    node::Path,
    suggest,
};

/// One thing wrong with the configuration: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting, e.g. `auth.keys[0].hash`; empty where no single one is at fault.
    pub setting: String,
    /// Where the mistake stands.
    pub origin: Option<Origin>,
    /// What is wrong. Lowercase start, no trailing dot, no secret.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The line of the file, with secrets blotted out.
    pub line: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { setting: String::new(), origin: None, message: message.into(), hint: None, line: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    pub(crate) fn setting(mut self, path: impl fmt::Display) -> Self {
        self.setting = path.to_string();
        self
    }

    /// Whether it points into `file`.
    pub(crate) fn is_in(&self, file: &std::path::Path) -> bool {
        matches!(&self.origin, Some(Origin::File { file: here, .. }) if &**here == file)
    }

    /// Quotes the line the error points to.
    pub(crate) fn quote(&mut self, text: &str) {
        let Some(Origin::File { line, .. }) = self.origin else { return };
        let Some(given) = text.lines().nth(line as usize - 1) else { return };
        let mut shown = mask::line(given);
        // A secret may also stand below its key, or below the line where the YAML broke.
        let above = text.lines().take(line as usize - 1).filter(|line| !line.trim().is_empty()).last();
        let secret = match self.setting.as_str() {
            "" => above.is_some_and(mask::is_secret),
            setting => mask::is_secret(setting),
        };
        if secret && shown == given {
            let indent = given.len() - given.trim_start().len();
            shown = format!("{}********", &given[..indent]);
        }
        self.line = Some(shown);
    }

    pub(crate) fn from_fault(path: &Path, fault: &Fault, origin: Origin) -> Self {
        let secret = path.last_key().is_some_and(mask::is_secret);
        let error = match &fault.issue {
            Issue::UnknownKey { key, known } => unknown_key(key, known),
            Issue::UnknownChoice { given, known } => {
                let given = if secret { "this".into() } else { format!("`{given}`") };
                let error = Self::new(format!("{given} is not one of the choices"));
                match suggest::nearest(&given, known.iter().copied()) {
                    Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                    None => error.hint(format!("choose one of {}", suggest::listed(known.iter().copied()))),
                }
            }
            Issue::WrongType { found, expected } => {
                let shown = if secret { found.hidden } else { &found.shown };
                wrong_type(shown, expected)
            }
            Issue::Missing(key) => Self::new(format!("`{key}` is missing here")).hint(format!("add `{key}: ...`")),
            Issue::Said(_) if secret => Self::new("this is not what belongs here"),
            Issue::Said(text) => Self::new(text),
        };
        let hint = match fault.issue {
            Issue::WrongType { .. } | Issue::Said(_) => form(path).or(error.hint.as_deref()).map(str::to_owned),
            _ => error.hint.clone(),
        };
        Self { message: mask::user_info(&error.message), hint, ..error.setting(path).at(origin) }
    }
}

/// How a value of the setting's kind is written, where that is not obvious.
fn form(path: &Path) -> Option<&'static str> {
    let pattern = path.pattern();
    let key = KEYS.iter().find(|key| is_at(&key.path, &pattern))?;
    match key.takes.as_str() {
        "duration" => Some("write a number and a unit: 500ms, 30s, 1m30s, 2h"),
        "size" => Some("write a number and a unit: 512KiB, 10MiB"),
        "URL" => Some("write the whole of it: https://mcp.example.com"),
        "IP address" => Some("write an address: 127.0.0.1 for this machine alone, 0.0.0.0 for every one"),
        _ => None,
    }
}

/// Whether a key of the types, such as `sql.sources.*.kind`, is the one at this place.
fn is_at(key: &str, place: &str) -> bool {
    let (mut key, mut place) = (key.split('.'), place.split('.'));
    loop {
        match (key.next(), place.next()) {
            (Some(step), Some(here)) if step == here || step == "*" => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

fn unknown_key(key: &str, known: &'static [&'static str]) -> ConfigError {
    let error = ConfigError::new(format!("`{key}` is not a setting here"));
    match suggest::nearest(key, known.iter().copied()) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None if known.is_empty() => error.hint("nothing can be set here"),
        None => error.hint(format!("here you can set {}", suggest::listed(known.iter().copied()))),
    }
}

fn wrong_type(found: &str, expected: &str) -> ConfigError {
    let (what, hint) = match expected {
        "u8" => ("a whole number from 0 to 255", None),
        "u16" => ("a whole number from 0 to 65535", None),
        "u32" | "u64" | "usize" => ("a whole number, 0 or more", None),
        "i32" | "i64" | "isize" => ("a whole number", None),
        "f32" | "f64" => ("a number", None),
        "a boolean" => ("`true` or `false`", None),
        "a string" | "path string" | "a string representing an URL" => {
            ("text", Some("quote it if it is meant as text: \"...\""))
        }
        "a sequence" => ("a list", Some("write it as a list: [one, two]")),
        "a map" => ("a section of keys", None),
        other if other.starts_with("struct ") => ("a section of keys", None),
        other if other.starts_with("enum ") => ("one of the choices", None),
        other => (other, None),
    };
    let error = ConfigError::new(format!("expected {what}, found {found}"));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin
            && *origin != Origin::Default
        {
            write!(f, "{origin}: ")?;
        }
        if !self.setting.is_empty() {
            write!(f, "{}: ", self.setting)?;
        }
        f.write_str(&self.message)?;
        if let (Some(line), Some(Origin::File { line: number, column, .. })) = (&self.line, &self.origin) {
            let margin = number.to_string().len();
            let shown: String = line.chars().take(160).collect();
            write!(f, "\n  {number} | {shown}")?;
            if (*column as usize) <= shown.chars().count() {
                write!(f, "\n  {:margin$} | {:>caret$}", "", "^", caret = *column as usize)?;
            }
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Everything found wrong at once. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Something the operator should know that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about: a variable or a setting.
    pub subject: String,
    /// What was made of it.
    pub message: String,
}

impl Notice {
    pub(crate) fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), message: message.into() }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}
