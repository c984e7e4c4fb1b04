//! Sessions for 2025-era clients that a toolset wants to ask something in mid-call. Capped: a flood of `initialize`
//! pushes out the oldest instead of growing memory. Servers whose toolsets never ask have none at all.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use futures::Stream;
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::{
        common::server_side_http::ServerSseMessage,
        streamable_http_server::session::{
            SessionId, SessionManager,
            local::{LocalSessionManager, LocalSessionManagerError},
        },
    },
};

/// rmcp's in-memory sessions under a cap, each bound to who opened it.
pub(super) struct CappedSessions {
    inner: LocalSessionManager,
    order: Mutex<VecDeque<SessionId>>,
    owners: Mutex<HashMap<SessionId, String>>,
    cap: usize,
}

impl CappedSessions {
    pub fn new(cap: usize) -> Arc<Self> {
        Arc::new(Self {
            inner: LocalSessionManager::default(),
            order: Mutex::default(),
            owners: Mutex::default(),
            cap: cap.max(1),
        })
    }

    /// Remembers who opened a session.
    pub fn bind(&self, session: &str, principal: &str) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.insert(session.into(), principal.to_owned());
    }

    /// Whether `principal` opened it. A stranger's session looks like none.
    pub fn belongs(&self, session: &str, principal: &str) -> bool {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(session).is_some_and(|owner| owner == principal)
    }

    fn forget(&self, id: &SessionId) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.order.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known != id);
    }
}

impl SessionManager for CappedSessions {
    type Error = LocalSessionManagerError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        let oldest = {
            let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            if order.len() >= self.cap { order.pop_front() } else { None }
        };
        if let Some(oldest) = oldest {
            self.forget(&oldest);
            if let Err(error) = self.inner.close_session(&oldest).await {
                tracing::debug!("a session pushed out by the cap had ended by itself: {error}");
            }
        }
        let created = self.inner.create_session().await?;
        self.order.lock().unwrap_or_else(PoisonError::into_inner).push_back(created.0.clone());
        Ok(created)
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        self.inner.initialize_session(id, message).await
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        self.inner.has_session(id).await
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        self.forget(id);
        self.inner.close_session(id).await
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.inner.create_stream(id, message).await
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Self::Error> {
        self.inner.accept_message(id, message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.inner.create_standalone_stream(id).await
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.inner.resume(id, last_event_id).await
    }
}
