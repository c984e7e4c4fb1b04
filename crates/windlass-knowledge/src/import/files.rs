//! The file tools.

use windlass_config::import::{
    Notes,
    write::{Entries, Out},
    yaml::Field,
};

use super::{fields, left_out};

pub(super) fn convert(plugin: &Field, notes: &mut Notes) -> Option<Entries> {
    let mut base = None;
    for field in fields(&plugin.node, plugin, notes) {
        match field.key.as_str() {
            "base_path" => {
                base = field.node.text().filter(|path| !path.trim().is_empty()).map(|path| (path, field.line))
            }
            _ => left_out(field, "nothing here corresponds to it", notes),
        }
    }
    let Some((path, line)) = base else {
        let why =
            "without `base_path` Thoth's file tools had the whole machine; name a directory under `files` to have them";
        notes.add(plugin.line, format!("`file_operations` is not carried over: {why}"));
        return None;
    };
    notes.add(
        line,
        "`write_file` is commented out, and no path leads out of the directory; absolute paths and `..` did in Thoth",
    );
    let mut files = Entries::default();
    files.text("directory", &path);
    let about = vec!["Thoth could write there. To have that, take the `#` away.".to_owned()];
    files.commented("writable", Out::Plain("true".to_owned()), about, true);
    Some(files)
}
