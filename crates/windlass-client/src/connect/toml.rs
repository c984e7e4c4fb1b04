//! Edits Codex's TOML file in place: what the edit does not name keeps its bytes.

use toml_edit::{DocumentMut, Item, Table};

use super::file::TomlEdit;

const REACH: [&str; 4] = ["command", "args", "url", "bearer_token_env_var"];

/// The text with the edit made, or why it cannot be.
pub(super) fn merge(text: &str, edit: &TomlEdit) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let servers = document.entry("mcp_servers").or_insert_with(|| {
        let mut table = Table::new();
        // Only the servers get a header of their own.
        table.set_implicit(true);
        Item::Table(table)
    });
    let servers = servers.as_table_like_mut().ok_or("its `mcp_servers` is no table")?;
    match servers.get_mut(&edit.name) {
        None => {
            servers.insert(&edit.name, Item::Table(edit.entry.clone()));
        }
        Some(entry) => {
            let entry = entry.as_table_like_mut().ok_or_else(|| format!("its `{}` is no table", edit.name))?;
            for key in REACH.iter().filter(|key| !edit.entry.contains_key(key)) {
                entry.remove(key);
            }
            for (key, value) in &edit.entry {
                let same = entry.get(key).is_some_and(|old| same(old, value));
                if !same {
                    entry.insert(key, value.clone());
                }
            }
        }
    }
    Ok(document.to_string())
}

fn same(old: &Item, new: &Item) -> bool {
    let plain = |item: &Item| {
        item.as_value().map(|value| {
            let mut value = value.clone();
            value.decor_mut().clear();
            value.to_string()
        })
    };
    plain(old) == plain(new)
}

/// The configuration alone, for a person to paste.
pub(super) fn snippet(edit: &TomlEdit) -> String {
    merge("", edit).unwrap_or_default()
}
