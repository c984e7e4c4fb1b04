//! Databases.

use windlass_config::settings::SourceKind;

use super::{
    Notes, identifier,
    layout::Item,
    variables::{Setting, fill, setting},
    write::{Entries, Out},
    yaml::Field,
};

/// Where somebody has to write something: nothing is called so, and whatever tries to use it says its name.
const OPEN: &str = "SET_THIS";

/// A source that is carried over.
#[derive(Debug)]
pub(super) struct Source {
    /// As tools of the old file name it.
    pub former: String,
    pub name: String,
    pub kind: SourceKind,
    pub line: usize,
    pub entries: Entries,
}

pub(super) fn convert(item: &Item, notes: &mut Notes) -> Option<Source> {
    let kind = match item.kind.as_str() {
        "postgres" => SourceKind::Postgres,
        "mysql" | "mariadb" => SourceKind::Mysql,
        "mssql" => SourceKind::Mssql,
        "sqlite" => SourceKind::Sqlite,
        other => {
            notes.add(item.line, format!("the source `{}` is not carried over: {}", item.name, instead_of(other)));
            return None;
        }
    };
    let name = identifier::name(&item.name, item.line, "source", notes);
    let mut entries = Entries::default();
    let word = match kind {
        SourceKind::Postgres => "postgres",
        SourceKind::Mysql => "mysql",
        SourceKind::Mssql => "mssql",
        SourceKind::Sqlite => "sqlite",
    };
    entries.text("kind", word);
    let mut tls = Entries::default();
    for field in &item.fields {
        match (field.key.as_str(), kind) {
            ("database", SourceKind::Sqlite) => file(field, &mut entries, notes),
            (_, SourceKind::Sqlite) => unknown(field, notes),
            ("host" | "port" | "database" | "user", _) => part(field, &mut entries, notes),
            ("password", _) => password(field, &name, &mut entries, notes),
            ("queryTimeout", SourceKind::Mysql) => timeout(field, &mut entries, notes),
            ("queryParams", SourceKind::Postgres | SourceKind::Mysql) => options(field, &mut tls, notes),
            ("encrypt", SourceKind::Mssql) => encrypt(field, &mut tls, notes),
            _ => unknown(field, notes),
        }
    }
    let place = if kind == SourceKind::Sqlite { "file" } else { "host" };
    if !entries.has(place) {
        notes.add(item.line, format!("the source `{}` does not say where its database is: set `{place}`", item.name));
        let comment = vec!["Set this: it was not there.".to_owned()];
        entries.commented(place, Out::Text(OPEN.to_owned()), comment, false);
    }
    if !tls.is_idle() {
        entries.add("tls", tls.finish());
    }
    Some(Source { former: item.name.clone(), name, kind, line: item.line, entries })
}

fn instead_of(kind: &str) -> String {
    let plain = match kind {
        "cloud-sql-postgres" | "alloydb-postgres" => "postgres",
        "cloud-sql-mysql" => "mysql",
        "cloud-sql-mssql" => "mssql",
        other => return format!("windlass speaks to PostgreSQL, MySQL, SQLite and SQL Server, not to `{other}`"),
    };
    format!(
        "windlass has no connector of Google Cloud; write a source with `kind: {plain}` and the host of the instance, or of \
         the Auth Proxy beside it"
    )
}

fn unknown(field: &Field, notes: &mut Notes) {
    notes.add(field.line, format!("`{}` is not carried over: nothing here corresponds to it", field.key));
}

/// Host, port, database, user.
fn part(field: &Field, entries: &mut Entries, notes: &mut Notes) {
    let key = field.key.as_str();
    let Some(text) = field.node.text() else { return unknown(field, notes) };
    let value = match (setting(&text), fill(&text)) {
        (Setting::Literal, _) => text,
        (_, Ok(filled)) => {
            notes.add(
                field.line,
                format!(
                    "windlass.yaml has no variables: `{key}` is now `{}`, what it is where they are not set",
                    filled.escape_debug()
                ),
            );
            filled
        }
        // Who logs in may be a secret, and those can be in the environment.
        (Setting::Variable { name, .. }, _) if key == "user" => format!("env:{name}"),
        (_, Err(variable)) => {
            notes.add(
                field.line,
                format!("windlass.yaml has no variables, and {variable} has no default: set `{key}` to what it was"),
            );
            if key == "port" {
                return;
            }
            let comment = vec![format!("Set this: it was {}.", text.escape_debug())];
            return entries.commented(key, Out::Text(OPEN.to_owned()), comment, false);
        }
    };
    if key != "port" {
        return entries.text(key, &value);
    }
    match value.parse::<u16>() {
        Ok(port) => entries.add(key, Out::Plain(port.to_string())),
        Err(_) => notes.add(field.line, format!("`{}` is no port: left out", value.escape_debug())),
    }
}

/// Never the secret itself.
fn password(field: &Field, source: &str, entries: &mut Entries, notes: &mut Notes) {
    let text = field.node.text().unwrap_or_default();
    let variable = match setting(&text) {
        Setting::Variable { name, default } => {
            if default.is_some_and(|default| !default.is_empty()) {
                notes.add(field.line, format!("the password behind ${name} for when it is not set is left out"));
            }
            name
        }
        Setting::Literal if text.is_empty() => return,
        Setting::Literal | Setting::Mixed => {
            let variable = format!("{}_PASSWORD", source.to_ascii_uppercase().replace('-', "_"));
            notes.add(
                field.line,
                format!(
                    "a password does not belong into a file and is left out: put it into the variable {variable}, which \
                     windlass.yaml names now"
                ),
            );
            variable
        }
    };
    entries.text("password", &format!("env:{variable}"));
}

fn file(field: &Field, entries: &mut Entries, notes: &mut Notes) {
    let text = field.node.text().unwrap_or_default();
    let path = match (setting(&text), fill(&text)) {
        (Setting::Literal, _) => text,
        (_, Ok(filled)) => {
            notes.add(
                field.line,
                format!(
                    "windlass.yaml has no variables: `file` is now `{}`, what it is where they are not set",
                    filled.escape_debug()
                ),
            );
            filled
        }
        (_, Err(variable)) => {
            notes.add(
                field.line,
                format!("windlass.yaml has no variables, and {variable} has no default: set `file` to what it was"),
            );
            let comment = vec![format!("Set this: it was {}.", text.escape_debug())];
            return entries.commented("file", Out::Text(OPEN.to_owned()), comment, false);
        }
    };
    if path == ":memory:" || path.is_empty() {
        notes.add(field.line, "a database in memory is empty for ever where nothing may be written: name a file");
        return entries.text("file", "empty.db");
    }
    entries.text("file", path.strip_prefix("file:").unwrap_or(&path));
}

fn timeout(field: &Field, entries: &mut Entries, notes: &mut Notes) {
    let text = field.node.text().unwrap_or_default();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let plain =
        digits.parse::<u32>().is_ok_and(|number| number > 0) && matches!(&text[digits.len()..], "ms" | "s" | "m" | "h");
    if plain {
        entries.text("statement_timeout", &text);
    } else {
        notes.add(field.line, "`queryTimeout` is not carried over: set `statement_timeout`, such as `30s`");
    }
}

fn options(field: &Field, tls: &mut Entries, notes: &mut Notes) {
    for option in field.node.map().unwrap_or_default() {
        let value = option.node.text().unwrap_or_default();
        let mode = match (option.key.as_str(), value.as_str()) {
            ("sslmode" | "tls", "disable" | "false") => "disable",
            ("sslmode", "allow" | "prefer") | ("tls", "preferred") => "prefer",
            ("sslmode", "require") | ("tls", "skip-verify") => "require",
            ("sslmode", "verify-ca") => "verify_ca",
            ("sslmode", "verify-full") | ("tls", "true") => "verify_full",
            ("sslrootcert", path) if matches!(setting(path), Setting::Literal) => {
                tls.text("ca", path);
                continue;
            }
            _ => {
                notes.add(option.line, format!("the option `{}` is not carried over", option.key));
                continue;
            }
        };
        tls.text("mode", mode);
    }
}

fn encrypt(field: &Field, tls: &mut Entries, notes: &mut Notes) {
    match field.node.text().unwrap_or_default().as_str() {
        "strict" | "true" => tls.text("mode", "verify_full"),
        "disable" => tls.text("mode", "disable"),
        other => notes.add(
            field.line,
            format!(
                "`encrypt: {other}` is not carried over: the connection is encrypted and the server verified; see `tls`"
            ),
        ),
    }
}
