//! What a test wants of the stand-in.

use std::{fs, io};

use serde::Deserialize;

/// What comes before it, at the end of the file.
const MARK: &[u8] = b"\n#told ";

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Told {
    /// The version to be.
    pub version: String,
    /// A request to refuse, such as `PUT /vsock`.
    pub refuse: Option<String>,
    /// One to never answer.
    pub hang: Option<String>,
    /// One to end at.
    pub die: Option<String>,
    /// One to answer with more than anybody wants to read.
    pub flood: Option<String>,
    /// Whether nothing is heard of the guest: `boot`, where it was booted, or `load`, where it was loaded.
    pub silent: Option<String>,
    /// How many connections to the guest end before it listens.
    pub early: u32,
    /// Bytes that the guest writes to its console.
    pub noise: usize,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            version: "1.16.1".into(),
            refuse: None,
            hang: None,
            die: None,
            flood: None,
            silent: None,
            early: 0,
            noise: 0,
        }
    }
}

impl Told {
    /// Reads it out of the running program.
    pub fn read() -> io::Result<Self> {
        let program = fs::read("/proc/self/exe")?;
        let tail = &program[program.len().saturating_sub(4096)..];
        match tail.windows(MARK.len()).rposition(|window| window == MARK) {
            Some(at) => Ok(serde_json::from_slice(&tail[at + MARK.len()..])?),
            None => Ok(Self::default()),
        }
    }
}
