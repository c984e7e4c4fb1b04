use std::path::PathBuf;

use windlass_config::settings::{Operator, PathScope};

use super::{flags::Flag, rule::Rule};

/// A rule in words, for `list_commands`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleSummary {
    /// The rule as it stands in the configuration.
    pub rule: String,
    /// The program's name.
    pub program: String,
    /// Where it was found. Absent when it is not installed, in which case it cannot be run.
    pub path: Option<PathBuf>,
    /// Which arguments it takes, in words; empty when any.
    pub arguments: Vec<String>,
    /// What a line with it may use beside plain words: `|`, `&&`, `||`, `;`, `!`, `redirects`, `globs`, `$NAME`.
    pub grants: Vec<String>,
    /// Whether it is the grant of shell strings: nothing in its argument is checked.
    pub shell: bool,
}

impl RuleSummary {
    pub(super) fn of(rule: &Rule) -> Self {
        Self {
            rule: rule.name.clone(),
            program: rule.asked.clone(),
            path: rule.program.as_ref().map(|program| program.path.clone()),
            arguments: arguments(rule),
            grants: grants(rule),
            shell: rule.shell,
        }
    }
}

fn arguments(rule: &Rule) -> Vec<String> {
    let flags = |flags: &[Flag]| flags.iter().map(Flag::source).collect::<Vec<_>>().join(" ");
    let mut words = Vec::new();
    if !rule.leading.is_empty() {
        let choices: Vec<_> = rule.leading.iter().map(|leading| leading.join(" ")).collect();
        words.push(format!("begins with {}", choices.join(" or ")));
    }
    if let Some(patterns) = &rule.arguments {
        let patterns: Vec<_> = patterns.iter().map(super::Pattern::source).collect();
        words.push(format!("each argument matches {}", patterns.join(" or ")));
    }
    match &rule.allow {
        Some(allowed) if allowed.is_empty() => words.push("no flags".into()),
        Some(allowed) => words.push(format!("only the flags {}", flags(allowed))),
        None => {}
    }
    if !rule.deny.is_empty() {
        words.push(format!("not the flags {}", flags(&rule.deny)));
    }
    match (rule.shell, rule.paths) {
        (true, _) => words.push("anything: the string is run by a shell".into()),
        (false, PathScope::Roots) => words.push("paths inside the allowed directories".into()),
        (false, PathScope::Any) => words.push("paths anywhere but the system's own".into()),
        (false, PathScope::None) => words.push("no paths".into()),
    }
    if !rule.builtins.is_empty() {
        words.push("nothing that makes it run other programs".into());
    }
    words
}

fn grants(rule: &Rule) -> Vec<String> {
    let sign = |operator: &Operator| match operator {
        Operator::Pipe => "|",
        Operator::And => "&&",
        Operator::Or => "||",
        Operator::Sequence => ";",
        Operator::Not => "!",
    };
    let mut grants: Vec<String> = rule.operators.iter().map(|operator| sign(operator).to_owned()).collect();
    grants.extend(rule.redirects.then(|| "redirects".to_owned()));
    grants.extend(rule.globs.then(|| "globs".to_owned()));
    grants.extend(rule.variables.iter().map(|name| format!("${name}")));
    grants
}
