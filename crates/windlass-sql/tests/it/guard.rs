//! What passes the guard, and what does not.

use windlass_config::settings::SourceKind;
use windlass_sql::guard::{Does, Reading, Refusal, check};

const KINDS: [(SourceKind, &str, &str); 4] = [
    (SourceKind::Postgres, include_str!("corpus/postgres.denied.txt"), include_str!("corpus/postgres.allowed.txt")),
    (SourceKind::Mysql, include_str!("corpus/mysql.denied.txt"), include_str!("corpus/mysql.allowed.txt")),
    (SourceKind::Sqlite, include_str!("corpus/sqlite.denied.txt"), include_str!("corpus/sqlite.allowed.txt")),
    (SourceKind::Mssql, include_str!("corpus/mssql.denied.txt"), include_str!("corpus/mssql.allowed.txt")),
];

fn lines(corpus: &str) -> impl Iterator<Item = &str> {
    corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# "))
}

/// `!` in front of a statement: what is written with escapes.
fn unescape(statement: &str) -> String {
    let Some(escaped) = statement.strip_prefix('!') else { return statement.to_owned() };
    let json = escaped.replace("\\0", "\\u{0}").replace('"', "\\\"");
    let mut out = String::new();
    let mut rest = json.as_str();
    while let Some((before, after)) = rest.split_once("\\u{") {
        let (code, behind) = after.split_once('}').expect("the escape is closed");
        out.push_str(before);
        out.push(char::from_u32(u32::from_str_radix(code, 16).expect("a number")).expect("a character"));
        rest = behind;
    }
    out.push_str(rest);
    out.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\"")
}

#[test]
fn every_attack_of_the_corpus_is_refused_for_the_right_reason() {
    let mut wrong = Vec::new();
    for (kind, denied, _) in KINDS {
        let attacks: Vec<_> = lines(denied).collect();
        assert!(attacks.len() >= 60, "{kind:?} has {} attacks", attacks.len());
        for line in attacks {
            let (reason, statement) = line.split_once('\t').expect("a reason, a tab, a statement");
            match check(&unescape(statement), kind) {
                Ok(reading) => wrong.push(format!("{kind:?}: `{statement}` passed: {reading:?}")),
                Err(Refusal { message, hint }) => {
                    assert!(!hint.is_empty());
                    if !message.contains(reason) {
                        wrong.push(format!("{kind:?}: `{statement}`: {message}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_honest_query_of_the_corpus_passes() {
    let mut wrong = Vec::new();
    for (kind, _, allowed) in KINDS {
        let queries: Vec<_> = lines(allowed).collect();
        assert!(queries.len() >= 40, "{kind:?} has {} queries", queries.len());
        for query in queries {
            if let Err(Refusal { message, .. }) = check(query, kind) {
                wrong.push(format!("{kind:?}: `{query}`: {message}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_reading_says_what_is_in_the_statement() {
    let sql = "WITH x(a) AS (SELECT My_Own(1)) SELECT lower(\"N\"), public.\"Other\"(2), o.city, (o).abs FROM shop.orders o(id), x";
    let reading = check(sql, SourceKind::Postgres).expect("it only reads");
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        reading,
        Reading {
            does: Does::Query,
            functions: names(&["my_own", "lower", "public.Other"]),
            unjudged: names(&["my_own", "Other", ".city"]),
            relations: names(&["shop.orders", "x"]),
        }
    );
    let does = |sql, kind| check(sql, kind).expect("it only reads").does;
    assert_eq!(does("EXPLAIN SELECT 1", SourceKind::Sqlite), Does::Explain);
    assert_eq!(does("SHOW TABLES", SourceKind::Mysql), Does::Show);
}

/// Where the parser is behind the servers. Whoever needs these can declare a tool; when a new version reads one, it
/// belongs into the corpus.
#[test]
fn what_the_parser_does_not_read_yet_is_refused_with_a_way_out() {
    let unread = [
        (SourceKind::Postgres, "SELECT xmlelement(name foo, 'bar')"),
        (SourceKind::Postgres, "SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS t"),
        (SourceKind::Mysql, "SELECT 5 MOD 2"),
        (SourceKind::Mysql, "SELECT !a FROM t"),
        (SourceKind::Sqlite, "WITH a AS MATERIALIZED (SELECT 1) SELECT * FROM a"),
        (SourceKind::Sqlite, "SELECT * FROM t WHERE a ISNULL"),
        (SourceKind::Mssql, "SELECT a, sum(b) FROM t GROUP BY GROUPING SETS ((a), ())"),
        (SourceKind::Mssql, "SELECT * FROM users OPTION (MAXDOP 1)"),
    ];
    for (kind, query) in unread {
        let refusal = check(query, kind).expect_err(query);
        assert!(refusal.message.contains("could not be read"), "{query}: {refusal}");
        assert!(refusal.hint.contains("declared as a tool"));
    }
}

/// Runs in a thread that has hardly any stack, as a task of a busy server may.
fn check_in_a_corner(sql: String, kind: SourceKind) -> Result<Reading, Refusal> {
    let corner = std::thread::Builder::new().stack_size(128 << 10);
    corner.spawn(move || check(&sql, kind)).expect("a thread").join().expect("no panic, no overflow")
}

#[test]
fn depth_and_length_end_in_a_refusal_and_not_in_an_overflow() {
    let mut slowest = (std::time::Duration::ZERO, String::new());
    for (kind, ..) in KINDS {
        let long = |piece: &str, count: usize| format!("SELECT 1{}", piece.repeat(count));
        let around = |open: &str, inner: &str, close: &str, n: usize| {
            format!("SELECT {}{inner}{}", open.repeat(n), close.repeat(n))
        };
        let mut statements = Vec::new();
        for n in [39, 41, 2900, 30_000] {
            statements.extend([
                long(" + 1", n),
                long(" OR a", n),
                long(" IS NULL", n),
                long(" COLLATE a", n),
                long("::int", n),
                long("[1]", n),
                long(" UNION SELECT 1", n),
                long(" BETWEEN 1 AND 1", n),
                long(", 1", n),
                around("(", "1", ")", n),
                around("- ", "1", "", n),
                around("NOT ", "1", "", n),
                around("abs(", "1", ")", n),
                around("(SELECT ", "1", ")", n),
                around("CASE WHEN ", "1", " THEN 1 END", n),
                around("CASE 1 WHEN 1 THEN ", "1", " END", n),
                around("CAST(", "1", " AS int)", n),
                around("EXISTS (SELECT ", "1", ")", n),
                around("[", "1", "]", n),
                around("ARRAY[", "1", "]", n),
                around("INTERVAL ", "1", "", n),
                around("1 IN (", "1", ")", n),
                around("a.", "b", "", n),
                format!("SELECT * FROM {}t{}", "(".repeat(n), ")".repeat(n)),
                format!("SELECT * FROM {}SELECT 1{}", "(".repeat(n), ") t".repeat(n)),
                format!("SELECT * FROM t{}", " JOIN t ON 1 = 1".repeat(n)),
                format!("SELECT * FROM {}t{}", "(t JOIN ".repeat(n), " ON 1 = 1)".repeat(n)),
                format!("{}SELECT 1{}", "(".repeat(n), ")".repeat(n)),
                format!("{}SELECT 1{}", "WITH a AS (".repeat(n), ") SELECT 1".repeat(n)),
                format!("{} 1", "EXPLAIN ".repeat(n)),
                format!("SELECT CAST(1 AS {}int{})", "array<".repeat(n), ">".repeat(n)),
                "(".repeat(n),
                "SELECT * FROM (".repeat(n),
                "SELECT (".repeat(n),
                "/*".repeat(n),
                "'".repeat(n),
            ]);
        }
        for statement in statements {
            let begun = std::time::Instant::now();
            let shown: String = statement.chars().take(60).collect();
            let _ = check_in_a_corner(statement, kind);
            slowest = slowest.max((begun.elapsed(), format!("{kind:?} {shown}")));
        }
    }
    assert!(slowest.0 < std::time::Duration::from_secs(5), "{slowest:?}");
    let long = format!("SELECT '{}'", "x".repeat(64 << 10));
    assert!(check(&long, SourceKind::Postgres).expect_err("too long").message.contains("longer than"));
}

proptest::proptest! {
    /// Whatever a model writes: no panic, and what passes calls nothing that is denied.
    #[test]
    fn nothing_that_is_thrown_at_it_makes_it_panic(
        pieces in proptest::collection::vec(piece(), 0..40),
        kind in 0..4_usize,
    ) {
        let sql = pieces.concat();
        if let Ok(reading) = check_in_a_corner(sql.clone(), KINDS[kind].0) {
            let evil = reading.functions.iter().any(|name| name.contains("pg_read_file") || name.contains("load_file"));
            proptest::prop_assert!(!evil, "{sql}");
        }
    }
}

fn piece() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    const WORDS: &[&str] = &[
        "SELECT",
        "FROM",
        "t",
        "a",
        "WITH",
        "AS",
        "(",
        ")",
        "(",
        ")",
        ",",
        " ",
        " ",
        "\n",
        "1",
        "'x'",
        "\"y\"",
        "`z`",
        "[q]",
        "--",
        "/*",
        "*/",
        "/*!",
        "#",
        ";",
        "INTO",
        "DELETE",
        "FOR",
        "UPDATE",
        "::",
        ":=",
        "@a",
        "$$",
        "$1",
        "?",
        "pg_read_file",
        "load_file",
        "abs",
        "count",
        "UNION",
        "JOIN",
        "ON",
        "WHERE",
        "CASE",
        "WHEN",
        "END",
        "IN",
        "NOT",
        "OVER",
        "VALUES",
        "TABLE",
        "EXPLAIN",
        "ANALYZE",
        "SHOW",
        "DESCRIBE",
        "'",
        "\"",
        "\\",
        "\0",
        "\u{a0}",
        "é",
        "->>",
        "=",
        "*",
        ".",
        "{",
        "E'",
        "U&'",
        "x'",
        "0x",
        "1e",
        "LATERAL",
        "PIVOT",
        "LIMIT",
        "ORDER BY",
        "GROUP BY",
    ];
    prop_oneof![
        8 => prop::sample::select(WORDS).prop_map(|word| format!("{word} ")),
        2 => prop::sample::select(WORDS).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ]
}

/// What the guard lets pass and SQLite understands, SQLite itself takes for reading.
fn sqlite_agrees(connection: &rusqlite::Connection, sql: &str) {
    if check(sql, SourceKind::Sqlite).is_ok()
        && let Ok(statement) = connection.prepare(sql)
    {
        assert!(statement.readonly(), "{sql}");
    }
}

#[test]
fn whatever_passes_for_sqlite_is_a_reader_to_sqlite() {
    let connection = rusqlite::Connection::open_in_memory().expect("a database");
    connection.execute_batch("CREATE TABLE t (a, b); CREATE TABLE users (id, name)").expect("tables");
    for (_, denied, allowed) in KINDS {
        for line in lines(denied).chain(lines(allowed)) {
            sqlite_agrees(&connection, line.split_once('\t').map_or(line, |(_, statement)| statement));
        }
    }
}

#[test]
fn postgres_says_which_functions_may_have_effects() {
    let Some(server) = windlass_testkit::postgres::Server::start() else { return };
    server.sql(
        "postgres",
        "create function quiet(int) returns int language sql stable as 'select 1';
         create function loud(int) returns int language sql as 'select 1';
         create function quiet_too(int) returns int language sql immutable as 'select 1';
         create function mixed(int) returns int language sql stable as 'select 1';
         create function mixed(text) returns int language sql volatile as 'select 1';
         create procedure proc() language sql as 'select 1';
         create function step(int, int) returns int language sql volatile as 'select 1';
         create aggregate summed(int) (sfunc = step, stype = int);",
    );
    let ask = |names: &str| {
        let query = windlass_sql::guard::UNJUDGED_QUERY_POSTGRES;
        let statements = format!("prepare ask(text[]) as {query}; execute ask('{{{names}}}')");
        let answer = server.sql("postgres", &statements);
        let rows = answer.lines().filter(|line| line.contains('|')).map(str::trim);
        rows.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ask("quiet,quiet_too,lower,sum,.quiet,.id,.total,.pg_read_binary_file_x"), "");
    let loud = ask("loud,mixed,proc,summed,nowhere,pg_read_file,Loud");
    insta::assert_snapshot!(loud, @"Loud|unknown loud|volatile mixed|volatile nowhere|unknown pg_read_file|volatile proc|procedure summed|volatile");
    // `step` takes two arguments, so `x.step` is not one of it.
    assert_eq!(ask(".loud,.step,.pg_ls_dir"), "loud|volatile pg_ls_dir|volatile");
}

/// What stands for extensions and for functions of somebody's own in the corpus.
const OTHERS: &str = "
    create extension pg_trgm;
    create function my_own(int) returns int language sql stable as 'select 1';
    create function other(int) returns int language sql stable as 'select 1';
    create function st_makepoint(int, int) returns point language sql stable as 'select point(1, 2)';
    create function st_asgeojson(point) returns text language sql stable as 'select $$$$';
    create function st_dwithin(point, point, int) returns boolean language sql stable as 'select true';
";

/// A name that no server knows is a word of the grammar, and the guard took it for a function.
#[test]
fn no_honest_query_of_the_corpus_is_refused_by_the_catalogue() {
    let Some(server) = windlass_testkit::postgres::Server::start() else { return };
    server.sql("postgres", OTHERS);
    let [(kind, _, allowed), ..] = KINDS;
    let readings = lines(allowed).map(|query| (query, check(query, kind).expect(query)));
    let asked = readings.filter(|(_, reading)| !reading.unjudged.is_empty());
    let prepare = format!("prepare ask(text[]) as {};", windlass_sql::guard::UNJUDGED_QUERY_POSTGRES);
    let questions = asked.map(|(query, reading)| {
        let names: Vec<_> = reading.unjudged.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
        format!("select $q${query}$q$; execute ask(array[{}]);", names.join(","))
    });
    let answer = server.sql("postgres", &format!("{prepare} {}", questions.collect::<Vec<_>>().join("\n")));
    let wrong: Vec<_> =
        answer.lines().filter(|line| line.ends_with("|unknown") || line.ends_with("|volatile")).collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{answer}");
}
