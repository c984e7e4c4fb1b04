//! The caller's side of a running call, over rmcp's peer.

use std::sync::Arc;

use async_trait::async_trait;
use rmcp::{
    Peer, RoleServer,
    model::{InputRequest, ProgressNotificationParam, ProgressToken, ServerRequest},
    service::RequestContext,
};
use serde_json::Value;
use windlass_core::{Client, ClientError, mcp};

use crate::http::NoStream;

pub(super) struct PeerClient {
    peer: Peer<RoleServer>,
    capabilities: mcp::ClientCapabilities,
    revision: String,
    progress: Option<ProgressToken>,
    wants_logs: bool,
    listens: bool,
}

impl PeerClient {
    pub fn of(context: RequestContext<RoleServer>) -> Arc<dyn Client> {
        let revision = context.protocol_version().map(|version| version.to_string()).unwrap_or_default();
        // 2026-07-28 clients get log messages only where the request asks for a level.
        let wants_logs = revision.as_str() < "2026-07-28" || context.meta.log_level().is_some();
        // A client that takes one JSON answer and no stream can be told nothing before the answer.
        let listens = context
            .extensions
            .get::<http::request::Parts>()
            .is_none_or(|parts| parts.extensions.get::<NoStream>().is_none());
        Arc::new(Self {
            capabilities: context.client_capabilities().unwrap_or_default(),
            progress: context.meta.get_progress_token().filter(|_| listens),
            wants_logs: wants_logs && listens,
            listens,
            revision,
            peer: context.peer,
        })
    }
}

#[async_trait]
impl Client for PeerClient {
    fn capabilities(&self) -> mcp::ClientCapabilities {
        self.capabilities.clone()
    }

    fn revision(&self) -> &str {
        &self.revision
    }

    async fn progress(&self, progress: f64, total: Option<f64>, message: Option<String>) {
        let Some(token) = &self.progress else { return };
        let mut param = ProgressNotificationParam::new(token.clone(), progress);
        param.total = total;
        param.message = message;
        // A client that is gone is noticed by the call's cancellation, not here.
        let _ = self.peer.notify_progress(param).await;
    }

    #[expect(deprecated, reason = "2025-era clients are still owed logging")]
    async fn log(&self, level: mcp::LoggingLevel, logger: Option<String>, data: Value) {
        if !self.wants_logs {
            return;
        }
        let mut param = mcp::LoggingMessageNotificationParam::new(level, data);
        param.logger = logger;
        let _ = self.peer.notify_logging_message(param).await;
    }

    async fn ask(&self, request: InputRequest) -> Result<Value, ClientError> {
        let request = match request {
            InputRequest::CreateMessage(request) => ServerRequest::CreateMessageRequest(request),
            InputRequest::Elicitation(request) => ServerRequest::ElicitRequest(request),
            InputRequest::ListRoots(request) => ServerRequest::ListRootsRequest(request),
            _ => return Err(ClientError::Unsupported),
        };
        if !self.listens || self.revision.as_str() >= "2026-07-28" {
            return Err(ClientError::Unsupported);
        }
        let answer = self.peer.send_request(request).await.map_err(|error| ClientError::NoAnswer(error.to_string()))?;
        serde_json::to_value(answer).map_err(|error| ClientError::NoAnswer(error.to_string()))
    }
}
