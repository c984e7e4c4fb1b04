//! Which files of a directory of stacks are sources. Used by the build script as well.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Every source file under `root`, relative to it, sorted. Links are not followed: a provider may be behind one.
pub(crate) fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(root.join(&directory))? {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            let kind = entry.file_type()?;
            match is_source(&entry.file_name().to_string_lossy()) {
                true if kind.is_dir() => directories.push(path),
                true if kind.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Neither hidden, nor state, values, plans, overrides or an editor's leavings.
fn is_source(name: &str) -> bool {
    let ends = |ending: &str| name.ends_with(ending);
    let left_behind = name.contains(".tfstate")
        || ends(".tfvars")
        || ends(".tfvars.json")
        || ends(".tfplan")
        || ends("~")
        || ends(".log")
        || ["override.tf", "override.tf.json"].contains(&name)
        || ends("_override.tf")
        || ends("_override.tf.json");
    !name.starts_with('.') && !left_behind
}
