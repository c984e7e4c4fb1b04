//! Opening the stream inside the guest.

mod port;
mod serial;
mod unix;
mod vsock;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    fd::FdStream,
    guest::{Guest, ServeError},
};

pub(crate) use port::port;
pub use serial::serial;
pub use unix::unix;
pub use vsock::vsock;
pub(crate) use vsock::{listen_on as listen, vsock_at};

/// Serves the host at the other end of standard input and output, until it goes.
pub async fn stdio(guest: &Guest) -> Result<(), ServeError> {
    // Duplicates, because commands get other descriptors in these places.
    let input =
        FdStream::new(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).map_err(std::io::Error::from)?)?;
    let output =
        FdStream::new(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3).map_err(std::io::Error::from)?)?;
    guest.serve(input, output).await
}

/// Serves one host; what it did wrong ended its connection, and the next one is welcome.
async fn serve_one<S>(guest: &Guest, stream: S, once: bool) -> Result<(), ServeError>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (reader, writer) = tokio::io::split(stream);
    let served = guest.serve(reader, writer).await;
    if once { served } else { Ok(()) }
}
