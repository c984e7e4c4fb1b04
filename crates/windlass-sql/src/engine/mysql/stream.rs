//! A statement, and its rows as they come.

use std::{sync::Arc, time::Duration};

use mysql_async::{BinaryProtocol, Conn, Error, Params, QueryResult, Value, prelude::Queryable};
use mysql_common::named_params::ParsedNamedParams;
use tokio::{select, time::sleep};

use super::{
    cancel::{Activity, Asked},
    cell::{self, Decoder},
    failure,
    session::{self, Home, Server},
};
use crate::engine::{Access, EngineError, Query, Rows};

/// Rows that are read before others get their turn: where a server is quick, the driver never waits, and its task would
/// keep a thread for milliseconds. Not least the one that ends the query.
const TURN: u32 = 64;
/// The rest of a result that is nearly over is read sooner than a second connection is made.
const SOON: Duration = Duration::from_millis(10);

pub(super) struct Work<'a> {
    pub(super) server: &'a Server,
    pub(super) home: &'a Home,
    pub(super) activity: &'a Arc<Activity>,
    pub(super) query: &'a Query<'a>,
    pub(super) arguments: Vec<Value>,
}

/// How far a statement came.
pub(super) struct Done {
    pub(super) affected: Option<u64>,
    /// Nobody wanted more rows.
    pub(super) enough: bool,
    /// Whether the next answer would belong to the next question.
    pub(super) in_step: bool,
}

/// The driver has parameters of its own, `:name`, and would rewrite a text in which it believes to see some, after it
/// was judged: `1/'a:b'` is enough. Such a text is not sent.
pub(super) fn check_text(sql: &str) -> Result<(), EngineError> {
    let parsed = ParsedNamedParams::parse(sql.as_bytes());
    if parsed.is_ok_and(|parsed| parsed.params().is_empty()) {
        return Ok(());
    }
    Err(EngineError::Statement {
        message: "a colon before a name, outside of quotes and comments".to_owned(),
        code: String::new(),
        hint: Some("placeholders are `?`; put a space between an operator and a quoted text".to_owned()),
        position: None,
    })
}

pub(super) async fn perform(link: &mut Conn, work: Work<'_>, rows: &mut dyn Rows) -> Result<Done, EngineError> {
    let Work { server, home, activity, query, arguments } = work;
    let reads = query.access == Access::Read;
    let refused = || EngineError::ReadOnly("only queries are run where nothing may be changed".to_owned());
    let begins = begins(query.sql);
    if reads && begins.is_none() {
        return Err(refused());
    }
    let begun = session::begin(link, server, query.access, query.timeout, Some(home)).await;
    begun.map_err(failure::running)?;
    let statement = link.prep(query.sql).await.map_err(failure::running)?;
    if reads && begins == Some(Begins::Asking) && statement.num_columns() == 0 {
        return Err(refused());
    }
    let wanted = usize::from(statement.num_params());
    if wanted != arguments.len() {
        return Err(EngineError::Argument(format!("it has {wanted} placeholders for {} values", arguments.len())));
    }
    if activity.asked().is_some() {
        // It was killed too early to notice.
        return Err(EngineError::Cancelled);
    }
    let parameters = if arguments.is_empty() { Params::Empty } else { Params::Positional(arguments) };
    let mut result = link.exec_iter(&statement, parameters).await.map_err(failure::running)?;
    let columns = result.columns().unwrap_or_default();
    if columns.is_empty() {
        let affected = Some(result.affected_rows());
        result.drop_result().await.map_err(failure::running)?;
        return Ok(Done { affected, enough: false, in_step: true });
    }
    rows.columns(columns.iter().map(cell::describe).collect());
    let decoders: Vec<Decoder> = columns.iter().map(Decoder::of).collect();
    let (mut turn, mut read, mut enough) = (0, 0, false);
    // Its stream would box each row.
    while let Some(row) = result.next().await.map_err(failure::running)? {
        read += 1;
        if !enough {
            let cells = row.unwrap().into_iter().zip(&decoders).map(|(value, decoder)| decoder.decode(value)).collect();
            enough = rows.row(cells).is_break();
        }
        if enough && reads {
            return Ok(Done { affected: None, enough, in_step: leave(result, activity).await });
        }
        // Killed, what writes would be undone: all of its rows are read, and it is committed.
        give_way(&mut turn).await;
    }
    result.drop_result().await.map_err(failure::running)?;
    // With `RETURNING` the server does not say how many it changed: it gives each of them.
    let affected = (!reads && returns_what_it_changed(query.sql)).then_some(read);
    Ok(Done { affected, enough, in_step: true })
}

/// Ends the query on the server, and reads what is on its way. Whether the connection is in step then.
async fn leave(mut result: QueryResult<'_, '_, BinaryProtocol>, activity: &Arc<Activity>) -> bool {
    let rest = async {
        let mut turn = 0;
        while result.next().await?.is_some() {
            give_way(&mut turn).await;
        }
        result.drop_result().await
    };
    let soon = sleep(SOON);
    tokio::pin!(rest, soon);
    // In this order: while rows come, they use up what a task may do at a time, timers included.
    let over = select! {
        biased;
        () = &mut soon => None,
        over = &mut rest => Some(over),
    };
    if let Some(over) = over {
        return in_step(&over);
    }
    let Some(killing) = activity.ask(Asked::Enough) else { return in_step(&rest.await) };
    let killed = select! {
        biased;
        killed = killing => killed,
        over = &mut rest => return in_step(&over),
    };
    // Where the server has no connection left, say, it would send rows as long as it may.
    matches!(killed, Ok(Ok(()))) && in_step(&rest.await)
}

async fn give_way(turn: &mut u32) {
    *turn += 1;
    if turn.is_multiple_of(TURN) {
        tokio::task::yield_now().await;
    }
}

/// How a result ends that nobody wants does not matter; whether the connection outlives it does.
fn in_step(over: &Result<(), Error>) -> bool {
    matches!(over, Ok(()) | Err(Error::Server(_)))
}

fn returns_what_it_changed(sql: &str) -> bool {
    let first = first_word(sql).unwrap_or_default();
    ["INSERT", "REPLACE", "DELETE"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// What may be run where nothing may be changed, by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// It also has to promise columns before it runs: `SELECT ... INTO OUTFILE` does not. That alone would not do:
    /// `ANALYZE TABLE` does.
    Asking,
    /// MySQL promises nothing of some of these, and they do nothing but tell.
    Telling,
}

fn begins(sql: &str) -> Option<Begins> {
    let first = first_word(sql)?;
    let is_in = |words: [&str; 4]| words.iter().any(|word| first.eq_ignore_ascii_case(word));
    let telling = is_in(["SHOW", "EXPLAIN", "DESCRIBE", "DESC"]).then_some(Begins::Telling);
    telling.or_else(|| is_in(["SELECT", "WITH", "VALUES", "TABLE"]).then_some(Begins::Asking))
}

/// Behind parentheses and comments, of which some are none: what is in `/*! */` and `/*M! */` is run.
fn first_word(sql: &str) -> Option<&str> {
    let mut rest = sql.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '(');
    loop {
        let comment = if let Some(inner) = rest.strip_prefix("/*") {
            if inner.starts_with('!') || inner.starts_with("M!") {
                return None;
            }
            inner.split_once("*/")
        } else if rest.starts_with('#') || rest.starts_with("-- ") {
            rest.split_once('\n')
        } else {
            break;
        };
        rest = comment?.1.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '(');
    }
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_the_driver_would_rewrite_is_not_sent() {
        for sql in ["select ':a', `:b`, \":c\" /* :d */ -- :e", "select @a:=1", "select 12:30", "select 1 # :x\n"] {
            assert!(check_text(sql).is_ok(), "{sql}");
        }
        for sql in ["select :a", "select ?, :a", "select 1/'a:b'", "select 2-'a:b'", "select /*! :a */ 1"] {
            assert!(check_text(sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn comments_before_a_statement_are_passed_over_unless_they_are_run() {
        for sql in [
            "select",
            " \n((SELECT 1))",
            "/* a */ /**/-- b\n# c\n/*+ d */select(1)",
            "-- /*!\nselect",
            "/* /*! */select",
            "select/*!50000 1*/",
        ] {
            assert!(first_word(sql).is_some_and(|word| word.eq_ignore_ascii_case("select")), "{sql}");
        }
        for sql in
            ["/*! select */", "/*M! select */", "/*!50000 drop */ select", "--select", "/* select", "# select", ""]
        {
            assert!(first_word(sql).is_none_or(str::is_empty), "{sql}");
        }
    }
}
