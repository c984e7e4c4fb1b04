//! The conformance fixtures behind the whole gate, for the official suite and for foreign clients. Not a product: the
//! tools do nothing of use.

use std::{convert::Infallible, net::Ipv4Addr, sync::Arc};

use anyhow::Context;
use clap::Parser;
use tokio::{
    io::{stdin, stdout},
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use windlass_config::settings::Settings;
use windlass_core::SecretString;
use windlass_server::Server;
use windlass_testkit::{FixtureToolset, serve_toolsets};

/// Serves the conformance fixtures on the loopback interface.
#[derive(Parser)]
struct Options {
    /// Port to bind; 0 takes a free one. The first line of output is the address.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Bearer token that HTTP clients must send; without it anybody may call.
    #[arg(long)]
    key: Option<String>,
    /// Serve one client over standard input and output instead.
    #[arg(long)]
    stdio: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut settings = Settings::default();
    settings.auth.token = options.key.is_some().then(|| "the --key option".to_owned());
    let token = options.key.map(SecretString::from);
    let server = serve_toolsets(settings, token, vec![Arc::new(FixtureToolset::new())])?;
    if options.stdio {
        server.serve_stdio(stdin(), stdout()).await.map_err(anyhow::Error::msg)?;
    } else {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.context("cannot bind")?;
        announce(&listener)?;
        tokio::select! {
            served = server.serve_http(listener) => served?,
            never = drain_when_told(&server) => match never? {},
        }
    }
    server.shutdown().await;
    Ok(())
}

/// Lets `server` finish what it accepted once a signal says so.
async fn drain_when_told(server: &Server) -> anyhow::Result<Infallible> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.drain();
    std::future::pending().await
}

#[expect(clippy::print_stdout, reason = "the address is this program's output")]
fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    println!("http://{}/mcp", listener.local_addr()?);
    Ok(())
}
