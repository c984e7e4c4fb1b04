//! Lambda as a process sees it: the runtime API it asks for events, and the two doors events come through, an HTTP API
//! of API Gateway and a Function URL. What the process does against the rules of either is written down.

mod api;
mod doors;
mod secrets;

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, body::Bytes};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{Notify, mpsc, oneshot},
};

pub use secrets::SecretsManager;

/// The address events say they come from.
pub const PEER: &str = "203.0.113.7";

/// A Lambda service with one function.
pub struct Lambda {
    // Last to go: everything else runs on it.
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
    /// Where the process finds its runtime API.
    pub api: SocketAddr,
    /// The HTTP API's door.
    pub http_api: SocketAddr,
    /// The Function URL's door.
    pub function_url: SocketAddr,
}

/// How one event was answered.
#[derive(Debug)]
enum Outcome {
    Whole(Value),
    Streamed { prelude: Value, chunks: mpsc::Receiver<Bytes> },
    Failed(Value),
}

struct Event {
    id: String,
    payload: Value,
    deadline: u64,
    answer: oneshot::Sender<Outcome>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Fires when an event has come.
    arrived: Notify,
}

struct State {
    events: VecDeque<Event>,
    /// The event the process is answering.
    current: Option<(String, oneshot::Sender<Outcome>)>,
    count: u64,
    timeout: Duration,
    stage: String,
    /// Whether the Function URL streams.
    streams: bool,
    problems: Vec<String>,
    extensions: Vec<String>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            events: VecDeque::new(),
            current: None,
            count: 0,
            timeout: Duration::from_secs(60),
            stage: "$default".into(),
            streams: true,
            problems: Vec::new(),
            extensions: Vec::new(),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn problem(&self, what: impl Into<String>) {
        self.state().problems.push(what.into());
    }

    /// Hands the process an event and waits for how it is answered.
    async fn invoke(&self, payload: Value) -> Outcome {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.state();
            state.count += 1;
            let id = format!("00000000-0000-4000-8000-{:012x}", state.count);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let deadline = u64::try_from((now + state.timeout).as_millis()).unwrap_or(u64::MAX);
            state.events.push_back(Event { id, payload, deadline, answer });
        }
        self.arrived.notify_one();
        answered.await.unwrap_or_else(|_| Outcome::Failed(Value::from("the process dropped the event")))
    }
}

impl Lambda {
    /// Starts the service. There is no process yet.
    pub fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let shared = Arc::new(Shared::default());
        let serve = |router: Router| serve(&runtime, router);
        let api = serve(api::router(shared.clone()))?;
        let http_api = serve(doors::router(shared.clone(), doors::Door::HttpApi))?;
        let function_url = serve(doors::router(shared.clone(), doors::Door::FunctionUrl))?;
        Ok(Self { api, http_api, function_url, shared, runtime: Some(runtime) })
    }

    /// What Lambda puts into the environment of the process.
    pub fn environment(&self) -> Vec<(String, String)> {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut all: Vec<_> = [
            ("AWS_LAMBDA_FUNCTION_NAME", "windlass"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/windlass"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_REGION", "eu-west-1"),
            ("_HANDLER", "bootstrap"),
        ]
        .map(own)
        .into();
        all.push(("AWS_LAMBDA_RUNTIME_API".into(), self.api.to_string()));
        all
    }

    /// How long the function may take for an event.
    pub fn set_timeout(&self, timeout: Duration) {
        self.shared.state().timeout = timeout;
    }

    /// The stage of the HTTP API.
    pub fn set_stage(&self, stage: &str) {
        stage.clone_into(&mut self.shared.state().stage);
    }

    /// Whether the Function URL is invoked with `RESPONSE_STREAM` or with `BUFFERED`.
    pub fn set_streams(&self, streams: bool) {
        self.shared.state().streams = streams;
    }

    /// Invokes the function with an event of somebody else: what it said, or its error.
    pub fn invoke(&self, payload: Value) -> Result<Value, Value> {
        let runtime = self.runtime.as_ref().ok_or("the service has ended")?;
        match runtime.block_on(self.shared.invoke(payload)) {
            Outcome::Whole(answer) => Ok(answer),
            Outcome::Streamed { prelude, .. } => Ok(prelude),
            Outcome::Failed(error) => Err(error),
        }
    }

    /// What the process did against the rules.
    pub fn problems(&self) -> Vec<String> {
        self.shared.state().problems.clone()
    }

    /// The extensions that registered.
    pub fn extensions(&self) -> Vec<String> {
        self.shared.state().extensions.clone()
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn serve(runtime: &Runtime, router: Router) -> std::io::Result<SocketAddr> {
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    runtime.spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
