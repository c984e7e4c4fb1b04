//! Runs written down, and run again.
//!
//! A transcript is lines of JSON: the run as it was at first, and then each thing that happened, with what was to be done
//! and the digest of what was then. Since the steps know neither clock nor chance, the same events must lead to the same
//! effects: where they do not, the loop has changed, and the first line that shows it is told.

use std::{
    fs::File,
    io::{self, BufRead, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    keep::{KeepError, Keeper},
    step::{Effect, Event, State, step},
};

/// The form of transcripts that this version writes and reads.
pub const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    windlass_transcript: u32,
    state: State,
}

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    at: u64,
    event: Event,
    effects: Vec<Effect>,
    /// SHA-256 of the state after it.
    state: String,
}

/// A transcript that agrees with this version's loop.
#[derive(Debug)]
pub struct Replayed {
    /// How many steps there were.
    pub steps: usize,
    /// How it stands after them.
    pub state: State,
}

/// Why a transcript cannot be replayed to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error("the transcript cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It begins as no transcript does.
    #[error("this is no transcript of a run: {0}")]
    NoTranscript(String),
    /// It is of another version.
    #[error("the transcript is of version {0}, and this program reads version {VERSION}")]
    Version(u32),
    /// A line is none. The last one may have been cut by a crash.
    #[error("line {line} cannot be read: {error}")]
    Line {
        /// Which.
        line: usize,
        /// Why.
        error: serde_json::Error,
    },
    /// The loop does something else now.
    #[error(transparent)]
    Differs(Box<Difference>),
}

/// Where a run goes another way than it went.
#[derive(Debug)]
pub struct Difference {
    /// The line.
    pub line: usize,
    /// What happened.
    pub event: Event,
    /// What was done then.
    pub then: Vec<Effect>,
    /// What is done now.
    pub now: Vec<Effect>,
}

impl std::error::Error for Difference {}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = |value: serde_json::Result<String>| value.unwrap_or_else(|error| error.to_string());
        writeln!(f, "line {}: the loop goes another way than it went", self.line)?;
        writeln!(f, "  event  {}", json(serde_json::to_string(&self.event)))?;
        if self.then == self.now {
            return write!(f, "  it does the same, and leaves the conversation in another state");
        }
        let shown = |effect: Option<&Effect>| {
            effect.map_or_else(|| "nothing".to_owned(), |effect| json(serde_json::to_string(effect)))
        };
        // The first one is where it went apart; the others follow from it.
        let mut pairs = (0..self.then.len().max(self.now.len())).map(|at| (self.then.get(at), self.now.get(at)));
        if let Some((then, now)) = pairs.find(|(then, now)| then != now) {
            write!(f, "  then   {}\n  now    {}", shown(then), shown(now))?;
        }
        Ok(())
    }
}

/// Writes a run down while it goes on, and has it kept by another [`Keeper`].
pub struct Recorder<K> {
    path: PathBuf,
    file: Mutex<File>,
    keeper: K,
}

impl<K: Keeper> Recorder<K> {
    /// Begins a transcript of `state` at `path`, in place of what was there.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin(path: &Path, state: &State, keeper: K) -> Result<Self, KeepError> {
        let path = path.to_owned();
        let file = File::create(&path).map_err(|error| KeepError::Place { path: path.clone(), error })?;
        let recorder = Self { path, file: Mutex::new(file), keeper };
        recorder.begin_anew(state)?;
        Ok(recorder)
    }

    /// Another run begins, in the same transcript.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin_anew(&self, state: &State) -> Result<(), KeepError> {
        self.write(&Head { windlass_transcript: VERSION, state: state.clone() })
    }

    fn write(&self, line: &impl Serialize) -> Result<(), KeepError> {
        let place = |error| KeepError::Place { path: self.path.clone(), error };
        let mut text = serde_json::to_vec(line).map_err(|error| place(error.into()))?;
        text.push(b'\n');
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&text).map_err(place)
    }
}

#[async_trait]
impl<K: Keeper> Keeper for Recorder<K> {
    async fn save(&self, state: &State) -> Result<(), KeepError> {
        self.keeper.save(state).await
    }

    async fn hear(&self, at: u64, event: &Event, effects: &[Effect], state: &State) -> Result<(), KeepError> {
        self.write(&Line { at, event: event.clone(), effects: effects.to_vec(), state: digest(state) })?;
        self.keeper.hear(at, event, effects, state).await
    }
}

/// Runs a transcript again, with what the model and the tools said then.
///
/// # Errors
/// It is no transcript, or the loop goes another way now.
pub fn replay(transcript: impl BufRead) -> Result<Replayed, ReplayError> {
    let (mut state, mut steps) = (None, 0);
    for (at, text) in transcript.lines().enumerate() {
        let (line, text) = (at + 1, text?);
        let before = match state.take() {
            Some(state) if !text.starts_with(HEAD) => state,
            // The first line, or that of a conversation that was begun anew.
            _ => {
                state = Some(head(&text, line)?);
                continue;
            }
        };
        let recorded: Line = serde_json::from_str(&text).map_err(|error| ReplayError::Line { line, error })?;
        let (after, now) = step(before, recorded.at, recorded.event.clone());
        if now != recorded.effects || digest(&after) != recorded.state {
            let Line { event, effects: then, .. } = recorded;
            return Err(ReplayError::Differs(Box::new(Difference { line, event, then, now })));
        }
        (state, steps) = (Some(after), steps + 1);
    }
    let state = state.ok_or_else(|| ReplayError::NoTranscript("it is empty".into()))?;
    Ok(Replayed { steps, state })
}

/// How the first line of a run begins.
const HEAD: &str = "{\"windlass_transcript\":";

/// The run as it was at first.
fn head(text: &str, line: usize) -> Result<State, ReplayError> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| ReplayError::NoTranscript(error.to_string()))?;
    match value.get("windlass_transcript").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => return Err(ReplayError::Version(u32::try_from(version).unwrap_or(u32::MAX))),
        None => return Err(ReplayError::NoTranscript("its first line names no version".into())),
    }
    let head: Head = serde_json::from_str(text).map_err(|error| ReplayError::Line { line, error })?;
    Ok(head.state)
}

/// The fields of a state have an order of their own, and objects of a model's keep theirs: the same state, the same text.
fn digest(state: &State) -> String {
    serde_json::to_vec(state).map_or_else(|error| error.to_string(), |json| hex::encode(Sha256::digest(json)))
}

#[cfg(test)]
mod tests;
