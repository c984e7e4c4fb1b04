//! Names of tables and columns in quotes.

use windlass_config::settings::SourceKind;

use super::TemplateError;

/// `schema.table` as a name that nothing can get out of, quoted part by part.
pub fn quote(name: &str, kind: SourceKind) -> Result<String, TemplateError> {
    // In bytes for PostgreSQL, else in characters; SQLite has no limit.
    let longest = match kind {
        SourceKind::Postgres => 63,
        SourceKind::Mysql => 64,
        SourceKind::Sqlite => 255,
        SourceKind::Mssql => 128,
    };
    let wrong = |why| {
        let shown: String = name.escape_debug().take(100).collect();
        let message = format!("`{shown}` cannot be the name of a table or column: {why}");
        Err(TemplateError::new(message, "list the names as the database has them"))
    };
    let mut quoted = Vec::new();
    for one in name.split('.') {
        let length = if kind == SourceKind::Postgres { one.len() } else { one.chars().count() };
        if one.is_empty() {
            return wrong("it is empty, or has an empty part");
        }
        if length > longest {
            return wrong("it is longer than the database allows");
        }
        if one.chars().any(char::is_control) {
            return wrong("it has control characters");
        }
        quoted.push(part(one, kind));
    }
    Ok(quoted.join("."))
}

/// One name, whatever is in it.
pub(crate) fn part(name: &str, kind: SourceKind) -> String {
    let (open, close) = match kind {
        SourceKind::Postgres | SourceKind::Sqlite => ('"', '"'),
        SourceKind::Mysql => ('`', '`'),
        SourceKind::Mssql => ('[', ']'),
    };
    format!("{open}{}{close}", name.replace(close, &format!("{close}{close}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_get_out_of_its_quotes() {
        let evil = "x\"; drop table y; --`]";
        let quoted = |kind| quote(evil, kind).expect("it is a name");
        assert_eq!(quoted(SourceKind::Postgres), "\"x\"\"; drop table y; --`]\"");
        assert_eq!(quoted(SourceKind::Sqlite), "\"x\"\"; drop table y; --`]\"");
        assert_eq!(quoted(SourceKind::Mysql), "`x\"; drop table y; --``]`");
        assert_eq!(quoted(SourceKind::Mssql), "[x\"; drop table y; --`]]]");
        for wrong in ["", "a.", "a\0b", "a\nb", &"é".repeat(32)] {
            assert!(quote(wrong, SourceKind::Postgres).is_err(), "{wrong:?}");
        }
    }
}
