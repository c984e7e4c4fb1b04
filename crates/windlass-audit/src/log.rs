use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use tokio::sync::broadcast;
use windlass_core::{AuditEvent, AuditFeed, AuditSink, Check, SecretString};

use crate::{
    line::{Body, Chain, GENESIS},
    output::Output,
    redact::Redactor,
    writer::{Shared, Writer},
};

/// One line as it was written, without its line end.
pub type Line = Arc<str>;

/// The standard stream lines go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stream {
    /// Where containers are read from: HTTP mode.
    #[default]
    Stdout,
    /// Where stdio mode leaves stdout to the protocol.
    Stderr,
    /// Only to the file, if any.
    None,
}

/// How to keep the log.
#[derive(Debug, Default)]
pub struct AuditOptions {
    /// The standard stream.
    pub stream: Stream,
    /// A file to append to as well.
    pub file: Option<PathBuf>,
    /// Argument names whose values are redacted, beside the built-in ones.
    pub redact: Vec<String>,
    /// Values that are redacted wherever they stand: the server's own secrets.
    pub secrets: Vec<SecretString>,
}

/// Why the log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be used.
    #[error("audit.file `{path}` cannot be written: {source}")]
    File {
        /// As configured.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The stream or the writing thread cannot be had.
    #[error("the audit log cannot be started: {0}")]
    Start(io::Error),
}

/// The audit log. Redacts on the caller's thread; one thread of its own numbers, chains and writes in batches.
pub struct AuditLog {
    redactor: Redactor,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl AuditLog {
    /// Opens the outputs and writes the first line of this run, `server.start`.
    pub fn start(options: AuditOptions) -> Result<Arc<Self>, AuditError> {
        let mut outputs = Vec::new();
        let mut previous = GENESIS.to_owned();
        match options.stream {
            Stream::Stdout => outputs.push(Output::stdout().map_err(AuditError::Start)?),
            Stream::Stderr => outputs.push(Output::stderr().map_err(AuditError::Start)?),
            Stream::None => {}
        }
        if let Some(path) = options.file {
            let (output, last) = Output::file(&path).map_err(|source| AuditError::File { path, source })?;
            outputs.push(output);
            previous = last;
        }
        let shared = Arc::new(Shared::new());
        let writer = Writer { shared: shared.clone(), chain: Chain::after(previous), outputs };
        shared.queue.push(Body::of_start(&hex::encode(rand::random::<[u8; 16]>())));
        let thread = thread::Builder::new().name("audit".into()).spawn(move || writer.run());
        let log = Self {
            redactor: Redactor::new(&options.redact, &options.secrets),
            shared,
            writer: Mutex::new(Some(thread.map_err(AuditError::Start)?)),
        };
        Ok(Arc::new(log))
    }

    /// Lines from now on, for who wants to watch. A receiver that is too slow misses lines; the log itself does not.
    pub fn subscribe(&self) -> broadcast::Receiver<Line> {
        self.shared.news.subscribe()
    }

    /// The last lines, oldest first, at most 200.
    pub fn recent(&self) -> Vec<Line> {
        self.shared.recent()
    }

    /// Waits until everything recorded so far is written. Call it off the async threads, and before the process exits.
    pub fn flush(&self) {
        self.shared.queue.flush();
    }

    /// Whether lines can be written. A server whose decisions are not recorded is not ready.
    pub fn ready(&self) -> Check {
        let trouble = self.shared.trouble();
        match trouble.is_empty() {
            true => Check::ok("audit", "decisions are recorded"),
            false => Check::failed("audit", trouble.join("; ")),
        }
    }
}

impl AuditSink for AuditLog {
    fn record(&self, event: AuditEvent) {
        if !self.shared.queue.push(Body::of_event(&event, &self.redactor)) {
            tracing::error!(method = event.method, "the audit log has ended, a decision is not recorded");
        }
    }

    fn ready(&self) -> Vec<Check> {
        vec![AuditLog::ready(self)]
    }

    fn feed(&self) -> Option<AuditFeed> {
        // Subscribed first: a line may come twice, but none is missed.
        let live = self.subscribe();
        Some(AuditFeed { recent: self.recent(), live })
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.shared.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the audit log's writer has panicked");
        }
    }
}
