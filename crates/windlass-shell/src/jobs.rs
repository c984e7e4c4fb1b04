//! Long work that outlives the call, and the client, that started it.
//!
//! A job is a directory: `state.json`, the `output`, a `lock` and perhaps `stop`. So every replica that has the same state
//! directory can show any job. The process that runs a job holds the file lock for as long as it lives: a job that says
//! "running" while nobody holds its lock was lost with its server. `stop` is how another replica asks for an end.
//!
//! **Invariant:** a job of somebody else looks exactly like one that never was.

mod output;
mod record;

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use windlass_core::ToolError;

use crate::{
    exec::{Executor, RunIo},
    plan::Plan,
};

pub use output::Page;
use record::{Folder, now};
pub use record::{Record, State};

/// How often the process that runs a job looks for a `stop` of another one, and how often a waiting reader looks.
const POLL: Duration = Duration::from_millis(100);

/// What jobs may use up.
#[derive(Debug, Clone)]
pub struct JobLimits {
    /// Running at once, for each caller.
    pub per_owner: usize,
    /// Longest run.
    pub time: Duration,
    /// How long an ended job is kept.
    pub keep: Duration,
    /// Bytes of output kept of each job.
    pub output: u64,
    /// Bytes of output kept altogether; the oldest ended jobs go first.
    pub disk: u64,
}

impl JobLimits {
    /// The defaults around what the configuration says.
    pub fn new(per_owner: usize, time: Duration) -> Self {
        Self { per_owner, time, keep: Duration::from_secs(24 * 3600), output: 64 << 20, disk: 1 << 30 }
    }
}

/// What a job is given.
#[derive(Debug, Clone)]
pub struct Work {
    /// The command as its caller wrote it.
    pub title: String,
    /// What runs.
    pub plan: Plan,
    /// Where.
    pub directory: PathBuf,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// How long it may take, if shorter than jobs may anyway.
    pub timeout: Option<Duration>,
}

/// Why there is no such answer.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Unknown, expired, or somebody else's.
    #[error("there is no such job")]
    Unknown,
    /// The caller has as many as it may.
    #[error("{0} jobs are running already")]
    TooMany(usize),
    /// There is no place to keep jobs.
    #[error("jobs cannot be kept")]
    NoPlace(#[source] io::Error),
}

impl From<JobError> for ToolError {
    fn from(error: JobError) -> Self {
        use windlass_core::ErrorKind;
        let message = error.to_string();
        match error {
            JobError::Unknown => Self::not_found(message)
                .hint("use the job_id that start_command returned; jobs are forgotten a day after they ended"),
            JobError::TooMany(_) => Self::new(ErrorKind::Limited, message)
                .hint("wait for one to end (command_output) or end one (stop_command)"),
            JobError::NoPlace(source) => {
                Self::new(ErrorKind::Unavailable, message).hint("run it with run_command instead").detail(source)
            }
        }
    }
}

/// All jobs.
pub struct Jobs {
    directory: PathBuf,
    limits: JobLimits,
    /// Those this process runs.
    running: Mutex<HashMap<String, Running>>,
    /// Removes the directory where it is our own.
    _temporary: Option<TempDir>,
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Jobs {
    /// Jobs below `state`, or in a temporary directory of this process where that is `None`. Jobs whose server died are
    /// marked as lost.
    pub fn open(state: Option<&Path>, limits: JobLimits) -> Result<Self, JobError> {
        let (directory, temporary) = match state {
            Some(state) => (state.join("jobs"), None),
            None => {
                let temporary = temporary_directory().map_err(JobError::NoPlace)?;
                (temporary.path().join("jobs"), Some(temporary))
            }
        };
        record::make_directory(&directory).map_err(JobError::NoPlace)?;
        let jobs = Self { directory, limits, running: Mutex::default(), _temporary: temporary };
        for folder in jobs.folders() {
            // Reading is what notices.
            let _ = folder.read();
        }
        jobs.make_room();
        Ok(jobs)
    }

    /// Where they are kept.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts one for `owner`.
    pub fn start(&self, owner: &str, executor: &Executor, work: Work) -> Result<Record, JobError> {
        self.make_room();
        // Held over count and creation, so that calls at the same time cannot all be the last one allowed.
        let mut running = self.lock();
        running.retain(|_, job| !job.task.is_finished());
        let mine = self.folders().filter_map(|folder| folder.read().ok());
        let count = mine.filter(|record| record.owner == owner && record.state == State::Running).count();
        if count >= self.limits.per_owner {
            return Err(JobError::TooMany(count));
        }
        let record = Record::new(owner, &work.title);
        let folder = Folder::create(&self.directory, &record).map_err(JobError::NoPlace)?;
        let stop = CancellationToken::new();
        let task = Task {
            folder,
            record: record.clone(),
            timeout: work.timeout.unwrap_or(self.limits.time).min(self.limits.time),
            output_limit: self.limits.output,
            stop: stop.clone(),
        };
        let task = tokio::spawn(task.run(executor.clone(), work));
        running.insert(record.id.clone(), Running { stop, task });
        Ok(record)
    }

    /// How a job of `owner` stands.
    pub fn look(&self, owner: &str, id: &str) -> Result<Record, JobError> {
        Ok(self.find(owner, id)?.1)
    }

    /// Output of a job from byte `offset` on. Waits up to `wait` for some to come or for the end.
    pub async fn output(&self, owner: &str, id: &str, offset: u64, wait: Duration) -> Result<(Record, Page), JobError> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            let (folder, record) = self.find(owner, id)?;
            let page = folder.page(offset, record.state != State::Running).map_err(|_| JobError::Unknown)?;
            if !page.text.is_empty() || record.state != State::Running || tokio::time::Instant::now() >= until {
                return Ok((record, page));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Asks for the end of a job, whichever replica runs it, and waits a little for it.
    pub async fn stop(&self, owner: &str, id: &str) -> Result<Record, JobError> {
        let (folder, record) = self.find(owner, id)?;
        if record.state != State::Running {
            return Ok(record);
        }
        let here = self.lock().get(id).map(|job| job.stop.clone());
        match here {
            Some(stop) => stop.cancel(),
            None => folder.ask_to_stop().map_err(JobError::NoPlace)?,
        }
        for _ in 0..50 {
            let record = self.look(owner, id)?;
            if record.state != State::Running {
                return Ok(record);
            }
            tokio::time::sleep(POLL).await;
        }
        self.look(owner, id)
    }

    /// Ends every job this process runs and waits until they have.
    pub async fn shutdown(&self) {
        let running: Vec<_> = self.lock().drain().map(|(_, job)| job).collect();
        running.iter().for_each(|job| job.stop.cancel());
        for job in running {
            // A panic in there has been reported where it happened.
            let _ = job.task.await;
        }
    }

    fn find(&self, owner: &str, id: &str) -> Result<(Folder, Record), JobError> {
        let folder = Folder::of(&self.directory, id).ok_or(JobError::Unknown)?;
        let record = folder.read().map_err(|_| JobError::Unknown)?;
        if record.owner != owner || self.expired(&record) {
            return Err(JobError::Unknown);
        }
        Ok((folder, record))
    }

    fn expired(&self, record: &Record) -> bool {
        record.ended_at.is_some_and(|ended| ended + self.limits.keep.as_secs() < now())
    }

    fn folders(&self) -> impl Iterator<Item = Folder> {
        fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Folder::of(&self.directory, entry.file_name().to_str()?))
    }

    /// Removes what is older than jobs are kept, and the oldest where there is too much.
    fn make_room(&self) {
        let mut ended: Vec<_> = self
            .folders()
            .filter_map(|folder| folder.read().ok().map(|record| (record.ended_at, record, folder)))
            .filter_map(|(ended, record, folder)| Some((ended?, record, folder)))
            .collect();
        ended.sort_by_key(|(ended, ..)| *ended);
        let mut size: u64 = self.folders().map(|folder| folder.size()).sum();
        for (_, record, folder) in ended {
            if self.expired(&record) || size > self.limits.disk {
                size = size.saturating_sub(folder.size());
                folder.remove();
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// With a read-only root file system there may still be memory to keep files in.
fn temporary_directory() -> io::Result<TempDir> {
    let mut make = tempfile::Builder::new();
    make.prefix("windlass-");
    make.tempdir().or_else(|error| make.tempdir_in("/dev/shm").map_err(|_| error))
}

/// One job while it runs.
struct Task {
    folder: Folder,
    record: Record,
    timeout: Duration,
    output_limit: u64,
    stop: CancellationToken,
}

impl Task {
    async fn run(mut self, executor: Executor, work: Work) {
        let ([stdout, stderr], count) = match self.folder.sinks(self.output_limit) {
            Ok(sinks) => sinks,
            Err(error) => return self.end(State::Failed, Some(error.to_string())),
        };
        let io = RunIo {
            stdin: work.stdin,
            directory: work.directory,
            environment: work.environment,
            timeout: Some(self.timeout),
            cancel: self.stop.clone(),
            stdout,
            stderr,
            on_output: None,
        };
        let listen = async {
            while !self.folder.asked_to_stop() {
                tokio::time::sleep(POLL).await;
            }
            self.stop.cancel();
            std::future::pending().await
        };
        let result = tokio::select! {
            result = executor.run(&work.plan, io) => result,
            never = listen => never,
        };
        (self.record.output_bytes, self.record.output_truncated) = count.so_far();
        match result {
            Ok(result) => {
                (self.record.exit_code, self.record.signal) = (result.exit_code, result.signal);
                let state = match (result.timed_out, result.cancelled) {
                    (true, _) => State::TimedOut,
                    (_, true) => State::Stopped,
                    _ => State::Exited,
                };
                self.end(state, None);
            }
            Err(error) => self.end(State::Failed, Some(error.to_string())),
        }
    }

    /// Writes the end down before the lock is let go, or the job would look lost in between.
    fn end(mut self, state: State, error: Option<String>) {
        self.record.state = state;
        self.record.error = error;
        self.record.ended_at = Some(now());
        if let Err(error) = self.folder.write(&self.record) {
            tracing::error!(job = %self.record.id, %error, "cannot write down how a job ended");
        }
    }
}
