//! `list_commands` and `explain_command`: what may run, without running anything.

use std::{fmt::Write, path::PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use windlass_config::settings::DenyRule;
use windlass_core::{Call, Output, Reply, ToolError};

use super::{
    ShellToolset,
    arguments::{ExplainArguments, Written},
};
use crate::{
    explain::{self, ExplainedCommand, Explanation},
    plan::Command,
    rules::{Denial, RuleSummary},
};

/// Everything a caller may want to know before it writes a command.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CommandList {
    /// What may run.
    commands: Vec<Allowed>,
    /// What may not, although a rule above would match.
    blocked: Vec<String>,
    /// What reads a command line.
    shell: String,
    /// Where commands run by default.
    directory: String,
    /// Path arguments must stay inside these.
    roots: Vec<String>,
    /// Commands may write inside these.
    write_roots: Vec<String>,
    /// Names a caller may set in `environment`.
    environment: Vec<String>,
    /// Time limit of run_command when none is asked for.
    default_timeout_seconds: f64,
    /// Longest time limit of run_command.
    max_timeout_seconds: f64,
    /// Longest run of a command in the background. Absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_job_seconds: Option<f64>,
}

/// One approved command.
#[derive(Debug, Serialize, JsonSchema)]
struct Allowed {
    /// Its name in a command.
    program: String,
    /// The executable. Absent where it is not installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Which arguments it takes, in words; empty when any.
    arguments: Vec<String>,
    /// What a line with it may use: operators, redirections, globs, variables.
    grants: Vec<String>,
    /// The rule as the operator wrote it.
    rule: String,
}

/// What would become of a command.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Explained {
    /// Whether all of it would run.
    allowed: bool,
    /// Why it could not even be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Its commands, in order.
    commands: Vec<ExplainedPart>,
}

/// What would become of one command of a line.
#[derive(Debug, Serialize, JsonSchema)]
struct ExplainedPart {
    /// As written.
    text: String,
    /// Whether it would run.
    allowed: bool,
    /// The executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<String>,
    /// The arguments it would get, its name included.
    argv: Vec<String>,
    /// The rule that allows it, or came closest.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Why it would not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl ShellToolset {
    pub(super) fn list_commands(&self) -> Result<Reply, ToolError> {
        let (rules, settings) = (&self.inner.rules, &self.inner.settings);
        let paths = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
        let (roots, write_roots) = rules.roots();
        let list = CommandList {
            commands: rules.list().into_iter().map(Allowed::from).collect(),
            blocked: settings.deny.iter().map(blocked).collect(),
            shell: "none: lines are parsed by the server and every command in them is checked; no shell runs them"
                .into(),
            directory: rules.check_directory(None)?.display().to_string(),
            roots: paths(roots),
            write_roots: paths(write_roots),
            environment: settings.allow_environment.iter().cloned().collect(),
            default_timeout_seconds: settings.timeout.0.min(settings.max_timeout.0).as_secs_f64(),
            max_timeout_seconds: settings.max_timeout.0.as_secs_f64(),
            max_job_seconds: self.offers_jobs().then_some(settings.max_job_time.0.as_secs_f64()),
        };
        Ok(Output::structured(list.for_model(), &list)?.into())
    }

    pub(super) fn explain_command(&self, call: &Call) -> Result<Reply, ToolError> {
        let ExplainArguments { command, argv, working_directory } = call.arguments()?;
        let rules = &self.inner.rules;
        let written = Written::new(command, argv)?;
        let directory = rules.check_directory(working_directory.as_deref())?;
        let explanation = match &written {
            Written::Line(line) => explain::explain(rules, line, &directory),
            Written::Words(words) => match rules.plan_argv(words, &directory) {
                Ok(plan) => of_commands(plan.steps.into_iter().flat_map(|step| step.pipeline), &written.title()),
                Err(denial) => Explanation { allowed: false, commands: Vec::new(), denial: Some(denial) },
            },
        };
        let text = explanation.to_string();
        Ok(Output::structured(text, Explained::from(explanation))?.into())
    }
}

fn of_commands(commands: impl Iterator<Item = Command>, text: &str) -> Explanation {
    let commands = commands
        .map(|Command { program, argv, rule, .. }| ExplainedCommand {
            text: text.into(),
            program: Some(program),
            argv,
            rule: Some(rule),
            denial: None,
        })
        .collect();
    Explanation { allowed: true, commands, denial: None }
}

fn blocked(rule: &DenyRule) -> String {
    match rule {
        DenyRule::Program(program) => program.clone(),
        DenyRule::Full(rule) => [std::slice::from_ref(&rule.program), &rule.flags, &rule.arguments].concat().join(" "),
    }
}

impl CommandList {
    fn for_model(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = match self.commands.is_empty() {
            true => writeln!(text, "no command is approved"),
            false => writeln!(text, "approved:"),
        };
        for command in &self.commands {
            let _ = write!(text, "- {}", command.rule);
            if command.path.is_none() {
                text.push_str(" (not installed)");
            }
            let notes: Vec<_> = command.arguments.iter().chain(&command.grants).map(String::as_str).collect();
            if !notes.is_empty() {
                let _ = write!(text, ": {}", notes.join("; "));
            }
            text.push('\n');
        }
        let mut line = |name: &str, values: &[String]| {
            if !values.is_empty() {
                let _ = writeln!(text, "{name}: {}", values.join(", "));
            }
        };
        line("blocked", &self.blocked);
        line("directory", std::slice::from_ref(&self.directory));
        line("paths inside", &self.roots);
        line("writing inside", &self.write_roots);
        line("environment a caller may set", &self.environment);
        let _ = write!(
            text,
            "shell: {}\ntime limit: {} s, at most {} s",
            self.shell, self.default_timeout_seconds, self.max_timeout_seconds
        );
        if let Some(longest) = self.max_job_seconds {
            let _ = write!(text, " (start_command: {longest} s)");
        }
        text
    }
}

impl From<RuleSummary> for Allowed {
    fn from(rule: RuleSummary) -> Self {
        Self {
            program: rule.program,
            path: rule.path.map(|path| path.display().to_string()),
            arguments: rule.arguments,
            grants: rule.grants,
            rule: rule.rule,
        }
    }
}

impl From<Explanation> for Explained {
    fn from(explanation: Explanation) -> Self {
        let (reason, hint) = explanation.denial.map(reasons).unzip();
        Self {
            allowed: explanation.allowed,
            reason,
            hint: hint.flatten(),
            commands: explanation.commands.into_iter().map(ExplainedPart::from).collect(),
        }
    }
}

impl From<ExplainedCommand> for ExplainedPart {
    fn from(command: ExplainedCommand) -> Self {
        let allowed = command.denial.is_none();
        let (reason, hint) = command.denial.map(reasons).unzip();
        Self {
            text: command.text,
            allowed,
            program: command.program.map(|program| program.display().to_string()),
            argv: command.argv,
            rule: command.rule,
            reason,
            hint: hint.flatten(),
        }
    }
}

fn reasons(denial: Denial) -> (String, Option<String>) {
    (denial.reason, denial.hint)
}
