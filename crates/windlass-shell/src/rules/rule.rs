//! One approved program.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use windlass_config::settings::{Operator, PathScope};

use super::{
    Denial, Pattern,
    builtin::Known,
    flags::{Flag, Spelling, all_allowed},
    paths::{self, Root},
    program::Program,
};

/// Programs that, with the flags the built-in rules leave them, write nothing but their output.
#[rustfmt::skip] // Packed by hand: one name a line would fill a page.
const READERS: &[&str] = &[
    "basename", "cat", "cmp", "comm", "cut", "diff", "dirname", "du", "egrep", "fd", "fdfind", "fgrep", "file", "find",
    "grep", "head", "jq", "ls", "md5sum", "nl", "od", "readlink", "realpath", "rg", "sha1sum", "sha256sum", "sha512sum",
    "stat", "strings", "tac", "tail", "wc",
];

/// A compiled rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// As it stands in the configuration.
    pub name: String,
    /// The program as the rule names it.
    pub asked: String,
    /// Where it was found; `None` when it is not installed.
    pub program: Option<Program>,
    /// First arguments, one of which must be there. Empty: any.
    pub leading: Vec<Vec<String>>,
    /// Patterns for the arguments after those.
    pub arguments: Option<Vec<Pattern>>,
    pub allow: Option<Vec<Flag>>,
    pub deny: Vec<Flag>,
    pub paths: PathScope,
    /// The environment the command gets, in full.
    pub environment: BTreeMap<String, String>,
    /// Whether it is the grant of shell strings.
    pub shell: bool,
    pub interpreter: bool,
    pub operators: BTreeSet<Operator>,
    pub redirects: bool,
    pub variables: BTreeSet<String>,
    pub globs: bool,
    /// What is known about the program; empty where the rule lifts it.
    pub builtins: Vec<Known>,
}

/// How far a command came with a rule before it was refused. The refusal that came furthest explains most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Progress {
    Program,
    Leading,
    Arguments,
}

/// A refusal with how far the command had come.
pub(crate) type Refused = (Progress, Denial);

impl Rule {
    /// How the program reads flags.
    pub(crate) fn spelling(&self) -> Spelling {
        self.builtins.first().map_or(Spelling::GNU, |known| known.builtin.spelling)
    }

    /// Checks arguments (without the program).
    pub(crate) fn check(&self, arguments: &[String], cwd: &Path, roots: &[Root]) -> Result<(), Refused> {
        let fixed = self.fixed(arguments).map_err(|denial| (Progress::Leading, denial.rule(&self.name)))?;
        self.check_arguments(arguments, fixed, cwd, roots)
            .map_err(|denial| (Progress::Arguments, denial.rule(&self.name)))
    }

    /// How many arguments are fixed by the rule.
    fn fixed(&self, arguments: &[String]) -> Result<usize, Denial> {
        if self.leading.is_empty() {
            return Ok(0);
        }
        let harmless =
            |text: &&String| self.builtins.iter().any(|known| known.builtin.leading.contains(&text.as_str()));
        let skipped = arguments.iter().take_while(harmless).count();
        let matching = self.leading.iter().filter(|leading| arguments[skipped..].starts_with(leading));
        matching.map(|leading| skipped + leading.len()).max().ok_or_else(|| {
            let choices: Vec<_> =
                self.leading.iter().map(|leading| format!("`{} {}`", self.asked, leading.join(" "))).collect();
            Denial::new(format!("`{}` is allowed only with certain first arguments", self.asked))
                .hint(format!("use {}", choices.join(", ")))
        })
    }

    fn check_arguments(&self, arguments: &[String], fixed: usize, cwd: &Path, roots: &[Root]) -> Result<(), Denial> {
        for known in &self.builtins {
            known.check(arguments).map_err(|why| {
                Denial::new(format!("`{}` is not allowed with these arguments: {why}", self.asked))
                    .hint("leave that argument out; these rules come with the server")
            })?;
        }
        self.check_flags(arguments)?;
        if let Some(patterns) = &self.arguments {
            let stray = arguments[fixed..].iter().find(|text| !patterns.iter().any(|pattern| pattern.matches(text)));
            if let Some(argument) = stray {
                let allowed: Vec<_> = patterns.iter().map(|pattern| format!("`{}`", pattern.source())).collect();
                return Err(Denial::new(format!("`{}` does not take the argument `{argument}` here", self.asked))
                    .hint(format!("arguments must match {}", allowed.join(" or "))));
            }
        }
        if self.shell {
            return Ok(());
        }
        let text: Vec<_> = self.builtins.iter().map(|known| known.text_in(arguments)).collect();
        for (index, argument) in arguments.iter().enumerate() {
            if index >= fixed && !text.iter().any(|text| text.contains(&index)) {
                self.check_paths(argument, cwd, roots)?;
            }
        }
        Ok(())
    }

    fn check_flags(&self, arguments: &[String]) -> Result<(), Denial> {
        let spelling = self.spelling();
        for (index, argument) in arguments.iter().enumerate() {
            if let Some(flag) = self.deny.iter().find(|flag| flag.is_in(argument, index, spelling)) {
                return Err(Denial::new(format!(
                    "`{argument}` is, or could be read as, the flag `{}`, which is refused",
                    flag.source()
                ))
                .hint("leave it out"));
            }
            if let Some(allowed) = self.allow.as_ref().filter(|allowed| !all_allowed(argument, allowed)) {
                let allowed: Vec<_> = allowed.iter().map(|flag| format!("`{}`", flag.source())).collect();
                let hint = if allowed.is_empty() {
                    "no flags are allowed".into()
                } else {
                    format!("allowed are {}", allowed.join(", "))
                };
                return Err(
                    Denial::new(format!("`{argument}` is not among the flags allowed for `{}`", self.asked)).hint(hint)
                );
            }
        }
        Ok(())
    }

    /// A reader, or a program that runs what it is told anyway.
    fn may_touch_gits_own(&self) -> bool {
        self.interpreter || self.shell || READERS.contains(&self.asked.as_str())
    }

    fn check_paths(&self, argument: &str, cwd: &Path, roots: &[Root]) -> Result<(), Denial> {
        let candidates = paths::candidates(cwd, argument);
        if candidates.len() > paths::MAX_CANDIDATES {
            return Err(Denial::new(format!("an argument of `{}` could hold too many paths to check", self.asked))
                .hint("give long text as standard input (`stdin`), or in a file"));
        }
        for path in candidates {
            if !self.may_touch_gits_own() && paths::is_gits_own(cwd, path) {
                return Err(Denial::new(format!("`{path}` belongs to git, which runs what is written there"))
                    .hint("only programs that do nothing but read may be pointed at it"));
            }
            match self.paths {
                PathScope::Roots => paths::inside(cwd, path, roots).map(drop)?,
                PathScope::Any => paths::anywhere(cwd, path)?,
                PathScope::None => {
                    return Err(Denial::new(format!(
                        "`{}` takes no paths here, and `{argument}` looks like one",
                        self.asked
                    )));
                }
            }
        }
        Ok(())
    }
}
