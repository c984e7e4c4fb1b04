//! The last that a process has said.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Child,
    task::JoinSet,
};

/// As much as is kept of it. A guest can write to its console as much as it likes.
const KEPT: usize = 8 << 10;
/// How long it may take to be read when the process has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is kept, and who reads. Dropped, the reading goes on without being kept.
#[derive(Debug)]
pub(super) struct Said {
    kept: Arc<Mutex<VecDeque<u8>>>,
    readers: JoinSet<()>,
}

impl Said {
    /// Reads what `child` says for as long as it does.
    pub fn listen(child: &mut Child) -> Self {
        let mut this = Self { kept: Arc::default(), readers: JoinSet::new() };
        if let Some(output) = child.stdout.take() {
            this.readers.spawn(read(output, this.kept.clone()));
        }
        if let Some(errors) = child.stderr.take() {
            this.readers.spawn(read(errors, this.kept.clone()));
        }
        this
    }

    /// The last of it, when the process has ended.
    pub async fn last(mut self) -> String {
        let all = async { while self.readers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_WORDS, all).await;
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&Vec::from(kept)).trim().to_owned()
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        // Whoever writes must not wait for a reader. They end with the process.
        self.readers.detach_all();
    }
}

async fn read(mut from: impl AsyncRead + Unpin, kept: Arc<Mutex<VecDeque<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&buffer[..count]);
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
    }
}
