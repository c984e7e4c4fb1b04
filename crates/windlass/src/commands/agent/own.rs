//! The tools of this configuration, without a server that listens.

use std::{io::IsTerminal, sync::Arc};

use anyhow::Context;
use tokio::task::JoinHandle;
use windlass_agent::tools::Server as Source;
use windlass_audit::Stream;
use windlass_config::Loaded;
use windlass_server::Server;

use crate::{exit::Failure, wiring::House};

/// Bytes on their way between the two ends.
const PIPE: usize = 64 << 10;

/// A whole server whose only client is the agent, at the other end of a pipe in memory: every call takes the way through the
/// gate that it would take from outside, and is decided, limited and written down there.
pub struct Own {
    house: Arc<House>,
    server: Arc<Server>,
    talking: JoinHandle<()>,
}

impl Own {
    /// Starts it, and connects to it.
    pub async fn start(loaded: &Loaded) -> Result<(Self, Source), Failure> {
        // A person who talks to a model does not want to read the audit log meanwhile; `audit.file` keeps it.
        let stream = if std::io::stderr().is_terminal() { Stream::None } else { Stream::Stderr };
        let house = House::build(loaded, stream)?;
        let server = Arc::new(Server::new(house.parts(loaded)?).map_err(Failure::usage)?);
        house.refresh();
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let (input, output) = tokio::io::split(theirs);
        let serving = server.clone();
        let talking = tokio::spawn(async move {
            if let Err(error) = serving.serve_stdio(input, output).await {
                tracing::warn!("the tools of this configuration: {error}");
            }
        });
        let (input, output) = tokio::io::split(ours);
        let source = Source::within("windlass", input, output).await.context("the tools of this configuration")?;
        Ok((Self { house, server, talking }, source))
    }

    /// Ends it, and everything that was started by its tools.
    pub async fn close(self) {
        self.server.drain();
        self.server.shutdown().await;
        self.talking.abort();
        self.house.close();
    }
}
