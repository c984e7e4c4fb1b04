//! The way to a guest: Firecracker leads a connection to its socket on to a port inside.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::Instant,
};

use super::chroot::{Chroot, VSOCK};
use crate::backend::BackendError;

/// The port where the guest listens.
pub(super) const PORT: u32 = 52;
/// How long one attempt may take. What was said while the guest booted may never be answered.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(5);
/// The longest line of an answer: `OK`, and a number.
const LINE: usize = 32;

/// Connects to the guest in `chroot`, which may still be booting.
pub(super) async fn dial(chroot: &Chroot, within: Duration) -> Result<UnixStream, BackendError> {
    let deadline = Instant::now() + within;
    loop {
        let until = deadline.min(Instant::now() + ATTEMPT);
        let last = match tokio::time::timeout_at(until, attempt(chroot)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        if Instant::now() >= deadline {
            let seconds = within.as_secs();
            return Err(BackendError::Ended(format!("the guest cannot be reached for {seconds} seconds: {last}")));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn attempt(chroot: &Chroot) -> io::Result<UnixStream> {
    let mut stream = chroot.connect(VSOCK).await?;
    stream.write_all(format!("CONNECT {PORT}\n").as_bytes()).await?;
    // One byte at a time: what comes after the line is the guest's.
    let mut line = Vec::with_capacity(LINE);
    while line.last() != Some(&b'\n') {
        if line.len() == LINE {
            return Err(io::Error::other("its answer is no line"));
        }
        line.push(stream.read_u8().await?);
    }
    let number =
        line.strip_prefix(b"OK ").and_then(|rest| std::str::from_utf8(rest).ok()?.trim_end().parse::<u32>().ok());
    match number {
        Some(_) => Ok(stream),
        None => Err(io::Error::other(format!("its answer is {}", String::from_utf8_lossy(&line).trim_end()))),
    }
}
