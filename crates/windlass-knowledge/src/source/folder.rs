//! A directory of this machine.

mod read;
mod walk;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use cap_std::{ambient_authority, fs::Dir};

use super::{File, Opened, Source, SourceError, place::Place};

/// A directory, and all that is below it.
pub(super) struct Folder {
    name: String,
    root: PathBuf,
    place: Place,
}

impl Folder {
    /// `shown` is what it is called where it is reported.
    pub fn new(shown: &Path, root: PathBuf, place: Place) -> Self {
        Self { name: format!("folder {}", shown.display()), root, place }
    }
}

#[async_trait]
impl Source for Folder {
    fn name(&self) -> &str {
        &self.name
    }

    async fn open(&self) -> Result<Box<dyn Opened>, SourceError> {
        let (name, root, place) = (self.name.clone(), self.root.clone(), self.place.clone());
        super::blocking(move |stop| {
            let dir = Dir::open_ambient_dir(&root, ambient_authority()).map_err(|error| trouble(&name, &error))?;
            let found = walk::walk(&name, &root, &dir, &place, stop)?;
            let dir = Arc::new(dir);
            let opened: Box<dyn Opened> = Box::new(Open { dir, place, files: found.files, skipped: found.skipped });
            Ok(opened)
        })
        .await
    }
}

/// What is wrong with the directory itself.
fn trouble(name: &str, error: &io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::NotFound => SourceError::Gone(name.to_owned()),
        io::ErrorKind::PermissionDenied => SourceError::Refused(format!("{name} may not be read: {error}")),
        io::ErrorKind::NotADirectory => SourceError::Refused(format!("{name} is not a directory")),
        _ => SourceError::Unreachable(format!("{name} cannot be read: {error}")),
    }
}

struct Open {
    dir: Arc<Dir>,
    place: Place,
    files: Vec<File>,
    skipped: BTreeMap<String, u64>,
}

#[async_trait]
impl Opened for Open {
    fn at(&self) -> &str {
        ""
    }

    fn files(&self) -> &[File] {
        &self.files
    }

    fn skipped(&self) -> &BTreeMap<String, u64> {
        &self.skipped
    }

    async fn read(&self, file: &File) -> Result<Vec<u8>, SourceError> {
        let path = self.place.path(file)?.to_owned();
        let (dir, place, stamp) = (self.dir.clone(), self.place.clone(), file.stamp.clone());
        super::blocking(move |_| read::whole(&dir, &place, &path, &stamp)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_by_its_kind() {
        let told = |kind: io::ErrorKind| trouble("folder docs", &kind.into());
        assert!(matches!(told(io::ErrorKind::NotFound), SourceError::Gone(_)));
        assert!(matches!(told(io::ErrorKind::PermissionDenied), SourceError::Refused(_)));
        assert!(matches!(told(io::ErrorKind::NotADirectory), SourceError::Refused(_)));
        assert!(matches!(told(io::ErrorKind::StaleNetworkFileHandle), SourceError::Unreachable(_)));
    }
}
