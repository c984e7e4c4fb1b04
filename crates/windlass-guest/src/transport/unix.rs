//! A unix socket.

use std::{fs, io, os::unix::fs::FileTypeExt, path::Path};

use tokio::net::UnixListener;

use super::serve_one;
use crate::guest::{Guest, ServeError};

/// Listens on `path` and serves one host after the other; only one if `once`.
pub async fn unix(guest: &Guest, path: &Path, once: bool) -> Result<(), ServeError> {
    let listener = bind(path)?;
    loop {
        let (stream, _) = listener.accept().await?;
        serve_one(guest, stream, once).await?;
        if once {
            return Ok(());
        }
    }
}

/// A socket that an earlier guest left behind is in the way of none.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        fs::remove_file(path)?;
    }
    UnixListener::bind(path)
}
