//! Why a line would be allowed or refused. The answer is the plan's own: the same reading, the same rules.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::{
    line::{self, LineCommand},
    plan::Command,
    rules::{Denial, Rules},
};

/// What would become of a line.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// Whether all of it would run.
    pub allowed: bool,
    /// Each command in order; empty when the line could not be read.
    pub commands: Vec<ExplainedCommand>,
    /// Why nothing in the line was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial: Option<Denial>,
}

/// What would become of one command.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedCommand {
    /// The command as written.
    pub text: String,
    /// The executable that would run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// The arguments it would get, the name included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// The rule that allows it, or came closest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why it would not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial: Option<Denial>,
}

/// Explains a line without running it.
pub fn explain(rules: &Rules, line: &str, cwd: &Path) -> Explanation {
    let read = match line::parse(line) {
        Ok(read) => read,
        Err(denial) => return Explanation { allowed: false, commands: Vec::new(), denial: Some(denial) },
    };
    let written = read.steps.iter().flat_map(|step| &step.pipeline);
    let examined = rules.examine(&read, cwd).into_iter().flatten();
    let commands: Vec<_> = written.zip(examined).map(|(written, result)| explained(line, written, result)).collect();
    Explanation { allowed: commands.iter().all(|command| command.denial.is_none()), commands, denial: None }
}

fn explained(line: &str, written: &LineCommand, result: Result<Command, Denial>) -> ExplainedCommand {
    let text = line.get(written.span.0..written.span.1).unwrap_or(line).trim().to_owned();
    match result {
        Ok(Command { program, argv, rule, .. }) => {
            ExplainedCommand { text, program: Some(program), argv, rule: Some(rule), denial: None }
        }
        Err(denial) => {
            ExplainedCommand { text, program: None, argv: Vec::new(), rule: denial.rule.clone(), denial: Some(denial) }
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.allowed { "allowed" } else { "denied" })?;
        if let Some(denial) = &self.denial {
            write_denial(f, denial)?;
        }
        for command in &self.commands {
            write!(f, "\n- {}", command.text)?;
            if let (Some(program), Some(rule)) = (&command.program, &command.rule) {
                write!(f, "\n  runs {} with {:?} under the rule `{rule}`", program.display(), &command.argv[1..])?;
            }
            if let Some(denial) = &command.denial {
                write_denial(f, denial)?;
            }
        }
        Ok(())
    }
}

fn write_denial(f: &mut fmt::Formatter<'_>, denial: &Denial) -> fmt::Result {
    write!(f, "\n  denied: {}", denial.reason)?;
    if let Some(rule) = &denial.rule {
        write!(f, " (rule `{rule}`)")?;
    }
    if let Some(hint) = &denial.hint {
        write!(f, "\n  hint: {hint}")?;
    }
    Ok(())
}
