use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};

use super::{json, toml};
use crate::error::ClientError;

/// One server's place in a JSON file.
#[derive(Debug, Clone)]
pub(super) struct JsonEdit {
    pub(super) section: &'static str,
    pub(super) name: String,
    pub(super) entry: Map<String, Value>,
    /// An input variable the entry refers to (VS Code).
    pub(super) input: Option<Value>,
}

/// One server's place in a TOML file.
#[derive(Debug, Clone)]
pub(super) struct TomlEdit {
    pub(super) name: String,
    pub(super) entry: toml_edit::Table,
}

#[derive(Debug, Clone)]
pub(super) enum Edit {
    Json(JsonEdit),
    Toml(TomlEdit),
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It said the same already and was not touched.
    Unchanged,
    /// It did not exist.
    Created,
    /// It was changed; the file as it was is here.
    Changed {
        /// The copy.
        backup: PathBuf,
    },
}

impl Edit {
    fn merge(&self, text: &str) -> Result<String, String> {
        match self {
            Self::Json(edit) => json::merge(text, edit),
            Self::Toml(edit) => toml::merge(text, edit),
        }
    }

    pub(super) fn snippet(&self) -> String {
        match self {
            Self::Json(edit) => json::snippet(edit),
            Self::Toml(edit) => toml::snippet(edit),
        }
    }
}

pub(super) fn write(path: &Path, edit: &Edit, private: bool) -> Result<Written, ClientError> {
    // People keep such files in a repository and link to them: the link must stay one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed =
        |what: &str, error: io::Error| ClientError::usage(format!("cannot {what} {}: {error}", path.display()), "");
    let old = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("read", error)),
    };
    let new = edit.merge(old.as_deref().unwrap_or_default()).map_err(|reason| {
        ClientError::usage(
            format!("{} was not touched: {reason}", path.display()),
            "mend the file, or paste the configuration by hand (leave out `--write` to see it)",
        )
    })?;
    if old.as_deref() == Some(new.as_str()) {
        return Ok(Written::Unchanged);
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(|error| failed("make the directory of", error))?;
    let backup = match &old {
        None => None,
        Some(_) => Some(back_up(&path).map_err(|error| failed("back up", error))?),
    };
    replace(&path, directory, &new, private).map_err(|error| failed("write", error))?;
    Ok(backup.map_or(Written::Created, |backup| Written::Changed { backup }))
}

/// Copies the file beside itself, under a name that is not taken.
fn back_up(path: &Path) -> io::Result<PathBuf> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for attempt in 0..100 {
        let suffix = if attempt == 0 { String::new() } else { format!("-{attempt}") };
        let backup = path.with_file_name(format!("{name}.bak-{seconds}{suffix}"));
        match fs::OpenOptions::new().write(true).create_new(true).open(&backup) {
            Ok(_) => {
                // `copy` brings the permissions along: a private file stays private as a copy.
                fs::copy(path, &backup)?;
                return Ok(backup);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many backups"))
}

/// Writes a whole new file and moves it into place: a reader sees the old or the new, never half.
fn replace(path: &Path, directory: &Path, text: &str, private: bool) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    match fs::metadata(path) {
        Ok(_) if private => {}
        Ok(metadata) => file.as_file().set_permissions(metadata.permissions())?,
        // Temporary files are private. A file with a token stays so; any other is as readable as usual.
        Err(_) if private => {}
        Err(_) => share(file.as_file())?,
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(unix)]
fn share(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_file: &fs::File) -> io::Result<()> {
    Ok(())
}
