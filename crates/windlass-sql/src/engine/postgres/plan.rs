//! What is known of a statement once it was prepared: how it is really sent, and how its cells are read.
//!
//! A statement that reads is sent as a subquery. That proves it to be one: PostgreSQL's grammar has nothing in that place
//! that could end the transaction, change the session or write, but for functions. It also is where columns of types that
//! are not read here are made JSON by the server, which knows every type. And around it is a condition that holds in our
//! transactions only: begin, statement and rollback are sent at once, so a begin that fails would not keep the statement
//! from running, in a transaction of its own that nobody rolls back. With the condition it then is planned, and nothing
//! in it is run.

use std::{collections::HashMap, sync::Arc};

use tokio_postgres::{
    Row, Statement,
    types::{Kind, Type},
};

use super::{
    super::{Column, EngineError},
    decode::{Form, Raw},
};
use serde_json::Value;

/// Statements a connection keeps. Each costs the server some 10 KiB and more.
const KEPT: usize = 256;

/// The setting that is `on` in our transactions that read.
pub(super) const MARK: &str = "windlass.reading";

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) statement: Statement,
    pub(super) columns: Vec<Column>,
    pub(super) forms: Vec<Form>,
    /// How many characters stand before the caller's text.
    pub(super) offset: u32,
    /// Whether it can leave something in the session.
    pub(super) leaves: bool,
    /// Whether it changes rows, and so can say how many.
    pub(super) changes: bool,
}

impl Plan {
    /// The cells of a row.
    pub(super) fn cells(&self, row: &Row) -> Result<Vec<Value>, EngineError> {
        let cell = |(at, form): (usize, &Form)| {
            let malformed = || EngineError::Internal(format!("column {} cannot be read", at + 1));
            match row.try_get::<_, Option<Raw<'_>>>(at).map_err(|_| malformed())? {
                Some(raw) => form.read(raw.0).ok_or_else(malformed),
                None => Ok(Value::Null),
            }
        };
        self.forms.iter().enumerate().map(cell).collect()
    }
}

/// The plans of one connection, the latest used.
#[derive(Debug, Default)]
pub(super) struct Plans {
    plans: HashMap<String, (Arc<Plan>, u64)>,
    uses: u64,
}

impl Plans {
    pub(super) fn get(&mut self, sql: &str) -> Option<Arc<Plan>> {
        let (plan, used) = self.plans.get_mut(sql)?;
        self.uses += 1;
        *used = self.uses;
        Some(plan.clone())
    }

    pub(super) fn keep(&mut self, sql: &str, plan: Arc<Plan>) {
        if self.plans.len() >= KEPT {
            let oldest = self.plans.iter().min_by_key(|(_, (_, used))| *used).map(|(sql, _)| sql.clone());
            oldest.and_then(|sql| self.plans.remove(&sql));
        }
        self.uses += 1;
        self.plans.insert(sql.to_owned(), (plan, self.uses));
    }

    pub(super) fn forget(&mut self, sql: &str) {
        self.plans.remove(sql);
    }
}

/// What the columns of a statement are called, and their types.
pub(super) fn columns(statement: &Statement) -> Vec<Column> {
    let columns = statement.columns().iter();
    columns.map(|column| Column { name: column.name().to_owned(), kind: kind(column.type_()) }).collect()
}

/// `int4`, `text[]`.
pub(super) fn kind(ty: &Type) -> String {
    match ty.kind() {
        Kind::Array(item) if ty.name().starts_with('_') => format!("{}[]", item.name()),
        _ => ty.name().to_owned(),
    }
}

/// How the cells of a statement are read; `None` for those the server has to make JSON of.
pub(super) fn forms(statement: &Statement) -> Vec<Option<Form>> {
    statement.columns().iter().map(|column| Form::of(column.type_())).collect()
}

/// A statement's text around the caller's, and how many characters stand before that.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrapped {
    pub(super) text: String,
    pub(super) offset: u32,
}

/// The statement as a subquery that is run in our transactions only.
pub(super) fn reading(sql: &str, forms: &[Option<Form>]) -> Wrapped {
    let (list, names) = list(forms);
    let mark = format!("pg_catalog.current_setting('{MARK}', true) OPERATOR(pg_catalog.=) 'on'");
    wrap(&format!("SELECT {list} FROM ("), sql, &format!(") AS _w{names} WHERE {mark}"))
}

/// The statement as a subquery.
pub(super) fn query(sql: &str, forms: &[Option<Form>]) -> Wrapped {
    let (list, names) = list(forms);
    wrap(&format!("SELECT {list} FROM ("), sql, &format!(") AS _w{names}"))
}

/// A statement that changes rows and gives some: the only place for it is here.
pub(super) fn returning(sql: &str, forms: &[Option<Form>]) -> Wrapped {
    let (list, names) = list(forms);
    wrap(&format!("WITH _w{names} AS ("), sql, &format!(") SELECT {list} FROM _w"))
}

/// The columns to ask for, and names for them: their own can be missing, or the same.
fn list(forms: &[Option<Form>]) -> (String, String) {
    if forms.iter().all(Option::is_some) {
        return ("*".to_owned(), String::new());
    }
    let names: Vec<String> = (1..=forms.len()).map(|at| format!("c{at}")).collect();
    let cell = |(name, form): (&String, &Option<Form>)| match form {
        Some(_) => name.clone(),
        None => format!("pg_catalog.to_json({name})::pg_catalog.text"),
    };
    let list: Vec<String> = names.iter().zip(forms).map(cell).collect();
    (list.join(", "), format!("({})", names.join(", ")))
}

/// A line of its own, because the statement may end in a comment; and without the semicolon that may be at its end.
fn wrap(before: &str, sql: &str, after: &str) -> Wrapped {
    let mut inner = sql.trim_end();
    while let Some(rest) = inner.strip_suffix(';') {
        inner = rest.trim_end();
    }
    let offset = u32::try_from(before.len() + 1).unwrap_or(u32::MAX);
    Wrapped { text: format!("{before}\n{inner}\n{after}"), offset }
}

/// The word a statement begins with, in lower case. It says what kind of statement it is.
pub(super) fn keyword(sql: &str) -> String {
    let sql = after_comments(sql);
    let end = sql.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(sql.len());
    sql[..end].to_ascii_lowercase()
}

/// As PostgreSQL skips them: those in the style of C nest.
fn after_comments(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
        if let Some(rest) = sql.strip_prefix("--") {
            sql = rest.find(['\n', '\r']).map_or("", |end| &rest[end..]);
        } else if let Some(mut rest) = sql.strip_prefix("/*") {
            let mut depth = 1;
            while depth > 0 {
                let Some(at) = rest.find(['/', '*']) else { return "" };
                (depth, rest) = match rest[at..].get(..2) {
                    Some("/*") => (depth + 1, &rest[at + 2..]),
                    Some("*/") => (depth - 1, &rest[at + 2..]),
                    _ => (depth, &rest[at + 1..]),
                };
            }
            sql = rest;
        } else {
            return sql;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_put_into_a_place_where_only_queries_can_stand() {
        let all = [Some(Form::Int4), Some(Form::Text)];
        let wrapped = reading("select 1, 'a' -- b;", &all);
        let expected = "SELECT * FROM (\nselect 1, 'a' -- b;\n) AS _w \
            WHERE pg_catalog.current_setting('windlass.reading', true) OPERATOR(pg_catalog.=) 'on'";
        // The semicolon of a comment goes with that of a statement: it makes no difference.
        assert_eq!(wrapped.text, expected.replace("b;", "b"));
        assert_eq!(wrapped.offset, 16);
        let some = [Some(Form::Int4), None];
        assert_eq!(
            query(" select 1, '{}'::int[] ; ;\n", &some).text,
            "SELECT c1, pg_catalog.to_json(c2)::pg_catalog.text FROM (\n select 1, '{}'::int[]\n) AS _w(c1, c2)"
        );
        assert_eq!(
            returning("delete from t returning *", &some).text,
            "WITH _w(c1, c2) AS (\ndelete from t returning *\n) SELECT c1, pg_catalog.to_json(c2)::pg_catalog.text FROM _w"
        );
    }

    #[test]
    fn the_first_word_is_found_behind_comments() {
        for (sql, expected) in [
            ("SHOW all", "show"),
            ("\n\t-- show\n explain(analyze) select 1", "explain"),
            ("/* show /* explain */ show */ COMMIT", "commit"),
            ("/* /* */ show", ""),
            ("/**/--\rshow x", "show"),
            ("/*é*//*/**/*/select", "select"),
            ("\u{a0}show", ""),
            ("(select 1)", ""),
            ("--", ""),
            ("", ""),
        ] {
            assert_eq!(keyword(sql), expected, "{sql}");
        }
    }
}
