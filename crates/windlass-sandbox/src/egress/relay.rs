//! Inside the sandbox: from a port of its own loopback to the socket of its proxy.

use std::{io, path::Path};

use tokio::net::{TcpListener, UnixStream};

/// The port.
pub(crate) const PORT: u16 = 3128;

/// Opens the port and serves it in a thread of its own, for as long as the process lives.
pub(crate) fn relay(socket: &'static Path) -> io::Result<()> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", PORT))?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("egress".into()).spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            loop {
                let Ok((mut inside, _)) = listener.accept().await else {
                    // Out of descriptors, most likely: others have to end first.
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                };
                tokio::spawn(async move {
                    if let Ok(mut outside) = UnixStream::connect(socket).await {
                        let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
                    }
                });
            }
        });
    })?;
    Ok(())
}
