//! What a model may run: one statement, which only reads.
//!
//! A layer of several; the login's rights and the engine's own read-only mode are others. A statement passes if nothing
//! in it is unknown:
//! 1. It is split into words, texts and comments by rules that every server and setting agrees on (`lex`).
//! 2. Its first words say that it reads, and no word in it begins a change (`show`, `words`).
//! 3. The parser finds the same words (`agree`), and what it makes of them is of kinds known to only read (`tree`).
//! 4. Every name with a parenthesis behind it is a function known to be harmless, or is not a function (`functions`).
//!
//! The text itself goes to the server as it is.

mod agree;
mod functions;
mod lex;
mod relations;
mod show;
mod tree;
mod words;

use std::collections::BTreeSet;

use sqlparser::{
    ast::Query,
    dialect::{Dialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect},
    parser::Parser,
    tokenizer::{Token as Parsed, TokenWithSpan},
};
use windlass_config::settings::SourceKind;
use windlass_core::ToolError;

use self::{
    agree::Places,
    functions::Verdict,
    lex::{Lexed, TokenKind},
    show::{About, Opening},
};

pub use functions::UNJUDGED_QUERY_POSTGRES;

/// Bytes of the longest statement.
pub const MAX_LENGTH: usize = 64 << 10;
/// Parentheses within parentheses. The parser tries more than one way at some of them.
const MAX_DEPTH: usize = 40;
/// Words and operators: each may be a level of the tree (`1+1+1+...`), which is walked and dropped recursively.
const MAX_WORDS: usize = 6000;
/// Stack for a level of the tree; 2 KiB were measured without optimization.
const STACK_PER_WORD: usize = 4 << 10;
/// Stack for everything else: 40 levels of the parser took up to 4 MiB without optimization. Only what is used is real.
const STACK: usize = 16 << 20;

/// What a statement is, and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// What the server will do.
    pub does: Does,
    /// Functions that are called, in lower case unless they are in quotes, with their schemas as written.
    pub functions: BTreeSet<String>,
    /// Names about which PostgreSQL has to be asked, see [`UNJUDGED_QUERY_POSTGRES`]: functions without their schemas, and,
    /// with a dot in front, what may be a column or a function (`x.f` can mean `f(x)`). Whoever runs the statement refuses
    /// it if there is an answer, with [`Refusal::function`].
    pub unjudged: BTreeSet<String>,
    /// Tables that are read. The names of WITH queries are among them.
    pub relations: BTreeSet<String>,
}

/// What the server will do with a statement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Does {
    /// Runs a query.
    #[default]
    Query,
    /// Plans a query.
    Explain,
    /// Shows what it knows of itself and its tables.
    Show,
}

/// Why a statement may not run, for the model that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What was refused.
    pub message: String,
    /// What to do instead.
    pub hint: String,
}

impl Refusal {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }

    /// For a row of [`UNJUDGED_QUERY_POSTGRES`].
    pub fn function(name: &str, why: &str) -> Self {
        let message = match why {
            "unknown" => format!("there is no function `{name}`"),
            why => format!("the function `{name}` may do more than read ({why})"),
        };
        Self::new(
            message,
            "use built-in functions; for this one, a tool has to be declared by whoever runs this server",
        )
    }
}

impl From<Refusal> for ToolError {
    fn from(refusal: Refusal) -> Self {
        Self::denied(refusal.message).hint(refusal.hint)
    }
}

/// Lets `sql` pass if it is one statement that only reads, for a database of this kind.
pub fn check(sql: &str, kind: SourceKind) -> Result<Reading, Refusal> {
    if sql.len() > MAX_LENGTH {
        return Err(Refusal::new(
            format!("the statement is longer than {} KiB", MAX_LENGTH >> 10),
            "ask for less at a time",
        ));
    }
    if sql.contains('\0') {
        return Err(Refusal::new("the character \\u{0}", "leave it out: it ends the statement for some servers"));
    }
    let lexed = lex::lex(sql, kind)?;
    let size = size(&lexed)?;
    let (from, does) = match show::open(&lexed, kind)? {
        Opening::Query(from) => (from, Does::Query),
        Opening::Explain(from) => (from, Does::Explain),
        Opening::Show(about) => return shown(&lexed, about, kind),
    };
    words::check(&lexed, from, kind)?;
    let stack = STACK + size * STACK_PER_WORD;
    stacker::maybe_grow(stack, stack + (1 << 20), || {
        read(sql, &lexed, from, kind).map(|reading| Reading { does, ..reading })
    })
}

/// The words and operators of a statement that is not too deep.
fn size(lexed: &Lexed) -> Result<usize, Refusal> {
    let (mut depth, mut words) = (0_usize, 0);
    for token in &lexed.tokens {
        match token.kind {
            TokenKind::Mark('(' | '[') => depth += 1,
            TokenKind::Mark(')' | ']') => depth = depth.saturating_sub(1),
            TokenKind::Mark(',' | '.') => {}
            TokenKind::Mark(_) | TokenKind::Word => words += 1,
            TokenKind::Quoted | TokenKind::Text | TokenKind::Number | TokenKind::Placeholder => {}
        }
        if depth > MAX_DEPTH || words > MAX_WORDS {
            return Err(Refusal::new(
                "the statement is too large to be read",
                "break it up with WITH, or ask for less",
            ));
        }
    }
    Ok(words)
}

fn shown(lexed: &Lexed, about: About, kind: SourceKind) -> Result<Reading, Refusal> {
    let mut reading = Reading { does: Does::Show, ..Reading::default() };
    let table = parts(lexed, about.table);
    relations::check(&idents(&table), kind)?;
    if about.schema.is_some() {
        // `SHOW COLUMNS FROM user FROM mysql` is about `mysql.user`, and `SHOW TABLES FROM mysql` about all that is there.
        let mut within = parts(lexed, about.schema);
        within.push(table.last().cloned().unwrap_or_else(|| "*".to_owned()));
        relations::check(&idents(&within), kind)?;
    }
    if !table.is_empty() {
        reading.relations.insert(table.join("."));
    }
    Ok(reading)
}

/// The parts of the name that begins at the token `at`.
fn parts(lexed: &Lexed, mut at: Option<usize>) -> Vec<String> {
    let mut parts = Vec::new();
    while let Some(part) = at.and_then(|at| lexed.name(at)) {
        parts.push(part);
        at = at.filter(|at| lexed.is(at + 1, '.')).map(|at| at + 2);
    }
    parts
}

fn idents(parts: &[String]) -> Vec<sqlparser::ast::Ident> {
    parts.iter().map(sqlparser::ast::Ident::new).collect()
}

fn read(sql: &str, lexed: &Lexed, from: usize, kind: SourceKind) -> Result<Reading, Refusal> {
    let dialect = dialect(kind);
    let places = Places::new(&lexed.chars);
    let mut tokens = agree::tokens(sql, lexed, dialect)?;
    let begin = lexed.tokens.get(from).map_or(0, |token| token.start);
    tokens.retain(|token| places.of(token.span.start).is_some_and(|start| start >= begin));
    let query = parse(tokens, dialect)?;
    let found = tree::check(&query, kind, &places)?;

    let mut reading = Reading { relations: found.relations, ..Reading::default() };
    let parsed = found.functions.iter().map(|parts| {
        let fold = |part: &sqlparser::ast::Ident| match part.quote_style {
            None => part.value.to_ascii_lowercase(),
            Some(_) => part.value.clone(),
        };
        parts.iter().map(fold).collect::<Vec<_>>()
    });
    let written = functions::called(lexed, from).into_iter();
    let written = written.filter(|(_, place)| !found.not_functions.contains(place)).map(|(parts, _)| parts);
    for parts in parsed.chain(written) {
        match functions::judge(&parts, kind) {
            Verdict::Refused(refusal) => return Err(refusal),
            Verdict::Unjudged => reading.unjudged.extend(parts.last().cloned()),
            Verdict::Harmless => {}
        }
        reading.functions.insert(parts.join("."));
    }
    if kind == SourceKind::Postgres {
        let fields = functions::fields(lexed, from).into_iter();
        for (field, _) in fields.filter(|(_, place)| !found.not_functions.contains(place)) {
            match functions::judge(std::slice::from_ref(&field), kind) {
                Verdict::Refused(refusal) => return Err(refusal),
                Verdict::Unjudged => {
                    reading.unjudged.insert(format!(".{field}"));
                }
                Verdict::Harmless => {}
            }
        }
    }
    Ok(reading)
}

/// What the parser takes the statements of a database for.
pub(crate) fn dialect(kind: SourceKind) -> &'static dyn Dialect {
    match kind {
        SourceKind::Postgres => &PostgreSqlDialect {},
        SourceKind::Mysql => &MySqlDialect {},
        SourceKind::Sqlite => &SQLiteDialect {},
        SourceKind::Mssql => &MsSqlDialect {},
    }
}

fn parse(tokens: Vec<TokenWithSpan>, dialect: &dyn Dialect) -> Result<Box<Query>, Refusal> {
    let refuse = |why: String| {
        Refusal::new(
            format!("the statement could not be read as one query: {why}"),
            "send one plain SELECT; what is valid and still not understood can be declared as a tool by whoever runs \
             this server",
        )
    };
    let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens);
    let query = parser.parse_query().map_err(|error| refuse(error.to_string()))?;
    match parser.peek_token().token {
        Parsed::EOF => Ok(query),
        unread => Err(refuse(format!("`{unread}` was not expected"))),
    }
}
