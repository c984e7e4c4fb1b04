//! Change notifications: to `subscriptions/listen` streams, and to 2025-era clients with a connection of their own.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use rmcp::{Peer, RoleServer, model::ResourceUpdatedNotificationParam, service::SubscriptionContext};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::gate::Gate;

/// Something clients may want to list or read again.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Tools,
    Prompts,
    Resource(String),
}

/// Peers with a standing connection that are told of changes; more are simply not told.
const ADOPTED: usize = 1024;

/// Passes changes of the toolsets on to whoever listens.
pub(crate) struct Announcer {
    changes: broadcast::Sender<Change>,
    /// Fires when the server begins to stop: listening ends in good order.
    closing: CancellationToken,
    adopted: Arc<Mutex<Vec<Adopted>>>,
}

struct Adopted {
    connection: u64,
    peer: Peer<RoleServer>,
    resources: BTreeSet<String>,
}

impl Announcer {
    /// Watches the toolsets of `gate` for as long as it lives.
    pub fn start(gate: &Arc<Gate>) -> Self {
        let (changes, mut heard) = broadcast::channel(256);
        for toolset in gate.toolsets() {
            let mut sources = Vec::new();
            if let Some(tools) = toolset.changes() {
                sources.push((tools, Change::Tools));
            }
            if let Some(prompts) = toolset.library().and_then(|library| library.prompt_changes()) {
                sources.push((prompts, Change::Prompts));
            }
            for (mut source, change) in sources {
                let (changes, gate) = (changes.clone(), Arc::downgrade(gate));
                tokio::spawn(async move {
                    while source.changed().await.is_ok() && relist(&gate) {
                        let _ = changes.send(change.clone());
                    }
                });
            }
            if let Some(mut updates) = toolset.library().and_then(|library| library.resource_changes()) {
                let changes = changes.clone();
                tokio::spawn(async move {
                    while let Ok(uri) = updates.recv().await {
                        let _ = changes.send(Change::Resource(uri));
                    }
                });
            }
        }
        let adopted: Arc<Mutex<Vec<Adopted>>> = Arc::default();
        let audience = adopted.clone();
        tokio::spawn(async move {
            while let Ok(change) = heard.recv().await {
                tell(&audience, &change).await;
            }
        });
        Self { changes, closing: CancellationToken::new(), adopted }
    }

    /// Tells everyone that the tools changed (after a reload, where the toolset itself did not notice).
    pub fn tools_changed(&self) {
        let _ = self.changes.send(Change::Tools);
    }

    /// Ends every listening stream.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Serves one `subscriptions/listen` stream until the client leaves (`ended` tells, on stdio) or the server stops.
    pub async fn serve(&self, context: SubscriptionContext, ended: &CancellationToken) {
        let mut changes = self.changes.subscribe();
        let sink = context.sink().clone();
        loop {
            let change = tokio::select! {
                () = context.cancelled() => return,
                () = ended.cancelled() => return,
                () = self.closing.cancelled() => return,
                change = changes.recv() => match change {
                    Ok(change) => change,
                    // It fell behind: "list again" covers whatever it missed.
                    Err(broadcast::error::RecvError::Lagged(_)) => Change::Tools,
                    Err(broadcast::error::RecvError::Closed) => return,
                },
            };
            // The sink sends only what this client asked for.
            let sent = match change {
                Change::Tools => sink.notify_tool_list_changed().await,
                Change::Prompts => sink.notify_prompt_list_changed().await,
                Change::Resource(uri) => sink.notify_resource_updated(uri).await,
            };
            if sent.is_err() {
                tracing::debug!(id = ?sink.id(), "a change was not for this listener, or it is gone");
            }
        }
    }

    /// Remembers a 2025-era client that has a connection of its own (stdio, or a session).
    pub fn adopt(&self, connection: u64, peer: Peer<RoleServer>) {
        self.with(connection, peer, |_| ());
    }

    /// `resources/subscribe`.
    pub fn subscribe(&self, connection: u64, peer: Peer<RoleServer>, uri: String) {
        self.with(connection, peer, |known| {
            if known.resources.len() < ADOPTED {
                known.resources.insert(uri);
            }
        });
    }

    /// `resources/unsubscribe`.
    pub fn unsubscribe(&self, connection: u64, peer: Peer<RoleServer>, uri: &str) {
        self.with(connection, peer, |known| {
            known.resources.remove(uri);
        });
    }

    fn with(&self, connection: u64, peer: Peer<RoleServer>, change: impl FnOnce(&mut Adopted)) {
        let mut adopted = living(&self.adopted);
        if let Some(known) = adopted.iter_mut().find(|known| known.connection == connection) {
            change(known);
        } else if adopted.len() < ADOPTED {
            let mut known = Adopted { connection, peer, resources: BTreeSet::new() };
            change(&mut known);
            adopted.push(known);
        }
    }
}

/// The adopted clients, less those that have left.
fn living(adopted: &Mutex<Vec<Adopted>>) -> MutexGuard<'_, Vec<Adopted>> {
    let mut adopted = adopted.lock().unwrap_or_else(PoisonError::into_inner);
    adopted.retain(|known| !known.peer.is_transport_closed());
    adopted
}

fn relist(gate: &Weak<Gate>) -> bool {
    let Some(gate) = gate.upgrade() else { return false };
    if let Err(error) = gate.refresh() {
        tracing::error!("the tools could not be listed again, the former list stays: {error}");
    }
    true
}

async fn tell(audience: &Mutex<Vec<Adopted>>, change: &Change) {
    let concerned = |known: &&Adopted| match change {
        Change::Resource(uri) => known.resources.contains(uri),
        Change::Tools | Change::Prompts => true,
    };
    let peers: Vec<_> = living(audience).iter().filter(concerned).map(|known| known.peer.clone()).collect();
    for peer in peers {
        let told = match change {
            Change::Tools => peer.notify_tool_list_changed().await,
            Change::Prompts => peer.notify_prompt_list_changed().await,
            Change::Resource(uri) => {
                peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri.clone())).await
            }
        };
        if told.is_err() {
            tracing::debug!("a client left before it was told of a change");
        }
    }
}
