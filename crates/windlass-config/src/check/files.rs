//! Files below a directory: which one it is, and what must not lie in it.

use std::path::{Component, Path as FilePath, PathBuf};

use super::Checker;
use crate::{Settings, node::Path, settings::FilesSettings};

/// A file is held in memory while it is read or written.
const LARGEST: u64 = 256 << 20;

pub(super) fn check(checker: &mut Checker, settings: &Settings) {
    let Some(files) = &settings.files else { return };
    let path = Path::dotted("files.directory");
    let directory = &files.directory;
    if directory.as_os_str().is_empty() {
        checker.refuse(&path, "nothing says which directory it is", "name one, e.g. `./shared`");
        return;
    }
    match std::fs::canonicalize(directory) {
        Ok(real) if real.parent().is_none() => {
            checker.refuse(&path, "this is every file of the machine", "name the directory that is meant");
        }
        Ok(real) if !real.is_dir() => {
            checker.refuse(&path, format!("{} is a file", directory.display()), "name a directory");
        }
        Ok(real) => contents(checker, settings, files, &real),
        Err(_) if files.writable => {}
        Err(error) => {
            let message = format!("cannot be opened now, so there are no files: {error}");
            checker.notice(&path, message);
        }
    }
    let most = files.max_bytes.0;
    if most == 0 || most > LARGEST {
        let message =
            if most == 0 { "nothing could ever be read" } else { "a file is held in memory while it is read" };
        checker.refuse(&Path::dotted("files.max_bytes"), message, "write 1B to 256MiB, or leave it out");
    }
}

/// What an agent must not read or change that way: what others left behind, and what decides about the agent.
fn contents(checker: &mut Checker, settings: &Settings, files: &FilesSettings, real: &FilePath) {
    let path = Path::dotted("files.directory");
    let within = |place: &FilePath| is_served(place, real, files.hidden);
    if state(checker, settings).is_some_and(|state| within(&state)) {
        let hint = "set `store.directory` to a place outside of it";
        checker.refuse(&path, "the outputs of every caller are kept in it, and could be read by any", hint);
    }
    let mut secret = settings.auth.keys_file.clone().into_iter();
    if secret.any(|file| within(&file)) {
        checker.refuse(&path, "`auth.keys_file` lies in it", "keep keys somewhere else");
    }
    if !files.writable {
        return;
    }
    let writable = Path::dotted("files.writable");
    if within(&checker.base.join("windlass.yaml")) {
        let hint = "name a directory below or beside it, or set `writable: false`";
        checker.refuse(&writable, "windlass.yaml lies in it, so an agent could change what it may do", hint);
    }
    let policies = settings.policy.iter().flat_map(|policy| policy.cedar_files.clone());
    let tools = settings.sql.iter().flat_map(|sql| sql.tool_files.iter().map(|file| checker.base.join(file)));
    let index = settings.knowledge.iter().filter_map(|knowledge| knowledge.index.directory.clone());
    let decisive: Vec<PathBuf> = policies.chain(tools).chain(index).chain(settings.audit.file.clone()).collect();
    if let Some(file) = decisive.iter().find(|file| within(file)) {
        let message = format!("{} lies in it, and an agent must not change that", file.display());
        checker.refuse(&writable, message, "move it out, or set `writable: false`");
    }
}

/// Where outputs and jobs are, as far as that is known before the store is opened.
fn state(checker: &Checker, settings: &Settings) -> Option<PathBuf> {
    settings.store.directory.clone().or_else(|| {
        let home = || Some(PathBuf::from(checker.env.get("HOME")?).join(".local/state"));
        checker.env.get("XDG_STATE_HOME").map(PathBuf::from).or_else(home).map(|state| state.join("windlass"))
    })
}

/// Whether `place` lies below `root` and is not behind a name that is hidden.
fn is_served(place: &FilePath, root: &FilePath, hidden: bool) -> bool {
    // What is not there yet lies where the nearest directory above it is.
    let real = place.ancestors().find_map(|above| {
        let rest = place.strip_prefix(above).ok()?;
        Some(std::fs::canonicalize(above).ok()?.join(rest))
    });
    let Some(Ok(below)) = real.as_deref().map(|real| real.strip_prefix(root)) else { return false };
    let is_dotted = |part: Component| part.as_os_str().as_encoded_bytes().starts_with(b".");
    hidden || !below.components().any(is_dotted)
}
