//! Files with declared tools, laid under `sql.tools` as if they stood in windlass.yaml.

use std::{fs, io, path::Path as FilePath};

use crate::{
    ConfigError,
    load::{self, Document},
    node::{Entry, Node, Path, Value},
    yaml,
};

/// Reads every file that `sql.tool_files` names into `tree`. What cannot be read is left out and told.
pub(crate) fn include(tree: &mut Node, base: &FilePath) -> (Vec<Document>, Vec<ConfigError>) {
    let list = Path::dotted("sql.tool_files");
    let files: Vec<String> = match tree.find(&list).map(|node| &node.value) {
        Some(Value::List(items)) => items.iter().filter_map(|item| text(&item.value)).collect(),
        Some(Value::Loose(words)) => words.split(',').map(|word| word.trim().to_owned()).collect(),
        _ => Vec::new(),
    };
    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    for (index, file) in files.into_iter().enumerate() {
        let path = base.join(&file);
        let read = fs::read_to_string(&path).map_err(|error| {
            let here = list.clone().index(index);
            let unreadable = load::unreadable(&path, &error).at(tree.nearest(&here).origin.clone()).setting(&here);
            match error.kind() {
                io::ErrorKind::NotFound => unreadable.hint("it is looked for beside windlass.yaml; correct the path"),
                _ => unreadable,
            }
        });
        let document = read.map(|text| Document { name: load::shown(FilePath::new(&file)), path, text });
        match document.and_then(|document| Ok((parse(&document)?, document))) {
            Ok((parsed, document)) => {
                errors.extend(merge(tree, parsed));
                documents.push(document);
            }
            Err(error) => errors.push(error),
        }
    }
    (documents, errors)
}

fn parse(document: &Document) -> Result<Node, ConfigError> {
    // Where an editor or a copy is caught between truncating and writing, the last good file stays in force.
    if document.text.trim().is_empty() {
        let error = ConfigError::new(format!("{} is empty", document.name.display()));
        return Err(error.hint("write `{}` if it is to have no tools, or take it out of `sql.tool_files`"));
    }
    yaml::parse(&document.text, &document.name)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Loose(text) => Some(text.clone()),
        _ => None,
    }
}

/// Tools have one name each: a second one of that name would silently be another tool.
fn merge(tree: &mut Node, parsed: Node) -> Vec<ConfigError> {
    let tools = Path::dotted("sql.tools");
    let entries = match parsed.value {
        Value::Map(entries) => entries,
        // Everything in it is commented out.
        Value::Null => return Vec::new(),
        _ => {
            let error = ConfigError::new("a file of tools has tools by name").at(parsed.origin);
            return vec![error.hint("write it as `sql.tools` is written: `NAME: {source: ..., statement: ...}`")];
        }
    };
    let mut errors = Vec::new();
    for Entry { key, key_origin, node } in entries {
        let path = tools.clone().key(&key);
        match tree.key_origin(&path) {
            Some(other) => {
                let error = ConfigError::new(format!("there is a tool `{key}` already, at {other}"));
                errors.push(error.hint("rename one of the two").at(key_origin));
            }
            None => tree.set(&path, node),
        }
    }
    errors
}
