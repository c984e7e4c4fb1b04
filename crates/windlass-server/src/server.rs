//! A whole server: the gate with its transports, and how it stops.

use std::sync::Arc;

use rmcp::ServiceExt;
use tokio::{io::AsyncRead, io::AsyncWrite, net::TcpListener};
use tokio_util::sync::CancellationToken;
use windlass_config::settings::{LimitSettings, ServerSettings};
use windlass_core::{AuditEvent, AuditSink, Decision, Outputs, Principal};

use crate::{
    Caller, CatalogError, Gate, Live, Metrics,
    http::{Handler, HttpServer},
    protocol::{Protocol, Shared},
    stdio::Input,
};

/// What a server is made of.
pub struct Parts {
    /// Where and how to listen.
    pub server: ServerSettings,
    /// What a reload may replace.
    pub live: Live,
    /// Where long output goes.
    pub outputs: Arc<dyn Outputs>,
    /// Where decisions go.
    pub audit: Arc<dyn AuditSink>,
}

/// A server, ready to serve.
pub struct Server {
    settings: ServerSettings,
    limits: LimitSettings,
    gate: Arc<Gate>,
    shared: Arc<Shared>,
    draining: CancellationToken,
}

impl Server {
    /// Puts the parts together. Must be called within a runtime: it starts the housekeeping.
    pub fn new(parts: Parts) -> Result<Self, CatalogError> {
        let limits = parts.live.limits.clone();
        let gate = Arc::new(Gate::new(parts.live, parts.outputs, parts.audit, Arc::new(Metrics::default()))?);
        let sweeper = Arc::downgrade(&gate);
        tokio::spawn(async move {
            let mut every = tokio::time::interval(std::time::Duration::from_secs(5));
            loop {
                every.tick().await;
                let Some(gate) = sweeper.upgrade() else { return };
                gate.sweep();
            }
        });
        let shared = Arc::new(Shared::new(gate.clone()));
        let draining = CancellationToken::new();
        Ok(Self { settings: parts.server, limits, gate, shared, draining })
    }

    /// The gate, for whoever calls tools from within the process.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Begins to stop: no new connections, what was accepted is finished.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Where and how it listens, which does not change while it runs.
    pub fn settings(&self) -> &ServerSettings {
        &self.settings
    }

    /// Replaces what a reload may replace, and tells clients to list again.
    pub fn reload(&self, live: Live) -> Result<(), CatalogError> {
        self.gate.replace(live)?;
        self.shared.announcer.tools_changed();
        self.audit_operated("server.reload");
        Ok(())
    }

    /// Serves streamable HTTP on `listener` until [`Server::drain`], and then until what was accepted has ended.
    pub async fn serve_http(&self, listener: TcpListener) -> std::io::Result<()> {
        let server = HttpServer::new(self.shared.clone(), &self.settings, &self.limits, self.draining.clone());
        Arc::new(server).serve(listener).await
    }

    /// What answers HTTP requests that come from elsewhere than a listener.
    pub fn handler(&self) -> Handler {
        Handler::new(&self.shared, &self.settings, &self.limits, self.draining.clone())
    }

    /// Fires when the server begins to stop.
    pub fn draining(&self) -> &CancellationToken {
        &self.draining
    }

    /// Serves one client over a pair of streams until it closes its end, or [`Server::drain`].
    pub async fn serve_stdio<R, W>(&self, input: R, output: W) -> Result<(), String>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let caller = Caller {
            principal: Arc::new(Principal::local()),
            transport: "stdio",
            peer: None,
            trace: None,
            answer_by: None,
        };
        let ended = CancellationToken::new();
        let protocol = Protocol::stdio(self.shared.clone(), caller, ended.clone());
        let input = Input::new(input, ended);
        let running = tokio::select! {
            running = protocol.serve((input, output)) => running.map_err(|error| error.to_string())?,
            () = self.draining.cancelled() => return Ok(()),
        };
        let stop = running.cancellation_token();
        let draining = self.draining.clone();
        let stopper = tokio::spawn(async move {
            draining.cancelled().await;
            stop.cancel();
        });
        let ended = running.waiting().await;
        stopper.abort();
        ended.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Ends the toolsets. The last thing before the process exits.
    pub async fn shutdown(&self) {
        self.gate.stop();
        for toolset in self.gate.toolsets() {
            let grace = std::time::Duration::from_secs(10);
            if tokio::time::timeout(grace, toolset.shutdown()).await.is_err() {
                tracing::warn!(toolset = toolset.name(), "did not shut down in time");
            }
        }
        self.audit_operated("server.stop");
    }

    fn audit_operated(&self, method: &str) {
        self.gate.audit().record(AuditEvent::new(Decision::Operated, method, "process"));
    }
}
