//! From the settings to [`Rules`], with every problem named.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use windlass_config::settings::{CommandRule, CommandSettings, ShellSettings};

use super::{
    Pattern, Rules, RulesError,
    builtin::{self, Verdict},
    deny::Deny,
    environment,
    flags::Flag,
    paths::Root,
    program::{self, Program},
    rule::Rule,
};

pub(super) fn compile(settings: &ShellSettings, base: &Path) -> Result<Rules, RulesError> {
    let mut problems = Vec::new();
    let base = std::path::absolute(base).unwrap_or_else(|_| base.to_path_buf());
    let written = [settings.directory.clone()];
    let roots =
        roots("roots", if settings.roots.is_empty() { &written } else { &settings.roots }, &base, &mut problems);
    let write_roots = match &settings.write_roots {
        None => roots.clone(),
        Some(written) => self::roots("write_roots", written, &base, &mut problems),
    };
    let directory = directory(&base.join(&settings.directory), &roots, &write_roots, &mut problems);
    let path: Vec<PathBuf> = settings.path.iter().filter(|dir| dir.is_absolute()).cloned().collect();
    if path.len() < settings.path.len() {
        problems.push("shell.path: every entry must be an absolute directory".into());
    }
    check_names(settings, &mut problems);
    let mut rules = Vec::new();
    for (index, command) in settings.commands.iter().enumerate() {
        let command = full(command);
        let at = |problem: String| format!("shell.commands[{index}] `{}`: {problem}", command.program);
        match rule(&command, settings, &path) {
            Ok(rule) => rules.push(rule),
            Err(problem) => problems.push(at(problem)),
        }
    }
    let mut deny = Vec::new();
    for (index, rule) in settings.deny.iter().enumerate() {
        match Deny::compile(rule) {
            Ok(rule) => deny.push(rule),
            Err(problem) => problems.push(format!("shell.deny[{index}]: {problem}")),
        }
    }
    if !problems.is_empty() {
        return Err(RulesError { problems });
    }
    let all_roots = roots.iter().chain(&write_roots).cloned().collect();
    let real = |roots: &[Root]| roots.iter().map(|root| root.real.clone()).collect();
    Ok(Rules {
        read_paths: real(&roots),
        write_paths: real(&write_roots),
        roots: all_roots,
        write_roots,
        directory,
        path,
        rules,
        deny,
        allow_environment: settings.allow_environment.clone(),
    })
}

fn roots(setting: &str, written: &[PathBuf], base: &Path, problems: &mut Vec<String>) -> Vec<Root> {
    let mut roots = Vec::new();
    for path in written {
        match Root::new(&base.join(path)) {
            Ok(root) => roots.push(root),
            Err(error) => problems
                .push(format!("shell.{setting}: `{}` is not a directory that can be used: {error}", path.display())),
        }
    }
    roots
}

fn directory(written: &Path, roots: &[Root], write_roots: &[Root], problems: &mut Vec<String>) -> PathBuf {
    let real = written.canonicalize().unwrap_or_else(|_| written.to_path_buf());
    let inside = roots.iter().chain(write_roots).any(|root| real.starts_with(&root.real));
    if !real.is_dir() {
        problems.push(format!("shell.directory: `{}` is not a directory", written.display()));
    } else if !inside && !roots.is_empty() {
        problems.push(format!("shell.directory: `{}` lies outside shell.roots; add it there", written.display()));
    }
    real
}

fn check_names(settings: &ShellSettings, problems: &mut Vec<String>) {
    for name in &settings.allow_environment {
        if environment::is_dangerous(name) {
            problems.push(format!("shell.allow_environment: `{name}` changes which code commands run; set it in shell.environment if it must be"));
        }
    }
    for name in settings.environment.keys().chain(&settings.allow_environment).chain(&settings.variables) {
        if !environment::is_name(name) {
            problems.push(format!("shell: `{name}` cannot be the name of a variable"));
        }
    }
    for name in settings.variables.iter().filter(|name| !settings.environment.contains_key(*name)) {
        problems.push(format!("shell.variables: `{name}` has no value; give it one in shell.environment"));
    }
}

/// The long form of a rule.
fn full(rule: &CommandRule) -> CommandSettings {
    match rule {
        CommandRule::Short(program) => CommandSettings { program: program.clone(), ..CommandSettings::default() },
        CommandRule::Full(full) => (**full).clone(),
    }
}

fn rule(command: &CommandSettings, settings: &ShellSettings, path: &[PathBuf]) -> Result<Rule, String> {
    let mut words = command.program.split_whitespace().map(str::to_owned);
    let asked = words.next().ok_or("a rule needs a program")?;
    let found = Program::find(&asked, path)?;
    let asked_name = asked.rsplit('/').next().unwrap_or(&asked).to_owned();
    let names = found.as_ref().map_or_else(|| program::names_of(&asked_name), Program::names);
    let builtins = builtin::of(&names)?;
    let is_shell = builtins.iter().any(|known| matches!(known.builtin.verdict, Verdict::Shell));
    let how = builtins.iter().find_map(|known| known.builtin.interprets());
    match (is_shell, how) {
        (true, _) if !command.shell => {
            return Err("a shell runs whatever its argument says; approve the programs themselves, or grant shell strings with `shell: true`".into());
        }
        (false, _) if command.shell => {
            return Err("`shell: true` is for shells; for other interpreters say `interpreter: true`".into());
        }
        (false, Some(how)) if !command.interpreter => {
            return Err(format!("{how}; say `interpreter: true` if callers may run any code the sandbox lets pass"));
        }
        _ => {}
    }
    let fixed: Vec<String> = words.collect();
    let leading = if command.subcommands.is_empty() {
        if fixed.is_empty() { Vec::new() } else { vec![fixed] }
    } else {
        let with = |text: &String| fixed.iter().cloned().chain(text.split_whitespace().map(str::to_owned)).collect();
        command.subcommands.iter().map(with).collect()
    };
    if let Some(name) = command.environment.keys().find(|name| !environment::is_name(name)) {
        return Err(format!("`{name}` cannot be the name of a variable"));
    }
    let lifted = command.interpreter || command.shell;
    let builtins = if lifted { Vec::new() } else { builtins };
    let mut environment: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in builtins.iter().flat_map(|known| known.builtin.environment) {
        environment.insert((*name).into(), (*value).into());
    }
    environment.extend(settings.environment.clone());
    environment.extend(command.environment.clone());
    let flags = |flags: &BTreeSet<String>| flags.iter().map(|flag| Flag::new(flag)).collect::<Result<Vec<_>, _>>();
    Ok(Rule {
        name: name_of(command),
        asked: asked_name,
        program: found,
        leading,
        arguments: match &command.arguments {
            None => None,
            Some(patterns) => Some(patterns.iter().map(|pattern| Pattern::new(pattern)).collect::<Result<_, _>>()?),
        },
        allow: command.flags.allow.as_ref().map(flags).transpose()?,
        deny: flags(&command.flags.deny)?,
        paths: command.paths,
        environment,
        shell: command.shell,
        interpreter: command.interpreter,
        operators: command.operators.clone().unwrap_or_else(|| settings.operators.clone()),
        redirects: command.redirects.unwrap_or(settings.redirects),
        variables: command.variables.clone().unwrap_or_else(|| settings.variables.clone()),
        globs: command.globs.unwrap_or(settings.globs),
        builtins,
    })
}

/// The rule as a person would look for it.
fn name_of(command: &CommandSettings) -> String {
    match command.subcommands.as_slice() {
        [] => command.program.clone(),
        subcommands => format!("{} {}", command.program, subcommands.join("|")),
    }
}
