//! One word, its quotes removed. Deliberately knows less than a shell: whatever is not text, a quote, an escape, a plain
//! variable or a wildcard is refused.

use std::{iter::Peekable, str::Chars};

use super::{Span, screen::refuse};
use crate::rules::Denial;

/// A word as written: always one argument, unless it holds a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub parts: Vec<Part>,
    pub span: Span,
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text that means itself.
    Quoted(String),
    /// Text in which `*`, `?` and `[` are wildcards.
    Bare(String),
    /// `$NAME` or `${NAME}`.
    Variable(String),
}

impl Word {
    /// A word that is what it says.
    pub(crate) fn literal(text: &str) -> Self {
        Self { parts: vec![Part::Quoted(text.to_owned())], span: (0, 0) }
    }

    /// The text, where it is all text.
    pub(crate) fn as_literal(&self) -> Option<String> {
        if self.has_wildcard() {
            return None;
        }
        self.parts
            .iter()
            .map(|part| match part {
                Part::Quoted(text) | Part::Bare(text) => Some(text.as_str()),
                Part::Variable(_) => None,
            })
            .collect()
    }

    /// Whether `*`, `?` or a bracket expression stands outside quotes.
    pub(crate) fn has_wildcard(&self) -> bool {
        let mut bracket = false;
        self.parts.iter().any(|part| match part {
            Part::Bare(text) => text.chars().any(|c| {
                bracket |= c == '[';
                matches!(c, '*' | '?') || (bracket && c == ']')
            }),
            Part::Quoted(_) | Part::Variable(_) => false,
        })
    }

    fn push(&mut self, c: char, quoted: bool) {
        match (self.parts.last_mut(), quoted) {
            (Some(Part::Quoted(text)), true) | (Some(Part::Bare(text)), false) => text.push(c),
            (_, true) => self.parts.push(Part::Quoted(c.into())),
            (_, false) => self.parts.push(Part::Bare(c.into())),
        }
    }
}

/// Reads a word token.
pub(super) fn read(text: &str, span: Span) -> Result<Word, Denial> {
    let mut word = Word { parts: Vec::new(), span };
    let mut chars = text.chars().peekable();
    // The word with everything quoted blanked out, to look for what spans several characters.
    let mut bare = String::new();
    let unclosed = || Denial::new("a quote is opened and not closed").hint("close it, or escape it with `\\`").at(span);
    while let Some(c) = chars.next() {
        let mut is_bare = false;
        match c {
            '\'' => {
                word.parts.push(Part::Quoted(String::new()));
                loop {
                    match chars.next().ok_or_else(unclosed)? {
                        '\'' => break,
                        c => word.push(c, true),
                    }
                }
            }
            '"' => {
                word.parts.push(Part::Quoted(String::new()));
                double_quoted(&mut word, &mut chars, unclosed)?;
            }
            '\\' => match chars.next() {
                Some('\n') => continue,
                Some(c) => word.push(c, true),
                None => return Err(Denial::new("the line ends in a backslash").hint("remove it").at(span)),
            },
            '$' => dollar(&mut word, &mut chars, false)?,
            '`' => return Err(backquote(span)),
            '~' if bare.is_empty() => {
                return Err(refuse("`~` for a home directory", "write the path out, or quote it if it is text", span));
            }
            '(' | ')' | '<' | '>' | '&' | '|' | ';' => {
                return Err(refuse(&format!("`{c}` in this place"), "quote it if it is text", span));
            }
            c if c.is_ascii_whitespace() => {
                return Err(Denial::new("the line cannot be read in only one way")
                    .hint("quote each argument")
                    .at(span));
            }
            c => {
                word.push(c, false);
                is_bare = true;
            }
        }
        bare.push(if is_bare { c } else { '\0' });
    }
    if has_brace_expansion(&bare) {
        return Err(refuse("brace expansion", "write the words out, or quote the braces if they are text", span));
    }
    Ok(word)
}

fn double_quoted(word: &mut Word, chars: &mut Peekable<Chars>, unclosed: impl Fn() -> Denial) -> Result<(), Denial> {
    loop {
        match chars.next().ok_or_else(&unclosed)? {
            '"' => return Ok(()),
            '\\' => match chars.next().ok_or_else(&unclosed)? {
                '\n' => {}
                c @ ('$' | '`' | '"' | '\\') => word.push(c, true),
                c => {
                    word.push('\\', true);
                    word.push(c, true);
                }
            },
            '$' => dollar(word, chars, true)?,
            '`' => return Err(backquote(word.span)),
            c => word.push(c, true),
        }
    }
}

/// What follows a `$`.
fn dollar(word: &mut Word, chars: &mut Peekable<Chars>, quoted: bool) -> Result<(), Denial> {
    const LITERAL: &str = "quote it with single quotes if it is text";
    let span = word.span;
    let starts_name = |c: char| c.is_ascii_alphabetic() || c == '_';
    match chars.peek().copied() {
        Some('(') => {
            chars.next();
            if chars.peek() == Some(&'(') {
                return Err(refuse("arithmetic expansion `$((...))`", LITERAL, span));
            }
            Err(refuse("command substitution `$(...)`", "run the inner command on its own first", span))
        }
        Some('[') => Err(refuse("arithmetic expansion `$[...]`", LITERAL, span)),
        Some('\'') if !quoted => {
            Err(refuse("`$'...'` quoting", "write the characters themselves in single quotes", span))
        }
        Some('"') if !quoted => Err(refuse("`$\"...\"` quoting", "leave the `$` out", span)),
        Some('{') => {
            chars.next();
            let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
            if !name.starts_with(starts_name) || !name.chars().all(|c| starts_name(c) || c.is_ascii_digit()) {
                return Err(refuse("parameter expansion `${...}` with anything but a name", LITERAL, span));
            }
            word.parts.push(Part::Variable(name));
            Ok(())
        }
        Some(c) if starts_name(c) => {
            let mut name = String::new();
            while let Some(c) = chars.next_if(|c| starts_name(*c) || c.is_ascii_digit()) {
                name.push(c);
            }
            word.parts.push(Part::Variable(name));
            Ok(())
        }
        Some(c) if c.is_ascii_digit() || matches!(c, '@' | '*' | '#' | '?' | '$' | '!' | '-') => {
            Err(refuse(&format!("the parameter `${c}`"), LITERAL, span))
        }
        _ => {
            word.push('$', true);
            Ok(())
        }
    }
}

fn backquote(span: Span) -> Denial {
    refuse("command substitution with backquotes", "run the inner command on its own first", span)
}

/// `{a,b}` and `{1..9}`; `{}` and `HEAD@{1}` are text in every shell.
fn has_brace_expansion(bare: &str) -> bool {
    let (Some(open), Some(close)) = (bare.find('{'), bare.rfind('}')) else { return false };
    open < close && (bare[open..close].contains(',') || bare[open..close].contains(".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let seen = match read(text, (0, text.len())) {
            Ok(word) => word.as_literal().unwrap_or_else(|| format!("{:?}", word.parts)),
            Err(denial) => format!("refused: {}", denial.reason.split(" is not").next().unwrap_or_default()),
        };
        assert_eq!(seen, expected, "{text}");
    }

    #[test]
    fn quotes_are_removed() {
        check("plain", "plain");
        check("a'b c'd", "ab cd");
        check(r#""a\"b\c""#, r#"a"b\c"#);
        check(r"a\ b\'", "a b'");
        check("''", "");
        check("\"$\"", "$");
        check("a$", "a$");
        check("HEAD@{1}", "HEAD@{1}");
        check("'*'", "*");
        check(r"\*", "*");
        check("a[b", "a[b");
    }

    #[test]
    fn wildcards_and_variables_are_kept_apart() {
        check("*.txt", r#"[Bare("*.txt")]"#);
        check("a'*'*", r#"[Bare("a"), Quoted("*"), Bare("*")]"#);
        check("\"$HOME\"/x", r#"[Quoted(""), Variable("HOME"), Bare("/x")]"#);
        check("${A}b", r#"[Variable("A"), Bare("b")]"#);
    }

    #[test]
    fn the_rest_is_refused() {
        check("$(id)", "refused: command substitution `$(...)`");
        check("\"$(id)\"", "refused: command substitution `$(...)`");
        check("`id`", "refused: command substitution with backquotes");
        check("$((1+1))", "refused: arithmetic expansion `$((...))`");
        check("${A:-b}", "refused: parameter expansion `${...}` with anything but a name");
        check("${!A}", "refused: parameter expansion `${...}` with anything but a name");
        check("$'\\x41'", "refused: `$'...'` quoting");
        check("$1", "refused: the parameter `$1`");
        check("~/x", "refused: `~` for a home directory");
        check("{a,b}", "refused: brace expansion");
        check("x{1..3}", "refused: brace expansion");
        check("'open", "refused: a quote is opened and not closed");
    }
}
