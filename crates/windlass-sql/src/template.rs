//! Statements that an operator wrote, with `:name` where a value or a name goes.
//!
//! Values never become part of the text: a placeholder of the engine stands for them. Names of tables and columns do, in
//! quotes; whoever fills them in has checked that they are of the list the operator gave.

mod identifier;
pub(crate) mod scan;

use std::collections::BTreeMap;

use windlass_config::settings::SourceKind;

pub(crate) use identifier::part;
pub use identifier::quote;

/// A statement, ready to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    kind: SourceKind,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// As it was written.
    Text(String),
    /// A value: the parameter of this index.
    Value(usize),
    /// A name: that of this parameter.
    Identifier(String),
}

/// A statement as the engine takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text, with the engine's placeholders.
    pub sql: String,
    /// What to bind to them, in their order: indices into the parameters given to [`Template::parse`]. PostgreSQL, SQLite
    /// and SQL Server have one placeholder for a parameter however often it is used, MySQL has one for each use.
    pub parameters: Vec<usize>,
}

/// What is wrong with a template, or what is put into it, for the operator who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    hint: String,
    /// Where in the statement, if it is at one place.
    place: Option<Place>,
}

impl TemplateError {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), place: None }
    }

    /// What would be right.
    pub fn hint(&self) -> String {
        self.hint.clone()
    }

    fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// What is wrong, and where.
    pub fn told(&self) -> String {
        match self.place {
            Some(Place { line, column }) => format!("{self} (line {line}, character {column} of the statement)"),
            None => self.to_string(),
        }
    }
}

/// A place in a template, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

impl Template {
    /// Reads a statement in which `:name` stands for one of `parameters`: for its value, or, for those that are among
    /// `identifiers` too, for the name of a table or column.
    pub fn parse(
        statement: &str,
        kind: SourceKind,
        parameters: &[&str],
        identifiers: &[&str],
    ) -> Result<Self, TemplateError> {
        let pieces = scan::pieces(statement, kind, parameters, identifiers)?;
        let used = |name: &str| {
            pieces.iter().any(|piece| match piece {
                Piece::Text(_) => false,
                Piece::Value(index) => parameters[*index] == name,
                Piece::Identifier(used) => used == name,
            })
        };
        match parameters.iter().chain(identifiers).find(|name| !used(name)) {
            Some(name) => Err(TemplateError::new(
                format!("the parameter `{name}` is not used in the statement"),
                format!("write `:{name}` where it goes, outside of quotes and comments"),
            )),
            None => Ok(Self { kind, pieces }),
        }
    }

    /// The statement for the engine. `identifiers` has the names of tables and columns, without quotes; see [`quote`].
    pub fn render(&self, identifiers: &BTreeMap<String, String>) -> Result<Rendered, TemplateError> {
        let mut rendered = Rendered { sql: String::new(), parameters: Vec::new() };
        for piece in &self.pieces {
            let text = match piece {
                Piece::Text(text) => text.clone(),
                Piece::Value(index) => self.placeholder(*index, &mut rendered.parameters),
                Piece::Identifier(name) => match identifiers.get(name) {
                    Some(value) => quote(value, self.kind)?,
                    None => {
                        let message = format!("the parameter `{name}` is missing");
                        return Err(TemplateError::new(message, "give the name of a table or column"));
                    }
                },
            };
            rendered.sql.push_str(&text);
        }
        Ok(rendered)
    }

    fn placeholder(&self, parameter: usize, bound: &mut Vec<usize>) -> String {
        let known = bound.iter().position(|known| *known == parameter).filter(|_| self.kind != SourceKind::Mysql);
        let index = known.unwrap_or_else(|| {
            bound.push(parameter);
            bound.len() - 1
        });
        match self.kind {
            SourceKind::Postgres => format!("${}", index + 1),
            SourceKind::Mysql => "?".to_owned(),
            SourceKind::Sqlite => format!("?{}", index + 1),
            SourceKind::Mssql => format!("@P{}", index + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: SourceKind, statement: &str, expected: &str, bound: &[usize]) {
        let template =
            Template::parse(statement, kind, &["id", "name", "table"], &["table"]).expect("it is a template");
        let names = BTreeMap::from([("table".to_owned(), "public.my \"table\"".to_owned())]);
        let rendered = template.render(&names).expect("it can be filled in");
        assert_eq!(rendered.sql, expected);
        assert_eq!(rendered.parameters, bound);
    }

    #[test]
    fn a_parameter_becomes_the_placeholder_of_the_engine_wherever_it_is_used() {
        let statement = "select :id, * from :table where name = :name or :id::int = 1;";
        let quoted = r#""public"."my ""table""""#;
        check(
            SourceKind::Postgres,
            statement,
            &format!("select $1, * from {quoted} where name = $2 or $1::int = 1"),
            &[0, 1],
        );
        let statement = "select :name, * from :table where id = :id or :name = 'x'";
        check(
            SourceKind::Mysql,
            statement,
            "select ?, * from `public`.`my \"table\"` where id = ? or ? = 'x'",
            &[1, 0, 1],
        );
        check(SourceKind::Sqlite, statement, &format!("select ?1, * from {quoted} where id = ?2 or ?1 = 'x'"), &[1, 0]);
        check(
            SourceKind::Mssql,
            statement,
            "select @P1, * from [public].[my \"table\"] where id = @P2 or @P1 = 'x'",
            &[1, 0],
        );
    }

    #[test]
    fn what_only_looks_like_a_parameter_is_left_alone() {
        let statement = "select ':id', a[1:2], x::id, $$ :name $$, $t$:name$t$, e'\\':id', \"a:id\", '12:30', a[lo:hi], \
                         a ? 'b' /* :id */ -- :name\n, :id, :name from :table -- end ; :id";
        check(
            SourceKind::Postgres,
            statement,
            &statement.replace(", :id, :name from :table", r#", $1, $2 from "public"."my ""table""""#),
            &[0, 1],
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let parse = |statement, parameters: &[&str]| {
            Template::parse(statement, SourceKind::Postgres, parameters, &[]).expect_err("it is wrong")
        };
        let all = [
            parse("select 1\n where a = :cuntry", &["country"]),
            parse("select 1 where a = :b", &["country"]),
            parse("select ':country'", &["country"]),
            parse("select :country; drop table x", &["country"]),
            parse("select $1", &[]),
            parse("select :'country'", &["country"]),
            parse("select 'x", &[]),
        ];
        let said: Vec<_> = all
            .iter()
            .map(|error| {
                let place = error.place.map_or(String::new(), |place| format!("{}:{}: ", place.line, place.column));
                format!("{place}{error}; {}", error.hint())
            })
            .collect();
        insta::assert_snapshot!(said.join("\n"), @"
        2:12: the statement uses `:cuntry`, which is no parameter of this tool; did you mean `:country`?
        1:20: the statement uses `:b`, which is no parameter of this tool; declare a parameter `b`
        the parameter `country` is not used in the statement; write `:country` where it goes, outside of quotes and comments
        1:18: there is more than one statement; make a tool of each statement
        1:8: the statement uses the placeholder `$1`; write `:name`, with the name of a parameter
        1:8: the statement uses the placeholder `:'country'`; write `:name`, with the name of a parameter
        1:8: the statement cannot be read: Unterminated string literal; are all quotes and comments closed?
        ");
    }

    #[test]
    fn a_name_that_cannot_be_one_is_refused() {
        let template = Template::parse("select * from :t", SourceKind::Mssql, &["t"], &["t"]).expect("fine");
        for names in [BTreeMap::new(), BTreeMap::from([("t".to_owned(), "a\0]; drop table b".to_owned())])] {
            template.render(&names).expect_err("it is no name");
        }
    }
}
