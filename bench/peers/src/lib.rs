//! What the programs share: servers listen alike, loads are told alike.

use std::time::{Duration, Instant};

use axum::{Router, serve::ListenerExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Serves `router` on the port named by the first argument, with Nagle's algorithm off.
pub async fn serve(router: Router) -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: PROGRAM PORT"))?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

/// How long each call of one client took. The first failure ends a client: a server that fails is not measured as a fast
/// one.
pub type Times = anyhow::Result<Vec<Duration>>;

/// Which of `questions` client `client` of `clients` begins with: far from where the others do.
pub fn first(client: usize, clients: usize, questions: usize) -> usize {
    client * questions / clients.max(1)
}

/// What came of a load that began at `started` and has just ended.
pub fn report(started: Instant, clients: Vec<Times>) -> Value {
    let seconds = started.elapsed().as_secs_f64();
    let mut times = Vec::new();
    let mut failures = Vec::new();
    for client in clients {
        match client {
            Ok(mine) => times.extend(mine),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len() as f64 - 1.0) * share) as usize).map(|time| time.as_secs_f64() * 1e3);
    json!({
        "calls": times.len(),
        "seconds": seconds,
        "p50_ms": at(0.50),
        "p99_ms": at(0.99),
        "failed_clients": failures.len(),
        "failure": failures.first(),
    })
}
