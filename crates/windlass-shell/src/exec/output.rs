//! From a pipe into a sink, in pieces, never more than one piece in memory.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;
use windlass_core::{Captured, NoOutputs, Outputs, Principal, Sink};

use super::OnOutput;

const PIECE: usize = 64 * 1024;

/// How long after the end of a run its output may still be on the way.
const DRAIN: Duration = Duration::from_millis(500);

/// Moves `from` into `sink` until it ends, or until shortly after the run is `over`: a process that got hold of the pipe
/// and escaped must not keep the caller waiting.
pub(super) async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut sink: Box<dyn Sink>,
    watcher: Option<&OnOutput>,
    over: &CancellationToken,
) -> Captured {
    let copy = async {
        let mut piece = vec![0; PIECE];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            sink.write(&piece[..length]);
            if let Some(watcher) = watcher {
                watcher(&piece[..length]);
            }
        }
    };
    let late = async {
        over.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        () = copy => {}
        () = late => {}
    }
    sink.finish().await
}

/// A sink for our own short commands.
pub(super) fn memory() -> Box<dyn Sink> {
    NoOutputs.open(&Principal::local(), "probe")
}
