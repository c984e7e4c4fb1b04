//! A model that says what a script says, on the loopback interface, as three services say it: Amazon Bedrock's
//! `converse-stream` (real frames of its event stream), Anthropic's Messages, and OpenAI's chat, the last also with the habits
//! of vLLM and Ollama.
//!
//! It checks every request: roles alternate, nothing is empty, each call is answered once and at once, thoughts come back as
//! they were, names and schemas of tools are what all services take. What breaks a rule is written down, and answered with a
//! 400. A test that uses it asserts that [`ModelStandin::violations`] is empty.

mod anthropic;
mod asked;
mod bedrock;
mod door;
mod openai;
mod play;
mod routes;
mod rules;
mod script;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub use asked::{Asked, Message, Piece, Tool, Wire};
pub use script::{Dialect, Fault, Pick, Said, Script, Stop, Turn, Usage};

/// One that runs; it ends when dropped.
#[derive(Debug)]
pub struct ModelStandin {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    script: Script,
    state: Mutex<State>,
    /// How many clients left in the middle of an answer.
    gone: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    /// Turns that were said.
    said: usize,
    asked: Vec<Asked>,
    violations: Vec<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ModelStandin {
    /// One on a free port.
    pub async fn start(script: impl Into<Script>) -> io::Result<Self> {
        Self::bind(0, script).await
    }

    /// One on this port.
    pub async fn bind(port: u16, script: impl Into<Script>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { script: script.into(), state: Mutex::default(), gone: watch::Sender::new(0) });
        let router = routes::router(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
        Ok(Self { address, shared, task })
    }

    /// Where it is, for all three: `http://127.0.0.1:40001`. OpenAI's clients want `/v1` behind it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What makes a program ask it instead of Bedrock.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", self.url()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "s3cret".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// What was wrong with requests: empty where all is well.
    pub fn violations(&self) -> Vec<String> {
        self.shared.state().violations.clone()
    }

    /// What was asked and keeps the rules, checks at start not counted.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }

    /// How many turns were said; checks at start count none.
    pub fn said(&self) -> usize {
        self.shared.state().said
    }

    /// Waits until so many clients have left in the middle of an answer.
    pub async fn left(&self, clients: usize) {
        // The sender is ours and lives, so this ends only with the condition.
        let _ = self.shared.gone.subscribe().wait_for(|gone| *gone >= clients).await;
    }
}

impl Drop for ModelStandin {
    fn drop(&mut self) {
        self.task.abort();
    }
}
