use std::path::Path;

use windlass_config::settings::{DenyRule, DenySettings};

use super::{
    Denial, Pattern,
    flags::{Flag, Spelling},
    paths,
};

/// What may not run although a rule allows it.
#[derive(Debug)]
pub(crate) struct Deny {
    source: String,
    program: Pattern,
    flags: Vec<Flag>,
    arguments: Vec<Pattern>,
}

impl Deny {
    pub(crate) fn compile(rule: &DenyRule) -> Result<Self, String> {
        let full = match rule {
            DenyRule::Program(program) => DenySettings { program: program.clone(), ..DenySettings::default() },
            DenyRule::Full(full) => full.clone(),
        };
        let source = std::iter::once(full.program.as_str())
            .chain(full.flags.iter().chain(&full.arguments).map(String::as_str))
            .collect::<Vec<_>>()
            .join(" ");
        Ok(Self {
            source,
            program: Pattern::new(&full.program)?,
            flags: full.flags.iter().map(|flag| Flag::new(flag)).collect::<Result<_, _>>()?,
            arguments: full.arguments.iter().map(|pattern| Pattern::new(pattern)).collect::<Result<_, _>>()?,
        })
    }

    /// Refuses when the program, all flags and all arguments are there.
    pub(crate) fn check(
        &self,
        names: &[String],
        arguments: &[String],
        spelling: Spelling,
        cwd: &Path,
    ) -> Result<(), Denial> {
        let has = |flag: &Flag| arguments.iter().enumerate().any(|(index, text)| flag.is_in(text, index, spelling));
        let hit = names.iter().any(|name| self.program.matches(name))
            && self.flags.iter().all(has)
            && self.arguments.iter().all(|pattern| arguments.iter().any(|text| is_meant(pattern, text, cwd)));
        if hit {
            Err(Denial::new(format!("the deny rule `{}` forbids it", self.source)).rule(&self.source))
        } else {
            Ok(())
        }
    }
}

/// A pattern that is a path is meant by every spelling of that path.
fn is_meant(pattern: &Pattern, argument: &str, cwd: &Path) -> bool {
    if pattern.matches(argument) {
        return true;
    }
    let as_path = || Some((Pattern::literal(pattern.source())?, paths::resolved(&cwd.join(argument))?));
    pattern.source().starts_with('/') && as_path().is_some_and(|(wanted, real)| real == Path::new(&wanted))
}
