//! What a server says by itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::{
    ClientHandler, RoleClient,
    model::{ProgressNotificationParam, ProgressToken},
    service::NotificationContext,
};
use tokio::sync::mpsc;

use crate::tools::Progress;

type Listeners = Arc<Mutex<HashMap<ProgressToken, mpsc::UnboundedSender<Progress>>>>;

/// Hands progress to the call it is about. Questions of servers are declined: nobody is there to be asked.
#[derive(Clone, Default)]
pub(super) struct Ear(Listeners);

/// What is heard of one call, for as long as somebody listens.
pub(super) struct Heard {
    token: ProgressToken,
    said: mpsc::UnboundedReceiver<Progress>,
    listeners: Listeners,
}

impl Ear {
    pub fn listen(&self, token: ProgressToken) -> Heard {
        let (speak, said) = mpsc::unbounded_channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), speak);
        Heard { token, said, listeners: self.0.clone() }
    }
}

impl Heard {
    pub async fn recv(&mut self) -> Option<Progress> {
        self.said.recv().await
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.token);
    }
}

impl ClientHandler for Ear {
    async fn on_progress(&self, said: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = listeners.get(&said.progress_token) {
            // Who does not listen any more has its answer.
            let _ = listener.send(Progress { done: said.progress, total: said.total, message: said.message });
        }
    }
}
