//! Where the lock and the list of releases lie: a directory of the project, or the deployment's bucket.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use crate::DeployError;

/// What must hold of a stored text for it to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Only {
    /// There is none.
    IfAbsent,
    /// It is still the one that was read.
    IfSame(Mark),
}

/// Names one state of a stored text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark(pub String);

/// Small texts by name, replaced only under a condition.
#[async_trait]
pub(crate) trait Shelf: Send + Sync {
    /// The text and its mark.
    async fn get(&self, name: &str) -> Result<Option<(String, Mark)>, DeployError>;

    /// Puts `text` there; `None` when the condition does not hold.
    async fn put(&self, name: &str, text: &str, only: Only) -> Result<Option<Mark>, DeployError>;

    /// Removes it. Nothing there is fine.
    async fn remove(&self, name: &str) -> Result<(), DeployError>;

    /// For people: where that is.
    fn place(&self) -> String;
}

/// A directory of this machine.
pub(crate) struct Directory(pub PathBuf);

impl Directory {
    /// One writer at a time, for as long as the file is open: a directory has no conditional write.
    fn alone(&self) -> io::Result<fs::File> {
        fs::create_dir_all(&self.0)?;
        let guard = fs::OpenOptions::new().create(true).truncate(false).write(true).open(self.0.join(".guard"))?;
        guard.lock()?;
        Ok(guard)
    }

    fn read(&self, name: &str) -> io::Result<Option<(String, Mark)>> {
        match fs::read_to_string(self.0.join(name)) {
            Ok(text) => {
                let mark = Mark(crate::receipt::digest(&text));
                Ok(Some((text, mark)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn error(&self, error: &io::Error) -> DeployError {
        DeployError::file("the state in", &self.0, error)
    }
}

#[async_trait]
impl Shelf for Directory {
    async fn get(&self, name: &str) -> Result<Option<(String, Mark)>, DeployError> {
        self.read(name).map_err(|error| self.error(&error))
    }

    async fn put(&self, name: &str, text: &str, only: Only) -> Result<Option<Mark>, DeployError> {
        let put = || -> io::Result<Option<Mark>> {
            let _alone = self.alone()?;
            let mark = self.read(name)?.map(|(_, mark)| mark);
            let holds = match only {
                Only::IfAbsent => mark.is_none(),
                Only::IfSame(known) => mark == Some(known),
            };
            if !holds {
                return Ok(None);
            }
            write_whole(&self.0.join(name), text.as_bytes())?;
            Ok(Some(Mark(crate::receipt::digest(&text))))
        };
        put().map_err(|error| self.error(&error))
    }

    async fn remove(&self, name: &str) -> Result<(), DeployError> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.error(&error)),
            _ => Ok(()),
        }
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }
}

/// Writes a file whole or not at all, whatever happens in between.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().ok_or_else(|| io::Error::other("a path without a directory"))?;
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_one_of_two_writers_wins() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = Directory(directory.path().join("state"));
        assert!(shelf.get("x").await.unwrap().is_none());
        let mark = shelf.put("x", "one", Only::IfAbsent).await.unwrap().unwrap();
        assert!(shelf.put("x", "two", Only::IfAbsent).await.unwrap().is_none());
        assert!(shelf.put("x", "two", Only::IfSame(mark.clone())).await.unwrap().is_some());
        assert!(shelf.put("x", "three", Only::IfSame(mark)).await.unwrap().is_none());
        assert_eq!(shelf.get("x").await.unwrap().unwrap().0, "two");
        shelf.remove("x").await.unwrap();
        shelf.remove("x").await.unwrap();
        assert!(shelf.get("x").await.unwrap().is_none());
    }
}
