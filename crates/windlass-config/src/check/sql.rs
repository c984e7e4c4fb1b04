//! Databases and declared tools: forms, ranges, and what contradicts what. Statements are compiled, and so checked, by the
//! toolset.

use std::collections::BTreeSet;

use url::Url;

use super::Checker;
use crate::{
    SecretRef, names,
    node::Path,
    settings::{
        BuiltinSqlTool, LoginKind, SourceKind, SourceSettings, SqlParameterKind, SqlParameterSettings, SqlSettings,
        SqlToolSettings, TlsMode,
    },
};

/// What a source's password may be.
pub(super) const REFERENCE: &str = "write `env:NAME`, `file:PATH` or `secretsmanager:ARN#KEY`";

pub(super) fn check(checker: &mut Checker, sql: Option<&SqlSettings>) {
    let Some(sql) = sql else { return };
    for (name, source) in &sql.sources {
        let path = Path::dotted("sql.sources").key(name);
        if !is_name(name) {
            checker.refuse(&path, format!("`{}` is no name for a source", name.escape_debug()), NAME);
        }
        place(checker, &path, source);
        login(checker, &path, source);
        limits(checker, &path, source);
    }
    for (name, tool) in &sql.tools {
        let path = Path::dotted("sql.tools").key(name);
        if !is_name(name) || name.len() > 64 {
            checker.refuse(&path, format!("`{}` is no name for a tool", name.escape_debug()), NAME);
        }
        if let Some(toolset) = names::toolset_with(name) {
            let message = format!("`{name}` is the name of a tool of the toolset `{toolset}`");
            checker.refuse(&path, message, "choose another name");
        }
        declared(checker, &path, tool, sql);
    }
}

pub(super) const NAME: &str = "letters, digits, `_` and `-`, a letter first, 64 at most";

pub(super) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && name.len() <= 64
}

fn place(checker: &mut Checker, path: &Path, source: &SourceSettings) {
    let parts = source.host.is_some() || source.port.is_some();
    if source.kind == SourceKind::Sqlite {
        if source.file.is_none() {
            checker.refuse(path, "nothing says which file it is", "set `file`");
        }
        if source.url.is_some() || parts || source.user.is_some() || source.password.is_some() {
            checker.refuse(path, "an SQLite database is a file and has no login", "set `file` alone");
        }
        return;
    }
    if source.file.is_some() {
        checker.refuse(&path.clone().key("file"), "only SQLite databases are files", "set `url`, or `host`");
    }
    match &source.url {
        Some(_) if parts => checker.refuse(path, "`url` says where it is already", "leave out `host` and `port`"),
        Some(url) => database_url(checker, &path.clone().key("url"), url, source.kind),
        None if source.host.is_none() => {
            checker.refuse(path, "nothing says where it is", "set `url`, or `host` and what else is needed");
        }
        None => {}
    }
}

pub(super) fn database_url(checker: &mut Checker, path: &Path, text: &str, kind: SourceKind) {
    let (schemes, example): (&[&str], _) = match kind {
        SourceKind::Postgres => (&["postgres", "postgresql"], "postgres://USER@HOST:5432/DATABASE"),
        SourceKind::Mysql => (&["mysql", "mariadb"], "mysql://USER@HOST:3306/DATABASE"),
        _ => (&["mssql", "sqlserver"], "mssql://USER@HOST:1433/DATABASE"),
    };
    let hint = format!("write {example}");
    match Url::parse(text) {
        Ok(url) if url.password().is_some() => checker.refuse(
            path,
            "a password does not belong into windlass.yaml",
            format!("take it out of the URL, and set `password`: {REFERENCE}"),
        ),
        Ok(url) if !schemes.contains(&url.scheme()) => {
            checker.refuse(path, format!("`{}:` is not a database of this kind", url.scheme()), hint);
        }
        Ok(url) if url.host_str().is_none_or(str::is_empty) => checker.refuse(path, "it names no host", hint),
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            checker.refuse(path, "nothing may follow `?` or `#` here", "encryption is set under `tls`");
        }
        Ok(url) if url.path().trim_start_matches('/').contains('/') => {
            checker.refuse(path, "it names more than a database", hint);
        }
        Ok(_) => {}
        Err(error) => checker.refuse(path, format!("is no URL: {error}"), hint),
    }
}

/// Whether `text` can name a secret.
pub(super) fn is_reference(text: &str) -> bool {
    text.parse::<SecretRef>().is_ok() || text.starts_with("secretsmanager:arn:")
}

fn login(checker: &mut Checker, path: &Path, source: &SourceSettings) {
    let key = |key: &str| path.clone().key(key);
    let mode = source.tls.mode_for(&host(source));
    if source.password.as_deref().is_some_and(|password| !is_reference(password)) {
        checker.refuse(&key("password"), "this must name a secret, not be one", REFERENCE);
    }
    if source.login == LoginKind::RdsIam {
        if !matches!(source.kind, SourceKind::Postgres | SourceKind::Mysql) {
            checker.refuse(&key("login"), "only PostgreSQL and MySQL take tokens of AWS IAM", "set `password`");
        }
        if source.password.is_some() {
            checker.refuse(&key("password"), "is not used: the token is the password", "leave out one of the two");
        }
        let open = match mode {
            TlsMode::Disable | TlsMode::Prefer => Some("a token must not travel in the open"),
            // The driver hands it out to nobody else.
            TlsMode::Require if source.kind == SourceKind::Mysql => {
                Some("a token for MySQL is only given to a server that proves who it is")
            }
            _ => None,
        };
        if let Some(why) = open {
            let hint = "set `verify_full`, and `ca` to the bundle of certificates of RDS";
            checker.refuse(&key("tls").key("mode"), why, hint);
        }
    } else if source.region.is_some() {
        checker.notice(&key("region"), "not used, because `login` is not `rds_iam`");
    }
    if let Some(ca) = &source.tls.ca {
        let file = checker.base.join(ca);
        checker.file(&key("tls").key("ca"), &file);
        if !matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull) {
            let hint = "set `mode: verify_full`, or leave `ca` out";
            checker.refuse(&key("tls").key("ca"), "is not used: nobody's certificate is checked", hint);
        }
    }
}

fn host(source: &SourceSettings) -> String {
    let url = source.url.as_ref().and_then(|url| Url::parse(url).ok());
    let host = url.as_ref().and_then(Url::host_str).or(source.host.as_deref()).unwrap_or_default();
    // The directory of a socket.
    host.replace("%2F", "/").replace("%2f", "/")
}

fn limits(checker: &mut Checker, path: &Path, source: &SourceSettings) {
    let key = |key: &str| path.clone().key(key);
    for (name, zero) in [
        ("max_rows", source.max_rows == 0),
        ("max_bytes", source.max_bytes.0 == 0),
        ("statement_timeout", source.statement_timeout.0.is_zero()),
    ] {
        if zero {
            checker.refuse(&key(name), "nothing could ever be answered", "write 1 or more, or leave it out");
        }
    }
    if source.pool.max == 0 {
        checker.refuse(&key("pool").key("max"), "no connection could ever be made", "write 1 or more");
    }
    if source.read_only && source.tools.contains(&BuiltinSqlTool::WriteSql) {
        let hint = "set `read_only: false` for this source, or leave `write_sql` out";
        checker.refuse(&key("tools"), "`write_sql` changes things, and this source is read-only", hint);
    }
    let prefix = &source.tool_prefix;
    if !prefix.is_empty() && (!is_name(prefix) || prefix.len() > 32) {
        let hint = "letters, digits, `_` and `-`, a letter first, 32 at most";
        checker.refuse(&key("tool_prefix"), format!("no tool's name can begin with `{}`", prefix.escape_debug()), hint);
    }
    if !source.read_only && source.allow_writable_login {
        checker.notice(&key("allow_writable_login"), "not used, because `read_only` is false");
    }
}

fn declared(checker: &mut Checker, path: &Path, tool: &SqlToolSettings, sql: &SqlSettings) {
    let key = |key: &str| path.clone().key(key);
    match sql.sources.get(&tool.source) {
        None => {
            let names: Vec<&str> = sql.sources.keys().map(String::as_str).collect();
            let hint = match names.as_slice() {
                [] => "add it under `sql.sources`".to_owned(),
                names => format!("there is {}", names.join(", ")),
            };
            checker.refuse(&key("source"), format!("there is no source `{}`", tool.source), hint);
        }
        Some(source) if tool.writes && source.read_only => {
            let hint = format!("set `read_only: false` for the source `{}`", tool.source);
            checker.refuse(&key("writes"), "its source is read-only", hint);
        }
        Some(_) => {}
    }
    if tool.description.trim().is_empty() {
        checker.refuse(&key("description"), "a model would not know when to use it", "say what it is for");
    }
    if !is_name(&tool.toolset) {
        checker.refuse(&key("toolset"), format!("`{}` is no name for a toolset", tool.toolset.escape_debug()), NAME);
    }
    if names::is_toolset(&tool.toolset) {
        let message =
            format!("the toolset `{}` has its own tools, and who may use those is granted by its name", tool.toolset);
        checker.refuse(&key("toolset"), message, "choose another name, or leave it out: then it is `sql`");
    }
    let mut seen = BTreeSet::new();
    for (index, parameter) in tool.parameters.iter().enumerate() {
        let path = path.clone().key("parameters").index(index);
        if !seen.insert(parameter.name.as_str()) {
            checker.refuse(&path, format!("there are two parameters `{}`", parameter.name), "rename one of them");
        }
        declared_parameter(checker, &path, parameter);
    }
}

fn declared_parameter(checker: &mut Checker, path: &Path, parameter: &SqlParameterSettings) {
    use SqlParameterKind::{Array, Boolean, Identifier, Integer, Json, Number, String};
    let key = |key: &str| path.clone().key(key);
    let kind = parameter.kind;
    if !is_name(&parameter.name) || parameter.name.contains('-') {
        let hint = "letters, digits and `_`, a letter first";
        checker.refuse(&key("name"), format!("`{}` is no name for a parameter", parameter.name.escape_debug()), hint);
    }
    match (kind, parameter.items) {
        (Array, None) => checker.refuse(path, "nothing says what its items are", "set `items`, e.g. `items: string`"),
        (Array, Some(Array | Identifier | Json)) => {
            checker.refuse(
                &key("items"),
                "items are single values",
                "string, integer, number, boolean, date, timestamp, uuid",
            );
        }
        (Array, Some(_)) | (_, None) => {}
        (_, Some(_)) => checker.refuse(&key("items"), "only an array has items", "set `type: array`, or leave it out"),
    }
    let words = |value: &serde_json::Value| value.as_str().is_some_and(|text| !text.is_empty());
    match &parameter.choices {
        None if kind == Identifier => {
            let hint = "list the tables or columns it may name in `enum`";
            checker.refuse(path, "an identifier becomes part of the statement, so its values must be known", hint);
        }
        Some(choices) if choices.is_empty() => checker.refuse(&key("enum"), "nothing could be chosen", "name values"),
        Some(choices) if kind == Identifier && !choices.iter().all(words) => {
            checker.refuse(&key("enum"), "names of tables and columns are text", "quote them");
        }
        Some(choices) => {
            if let (Some(default), false) = (&parameter.default, kind == Array)
                && !choices.contains(default)
            {
                checker.refuse(&key("default"), "is not one of `enum`", "choose one of them");
            }
        }
        None => {}
    }
    if parameter.pattern.is_some() && kind != String {
        checker.refuse(&key("pattern"), "only text has a pattern", "leave it out, or set `type: string`");
    }
    let bounded = matches!(kind, Integer | Number | String | Array);
    for (name, bound) in [("min", parameter.min), ("max", parameter.max)] {
        if bound.is_some() && !bounded {
            checker.refuse(&key(name), "only numbers, text and arrays have bounds", "leave it out");
        }
    }
    if let (Some(min), Some(max)) = (parameter.min, parameter.max)
        && min > max
    {
        checker.refuse(&key("min"), "is more than `max`", "swap them");
    }
    let fits = match (&parameter.default, kind) {
        (None, _) | (Some(_), Json) => true,
        (Some(value), Integer) => value.is_i64(),
        (Some(value), Number) => value.is_number(),
        (Some(value), Boolean) => value.is_boolean(),
        (Some(value), Array) => value.is_array(),
        (Some(value), _) => value.is_string(),
    };
    if !fits {
        checker.refuse(&key("default"), "is not of this type", "quote it if it is text; do not if it is a number");
    }
    if parameter.required == Some(true) && parameter.default.is_some() {
        checker.refuse(&key("required"), "what has a default need not be given", "leave out one of the two");
    }
}
