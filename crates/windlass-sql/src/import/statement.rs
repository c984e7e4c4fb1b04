//! Statements: `$1`, `?` and `@p1` become `:name`, and so does `{{.name}}` where only known names can go there.

use std::sync::LazyLock;

use regex::Regex;
use sqlparser::tokenizer::{Token, TokenWithSpan};
use windlass_config::settings::SourceKind;

use super::parameter::Parameter;
use crate::template::{
    Template,
    scan::{self, Cursor},
};

static TEMPLATE: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the pattern is fixed, and tested")]
    Regex::new(r#"["`\[]?\{\{-?\s*\.(\w+)\s*-?\}\}["`\]]?"#).expect("a pattern")
});

/// A statement that has been carried over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub text: String,
    /// Its first word that changes something.
    pub writes: Option<String>,
}

/// The names of all `{{.name}}`.
pub(super) fn templates(statement: &str) -> Vec<String> {
    TEMPLATE.captures_iter(statement).map(|found| found[1].to_owned()).collect()
}

/// Whether there is nothing but one `{{.name}}`.
pub(super) fn is_template_alone(statement: &str) -> bool {
    let text = statement.trim().trim_end_matches(';');
    TEMPLATE.find(text).is_some_and(|found| found.as_str() == text)
}

/// The statement with `:name`s; or why it cannot be had.
pub(super) fn convert(statement: &str, kind: SourceKind, parameters: &[Parameter]) -> Result<Statement, String> {
    let named = TEMPLATE.replace_all(statement, |found: &regex::Captures<'_>| {
        let name = parameters.iter().find(|parameter| parameter.former == found[1]).map(|parameter| &parameter.name);
        name.map_or_else(|| found[0].to_owned(), |name| format!(":{name}"))
    });
    if named.contains("{{") {
        return Err("it has templates that only Google's Toolbox understands".to_owned());
    }
    if named.contains("${") {
        return Err("it has `${...}`, and windlass.yaml has no variables".to_owned());
    }
    let text = placeholders(&named, kind, parameters)?;
    let names: Vec<_> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let identifiers: Vec<_> = parameters
        .iter()
        .filter(|parameter| parameter.is_identifier)
        .map(|parameter| parameter.name.as_str())
        .collect();
    Template::parse(&text, kind, &names, &identifiers).map_err(|error| format!("{error} ({})", error.hint()))?;
    let writes = writes(&text, kind);
    Ok(Statement { text: text.trim().to_owned(), writes })
}

fn placeholders(statement: &str, kind: SourceKind, parameters: &[Parameter]) -> Result<String, String> {
    let tokens = scan::tokens(statement, kind).map_err(|error| error.to_string())?;
    let positional: Vec<_> = parameters.iter().filter(|parameter| !parameter.is_identifier).collect();
    let mut text = String::with_capacity(statement.len());
    let (mut cursor, mut written, mut next) = (Cursor::default(), 0, 0);
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let mut last = token.clone();
        let parameter = match &token.token {
            Token::Placeholder(text) => {
                let index = match text.trim_start_matches(['$', '?', '@', ':']) {
                    "" => next,
                    number if number.bytes().all(|c| c.is_ascii_digit()) => {
                        number.parse::<usize>().unwrap_or(0).wrapping_sub(1)
                    }
                    name => positional.iter().position(|known| known.former == name).unwrap_or(usize::MAX),
                };
                next = index.saturating_add(1);
                let missing = || format!("its placeholder `{text}` has no parameter");
                Some(*positional.get(index).ok_or_else(missing)?)
            }
            Token::Word(word) if kind == SourceKind::Mssql => {
                word.value.strip_prefix('@').and_then(|name| variable(name, &positional))
            }
            Token::AtSign | Token::Colon => match tokens.peek() {
                Some(TokenWithSpan { token: Token::Word(word), .. })
                    if kind == SourceKind::Sqlite || token.token == Token::Colon =>
                {
                    let found = parameters.iter().find(|known| known.former == word.value);
                    if found.is_some() {
                        last = tokens.next().unwrap_or(last);
                    }
                    found
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(parameter) = parameter {
            let start = cursor.advance(statement, token.span.start);
            cursor = start.advance(statement, last.span.end);
            text.push_str(&statement[written..start.byte]);
            if text.ends_with(':') {
                text.push(' ');
            }
            text.push(':');
            text.push_str(&parameter.name);
            written = cursor.byte;
        }
    }
    text.push_str(&statement[written..]);
    Ok(text)
}

/// `@name`, or `@p1`.
fn variable<'a>(name: &str, parameters: &[&'a Parameter]) -> Option<&'a Parameter> {
    let by_name = parameters.iter().find(|known| known.former.eq_ignore_ascii_case(name));
    let by_number = || {
        let number = name.strip_prefix(['p', 'P'])?.parse::<usize>().ok()?;
        parameters.get(number.checked_sub(1)?)
    };
    by_name.or_else(by_number).copied()
}

/// The first word of a statement that does more than read.
fn writes(statement: &str, kind: SourceKind) -> Option<String> {
    let tokens = scan::tokens(statement, kind).unwrap_or_default();
    let mut words = tokens.iter().filter_map(|token| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
        _ => None,
    });
    let first = words.next()?;
    match first.as_str() {
        "SELECT" | "VALUES" | "TABLE" | "SHOW" | "EXPLAIN" | "DESCRIBE" | "DESC" => None,
        "WITH" => words.find(|word| matches!(word.as_str(), "INSERT" | "UPDATE" | "DELETE" | "MERGE")),
        _ => Some(first),
    }
}
