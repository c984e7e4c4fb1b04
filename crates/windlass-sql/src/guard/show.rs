//! `EXPLAIN`, `DESCRIBE` and `SHOW`, word by word: what is not spelled out here is refused.

use windlass_config::settings::SourceKind;

use super::{
    Refusal,
    lex::{Lexed, TokenKind},
};

/// What the beginning of a statement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// A query begins at this token.
    Query(usize),
    /// A query begins at this token; the server only plans it.
    Explain(usize),
    /// There is nothing else: the server shows what it knows of this.
    Show(About),
}

/// What is shown, where anything is named. Both are tokens at which a name begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct About {
    pub table: Option<usize>,
    /// Where the table is looked for: `FROM name` behind it, or alone.
    pub schema: Option<usize>,
}

pub(super) fn open(lexed: &Lexed, kind: SourceKind) -> Result<Opening, Refusal> {
    if lexed.tokens.is_empty() {
        return Err(Refusal::new("there is no statement", "send a SELECT"));
    }
    let word = lexed.keyword(0);
    match (word.as_deref(), kind) {
        (Some("SELECT" | "WITH"), _) => Ok(Opening::Query(0)),
        (Some("VALUES"), SourceKind::Postgres | SourceKind::Mysql | SourceKind::Sqlite) => Ok(Opening::Query(0)),
        (Some("TABLE"), SourceKind::Postgres | SourceKind::Mysql) => Ok(Opening::Query(0)),
        (None, _) if lexed.is(0, '(') => Ok(Opening::Query(0)),
        (Some("EXPLAIN"), SourceKind::Postgres) => explain_postgres(lexed),
        (Some("EXPLAIN"), SourceKind::Sqlite) => {
            let plan = lexed.keyword(1).as_deref() == Some("QUERY") && lexed.keyword(2).as_deref() == Some("PLAN");
            begins_query(lexed, if plan { 3 } else { 1 })
        }
        (Some("EXPLAIN" | "DESCRIBE" | "DESC"), SourceKind::Mysql) => explain_mysql(lexed),
        (Some("SHOW"), SourceKind::Mysql) => show_mysql(lexed),
        (Some("SHOW"), SourceKind::Postgres) => show_postgres(lexed),
        (Some(word), _) => Err(Refusal::new(
            format!("`{word}` does not begin a statement that only reads"),
            "send one SELECT; what changes something needs a tool that is declared for it",
        )),
        (None, _) => Err(Refusal::new("this does not begin a statement that only reads", "send one SELECT")),
    }
}

fn begins_query(lexed: &Lexed, at: usize) -> Result<Opening, Refusal> {
    match lexed.keyword(at).as_deref() {
        Some("SELECT" | "WITH" | "VALUES" | "TABLE") => Ok(Opening::Explain(at)),
        None if lexed.is(at, '(') => Ok(Opening::Explain(at)),
        Some("ANALYZE" | "ANALYSE") => {
            Err(Refusal::new("`EXPLAIN ANALYZE` runs the statement", "leave ANALYZE out, or run the query itself"))
        }
        _ => Err(Refusal::new("this form of EXPLAIN", "explain a SELECT: EXPLAIN SELECT ...")),
    }
}

/// `EXPLAIN [VERBOSE] query`, `EXPLAIN (option [value], ...) query`.
fn explain_postgres(lexed: &Lexed) -> Result<Opening, Refusal> {
    const OPTIONS: [&str; 8] =
        ["VERBOSE", "COSTS", "SETTINGS", "BUFFERS", "SUMMARY", "FORMAT", "GENERIC_PLAN", "MEMORY"];
    match lexed.keyword(1).as_deref() {
        Some("VERBOSE") => return begins_query(lexed, 2),
        Some(_) => return begins_query(lexed, 1),
        None => {}
    }
    let first = lexed.keyword(2);
    if !lexed.is(1, '(') || matches!(first.as_deref(), Some("SELECT" | "WITH" | "VALUES" | "TABLE") | None) {
        return begins_query(lexed, 1);
    }
    let mut at = 2;
    loop {
        let option = lexed.keyword(at);
        if !option.as_deref().is_some_and(|option| OPTIONS.contains(&option)) {
            return Err(Refusal::new(
                format!("the option {} of EXPLAIN", option.unwrap_or_default()),
                "leave it out; ANALYZE would run the statement",
            ));
        }
        at += 1;
        if lexed.keyword(at).is_some() {
            at += 1;
        }
        match () {
            () if lexed.is(at, ',') => at += 1,
            () if lexed.is(at, ')') => return begins_query(lexed, at + 1),
            () => return Err(Refusal::new("this form of EXPLAIN", "explain a SELECT: EXPLAIN SELECT ...")),
        }
    }
}

/// `EXPLAIN [EXTENDED | PARTITIONS | FORMAT = name] query`, `DESCRIBE table [column]`.
fn explain_mysql(lexed: &Lexed) -> Result<Opening, Refusal> {
    let query = match lexed.keyword(1).as_deref() {
        Some("EXTENDED" | "PARTITIONS") => 2,
        Some("FORMAT") if lexed.is(2, '=') && lexed.keyword(3).is_some() => 4,
        _ => 1,
    };
    if let Ok(opening) = begins_query(lexed, query) {
        return Ok(opening);
    }
    let forms: &[&[Piece]] = &[&[Piece::Skip, Piece::Name], &[Piece::Skip, Piece::Name, Piece::Like]];
    let is_keyword = matches!(
        lexed.keyword(1).as_deref(),
        Some("ANALYZE" | "FOR" | "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "FORMAT" | "EXTENDED" | "PARTITIONS")
    );
    match forms.iter().find_map(|form| fits(lexed, form)) {
        Some(about) if !is_keyword => Ok(Opening::Show(about)),
        _ => begins_query(lexed, query),
    }
}

/// A piece of a fixed form.
enum Piece {
    /// One word, whichever.
    Skip,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, or nothing.
    Maybe(&'static [&'static str]),
    /// A name, perhaps of more than one part.
    Name,
    /// `FROM name` or `IN name`, or nothing.
    From,
    /// `LIKE 'pattern'`, a pattern or a column alone, or nothing.
    Like,
}

fn show_mysql(lexed: &Lexed) -> Result<Opening, Refusal> {
    use Piece::{From, Like, Maybe, Name, Skip, Word};
    const OF: Piece = Word(&["FROM", "IN"]);
    let forms: &[&[Piece]] = &[
        &[Skip, Maybe(&["FULL"]), Word(&["TABLES"]), From, Like],
        &[Skip, Maybe(&["FULL"]), Word(&["COLUMNS", "FIELDS"]), OF, Name, From, Like],
        &[Skip, Word(&["INDEX", "INDEXES", "KEYS"]), OF, Name, From],
        &[Skip, Word(&["CREATE"]), Word(&["TABLE", "VIEW"]), Name],
        &[Skip, Word(&["DATABASES", "SCHEMAS"]), Like],
        &[Skip, Word(&["TABLE"]), Word(&["STATUS"]), From, Like],
        &[Skip, Maybe(&["GLOBAL", "SESSION", "LOCAL"]), Word(&["VARIABLES", "STATUS"]), Like],
        &[Skip, Word(&["COLLATION", "CHARSET"]), Like],
        &[Skip, Word(&["CHARACTER"]), Word(&["SET"]), Like],
        &[Skip, Word(&["ENGINES", "WARNINGS", "ERRORS"])],
    ];
    forms.iter().find_map(|form| fits(lexed, form)).map(Opening::Show).ok_or_else(|| {
        Refusal::new(
            "this form of SHOW",
            "SHOW TABLES, COLUMNS, INDEX, CREATE TABLE, DATABASES, TABLE STATUS, VARIABLES and STATUS are known, with \
             FROM and LIKE; for more, query information_schema",
        )
    })
}

fn show_postgres(lexed: &Lexed) -> Result<Opening, Refusal> {
    let words: Vec<_> = (1..lexed.tokens.len()).map(|at| lexed.keyword(at).unwrap_or_default()).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let fits = match words[..] {
        [setting] => !setting.is_empty(),
        [group, "", setting] => lexed.is(2, '.') && !group.is_empty() && !setting.is_empty(),
        ["TIME", "ZONE"] | ["TRANSACTION", "ISOLATION", "LEVEL"] | ["SESSION", "AUTHORIZATION"] => true,
        _ => false,
    };
    if fits {
        return Ok(Opening::Show(About::default()));
    }
    Err(Refusal::new("this form of SHOW", "SHOW takes the name of one setting; for tables, query information_schema"))
}

/// Whether the whole statement is of this form; and if so, what it names.
fn fits(lexed: &Lexed, form: &[Piece]) -> Option<About> {
    let mut at = 0;
    let mut about = About::default();
    let word = |at, words: &[&str]| lexed.keyword(at).is_some_and(|word| words.contains(&word.as_str()));
    for piece in form {
        match piece {
            Piece::Skip => at += 1,
            Piece::Word(words) if word(at, words) => at += 1,
            Piece::Word(_) => return None,
            Piece::Maybe(words) => at += usize::from(word(at, words)),
            Piece::Name => {
                about.table = Some(at);
                at = name(lexed, at)?;
            }
            Piece::From if word(at, &["FROM", "IN"]) => {
                about.schema = Some(at + 1);
                at = name(lexed, at + 1)?;
            }
            Piece::From => {}
            Piece::Like => {
                at += usize::from(word(at, &["LIKE"]));
                let single = lexed
                    .tokens
                    .get(at)
                    .is_some_and(|token| matches!(token.kind, TokenKind::Text | TokenKind::Word | TokenKind::Quoted));
                at += usize::from(single);
            }
        }
    }
    (at == lexed.tokens.len()).then_some(about)
}

/// The place behind the name at `at`.
fn name(lexed: &Lexed, mut at: usize) -> Option<usize> {
    loop {
        lexed.name(at)?;
        at += 1;
        if !lexed.is(at, '.') {
            return Some(at);
        }
        at += 1;
    }
}
