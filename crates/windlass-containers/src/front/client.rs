//! The other end of the control socket.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header::HOST};
use http_body_util::Full;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::net::UnixStream;

use super::{Drained, FrontStatus, Upstream};
use crate::exchange::exchange;

/// How long a front may take for anything but waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells a front what to do.
#[derive(Debug, Clone)]
pub struct FrontClient {
    socket: PathBuf,
}

/// Why a front did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// Nobody listens.
    #[error("no front answers on {}: {source}", socket.display())]
    NotRunning {
        /// Where it should.
        socket: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It said no.
    #[error("the front refused: {message}")]
    Refused {
        /// The status of its answer.
        status: StatusCode,
        /// What it said.
        message: String,
    },
    /// What it answered cannot be understood, or it never did.
    #[error("the front on {} gave no answer: {problem}", socket.display())]
    NoAnswer {
        /// Where it listens.
        socket: PathBuf,
        /// What came instead.
        problem: String,
    },
}

impl FrontError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotRunning { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                "the socket belongs to the user who deployed: be that user, or root"
            }
            Self::NotRunning { .. } => "deploy again: that starts the front where it is missing",
            Self::Refused { status, .. } if *status == StatusCode::INTERNAL_SERVER_ERROR => {
                "see that the disk has room and that the front may write beside its socket"
            }
            Self::Refused { .. } => "do first what the message asks for",
            Self::NoAnswer { .. } => "read the front's log; deploy again to replace it",
        }
    }
}

#[derive(Deserialize)]
struct Problem {
    error: String,
}

impl FrontClient {
    /// For the front that listens on `socket`.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// Where the front listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it is doing.
    pub async fn status(&self) -> Result<FrontStatus, FrontError> {
        self.ask(Method::GET, "/status", Bytes::new(), PATIENCE).await
    }

    /// Sends every request from now on there.
    pub async fn activate(&self, upstream: &Upstream) -> Result<FrontStatus, FrontError> {
        let body = serde_json::to_vec(upstream).map_err(|error| self.no_answer(&error))?;
        self.ask(Method::PUT, "/active", body.into(), PATIENCE).await
    }

    /// Waits until a release has nothing under way; what lasts longer than `patience` is cut off.
    pub async fn drained(&self, release: &str, patience: Duration) -> Result<Drained, FrontError> {
        let path = format!("/drained/{release}?timeout_ms={}", patience.as_millis());
        self.ask(Method::POST, &path, Bytes::new(), patience + PATIENCE).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        patience: Duration,
    ) -> Result<T, FrontError> {
        let answer = tokio::time::timeout(patience, self.exchange(method, path, body)).await;
        let (status, body) = answer.map_err(|late| self.no_answer(&late))??;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| self.no_answer(&error));
        }
        let said = serde_json::from_slice::<Problem>(&body).map(|problem| problem.error);
        Err(FrontError::Refused { status, message: said.unwrap_or_else(|_| status.to_string()) })
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), FrontError> {
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|source| FrontError::NotRunning { socket: self.socket.clone(), source })?;
        let request = Request::builder().method(method).uri(path).header(HOST, "front").body(Full::new(body));
        let request = request.map_err(|error| self.no_answer(&error))?;
        let answer = exchange(stream, request).await.map_err(|problem| self.no_answer(&problem))?;
        Ok((answer.status(), answer.into_body()))
    }

    fn no_answer(&self, problem: &dyn std::fmt::Display) -> FrontError {
        FrontError::NoAnswer { socket: self.socket.clone(), problem: problem.to_string() }
    }
}
