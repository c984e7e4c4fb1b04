//! Firecracker's API: HTTP over a unix socket.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http1::{Builder, SendRequest},
    header::{ACCEPT, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::task::AbortHandle;

use super::{
    chroot::{API, Chroot},
    shapes::Fault,
};
use crate::backend::BackendError;

/// How long Firecracker may take to listen. The jailer is slow where much is mounted.
const LISTEN: Duration = Duration::from_secs(20);
/// How often is looked whether it does.
const LOOK: Duration = Duration::from_millis(2);
/// How long it may take to answer, where nothing else is said.
const ANSWER: Duration = Duration::from_secs(10);
/// The longest answer, and the longest head of one. A guest that took it over must not fill our memory.
const LONGEST: usize = 64 << 10;
/// As much as is told of why something was refused.
const FAULT: usize = 1024;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// It does not listen.
    #[error("Firecracker does not listen")]
    Deaf,
    /// It says no.
    #[error("Firecracker refused {request} ({status}): {fault}")]
    Refused { request: String, status: StatusCode, fault: String },
    /// It says nothing.
    #[error("Firecracker did not answer {request} within {} seconds", .within.as_secs())]
    Late { request: String, within: Duration },
    /// It hung up, or says too much.
    #[error("Firecracker broke off answering {request}")]
    Broken { request: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// It says something else than it should.
    #[error("Firecracker's answer to {request} makes no sense: {said}")]
    Nonsense { request: String, said: String },
}

impl From<ApiError> for BackendError {
    fn from(error: ApiError) -> Self {
        Self::Ended(windlass_core::chain(&error))
    }
}

/// A connection to the API of one process.
#[derive(Debug)]
pub(super) struct Api {
    sender: SendRequest<Full<Bytes>>,
    connection: AbortHandle,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Api {
    /// Waits for the process in `chroot` to listen.
    pub async fn connect(chroot: &Chroot) -> Result<Self, ApiError> {
        let connecting = async {
            loop {
                match chroot.connect(API).await {
                    Ok(stream) => return stream,
                    Err(_) => tokio::time::sleep(LOOK).await,
                }
            }
        };
        let stream = tokio::time::timeout(LISTEN, connecting).await.map_err(|_| ApiError::Deaf)?;
        let greeting = Builder::new().max_buf_size(LONGEST).handshake(TokioIo::new(stream)).await;
        let (sender, connection) =
            greeting.map_err(|error| ApiError::Broken { request: "a greeting".into(), source: error.into() })?;
        Ok(Self { sender, connection: tokio::spawn(connection).abort_handle() })
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, ApiError> {
        let request = format!("GET {path}");
        let said = self.ask(&request, Method::GET, path, Bytes::new(), ANSWER).await?;
        serde_json::from_slice(&said).map_err(|_| ApiError::Nonsense { request, said: short(&said) })
    }

    /// Sets something.
    pub async fn put(&mut self, path: &str, body: &impl Serialize) -> Result<(), ApiError> {
        self.put_within(path, body, ANSWER).await
    }

    /// Has something done that takes its time.
    pub async fn put_within(&mut self, path: &str, body: &impl Serialize, within: Duration) -> Result<(), ApiError> {
        self.tell(Method::PUT, path, body, within).await
    }

    /// Changes something.
    pub async fn patch(&mut self, path: &str, body: &impl Serialize) -> Result<(), ApiError> {
        self.tell(Method::PATCH, path, body, ANSWER).await
    }

    async fn tell(
        &mut self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        within: Duration,
    ) -> Result<(), ApiError> {
        let request = format!("{method} {path}");
        match serde_json::to_vec(body) {
            Ok(body) => self.ask(&request, method, path, body.into(), within).await.map(drop),
            Err(error) => Err(ApiError::Broken { request, source: error.into() }),
        }
    }

    /// What it answers, if that is not a no.
    async fn ask(
        &mut self,
        request: &str,
        method: Method,
        path: &str,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, ApiError> {
        let asking = async {
            let head = Request::builder().method(method).uri(path).header(HOST, "localhost");
            let head = head.header(ACCEPT, "application/json").header(CONTENT_TYPE, "application/json");
            self.sender.ready().await?;
            let answer = self.sender.send_request(head.body(Full::new(body))?).await?;
            let status = answer.status();
            let said = Limited::new(answer.into_body(), LONGEST).collect().await?.to_bytes();
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((status, said))
        };
        let late = |_| ApiError::Late { request: request.to_owned(), within };
        let answer = tokio::time::timeout(within, asking).await.map_err(late)?;
        let (status, said) = answer.map_err(|source| ApiError::Broken { request: request.to_owned(), source })?;
        if status.is_success() {
            return Ok(said);
        }
        let fault = serde_json::from_slice::<Fault>(&said).map(|fault| fault.fault_message.into_bytes());
        let fault = short(&fault.unwrap_or_else(|_| said.to_vec()));
        Err(ApiError::Refused { request: request.to_owned(), status, fault })
    }
}

fn short(said: &[u8]) -> String {
    String::from_utf8_lossy(&said[..said.len().min(FAULT)]).into_owned()
}
