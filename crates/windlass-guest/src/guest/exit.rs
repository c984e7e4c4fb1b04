//! How a command ended.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use crate::{
    fd::FdStream,
    os::{REPORT_LEN, Report},
    protocol::Exit,
};

/// What the keeper of a command tells.
pub(super) struct Reports(pub(super) FdStream);

impl Reports {
    /// The next report; `None` when the keeper is gone, and with it all it kept. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Report> {
        let mut bytes = [0; REPORT_LEN];
        // A keeper writes a report at once, and a pipe does not tear what is so small.
        match self.0.read_some(&mut bytes).await {
            Ok(REPORT_LEN) => Some(Report::from_bytes(&bytes)),
            _ => None,
        }
    }

    /// Completes when nothing is left of the tree.
    pub(super) async fn tree_gone(&mut self) {
        while self.next().await.is_some() {}
    }
}

/// Puts together what is known. Without a report the keeper was killed, and the command with it.
pub(super) fn exit(report: Option<Report>, wall: Duration) -> Exit {
    let wall_ms = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
    let Some(report) = report else {
        return Exit { signal: Some(rustix::process::Signal::KILL.as_raw()), wall_ms, ..Exit::default() };
    };
    let status = ExitStatus::from_raw(report.status);
    Exit {
        code: status.code(),
        signal: status.signal(),
        wall_ms,
        cpu_ms: report.cpu_micros.div_ceil(1000),
        peak_rss_bytes: report.peak_rss_kib * 1024,
        ..Exit::default()
    }
}
