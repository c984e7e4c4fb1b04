//! What the Rust servers share: they listen alike.

use axum::{Router, serve::ListenerExt};
use tokio::net::TcpListener;

/// Serves `router` on the port named by the first argument, with Nagle's algorithm off.
pub async fn serve(router: Router) -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: PROGRAM PORT"))?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}
