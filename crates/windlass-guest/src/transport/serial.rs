//! A serial device, virtio or not.

use std::{fs, io, os::fd::OwnedFd, path::Path, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::{OptionalActions, isatty, tcgetattr, tcsetattr},
};

use super::serve_one;
use crate::{
    fd::FdStream,
    guest::{Guest, ServeError},
};

/// How often is looked whether a host is there.
pub(super) const LOOK: Duration = Duration::from_millis(10);

/// Serves whoever is at the other end of `device`, again and again; only once if `once`.
///
/// A virtio port without a host reads as ended, so a host is waited for; and it can be open only once at a time.
pub async fn serial(guest: &Guest, device: &Path, once: bool) -> Result<(), ServeError> {
    loop {
        let port = open(device)?;
        while host_is_away(&port) {
            tokio::time::sleep(LOOK).await;
        }
        serve_one(guest, FdStream::new(port)?, once).await?;
        if once {
            return Ok(());
        }
        // A device that only ever says that it ended must not be asked without pause.
        tokio::time::sleep(LOOK).await;
    }
}

fn open(device: &Path) -> io::Result<OwnedFd> {
    let port: OwnedFd = fs::OpenOptions::new().read(true).write(true).open(device)?.into();
    if isatty(&port) {
        let mut settings = tcgetattr(&port)?;
        settings.make_raw();
        tcsetattr(&port, OptionalActions::Now, &settings)?;
    }
    Ok(port)
}

pub(super) fn host_is_away(port: &OwnedFd) -> bool {
    let mut state = [PollFd::new(port, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut state, Some(&now)).is_ok() && state[0].revents().contains(PollFlags::HUP)
}
