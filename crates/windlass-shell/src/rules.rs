//! What may run: the compiled form of the `shell:` section, and the one way from a line to a [`Plan`].
//!
//! Everything that runs went through [`Rules::plan_line`] or [`Rules::plan_argv`], which are the same path: expand what the
//! rule grants, check the arguments that came out, and put exactly those into the plan.

mod builtin;
mod compile;
mod denial;
mod deny;
mod environment;
mod flags;
mod paths;
mod pattern;
mod program;
mod rule;
mod summary;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use windlass_config::settings::{Operator, ShellSettings};

use crate::{
    line::{self, Expansion, Line, LineCommand, LineRedirect, Span},
    plan::{Command, Plan, Redirect, Step},
};

pub(crate) use builtin::Sealed;
pub use denial::Denial;
use paths::Root;
pub(crate) use pattern::Pattern;
use program::Program;
use rule::{Progress, Refused, Rule};
pub use summary::RuleSummary;

/// Compiled rules: immutable, shared in an `Arc`.
#[derive(Debug)]
pub struct Rules {
    /// Where paths may lead, for reading or writing.
    roots: Vec<Root>,
    write_roots: Vec<Root>,
    read_paths: Vec<PathBuf>,
    write_paths: Vec<PathBuf>,
    directory: PathBuf,
    path: Vec<PathBuf>,
    rules: Vec<Rule>,
    deny: Vec<deny::Deny>,
    allow_environment: BTreeSet<String>,
}

/// Rules that cannot be used, each with its name and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct RulesError {
    /// One line per problem.
    pub problems: Vec<String>,
}

impl Rules {
    /// Compiles settings. Relative paths count from `base`.
    pub fn compile(settings: &ShellSettings, base: &Path) -> Result<Rules, RulesError> {
        compile::compile(settings, base)
    }

    /// Turns a command line into what will run. `cwd` comes from [`Rules::check_directory`].
    pub fn plan_line(&self, line: &str, cwd: &Path) -> Result<Plan, Denial> {
        self.plan(&line::parse(line)?, cwd)
    }

    /// The same for arguments given one by one, in which nothing is syntax.
    pub fn plan_argv(&self, argv: &[String], cwd: &Path) -> Result<Plan, Denial> {
        self.plan(&Line::of_argv(argv)?, cwd).map_err(|denial| Denial { span: None, ..denial })
    }

    fn plan(&self, line: &Line, cwd: &Path) -> Result<Plan, Denial> {
        let mut steps = Vec::new();
        for (step, commands) in line.steps.iter().zip(self.examine(line, cwd)) {
            let pipeline = commands.into_iter().collect::<Result<_, _>>()?;
            steps.push(Step { when: step.when, negated: step.negated, pipeline });
        }
        Ok(Plan { steps })
    }

    /// What becomes of each command of a line, step by step.
    pub(crate) fn examine(&self, line: &Line, cwd: &Path) -> Vec<Vec<Result<Command, Denial>>> {
        let operators = line.operators();
        let command = |command| self.command(command, &operators, cwd);
        line.steps.iter().map(|step| step.pipeline.iter().map(command).collect()).collect()
    }

    fn command(&self, command: &LineCommand, operators: &[(Operator, Span)], cwd: &Path) -> Result<Command, Denial> {
        let Some(asked) = command.words[0].as_literal() else {
            return Err(Denial::new("a program's name is written out, without variables or wildcards")
                .at(command.words[0].span));
        };
        let mut closest: Option<Refused> = None;
        for rule in &self.rules {
            let refused = match &rule.program {
                Some(program) if program.is_meant_by(&asked, &self.path) => {
                    match self.try_rule(rule, program, &asked, command, operators, cwd) {
                        Ok(planned) => return Ok(planned),
                        Err(refused) => refused,
                    }
                }
                None if asked == rule.asked => (
                    Progress::Program,
                    Denial::new(format!("`{asked}` is allowed, but it is not installed")).rule(&rule.name),
                ),
                _ => continue,
            };
            if closest.as_ref().is_none_or(|(progress, _)| refused.0 > *progress) {
                closest = Some(refused);
            }
        }
        let denial = closest.map_or_else(|| unknown(&asked), |(_, denial)| denial);
        Err(denial.at(command.span))
    }

    fn try_rule(
        &self,
        rule: &Rule,
        program: &Program,
        asked: &str,
        command: &LineCommand,
        operators: &[(Operator, Span)],
        cwd: &Path,
    ) -> Result<Command, Refused> {
        let late = |denial: Denial| (Progress::Arguments, denial.rule(&rule.name));
        let may_list = |directory: &Path| paths::inside(directory, ".", &self.roots).map(drop);
        let expansion = Expansion {
            variables: &rule.variables,
            values: &rule.environment,
            globs: rule.globs,
            cwd,
            may_list: &may_list,
        };
        let arguments = line::expand(&command.words[1..], &expansion).map_err(late)?;
        rule.check(&arguments, cwd, &self.roots)?;
        let names = program.names();
        for deny in &self.deny {
            deny.check(&names, &arguments, rule.spelling(), cwd).map_err(late)?;
        }
        if let Some((operator, span)) = operators.iter().find(|(operator, _)| !rule.operators.contains(operator)) {
            return Err(late(operator_refused(*operator, asked).at(*span)));
        }
        let redirects = command.redirects.iter().map(|redirect| self.redirect(redirect, rule, &expansion, cwd));
        Ok(Command {
            program: program.path.clone(),
            redirects: redirects.collect::<Result<_, _>>().map_err(late)?,
            argv: std::iter::once(asked.to_owned()).chain(arguments).collect(),
            environment: rule.environment.clone().into_iter().collect(),
            rule: rule.name.clone(),
        })
    }

    fn redirect(
        &self,
        redirect: &LineRedirect,
        rule: &Rule,
        expansion: &Expansion,
        cwd: &Path,
    ) -> Result<Redirect, Denial> {
        let (word, fd) = match redirect {
            LineRedirect::Duplicate { fd, from } => return Ok(Redirect::Duplicate { fd: *fd, from: *from }),
            LineRedirect::Read { from } => (from, 0),
            LineRedirect::Write { fd, to, .. } => (to, *fd),
        };
        let target = line::expand_target(word, expansion)?;
        if target == "/dev/null" {
            return Ok(Redirect::Null { fd });
        }
        if !rule.redirects {
            return Err(Denial::new("redirections to and from files are not granted here")
                .hint("use /dev/null, or give standard input as `stdin`")
                .at(word.span));
        }
        let roots = if fd == 0 { &self.roots } else { &self.write_roots };
        let path = paths::inside(cwd, &target, roots).map_err(|denial| denial.at(word.span))?;
        if fd != 0 && paths::is_gits_own(cwd, &target) {
            return Err(Denial::new(format!("`{target}` belongs to git, which runs what is written there"))
                .hint("write to another file")
                .at(word.span));
        }
        Ok(match redirect {
            LineRedirect::Write { append, .. } => Redirect::Write { fd, path, append: *append },
            _ => Redirect::Read { path },
        })
    }

    /// A working directory inside the roots: absolute, symbolic links resolved.
    pub fn check_directory(&self, dir: Option<&str>) -> Result<PathBuf, Denial> {
        let Some(dir) = dir else { return Ok(self.directory.clone()) };
        if dir.contains('\0') {
            return Err(Denial::new("the working directory contains a null byte"));
        }
        let real = paths::inside(&self.directory, dir, &self.roots)?;
        if real.is_dir() { Ok(real) } else { Err(Denial::new(format!("`{dir}` is not a directory"))) }
    }

    /// Whether a caller may set these variables.
    pub fn check_environment(&self, env: &BTreeMap<String, String>) -> Result<(), Denial> {
        env.iter().try_for_each(|(name, value)| environment::check(name, value, self.allow_environment.iter()))
    }

    /// The rules in words.
    pub fn list(&self) -> Vec<RuleSummary> {
        self.rules.iter().map(RuleSummary::of).collect()
    }

    /// Directories commands may read, and those they may write; symbolic links resolved.
    pub fn roots(&self) -> (&[PathBuf], &[PathBuf]) {
        (&self.read_paths, &self.write_paths)
    }

    /// Rules that cannot match because their program is not installed.
    pub fn missing(&self) -> Vec<&str> {
        self.rules.iter().filter(|rule| rule.program.is_none()).map(|rule| rule.name.as_str()).collect()
    }

    /// Rules that let callers run code of their own, for a warning at start.
    pub fn unchecked(&self) -> Vec<&str> {
        self.rules.iter().filter(|rule| rule.shell || rule.interpreter).map(|rule| rule.name.as_str()).collect()
    }
}

fn unknown(asked: &str) -> Denial {
    let hint = match asked {
        "cd" | "pushd" | "popd" => "use the call's `working_directory`",
        "export" | "set" | "unset" | "declare" | "local" | "readonly" => "use the call's `env`",
        _ => "list_commands shows what is allowed",
    };
    Denial::new(format!("no rule allows `{asked}`")).hint(hint)
}

fn operator_refused(operator: Operator, asked: &str) -> Denial {
    let sign = match operator {
        Operator::Pipe => "a pipe (`|`)",
        Operator::And => "`&&`",
        Operator::Or => "`||`",
        Operator::Sequence => "`;` or a new line between commands",
        Operator::Not => "`!` before a command",
    };
    Denial::new(format!("{sign} is not granted together with `{asked}`"))
        .hint("run the commands one by one, each in its own call")
}
