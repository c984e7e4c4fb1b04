//! What is known about common programs: which of them run other code, and through which arguments. A rule that only says
//! `tar` means tar as an archiver; these tables are what keeps it one.

mod developers;
mod files;
mod git;
mod interpreters;
mod network;
mod sealed;
mod text;

use std::ops::Range;

use super::{
    Pattern,
    flags::{Flag, Spelling},
};

pub(crate) use sealed::Sealed;

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

/// What is known about one program, ready to be asked.
#[derive(Debug)]
pub(crate) struct Known {
    pub builtin: &'static Builtin,
    refused: Vec<Flag>,
    operands: Vec<Pattern>,
    /// Flags that say where the text is, so that it is not the first argument.
    text_elsewhere: Vec<Flag>,
}

/// What is known about a program that goes by any of `names`.
pub(crate) fn of(names: &[String]) -> Result<Vec<Known>, String> {
    let is_one = |builtin: &&Builtin| builtin.names.iter().any(|name| names.iter().any(|asked| asked == name));
    TABLES.into_iter().flatten().filter(is_one).map(Known::new).collect()
}

impl Known {
    fn new(builtin: &'static Builtin) -> Result<Self, String> {
        let flags = |flags: &[&str]| flags.iter().map(|flag| Flag::new(flag)).collect::<Result<Vec<_>, _>>();
        let refused = if let Verdict::Without(refused) = builtin.verdict { refused } else { &[] };
        let elsewhere = if let Text::FirstUnless(elsewhere) = builtin.text { elsewhere } else { &[] };
        Ok(Self {
            builtin,
            refused: flags(refused)?,
            operands: builtin.operands.iter().map(|pattern| Pattern::new(pattern)).collect::<Result<_, _>>()?,
            text_elsewhere: flags(elsewhere)?,
        })
    }

    /// Checks arguments (without the program).
    pub(crate) fn check(&self, arguments: &[String]) -> Result<(), String> {
        match self.builtin.verdict {
            Verdict::Interpreter(how) => return Err(how.into()),
            Verdict::Shell => return Err("a shell runs whatever its argument says".into()),
            Verdict::Without(_) => {}
        }
        for flag in &self.refused {
            let mut numbered = arguments.iter().enumerate();
            if let Some((_, argument)) = numbered.find(|(index, text)| flag.is_in(text, *index, self.builtin.spelling))
            {
                return Err(flag.found_in(argument));
            }
        }
        if let Some(argument) = arguments.iter().find(|text| self.operands.iter().any(|pattern| pattern.matches(text)))
        {
            return Err(format!("`{argument}` makes it run or load something else"));
        }
        self.builtin.check.map_or(Ok(()), |check| check(arguments))
    }

    /// The arguments that are text although they may look like paths.
    pub(crate) fn text_in(&self, arguments: &[String]) -> Range<usize> {
        match self.builtin.text {
            Text::None => 0..0,
            Text::All => 0..arguments.len(),
            Text::FirstUnless(_) => {
                // Every letter of a bundle counts: better a path check too many.
                let spelling = Spelling { values: "", ..self.builtin.spelling };
                let mut numbered = arguments.iter().enumerate();
                let elsewhere =
                    numbered.any(|(at, text)| self.text_elsewhere.iter().any(|flag| flag.is_in(text, at, spelling)));
                let first = arguments.iter().position(|text| !text.starts_with('-') || text == "-");
                first.filter(|_| !elsewhere).map_or(0..0, |at| at..at + 1)
            }
        }
    }
}

impl Builtin {
    /// How it runs code it is given, where that is what it is for.
    pub(crate) fn interprets(&self) -> Option<&'static str> {
        if let Verdict::Interpreter(how) = self.verdict { Some(how) } else { None }
    }
}

impl std::fmt::Debug for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builtin({})", self.names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_can_be_read_and_name_each_program_once() {
        let mut names: Vec<&str> = Vec::new();
        for builtin in TABLES.into_iter().flatten() {
            names.extend(builtin.names);
            Known::new(builtin).unwrap_or_else(|error| panic!("{:?}: {error}", builtin.names));
        }
        assert!(names.len() > 250, "{} programs", names.len());
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}
