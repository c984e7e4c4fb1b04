//! Which functions may be called. A function can do anything, so only those that are known are let through; PostgreSQL
//! says of its own which may have effects, and is asked about the rest.

mod allowed;
mod postgres;

use windlass_config::settings::SourceKind;

use super::{
    Refusal,
    lex::{Lexed, TokenKind},
};

/// Asks PostgreSQL about functions: takes [`super::Reading::unjudged`] as `text[]`, and gives those (`name`, `why`) that
/// are not plainly harmless. Whatever has that name counts, in any schema. What begins with a dot may as well be a column;
/// only a function that could be called so, with one argument, is an answer to it.
pub const UNJUDGED_QUERY_POSTGRES: &str = "\
select asked.name,
  case when pg_catalog.bool_or(p.oid is null) then 'unknown'
       when pg_catalog.bool_or(p.prokind = 'p') then 'procedure'
       when pg_catalog.bool_or(not l.lanpltrusted and l.lanname not in ('internal', 'c')) then 'untrusted'
       else 'volatile' end as why
from (select pg_catalog.ltrim(entry, '.') as name, pg_catalog.left(entry, 1) = '.' as is_field
      from pg_catalog.unnest($1::pg_catalog.text[]) as given(entry)) as asked
left join pg_catalog.pg_proc p on p.proname = asked.name::pg_catalog.name
  and (not asked.is_field or (p.prokind = 'f' and p.pronargs > 0 and p.pronargs - p.pronargdefaults < 2))
left join pg_catalog.pg_language l on l.oid = p.prolang
left join pg_catalog.pg_aggregate a on a.aggfnoid = p.oid
where p.oid is not null or not asked.is_field
group by asked.name
having pg_catalog.bool_or(p.oid is null or p.prokind = 'p' or p.provolatile = 'v'
  or (not l.lanpltrusted and l.lanname not in ('internal', 'c'))
  or exists (select from pg_catalog.pg_proc s where s.provolatile = 'v' and s.oid in
    (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn,
     a.aggmfinalfn)))
order by 1";

/// What is known about a function.
pub(super) enum Verdict {
    Harmless,
    /// The server's catalogue has to say.
    Unjudged,
    Refused(Refusal),
}

/// The verdict about `name`, in its parts.
pub(super) fn judge(parts: &[String], kind: SourceKind) -> Verdict {
    let full = parts.join(".");
    let Some((name, schemas)) = parts.split_last() else { return Verdict::Unjudged };
    let lower = name.to_ascii_lowercase();
    let schema = schemas.last().map(|schema| schema.to_ascii_lowercase());
    let own = || Refusal {
        message: format!("the function `{full}` is not one that is known to only read"),
        hint: "use built-in functions; for this one, a tool has to be declared by whoever runs this server".to_owned(),
    };
    let known = allowed::of(kind);
    let allowed = match kind {
        SourceKind::Postgres => {
            // The catalogue is asked about `.name`s in another way.
            if postgres::is_denied(&lower) || name.starts_with('.') {
                return Verdict::Refused(Refusal {
                    message: format!("the function `{full}` does more than read the database"),
                    hint: "ask for the data itself, without it".to_owned(),
                });
            }
            let built_in = schema.is_none_or(|schema| schema == "pg_catalog");
            return if built_in && known.contains(name.as_str()) { Verdict::Harmless } else { Verdict::Unjudged };
        }
        // `column.value('...', 'int')` is a method of XML.
        SourceKind::Mssql if !schemas.is_empty() => schemas.len() < 3 && allowed::METHODS.contains(&lower.as_str()),
        SourceKind::Mysql | SourceKind::Sqlite | SourceKind::Mssql => {
            schemas.is_empty() && known.contains(lower.as_str())
        }
    };
    if allowed { Verdict::Harmless } else { Verdict::Refused(own()) }
}

/// Every name with a parenthesis behind it from the token at `from` on: its parts, and where the last of them stands.
/// Keywords that take parentheses, and types, are left out.
pub(super) fn called(lexed: &Lexed, from: usize) -> Vec<(Vec<String>, usize)> {
    let mut called = Vec::new();
    for at in from..lexed.tokens.len() {
        let token = lexed.tokens[at];
        if !matches!(token.kind, TokenKind::Word | TokenKind::Quoted) || !lexed.is(at + 1, '(') {
            continue;
        }
        let qualified = at >= from + 2 && lexed.is(at - 1, '.');
        if !qualified && lexed.keyword(at).is_some_and(|word| KEYWORDS.contains(&word.as_str())) {
            continue;
        }
        let mut parts: Vec<_> = lexed.name(at).into_iter().collect();
        let mut first = at;
        while first >= from + 2 && lexed.is(first - 1, '.') {
            let Some(part) = lexed.name(first - 2) else { break };
            parts.insert(0, part);
            first -= 2;
        }
        called.push((parts, token.start));
    }
    called
}

/// Every name behind a dot, without a parenthesis behind it, and where it stands. To PostgreSQL, `x.f` and `(1).f` may be
/// `f(x)` and `f(1)`.
pub(super) fn fields(lexed: &Lexed, from: usize) -> Vec<(String, usize)> {
    let behind_a_dot = (from + 1..lexed.tokens.len()).filter(|at| lexed.is(at - 1, '.') && !lexed.is(at + 1, '('));
    behind_a_dot.filter_map(|at| Some((lexed.name(at)?, lexed.tokens[at].start))).collect()
}

/// Words that have parentheses behind them and are no functions: of the grammar, and of types. Where the parser reads one
/// of them as a function all the same, it counts as one.
const KEYWORDS: &[&str] = &[
    "AGAINST",
    "ALL",
    "AND",
    "ANY",
    "APPLY",
    "ARRAY",
    "AS",
    "BERNOULLI",
    "BETWEEN",
    "BIGINT",
    "BINARY",
    "BIT",
    "BY",
    "CASE",
    "CHAR",
    "CHARACTER",
    "COLUMNS",
    "CUBE",
    "DATETIME",
    "DATETIME2",
    "DATETIMEOFFSET",
    "DEC",
    "DECIMAL",
    "DISTINCT",
    "DIV",
    "DOUBLE",
    "ELSE",
    "ESCAPE",
    "EXCEPT",
    "EXISTS",
    "FILTER",
    "FIRST",
    "FLOAT",
    "FOR",
    "FORCE",
    "FROM",
    "GEOGRAPHY",
    "GEOMETRY",
    "GLOB",
    "GROUP",
    "HALFVEC",
    "HAVING",
    "ILIKE",
    "IN",
    "INDEX",
    "INT",
    "INTEGER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "KEY",
    "LATERAL",
    "LIKE",
    "LIMIT",
    "MATCH",
    "MATERIALIZED",
    "MOD",
    "NCHAR",
    "NEXT",
    "NOT",
    "NUMERIC",
    "NVARCHAR",
    "OF",
    "OFFSET",
    "ON",
    "ONLY",
    "OPTION",
    "OR",
    "ORDINALITY",
    "OVER",
    "PARTITION",
    "PASSING",
    "PATH",
    "PIVOT",
    "RAW",
    "REAL",
    "REGEXP",
    "REPEATABLE",
    "RETURNING",
    "RLIKE",
    "ROLLUP",
    "ROOT",
    "ROW",
    "SELECT",
    "SEPARATOR",
    "SETS",
    "SIGNED",
    "SMALLINT",
    "SOME",
    "SYSTEM",
    "TABLESAMPLE",
    "THEN",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "TINYINT",
    "TO",
    "TOP",
    "UNION",
    "UNPIVOT",
    "UNSIGNED",
    "USING",
    "VALUE",
    "VALUES",
    "VARBINARY",
    "VARBIT",
    "VARCHAR",
    "VARYING",
    "VECTOR",
    "WHEN",
    "WHERE",
    "WITH",
    "XOR",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_of_functions_names_one_that_reaches_outside() {
        let evil = [
            "load_file",
            "get_lock",
            "release_lock",
            "is_free_lock",
            "benchmark",
            "sys_exec",
            "sys_eval",
            "setval",
            "nextval",
            "load_extension",
            "fts3_tokenizer",
            "readfile",
            "writefile",
            "edit",
            "openrowset",
            "openquery",
            "opendatasource",
            "openxml",
            "pg_read_file",
            "lo_import",
            "dblink",
            "query_to_xml",
            "set_config",
            "master_pos_wait",
            "source_pos_wait",
            "last_insert_id",
            "pg_notify",
            "ts_stat",
            "ts_rewrite",
        ];
        for kind in [SourceKind::Postgres, SourceKind::Mysql, SourceKind::Sqlite, SourceKind::Mssql] {
            let table = allowed::of(kind);
            assert!(table.len() > 100);
            assert!(evil.iter().all(|name| !table.contains(name)));
            assert!(table.iter().all(|name| !name.starts_with("xp_") && !name.starts_with("sp_")));
            assert!(table.iter().all(|name| *name == name.to_ascii_lowercase()));
        }
        assert!(allowed::of(SourceKind::Postgres).iter().all(|name| !postgres::is_denied(name)));
    }
}
