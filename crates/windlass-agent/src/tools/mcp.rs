//! One MCP server, however it is reached.

mod ear;

use std::{sync::Arc, time::Duration};

use rmcp::{
    RoleClient,
    model::{CallToolRequest, CallToolRequestParams, ClientRequest, ServerResult, Tool},
    service::{PeerRequestOptions, RequestHandle, ServiceError},
};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use windlass_client::{ClientError, Session, Target};

use super::{Answer, Progress, answer_of};
use ear::Ear;

/// How long a server may take to be there, and to list its tools.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server.
pub struct Server {
    name: String,
    /// Where it is, where it can be reached once more.
    target: Option<Target>,
    session: Mutex<Option<Arc<Session<Ear>>>>,
}

impl Server {
    /// The server at `target`. Nothing is connected before it is used.
    pub fn new(name: impl Into<String>, target: Target) -> Self {
        Self { name: name.into(), target: Some(target), session: Mutex::new(None) }
    }

    /// The server at the other end of `input` and `output`, which is part of this process.
    ///
    /// # Errors
    /// It does not speak MCP.
    pub async fn within<R, W>(name: impl Into<String>, input: R, output: W) -> Result<Self, ClientError>
    where
        R: tokio::io::AsyncRead + Send + Unpin + 'static,
        W: tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let session = Session::over(input, output, Ear::default()).await?;
        Ok(Self { name: name.into(), target: None, session: Mutex::new(Some(Arc::new(session))) })
    }

    /// What it is called here.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its tools. Connects where that is needed, also once more after it was lost.
    ///
    /// # Errors
    /// It cannot be reached, or does not answer.
    pub async fn tools(&self) -> Result<Vec<Tool>, ClientError> {
        let listing = async { self.session().await?.tools().await };
        tokio::time::timeout(PATIENCE, listing).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} s", PATIENCE.as_secs());
            Err(ClientError::Unreachable { message, hint: "is it still starting?".into() })
        })
    }

    /// The connection, a new one where the last one is lost. One at a time: whoever comes second uses what the first made.
    async fn session(&self) -> Result<Arc<Session<Ear>>, ClientError> {
        let mut held = self.session.lock().await;
        if let Some(session) = held.as_ref().filter(|session| !session.service().peer().is_transport_closed()) {
            return Ok(session.clone());
        }
        let Some(target) = &self.target else {
            return Err(ClientError::Unreachable { message: "it has stopped".into(), hint: String::new() });
        };
        let session = Arc::new(Session::open(target, Ear::default(), PATIENCE).await?);
        *held = Some(session.clone());
        Ok(session)
    }

    /// Calls a tool by the name the server has for it. Dropping the future tells the server that it may stop.
    pub async fn call(
        &self,
        tool: &str,
        arguments: &Map<String, Value>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Answer {
        let session = match self.session().await {
            Ok(session) => session,
            Err(error) => return self.gone(&error.to_string()),
        };
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.clone());
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let peer = session.service().peer();
        let mut sent = match peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await {
            Ok(handle) => Sent(Some(handle)),
            Err(error) => return self.failed(&session, error).await,
        };
        let Some(handle) = sent.0.as_mut() else { return self.gone("the call was never sent") };
        let mut heard = session.service().service().listen(handle.progress_token.clone());
        let answer = loop {
            tokio::select! {
                biased;
                Some(said) = heard.recv() => progress(said),
                answer = &mut handle.rx => break answer,
            }
        };
        // There is nothing left to cancel.
        sent.0 = None;
        match answer {
            Ok(Ok(ServerResult::CallToolResult(result))) => answer_of(&result),
            Ok(Ok(ServerResult::InputRequiredResult(_))) => Answer::error(
                "the tool wants to ask a person something in the middle of its work, which it cannot do here; call it with \
                 arguments that leave nothing to ask",
            ),
            Ok(Ok(_)) => {
                Answer::error(format!("the server `{}` answered with something else than a result", self.name))
            }
            Ok(Err(error)) => self.failed(&session, error).await,
            Err(_) => self.failed(&session, ServiceError::TransportClosed).await,
        }
    }

    async fn failed(&self, session: &Arc<Session<Ear>>, error: ServiceError) -> Answer {
        match error {
            ServiceError::McpError(error) => Answer::error(error.message.to_string()),
            ServiceError::TransportClosed | ServiceError::TransportSend(_) => {
                // The next call begins with a new one.
                self.session.lock().await.take_if(|held| Arc::ptr_eq(held, session));
                self.gone("the connection was lost during the call")
            }
            other => Answer::error(other.to_string()),
        }
    }

    /// What the model is told where there is no server. It may try again: then it is looked for once more.
    fn gone(&self, why: &str) -> Answer {
        Answer::error(format!("the server `{}` of this tool does not answer: {why}", self.name))
    }

    /// Ends the connection, and the process where there is one.
    pub async fn close(&self) {
        let session = self.session.lock().await.take();
        // A call that still holds it ends it by letting go.
        if let Some(session) = session.and_then(Arc::into_inner) {
            session.close().await;
        }
    }
}

/// A request on its way. Dropped before its answer, it is cancelled.
struct Sent(Option<RequestHandle<RoleClient>>);

impl Drop for Sent {
    fn drop(&mut self) {
        let Some(handle) = self.0.take() else { return };
        // Without a runtime there is no connection either.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // A server that is gone needs not be told.
                let _ = handle.cancel(Some("the agent does not wait any more".into())).await;
            });
        }
    }
}
