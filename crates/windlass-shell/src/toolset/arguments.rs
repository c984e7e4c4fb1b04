//! What the tools take, and the checks a schema cannot express.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use windlass_core::ToolError;

use super::{Approved, ShellToolset};

/// Nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoArguments {}

/// A command to run or start.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CommandArguments {
    /// The command line, e.g. `git log --oneline -n 5`. Exactly one of `command` and `argv`.
    pub command: Option<String>,
    /// The words of the command, program first, e.g. ["grep", "-rn", "a b", "src"]. Nothing in them is special.
    pub argv: Option<Vec<String>>,
    /// Directory to run in: absolute, or relative to the server's command directory, which is the default.
    pub working_directory: Option<String>,
    /// Seconds after which it is ended. What it has written by then is returned.
    #[schemars(range(min = 0.001, max = 604800.0))]
    pub timeout_seconds: Option<f64>,
    /// Text for its standard input. Default: none.
    pub stdin: Option<String>,
    /// Extra environment variables; only names the server allows.
    pub environment: Option<BTreeMap<String, String>>,
    /// Deprecated, use `timeout_seconds`: a duration such as "30s" or "1m30s".
    pub timeout: Option<String>,
    /// Deprecated, use `environment`.
    pub env: Option<BTreeMap<String, String>>,
}

/// A command to explain.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExplainArguments {
    /// The command line. Exactly one of `command` and `argv`.
    pub command: Option<String>,
    /// The words of the command, program first.
    pub argv: Option<Vec<String>>,
    /// Directory it would run in.
    pub working_directory: Option<String>,
}

/// Which output to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobOutputArguments {
    /// From start_command.
    pub job_id: String,
    /// Byte of the output to start at: `next_offset` of the last answer. Default: the beginning.
    #[serde(default)]
    #[schemars(range(min = 0, max = 9007199254740991u64))]
    pub offset: u64,
    /// Seconds to wait for something new, at most 60. Default: answer at once.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 60.0))]
    pub wait_seconds: f64,
}

/// Which job to stop.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StopArguments {
    /// From start_command.
    pub job_id: String,
}

/// The line or the words, whichever was given.
pub(super) enum Written {
    Line(String),
    Words(Vec<String>),
}

impl Written {
    pub(super) fn new(command: Option<String>, argv: Option<Vec<String>>) -> Result<Self, ToolError> {
        match (command, argv) {
            (Some(line), None) => Ok(Self::Line(line)),
            (None, Some(words)) if !words.is_empty() => Ok(Self::Words(words)),
            (None, Some(_)) => Err(ToolError::invalid("`argv` is empty").hint("its first word is the program")),
            (Some(_), Some(_)) => Err(ToolError::invalid("both `command` and `argv` are given").hint("leave one out")),
            (None, None) => Err(ToolError::invalid("no command is given").hint("set `command` or `argv`")),
        }
    }

    pub(super) fn title(&self) -> String {
        match self {
            Self::Line(line) => line.clone(),
            Self::Words(words) => words.join(" "),
        }
    }
}

impl ShellToolset {
    /// Everything that is checked before a command may start.
    pub(super) fn approve(&self, arguments: CommandArguments) -> Result<Approved, ToolError> {
        let CommandArguments { command, argv, working_directory, timeout_seconds, stdin, environment, timeout, env } =
            arguments;
        let (rules, settings) = (&self.inner.rules, &self.inner.settings);
        let written = Written::new(command, argv)?;
        let directory = rules.check_directory(working_directory.as_deref())?;
        let plan = match &written {
            Written::Line(line) => rules.plan_line(line, &directory)?,
            Written::Words(words) => rules.plan_argv(words, &directory)?,
        };
        let asked = environment.or(env).unwrap_or_default();
        rules.check_environment(&asked)?;
        let mut environment = base_environment(settings);
        environment.extend(settings.environment.clone());
        environment.extend(asked);
        let timeout = match (timeout_seconds, timeout) {
            (Some(seconds), _) => Some(Duration::try_from_secs_f64(seconds).map_err(|_| {
                ToolError::invalid("`timeout_seconds` is not a time").hint("give seconds, for example 30")
            })?),
            (None, Some(text)) => Some(duration(&text).ok_or_else(|| {
                ToolError::invalid("`timeout` is not a duration").hint("write for example 30s or 1m30s")
            })?),
            (None, None) => None,
        };
        let stdin = stdin.unwrap_or_default().into_bytes();
        Ok(Approved { title: written.title(), plan, directory, environment, stdin, timeout })
    }
}

/// What programs need to find each other and to speak UTF-8; nothing of the server's own. The home directory is nobody's,
/// or a dotfile that a caller wrote would configure the next command.
fn base_environment(settings: &windlass_config::settings::ShellSettings) -> BTreeMap<String, String> {
    let path: Vec<_> = settings.path.iter().map(|path| path.to_string_lossy()).collect();
    [("PATH", path.join(":").as_str()), ("HOME", "/nonexistent"), ("LANG", "C.UTF-8"), ("TERM", "dumb")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// A duration as Go writes it: `300ms`, `1.5h`, `2h45m`.
fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 7] =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        seconds += number.parse::<f64>().ok()? * UNITS.iter().find(|(name, _)| *name == unit)?.1;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_the_former_tool() {
        for (text, millis) in
            [("30s", 30_000), ("1m30s", 90_000), ("1.5h", 5_400_000), ("300ms", 300), ("2h45m", 9_900_000)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "30", "s", "-1s", "1 s", "1x", "1..5s", "é"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn exactly_one_of_line_and_words() {
        let line = || Some("ls".to_owned());
        assert!(Written::new(line(), None).is_ok());
        for (command, argv) in [(line(), Some(vec!["ls".to_owned()])), (None, None), (None, Some(vec![]))] {
            assert!(Written::new(command, argv).is_err());
        }
    }
}
