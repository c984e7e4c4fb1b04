//! The two layouts of a tools.yaml: one document of maps (`sources:`, `tools:`, `toolsets:`), and a document for each
//! thing (`kind: source`, `name: ...`, `type: postgres`).

use super::{
    ImportError, Notes,
    yaml::{Field, Node, Value},
};

/// What a file has.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub sources: Vec<Item>,
    pub tools: Vec<Item>,
    /// Names of toolsets, and the tools in each, with their lines.
    pub toolsets: Vec<(String, Vec<(String, usize)>)>,
}

/// A source or a tool.
#[derive(Debug)]
pub(super) struct Item {
    pub name: String,
    /// `postgres`, `postgres-sql`.
    pub kind: String,
    pub line: usize,
    /// Everything but its name and its kind.
    pub fields: Vec<Field>,
}

impl Item {
    pub fn get(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// A field as text.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key)?.node.text()
    }
}

pub(super) fn read(documents: Vec<Node>, file: &str, notes: &mut Notes) -> Result<Contents, ImportError> {
    let mut contents = Contents::default();
    for document in documents {
        let line = document.line;
        let Value::Map(fields) = document.value else {
            return Err(ImportError::new(file, line, "this is not a tools.yaml: it is no map"));
        };
        let kind = fields.iter().find(|field| field.key == "kind").and_then(|field| field.node.text());
        match kind {
            Some(kind) => flat(&kind, line, fields, &mut contents, notes),
            None => nested(fields, &mut contents, notes),
        }
    }
    if contents.sources.is_empty() && contents.tools.is_empty() {
        return Err(ImportError::new(file, 1, "there are neither sources nor tools in it"));
    }
    Ok(contents)
}

fn nested(sections: Vec<Field>, contents: &mut Contents, notes: &mut Notes) {
    for section in sections {
        let entries = match section.node.value {
            Value::Map(entries) => entries,
            Value::Null => continue,
            _ => {
                notes.add(section.line, format!("`{}` is not a map: left out", section.key));
                continue;
            }
        };
        for entry in entries {
            match (section.key.as_str(), entry.node.value) {
                ("sources" | "tools", Value::Map(fields)) => {
                    let items = if section.key == "sources" { &mut contents.sources } else { &mut contents.tools };
                    items.extend(item(entry.key, entry.line, fields, "kind", notes));
                }
                ("toolsets", value) => {
                    let members = members(&Node { line: entry.line, value });
                    contents.toolsets.push((entry.key, members));
                }
                (section, _) => notes.add(entry.line, dropped(section, &entry.key)),
            }
        }
    }
}

fn flat(kind: &str, line: usize, mut fields: Vec<Field>, contents: &mut Contents, notes: &mut Notes) {
    fields.retain(|field| field.key != "kind");
    let Some(at) = fields.iter().position(|field| field.key == "name") else {
        notes.add(line, format!("this {kind} has no name: left out"));
        return;
    };
    let named = fields.remove(at);
    let name = named.node.text().unwrap_or_default();
    match kind {
        "source" | "sources" => contents.sources.extend(item(name, named.line, fields, "type", notes)),
        "tool" | "tools" => contents.tools.extend(item(name, named.line, fields, "type", notes)),
        "toolset" | "toolsets" => {
            let tools = fields.iter().find(|field| field.key == "tools");
            contents.toolsets.push((name, tools.map(|field| members(&field.node)).unwrap_or_default()));
        }
        kind => notes.add(named.line, dropped(kind, &name)),
    }
}

fn item(name: String, line: usize, mut fields: Vec<Field>, kind: &str, notes: &mut Notes) -> Option<Item> {
    let Some(at) = fields.iter().position(|field| field.key == kind) else {
        notes.add(line, format!("`{name}` does not say its `{kind}`: left out"));
        return None;
    };
    let kind = fields.remove(at).node.text().unwrap_or_default();
    Some(Item { name, kind, line, fields })
}

fn members(node: &Node) -> Vec<(String, usize)> {
    let items = node.list().unwrap_or_default().iter();
    items.filter_map(|item| Some((item.text()?, item.line))).collect()
}

fn dropped(section: &str, name: &str) -> String {
    let instead = match section {
        "authServices" | "authSources" | "authService" | "authSource" => {
            "who may call is decided by `auth` and `policy` of windlass.yaml"
        }
        "prompts" | "prompt" => "windlass has no prompts of its own",
        "embeddingModels" | "embeddingModel" => "windlass makes embeddings only in its toolset `rag`",
        "groups" | "group" => "put the tools of a group into one toolset",
        "resources" | "resource" | "resourceTemplates" | "resourceTemplate" => {
            "the tables of each source are resources by themselves"
        }
        _ => "nothing here corresponds to it",
    };
    format!("`{name}` of `{section}` is not carried over: {instead}")
}
