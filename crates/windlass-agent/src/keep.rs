//! Where runs are kept, so that another process can go on with them.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;

use crate::step::{Effect, Event, State};

/// Why a run cannot be kept, or found again.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The place cannot be written or read.
    #[error("{path}: {error}")]
    Place {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What is there is no run, or of another version.
    #[error("{path} has no run in it that this version can go on with: {error}")]
    NoRun {
        /// Which.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
}

/// Where runs are kept.
#[async_trait]
pub trait Keeper: Send + Sync {
    /// Keeps `state`, in place of the one before. What follows is begun only when this has returned.
    async fn save(&self, state: &State) -> Result<(), KeepError>;

    /// Hears of every step: what happened when, what is to be done, and what is then.
    async fn hear(&self, at: u64, event: &Event, effects: &[Effect], state: &State) -> Result<(), KeepError> {
        let _ = (at, event, effects, state);
        Ok(())
    }
}

#[async_trait]
impl<K: Keeper + ?Sized> Keeper for Arc<K> {
    async fn save(&self, state: &State) -> Result<(), KeepError> {
        (**self).save(state).await
    }

    async fn hear(&self, at: u64, event: &Event, effects: &[Effect], state: &State) -> Result<(), KeepError> {
        (**self).hear(at, event, effects, state).await
    }
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy)]
pub struct Forget;

#[async_trait]
impl Keeper for Forget {
    async fn save(&self, _: &State) -> Result<(), KeepError> {
        Ok(())
    }
}

/// Keeps a run in a file of its own.
#[derive(Debug, Clone)]
pub struct StateFile(PathBuf);

impl StateFile {
    /// In the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Writes a new file and puts it in place of the old one: whoever is killed meanwhile leaves one of the two whole.
    fn replace(&self, state: &State) -> io::Result<()> {
        let mut beside = self.0.clone().into_os_string();
        beside.push(".new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        // Results of tools are nobody else's business.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(&serde_json::to_vec(state)?)?;
        file.sync_data()?;
        fs::rename(&beside, &self.0)
    }
}

#[async_trait]
impl Keeper for StateFile {
    async fn save(&self, state: &State) -> Result<(), KeepError> {
        // A local file of some kilobytes: handing it to another thread would cost more than writing it.
        self.replace(state).map_err(|error| KeepError::Place { path: self.0.clone(), error })
    }
}

/// The run that a [`StateFile`] keeps; none where there is no such file.
///
/// # Errors
/// The file cannot be read, or has something else in it.
pub fn read_state(path: &Path) -> Result<Option<State>, KeepError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(KeepError::Place { path: path.to_owned(), error }),
    };
    let state = serde_json::from_slice(&text);
    state.map(Some).map_err(|error| KeepError::NoRun { path: path.to_owned(), error })
}
