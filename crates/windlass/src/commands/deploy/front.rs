//! `windlass deploy front`: what the target `local` starts before its releases.

use std::{net::SocketAddr, path::Path};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use windlass_containers::front::{Front, FrontOptions, bind_control};

use crate::exit::{Exit, Failure};

pub async fn run(listen: SocketAddr, control: &Path) -> Result<Exit, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let socket = bind_control(control).with_context(|| format!("cannot listen on {}", control.display()))?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        stopping.cancel();
    });
    let options = FrontOptions { state: Some(control.with_extension("json")), ..FrontOptions::default() };
    eprintln!("windlass front on {listen}");
    Front::new(options, stop).serve(listener, socket, None).await;
    Ok(Exit::Done)
}
