//! A `config.yaml` or `config.json` of Thoth as a windlass.yaml.
//!
//! Setups become collections, the bucket of the first becomes that of the index, and the directory of the file tools that
//! of the toolset `files`. Where the documents come from Thoth's configuration never said: that has to be written in, and
//! until it is the result does not load. No secret is written.

mod files;
mod setups;

use windlass_config::import::{
    Notes, shown,
    write::{self, Entries},
    yaml::{self, Field, Node, Value},
};

pub use windlass_config::import::{ImportError, Imported, Note};

/// Reads `text`, which is that of `file_name`. JSON is YAML too.
pub fn thoth(text: &str, file_name: &str) -> Result<Imported, ImportError> {
    let wrong = |line: usize, why: &str| ImportError::new(file_name, line, why);
    let mut documents = yaml::parse(text, file_name)?.into_iter();
    let Some(Node { line, value }) = documents.next() else {
        return Err(wrong(1, "there is nothing in it"));
    };
    if let Some(second) = documents.next() {
        return Err(wrong(second.line, "a configuration of Thoth is one document"));
    }
    let Value::Map(sections) = value else {
        return Err(wrong(line, "this is not a configuration of Thoth: it is no map"));
    };
    if !sections.iter().any(|section| matches!(section.key.as_str(), "rag" | "plugins")) {
        return Err(wrong(line, "this is not a configuration of Thoth: it has neither `rag` nor `plugins`"));
    }

    let mut notes = Notes::default();
    let section = |name: &str| sections.iter().find(|section| section.key == name);
    let mut whole = Entries::default();
    let knowledge = setups::convert(section("rag"), &mut notes);
    let about = vec![
        format!(
            "From {} of Thoth. `windlass knowledge refresh` makes the index; nothing of a Chroma database is used.",
            shown(file_name)
        ),
        "Search without an embedder that knows meaning goes by words: docs/toolsets/knowledge.md.".to_owned(),
    ];
    whole.commented("knowledge", knowledge.entries.finish(), about, false);
    if let Some(plugins) = section("plugins") {
        for plugin in fields(&plugins.node, plugins, &mut notes) {
            match plugin.key.as_str() {
                "file_operations" => {
                    if let Some(files) = files::convert(plugin, &mut notes) {
                        let about = "The file tools of Thoth read and wrote anywhere; these only below the directory.";
                        whole.commented("files", files.finish(), vec![about.to_owned()], false);
                    }
                }
                "handbook_tools" => handbook(plugin, &knowledge.names, &mut notes),
                _ => left_out(plugin, "Thoth itself has no such plugin", &mut notes),
            }
        }
    }
    for section in sections.iter().filter(|section| !matches!(section.key.as_str(), "rag" | "plugins")) {
        left_out(section, "nothing here corresponds to it", &mut notes);
    }
    Ok(Imported { yaml: write::document(whole), notes: notes.finish() })
}

/// Which setup is searched when nobody says.
fn handbook(plugin: &Field, names: &[(String, String)], notes: &mut Notes) {
    for field in fields(&plugin.node, plugin, notes) {
        if field.key != "default_rag_setup" {
            left_out(field, "nothing here corresponds to it", notes);
            continue;
        }
        let former = field.node.text().unwrap_or_default();
        match names.iter().find(|(known, _)| *known == former) {
            None => notes.add(field.line, format!("there is no setup `{}`", former.escape_debug())),
            Some(_) if names.len() == 1 => {
                notes.add(field.line, "`default_rag_setup` is not needed: there is one collection, and it is searched");
            }
            Some((_, name)) => notes.add(
                field.line,
                format!("`default_rag_setup` is not carried over: every collection is searched, unless a call names one (`{name}`)"),
            ),
        }
    }
}

/// The entries of a section, if it is one.
fn fields<'a>(node: &'a Node, of: &Field, notes: &mut Notes) -> &'a [Field] {
    match &node.value {
        Value::Map(fields) => fields,
        Value::Null => &[],
        _ => {
            notes.add(of.line, format!("`{}` is not a section: left out", of.key.escape_debug()));
            &[]
        }
    }
}

fn left_out(field: &Field, why: &str, notes: &mut Notes) {
    notes.add(field.line, format!("`{}` is not carried over: {why}", field.key.escape_debug()));
}
