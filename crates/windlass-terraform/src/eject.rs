//! Writes a stack into its user's own repository.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use crate::{Sources, Stack};

/// What [`eject`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ejected {
    /// The root module: `terraform init` works here.
    pub root: PathBuf,
    /// The files that were written, or written anew.
    pub written: Vec<PathBuf>,
    /// How many were there already, as they would have been written.
    pub unchanged: usize,
}

/// Why [`eject`] wrote nothing, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum EjectError {
    /// These exist and say something else.
    #[error("{} of the files exist and differ: {}", .0.len(), list(.0))]
    Changed(Vec<PathBuf>),
    /// The stack is not part of this build.
    #[error("the stack {0} is not embedded in this build")]
    Missing(Stack),
    /// The disk refused.
    #[error("cannot write {path}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl EjectError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Changed(_) => "commit or move your changes, or eject with force to overwrite them",
            Self::Missing(_) => "build windlass from a complete checkout",
            Self::Io { .. } => "choose a directory you may write to",
        }
    }
}

/// Writes `stack` and the modules it needs under `into`, keeping the embedded layout so that relative module paths
/// resolve; a second stack ejected there shares the modules. A file that exists and differs is somebody's work: without
/// `force` nothing is written.
pub fn eject(stack: Stack, into: &Path, force: bool) -> Result<Ejected, EjectError> {
    let sources = Sources::from(stack);
    if sources.is_empty() {
        return Err(EjectError::Missing(stack));
    }
    eject_sources(&sources, into, force)
}

fn eject_sources(sources: &Sources, into: &Path, force: bool) -> Result<Ejected, EjectError> {
    let mut different = Vec::new();
    let mut write = Vec::new();
    for (relative, content) in &sources.files {
        let path = into.join(relative);
        match found(&path, content).map_err(|source| EjectError::Io { path: path.clone(), source })? {
            Found::Nothing => write.push((path, content)),
            Found::Same => {}
            Found::Different => {
                different.push(relative.clone());
                write.push((path, content));
            }
        }
    }
    if !different.is_empty() && !force {
        return Err(EjectError::Changed(different));
    }
    for (path, content) in &write {
        replace(path, content).map_err(|source| EjectError::Io { path: path.clone(), source })?;
    }
    let unchanged = sources.files.len() - write.len();
    Ok(Ejected {
        root: into.join(&sources.root),
        written: write.into_iter().map(|(path, _)| path).collect(),
        unchanged,
    })
}

enum Found {
    Nothing,
    Same,
    Different,
}

/// A link is never the same: writing through it would change a file elsewhere.
fn found(path: &Path, content: &[u8]) -> io::Result<Found> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_file() && fs::read(path)? == content => Ok(Found::Same),
        Ok(_) => Ok(Found::Different),
    }
}

/// All or nothing, and replacing a link rather than what it points to.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let mut file = tempfile::Builder::new().permissions(mode(0o644)).tempfile_in(parent)?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}

fn mode(mode: u32) -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        Sources::single("terraform {}\n")
    }

    #[test]
    fn ejecting_twice_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let first = eject_sources(&sources(), directory.path(), false).unwrap();
        assert_eq!(first.written, [directory.path().join("main/main.tf")]);
        let second = eject_sources(&sources(), directory.path(), false).unwrap();
        assert_eq!((second.written.len(), second.unchanged), (0, 1));
        assert_eq!(second.root, directory.path().join("main"));
    }

    #[test]
    fn a_changed_file_is_named_and_kept_unless_forced() {
        let directory = tempfile::tempdir().unwrap();
        eject_sources(&sources(), directory.path(), false).unwrap();
        let path = directory.path().join("main/main.tf");
        fs::write(&path, "mine").unwrap();
        let error = eject_sources(&sources(), directory.path(), false).unwrap_err();
        insta::assert_snapshot!(error, @"1 of the files exist and differ: main/main.tf");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        eject_sources(&sources(), directory.path(), true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "terraform {}\n");
    }

    #[test]
    fn a_link_in_the_way_is_replaced_and_never_written_through() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = directory.path().join("elsewhere");
        fs::write(&elsewhere, "terraform {}\n").unwrap();
        fs::create_dir(directory.path().join("main")).unwrap();
        std::os::unix::fs::symlink(&elsewhere, directory.path().join("main/main.tf")).unwrap();
        assert!(matches!(eject_sources(&sources(), directory.path(), false), Err(EjectError::Changed(_))));
        fs::write(&elsewhere, "mine").unwrap();
        eject_sources(&sources(), directory.path(), true).unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "mine");
        assert_eq!(fs::read_to_string(directory.path().join("main/main.tf")).unwrap(), "terraform {}\n");
    }
}
