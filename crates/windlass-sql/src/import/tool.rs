//! Tools: statements of the operator, and what is built in here.

use std::collections::BTreeSet;

use windlass_config::settings::BuiltinSqlTool;

use super::{
    Notes, identifier,
    layout::Item,
    parameter::{self, Parameter, Reason, reason},
    source::Source,
    statement, variables,
    write::{Entries, Out},
    yaml::{Field, Node},
};

/// A tool that is carried over.
#[derive(Debug)]
pub(super) enum Tool {
    /// One with a statement.
    Declared {
        name: String,
        out: Out,
        /// The statement changes something, with this word.
        writes: Option<String>,
    },
    /// One that is built in: of this source, under this name.
    Builtin { source: usize, name: &'static str },
}

/// Takes a tool over. What cannot be is noted, with the reason.
pub(super) fn convert(item: &Item, sources: &[Source], toolset: Option<&str>, notes: &mut Notes) -> Option<Tool> {
    match tool(item, sources, toolset, notes) {
        Ok(tool) => Some(tool),
        Err(Reason { line, message }) => {
            notes.add(line, format!("the tool `{}` is not carried over: {message}", item.name));
            None
        }
    }
}

fn tool(item: &Item, sources: &[Source], toolset: Option<&str>, notes: &mut Notes) -> Result<Tool, Reason> {
    let Some((engine, what)) = item.kind.split_once('-').filter(|(engine, _)| is_engine(engine)) else {
        return reason(item.line, format!("there is no tool of the kind `{}` here", item.kind));
    };
    let builtin = match what {
        "sql" => None,
        "execute-sql" => Some(BuiltinSqlTool::ExecuteSql.name()),
        "list-tables" => Some(BuiltinSqlTool::ListTables.name()),
        "get-query-plan" => Some(BuiltinSqlTool::ExplainSql.name()),
        other => return reason(item.line, format!("there is no `{engine}-{other}` here; {}", instead_of(other))),
    };
    let named = item.text("source").unwrap_or_default();
    let Some(at) = sources.iter().position(|source| source.former == named) else {
        return reason(
            item.get("source").map_or(item.line, |field| field.line),
            format!("there is no source `{named}`"),
        );
    };
    match builtin {
        Some(name) => {
            left_out(item, &["source", "description"], notes);
            notes.add(item.line, format!("the tool `{}` is the built-in `{name}` here", item.name));
            if let Some(toolset) = toolset {
                let message =
                    format!("`{name}` is in the toolset `sql`, as all built-in tools, and not in `{toolset}`");
                notes.add(item.line, message);
            }
            Ok(Tool::Builtin { source: at, name })
        }
        None => declared(item, &sources[at], toolset, notes),
    }
}

fn is_engine(engine: &str) -> bool {
    matches!(engine, "postgres" | "mysql" | "mssql" | "sqlite")
}

fn instead_of(what: &str) -> &'static str {
    match what {
        "list-indexes"
        | "list-triggers"
        | "list-sequences"
        | "list-table-fragmentation"
        | "list-tables-missing-unique-indexes" => {
            "`describe_table` shows keys and indexes; for the rest write a tool with a statement"
        }
        "list-views" | "list-schemas" => "`list_tables` shows views and schemas too",
        _ => "write a tool with a statement",
    }
}

fn declared(item: &Item, source: &Source, toolset: Option<&str>, notes: &mut Notes) -> Result<Tool, Reason> {
    let Some(written) = item.get("statement") else { return reason(item.line, "it has no statement") };
    let text = without_variables(written, notes);
    let parameters = parameters(item, &text, written.line, notes)?;
    let statement = match statement::convert(&text, source.kind, &parameters) {
        Ok(statement) => statement,
        Err(why) => return reason(written.line, why),
    };
    left_out(item, &["source", "description", "statement", "parameters", "templateParameters"], notes);

    let name = identifier::name(&item.name, item.line, "tool", notes);
    let mut out = Entries::default();
    out.text("source", &source.name);
    let description = item.text("description").unwrap_or_default();
    match description.trim() {
        "" => {
            notes
                .add(item.line, format!("the tool `{}` has no description: say when a model should use it", item.name));
            out.text("description", &item.name);
        }
        description => out.text("description", description),
    }
    out.text("statement", &format!("{}\n", statement.text));
    if !parameters.is_empty() {
        out.add("parameters", Out::List(parameters.into_iter().map(|parameter| parameter.out).collect()));
    }
    if statement.writes.is_some() {
        out.add("writes", Out::Plain("true".to_owned()));
    }
    if let Some(toolset) = toolset {
        out.text("toolset", toolset);
    }
    Ok(Tool::Declared { name, out: out.finish(), writes: statement.writes })
}

/// The statement; variables that have a default are put in.
fn without_variables(written: &Field, notes: &mut Notes) -> String {
    let text = written.node.text().unwrap_or_default();
    match variables::fill(&text) {
        Ok(filled) if filled != text => {
            notes.add(
                written.line,
                "windlass.yaml has no variables: the statement is what it is where they are not set",
            );
            filled
        }
        _ => text,
    }
}

/// The parameters of both kinds, those that become names last.
fn parameters(item: &Item, statement: &str, line: usize, notes: &mut Notes) -> Result<Vec<Parameter>, Reason> {
    let list = |key: &str| item.get(key).and_then(|field| field.node.list()).unwrap_or_default();
    let (values, names) = (list("parameters"), list("templateParameters"));
    let is_template =
        |name: &str| names.iter().any(|node| node.get("name").and_then(Node::text).as_deref() == Some(name));
    if let Some(missing) = statement::templates(statement).into_iter().find(|name| !is_template(name)) {
        let why = format!("`{{{{.{missing}}}}}` is no template parameter, so Google's Toolbox puts `<no value>` there");
        let repair = if statement::is_template_alone(statement) {
            "for any statement that reads, add `execute_sql` to the `tools` of the source"
        } else {
            "if it is a table or a column, write a tool with a parameter of the type `identifier` that lists them in `enum`"
        };
        return reason(line, format!("{why}; {repair}"));
    }
    let mut taken = BTreeSet::new();
    let values = values.iter().map(|node| parameter::value(node, &mut taken, notes)).collect::<Result<Vec<_>, _>>()?;
    let names = names.iter().map(|node| parameter::template(node, &mut taken, notes)).collect::<Result<Vec<_>, _>>()?;
    Ok(values.into_iter().chain(names).collect())
}

/// Notes what of a tool has no place here.
fn left_out(item: &Item, known: &[&str], notes: &mut Notes) {
    for field in item.fields.iter().filter(|field| !known.contains(&field.key.as_str())) {
        let why = match field.key.as_str() {
            "authRequired" => "who may call it is decided by `policy` of windlass.yaml: write a rule for it",
            "annotations" => "whether a tool reads or writes follows from its statement",
            _ => "nothing here corresponds to it",
        };
        notes.add(field.line, format!("`{}` of `{}` is not carried over: {why}", field.key, item.name));
    }
}
