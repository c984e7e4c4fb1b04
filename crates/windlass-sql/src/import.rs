//! A `tools.yaml` of Google's MCP Toolbox as a windlass.yaml.
//!
//! Both its layouts are read. What is carried over behaves as before or stricter; what is not is named, line by line, with
//! what to do about it. No secret is written.

mod layout;
mod parameter;
mod source;
mod statement;
mod tool;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use windlass_config::{
    import::{Notes, identifier, shown, write, yaml},
    names,
    settings::BuiltinSqlTool,
};

use self::{
    layout::Contents,
    tool::Tool,
    write::{Entries, Out},
};

pub use windlass_config::import::{ImportError, Imported, Note};

/// Reads `text`, which is that of `file_name`.
pub fn toolbox(text: &str, file_name: &str) -> Result<Imported, ImportError> {
    let mut notes = Notes::default();
    let contents = layout::read(yaml::parse(&quote_templates(text), file_name)?, file_name, &mut notes)?;
    let mut sources: Vec<_> = contents.sources.iter().filter_map(|item| source::convert(item, &mut notes)).collect();
    let toolsets = toolsets(&contents, &mut notes);

    let mut builtins: BTreeMap<usize, BTreeSet<&'static str>> = BTreeMap::new();
    let mut tools = Entries::default();
    let mut taken: BTreeSet<String> = contents.tools.iter().filter_map(former_name).map(str::to_owned).collect();
    for item in &contents.tools {
        let toolset = toolsets.get(item.name.as_str()).map(String::as_str);
        match tool::convert(item, &sources, toolset, &mut notes) {
            Some(Tool::Builtin { source, name }) => {
                builtins.entry(source).or_default().insert(name);
            }
            Some(Tool::Declared { name, out, writes }) => {
                let name = unique(name, item.line, &mut taken, &mut notes);
                match writes {
                    None => tools.add(&name, out),
                    Some(word) => disabled(&mut tools, &name, out, &word, item.line, &mut notes),
                }
            }
            None => {}
        }
    }
    for (source, names) in builtins {
        let names = names.into_iter().map(|name| Out::Text(name.to_owned()));
        sources[source].entries.add("tools", Out::List(names.collect()));
    }

    let mut written = Entries::default();
    let mut seen = BTreeSet::new();
    for source in sources {
        let name = unique(source.name, source.line, &mut seen, &mut notes);
        written.add(&name, source.entries.finish());
    }
    let mut sql = Entries::default();
    let about =
        ["Connections are encrypted and the server is verified, except on this machine. For RDS, set `tls.ca`."];
    sql.commented("sources", written.finish(), about.map(str::to_owned).to_vec(), false);
    sql.add("tools", tools.finish());
    let mut whole = Entries::default();
    let file = shown(file_name);
    let about = vec![
        format!("From {file} of Google's MCP Toolbox. Nothing can be changed through it: every source is read-only."),
        "A login that can write is refused unless `allow_writable_login: true` is set; better is one that cannot."
            .to_owned(),
    ];
    whole.commented("sql", sql.finish(), about, false);

    Ok(Imported { yaml: write::document(whole), notes: notes.finish() })
}

/// `statement: {{.query}}` is a map to YAML and a template to whoever wrote it.
fn quote_templates(text: &str) -> String {
    let line = |line: &str| {
        let template = line.split_once(": {{").filter(|(key, _)| key.trim_start().chars().all(char::is_alphanumeric));
        match template {
            Some((key, rest)) => format!("{key}: '{{{{{}'", rest.trim_end().replace('\'', "''")),
            None => line.to_owned(),
        }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A tool that changes something is there, and does nothing until somebody wants it.
fn disabled(tools: &mut Entries, name: &str, out: Out, word: &str, line: usize, notes: &mut Notes) {
    let comment = vec![format!(
        "Changes something ({word}). To have it, take the `#` away and set `read_only: false` for its source."
    )];
    tools.commented(name, out, comment, true);
    notes.add(
        line,
        format!("the tool `{name}` changes something ({word}) and is commented out; it needs `read_only: false` on its source"),
    );
}

/// The toolset of each tool: the first that has it.
fn toolsets<'a>(contents: &'a Contents, notes: &mut Notes) -> BTreeMap<&'a str, String> {
    let mut toolsets: BTreeMap<&str, String> = BTreeMap::new();
    for (name, members) in &contents.toolsets {
        let line = members.first().map_or(1, |(_, line)| *line);
        let clean = identifier::name(name, line, "toolset", notes);
        let ours = identifier::unique(&clean, names::is_toolset);
        if ours != clean {
            notes.add(line, format!("`{clean}` is taken: the toolset is called `{ours}` here"));
        }
        for (tool, line) in members {
            if !contents.tools.iter().any(|item| item.name == *tool) {
                notes.add(*line, format!("there is no tool `{tool}` for the toolset `{name}`"));
            } else if let Some(first) = toolsets.get(tool.as_str()) {
                notes.add(
                    *line,
                    format!("`{tool}` stays in the toolset `{first}` and is not in `{name}`: a tool has one here"),
                );
            } else {
                toolsets.insert(tool, ours.clone());
            }
        }
    }
    toolsets
}

/// The name that a tool which is built in here answers to as well.
fn former_name(item: &layout::Item) -> Option<&'static str> {
    match item.kind.split_once('-')? {
        (_, "execute-sql") => Some("run-query"),
        (_, "list-tables") => Some("list-tables"),
        _ => None,
    }
}

fn unique(name: String, line: usize, taken: &mut BTreeSet<String>, notes: &mut Notes) -> String {
    let built_in = |name: &str| BuiltinSqlTool::ALL.iter().any(|tool| tool.name() == name);
    let is_taken = |name: &str| taken.contains(name) || built_in(name) || names::toolset_with(name).is_some();
    let unique = identifier::unique(&name, is_taken);
    if unique != name {
        notes.add(line, format!("`{name}` is taken: it is called `{unique}` here"));
    }
    taken.insert(unique.clone());
    unique
}
