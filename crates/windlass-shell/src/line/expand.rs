//! Variables and wildcards, where a rule grants them. Both give whole arguments: values are never split into words, and
//! what they contain is never read as syntax.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{Part, Word, screen::refuse};
use crate::rules::{Denial, Pattern};

/// Arguments of one command that has wildcards, names one of those may stand for, and directory entries looked at for
/// all of them: a short line must not make the server work long.
const MAX_ARGUMENTS: usize = 4000;
const MAX_MATCHES: usize = 1000;
const MAX_ENTRIES: usize = 20_000;

/// What a rule lets a line expand.
pub(crate) struct Expansion<'a> {
    /// Variables that may be used.
    pub variables: &'a BTreeSet<String>,
    /// Their values.
    pub values: &'a BTreeMap<String, String>,
    /// Whether wildcards are expanded.
    pub globs: bool,
    /// Where relative names start.
    pub cwd: &'a Path,
    /// Whether a directory may be listed.
    pub may_list: &'a dyn Fn(&Path) -> Result<(), Denial>,
}

/// The arguments a command's words stand for.
pub(crate) fn expand(words: &[Word], expansion: &Expansion) -> Result<Vec<String>, Denial> {
    let mut argv = Vec::new();
    let mut seen = 0;
    for word in words {
        if !word.has_wildcard() {
            argv.push(text_of(word, expansion)?);
        } else if expansion.globs {
            argv.extend(matches_of(word, expansion, &mut seen).map_err(|denial| denial.at(word.span))?);
            if argv.len() > MAX_ARGUMENTS {
                return Err(Denial::new(format!("the wildcards make more than {MAX_ARGUMENTS} arguments"))
                    .hint("narrow them")
                    .at(word.span));
            }
        } else {
            let hint = "quote it if it is text, or name the files";
            return Err(refuse("a wildcard (`*`, `?`, `[...]`) outside quotes", hint, word.span));
        }
    }
    Ok(argv)
}

/// The file a redirection names: variables as above, never a wildcard.
pub(crate) fn expand_target(word: &Word, expansion: &Expansion) -> Result<String, Denial> {
    if word.has_wildcard() {
        return Err(refuse("a wildcard in a redirection", "name the file", word.span));
    }
    text_of(word, expansion)
}

fn text_of(word: &Word, expansion: &Expansion) -> Result<String, Denial> {
    let mut text = String::new();
    for part in &word.parts {
        match part {
            Part::Quoted(piece) | Part::Bare(piece) => text.push_str(piece),
            Part::Variable(name) => text.push_str(value_of(name, expansion).map_err(|denial| denial.at(word.span))?),
        }
    }
    Ok(text)
}

fn value_of<'a>(name: &str, expansion: &Expansion<'a>) -> Result<&'a str, Denial> {
    if !expansion.variables.contains(name) {
        return Err(Denial::new(format!("no rule grants the variable `${name}` here"))
            .hint("write the value out, or use single quotes if it is text"));
    }
    let value = expansion.values.get(name);
    value.map(String::as_str).ok_or_else(|| Denial::new(format!("the variable `${name}` has no value")))
}

fn matches_of(word: &Word, expansion: &Expansion, seen: &mut usize) -> Result<Vec<String>, Denial> {
    // The word as a pattern in which everything quoted is escaped, cut at its slashes.
    let mut pattern = String::new();
    for part in &word.parts {
        match part {
            Part::Bare(text) => pattern.push_str(text),
            Part::Quoted(text) => pattern.push_str(&Pattern::escape(text)),
            Part::Variable(name) => pattern.push_str(&Pattern::escape(value_of(name, expansion)?)),
        }
    }
    let (mut found, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (vec!["/".to_owned()], rest),
        None => (vec![String::new()], pattern.as_str()),
    };
    for segment in rest.split('/').filter(|segment| !segment.is_empty()) {
        let mut next = Vec::new();
        for base in &found {
            match Pattern::literal(segment) {
                Some(name) => next.push(joined(base, &name)),
                None => next.extend(list(base, segment, expansion, seen)?),
            }
        }
        if next.len() > MAX_MATCHES {
            return Err(Denial::new(format!("the wildcard matches more than {MAX_MATCHES} names")).hint("narrow it"));
        }
        found = next;
    }
    // A literal segment after a wildcard is only a guess until it is looked up.
    found.retain(|name| expansion.cwd.join(name).symlink_metadata().is_ok());
    if found.is_empty() {
        return Err(Denial::new("the wildcard matches no file").hint("quote it if it is text"));
    }
    found.sort();
    Ok(found)
}

fn joined(base: &str, name: &str) -> String {
    match base {
        "" => name.to_owned(),
        base if base.ends_with('/') => format!("{base}{name}"),
        base => format!("{base}/{name}"),
    }
}

fn list(base: &str, segment: &str, expansion: &Expansion, seen: &mut usize) -> Result<Vec<String>, Denial> {
    let directory: PathBuf = expansion.cwd.join(base);
    (expansion.may_list)(&directory)?;
    let pattern = Pattern::new(segment).map_err(Denial::new)?;
    let Ok(entries) = directory.read_dir() else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for entry in entries.flatten() {
        *seen += 1;
        if *seen > MAX_ENTRIES {
            return Err(Denial::new("the wildcard looks through too many files").hint("narrow it"));
        }
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let hidden = name.starts_with('.') && !segment.starts_with('.');
        if hidden || !pattern.matches(name) {
            continue;
        }
        // A file called `-rf` must not become a flag, nor may one whose name holds a newline forge an argument's end.
        let plain = !name.chars().any(char::is_control);
        if !plain {
            return Err(
                Denial::new("the wildcard matches a file whose name holds a control character").hint("name the files")
            );
        }
        names.push(if base.is_empty() && name.starts_with('-') { format!("./{name}") } else { joined(base, name) });
    }
    Ok(names)
}
