//! Names that windlass takes.

use super::Notes;

/// A name for a source, a tool or a toolset: letters, digits, `_` and `-`, a letter first, 64 at most.
pub fn name(former: &str, line: usize, what: &str, notes: &mut Notes) -> String {
    let name = clean(former, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if name != former {
        notes.add(line, format!("the {what} `{}` is called `{name}` here", former.escape_debug()));
    }
    name
}

/// A name for a parameter: letters, digits and `_`.
pub fn parameter(former: &str, line: usize, notes: &mut Notes) -> String {
    let name = clean(former, |c| c.is_ascii_alphanumeric() || c == '_');
    if name != former {
        notes.add(line, format!("the parameter `{}` is called `{name}` here", former.escape_debug()));
    }
    name
}

/// The name, or the first with a number behind it that is not taken.
pub fn unique(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut unique = name.to_owned();
    let mut number = 2;
    while is_taken(&unique) {
        let room = name.char_indices().nth(60).map_or(name.len(), |(at, _)| at);
        unique = format!("{}_{number}", &name[..room]);
        number += 1;
    }
    unique
}

fn clean(former: &str, fits: impl Fn(char) -> bool) -> String {
    let mut name: String = former.chars().map(|c| if fits(c) { c } else { '_' }).take(64).collect();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.insert(0, 'x');
        name.truncate(64);
    }
    name
}
