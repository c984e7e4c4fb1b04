//! A job on disk.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It runs.
    Running,
    /// It ended by itself.
    Exited,
    /// Its time was over.
    TimedOut,
    /// Its owner, or the server's end, stopped it.
    Stopped,
    /// It could not be run.
    Failed,
    /// Its server died, and the job with it.
    Lost,
}

/// What is known of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `job_` and 128 random bits.
    pub id: String,
    /// Id of the principal it belongs to.
    pub owner: String,
    /// The command as its caller wrote it.
    pub title: String,
    /// Where it stands.
    pub state: State,
    /// Exit code, once it ended by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<String>,
    /// Why it could not be run.
    pub error: Option<String>,
    /// Seconds since 1970.
    pub started_at: u64,
    /// Seconds since 1970.
    pub ended_at: Option<u64>,
    /// Bytes it wrote, kept or not. Known at the end.
    pub output_bytes: u64,
    /// Whether it wrote more than is kept.
    pub output_truncated: bool,
}

impl Record {
    pub(super) fn new(owner: &str, title: &str) -> Self {
        Self {
            id: format!("job_{:032x}", rand::random::<u128>()),
            owner: owner.into(),
            title: title.into(),
            state: State::Running,
            exit_code: None,
            signal: None,
            error: None,
            started_at: now(),
            ended_at: None,
            output_bytes: 0,
            output_truncated: false,
        }
    }

    /// Seconds since it started, or from start to end.
    pub fn seconds(&self) -> u64 {
        self.ended_at.unwrap_or_else(now).saturating_sub(self.started_at)
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Makes a directory, and those above it, that nobody else can look into.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The directory of one job. The process that runs it holds the lock.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: Option<File>,
}

impl Folder {
    /// A new one, locked.
    pub(super) fn create(parent: &Path, record: &Record) -> io::Result<Self> {
        let path = parent.join(&record.id);
        make_directory(&path)?;
        let lock = private().create(true).truncate(false).open(path.join("lock"))?;
        lock.lock()?;
        let folder = Self { path, _lock: Some(lock) };
        folder.write(record)?;
        Ok(folder)
    }

    /// The one of job `id`; `None` where that is not an id. Whatever a caller sends ends up here before it is a path.
    pub(super) fn of(parent: &Path, id: &str) -> Option<Self> {
        let digits = id.strip_prefix("job_")?;
        let right = digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        right.then(|| Self { path: parent.join(id), _lock: None })
    }

    /// What it says; a job whose server died is marked as lost on the way.
    pub(super) fn read(&self) -> io::Result<Record> {
        let record = self.read_raw()?;
        if record.state != State::Running {
            return Ok(record);
        }
        let lock = OpenOptions::new().write(true).open(self.path.join("lock"))?;
        if lock.try_lock().is_err() {
            return Ok(record);
        }
        // Nobody holds it. The end is written before the lock is let go, so now the file has the last word.
        let mut record = self.read_raw()?;
        if record.state == State::Running {
            record.state = State::Lost;
            record.ended_at = Some(now());
            record.output_bytes = self.size();
            self.write(&record)?;
        }
        Ok(record)
    }

    fn read_raw(&self) -> io::Result<Record> {
        Ok(serde_json::from_slice(&fs::read(self.path.join("state.json"))?)?)
    }

    /// Replaces the state whole: readers see the old one or the new one.
    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        let fresh = self.path.join(format!("state.{:016x}", rand::random::<u64>()));
        private().create_new(true).open(&fresh)?.write_all(&serde_json::to_vec(record)?)?;
        fs::rename(fresh, self.path.join("state.json"))
    }

    pub(super) fn ask_to_stop(&self) -> io::Result<()> {
        private().create(true).truncate(true).open(self.path.join("stop")).map(drop)
    }

    pub(super) fn asked_to_stop(&self) -> bool {
        self.path.join("stop").exists()
    }

    pub(super) fn create_output(&self) -> io::Result<File> {
        private().create(true).truncate(true).open(self.output_path())
    }

    pub(super) fn output_path(&self) -> PathBuf {
        self.path.join("output")
    }

    /// Bytes of output kept.
    pub(super) fn size(&self) -> u64 {
        fs::metadata(self.output_path()).map_or(0, |metadata| metadata.len())
    }

    pub(super) fn remove(&self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove an old job");
        }
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_becomes_a_path() {
        let parent = Path::new("/jobs");
        let id = Record::new("me", "x").id;
        assert_eq!(Folder::of(parent, &id).unwrap().path, parent.join(&id));
        for evil in ["", "job_", "job_..", "../job_0", "job_0123456789abcdef0123456789abcde/", &id.to_uppercase()] {
            assert!(Folder::of(parent, evil).is_none(), "{evil}");
        }
        assert!(Folder::of(parent, &format!("{id}0")).is_none());
    }
}
