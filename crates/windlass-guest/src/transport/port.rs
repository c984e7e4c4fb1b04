//! A virtio port that stays open, because there is no way back to its device.

use std::os::fd::OwnedFd;

use super::{
    serial::{LOOK, host_is_away},
    serve_one,
};
use crate::{
    fd::FdStream,
    guest::{Guest, ServeError},
};

/// Serves whoever is at the other end of `port`, again and again; only once if `once`.
pub(crate) async fn port(guest: &Guest, port: OwnedFd, once: bool) -> Result<(), ServeError> {
    loop {
        // Without a host the port reads as ended.
        while host_is_away(&port) {
            tokio::time::sleep(LOOK).await;
        }
        serve_one(guest, FdStream::new(port.try_clone()?)?, once).await?;
        if once {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}
