//! What is known about common programs: which of them run other code, and through which arguments. A rule that only says
//! `tar` means tar as an archiver; these tables are what keeps it one.

mod developers;
mod files;
mod git;
mod interpreters;
mod network;
mod text;

use super::flags::{Flag, Spelling};

/// A look at all arguments (without the program) together: why they are refused.
type Check = fn(&[String]) -> Result<(), String>;

/// What is known about a program.
pub(crate) struct Builtin {
    /// Its names.
    pub names: &'static [&'static str],
    /// How it reads flags.
    pub spelling: Spelling,
    /// What may be done with it.
    pub verdict: Verdict,
    /// Arguments refused wherever they stand, as patterns.
    pub operands: &'static [&'static str],
    /// Which of its arguments are text although they look like paths.
    pub text: Text,
    /// Arguments that may stand before the ones a rule fixes (`git --no-pager log` under `git log`).
    pub leading: &'static [&'static str],
    /// Environment that keeps it from running other code by its own configuration.
    pub environment: &'static [(&'static str, &'static str)],
    /// What the rest cannot say. Gets the arguments without the program.
    pub check: Option<Check>,
}

/// What may be done with a program.
pub(crate) enum Verdict {
    /// It runs code it is given: only with `interpreter: true`. Says how it does.
    Interpreter(&'static str),
    /// It is a shell: only with `shell: true`.
    Shell,
    /// It does with these flags, and without them does not.
    Without(&'static [&'static str]),
}

/// Which arguments are text rather than paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// None.
    None,
    /// All of them (`echo`).
    All,
    /// The first that is no flag, unless one of these flags is there (`grep PATTERN`, but `grep -e PATTERN FILE`).
    FirstUnless(&'static [&'static str]),
}

const KNOWN: Builtin = Builtin {
    names: &[],
    spelling: Spelling::GNU,
    verdict: Verdict::Without(&[]),
    operands: &[],
    text: Text::None,
    leading: &[],
    environment: &[],
    check: None,
};

const TABLES: [&[Builtin]; 6] =
    [interpreters::TABLE, files::TABLE, text::TABLE, network::TABLE, developers::TABLE, git::TABLE];

/// What is known about a program that goes by any of `names`.
pub(crate) fn of(names: &[String]) -> Vec<&'static Builtin> {
    let is_one = |builtin: &&Builtin| builtin.names.iter().any(|name| names.iter().any(|asked| asked == name));
    TABLES.into_iter().flatten().filter(is_one).collect()
}

impl Builtin {
    /// Checks arguments (without the program).
    pub(crate) fn check(&self, arguments: &[String]) -> Result<(), String> {
        match self.verdict {
            Verdict::Interpreter(how) => return Err(how.into()),
            Verdict::Shell => return Err("a shell runs whatever its argument says".into()),
            Verdict::Without(flags) => {
                for flag in parsed(flags) {
                    let found =
                        arguments.iter().enumerate().find(|(index, text)| flag.is_in(text, *index, self.spelling));
                    if let Some((_, argument)) = found {
                        return Err(flag.found_in(argument));
                    }
                }
            }
        }
        for pattern in self.operands {
            let pattern = super::Pattern::new(pattern)?;
            if let Some(argument) = arguments.iter().find(|text| pattern.matches(text)) {
                return Err(format!("`{argument}` makes it run or load something else"));
            }
        }
        self.check.map_or(Ok(()), |check| check(arguments))
    }

    /// Index of the argument that is text although it may look like a path.
    pub(crate) fn is_text(&self, arguments: &[String], index: usize) -> bool {
        match self.text {
            Text::None => false,
            Text::All => true,
            Text::FirstUnless(flags) => {
                let spelling = Spelling { values: "", ..self.spelling };
                let flags = parsed(flags);
                let elsewhere = arguments
                    .iter()
                    .enumerate()
                    .any(|(at, text)| flags.iter().any(|flag| flag.is_in(text, at, spelling)));
                !elsewhere && arguments.iter().position(|text| !text.starts_with('-') || text == "-") == Some(index)
            }
        }
    }
}

/// The tables are constants, each of which a test reads; a flag that does not parse is refused there, not here.
fn parsed(flags: &[&str]) -> Vec<Flag> {
    flags.iter().filter_map(|flag| Flag::new(flag).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_can_be_read_and_name_each_program_once() {
        let mut names: Vec<&str> = Vec::new();
        for builtin in TABLES.into_iter().flatten() {
            names.extend(builtin.names);
            let flags = match builtin.verdict {
                Verdict::Without(flags) => flags,
                Verdict::Interpreter(_) | Verdict::Shell => &[],
            };
            let text = if let Text::FirstUnless(flags) = builtin.text { flags } else { &[] };
            for flag in flags.iter().chain(text) {
                Flag::new(flag).unwrap_or_else(|error| panic!("{:?}: {error}", builtin.names));
            }
            for pattern in builtin.operands {
                crate::rules::Pattern::new(pattern).unwrap();
            }
        }
        assert!(names.len() > 250, "{} programs", names.len());
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}
