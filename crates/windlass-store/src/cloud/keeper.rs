//! One output on its way to the bucket: cut into parts that are uploaded while the rest still comes.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use tokio::{
    runtime,
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{
    Cloud, index,
    parts::PART,
    spool::{Piece, Spool},
    told,
};
use crate::{
    entry::{Entry, Handle},
    shelf::Keeper,
};

/// Uploads of one stream at a time: what a short one waits behind a long one.
const UPLOADS: usize = 3;
/// How long the end of a call waits for parts that are still under way. What is not there by then is not kept. A call
/// that is ended at its deadline has about this long to bring its answer home.
const PARTS: Duration = Duration::from_secs(3);
/// And for the item, counted from the same moment: by then the answer must go.
const ALL: Duration = Duration::from_secs(4);

pub(super) struct CloudKeeper {
    cloud: Arc<Cloud>,
    handle: Handle,
    spool: Spool,
    taken: u64,
    /// Number of the part that is being filled.
    next: u64,
    /// Dropped, it ends what is under way.
    uploads: JoinSet<io::Result<(u64, u64)>>,
    turns: Arc<Semaphore>,
    /// One part is lost, so no later one is of use.
    lost: Arc<AtomicBool>,
}

impl CloudKeeper {
    pub(super) fn new(cloud: Arc<Cloud>, handle: Handle) -> io::Result<Self> {
        let spool = Spool::new(cloud.room.clone(), cloud.directory.as_deref())?;
        let turns = Arc::new(Semaphore::new(UPLOADS));
        Ok(Self { cloud, handle, spool, taken: 0, next: 0, uploads: JoinSet::new(), turns, lost: Arc::default() })
    }

    fn upload(&mut self) -> io::Result<()> {
        let piece = self.spool.cut();
        let number = self.next;
        self.next += 1;
        let (cloud, key, lost) = (self.cloud.clone(), self.cloud.key(&self.handle, number), self.lost.clone());
        let runtime = runtime::Handle::try_current().map_err(io::Error::other)?;
        let turns = self.turns.clone();
        let work = async move {
            let length = piece.length();
            let _turn = turns.acquire().await.map_err(io::Error::other)?;
            match put(&cloud, key, piece, &lost).await {
                Ok(()) => Ok((number, length)),
                Err(error) => {
                    // Only the first one is news.
                    if !lost.swap(true, Ordering::Relaxed) {
                        tracing::warn!(%error, bucket = cloud.bucket, "a part of a long output could not be uploaded");
                        cloud.failed();
                    }
                    Err(error)
                }
            }
        };
        self.uploads.spawn_on(work, &runtime);
        Ok(())
    }

    /// Bytes from the first on without a gap that are in the bucket, waiting for those on their way until `end`.
    async fn arrived(&mut self, end: Instant) -> u64 {
        let mut there = BTreeMap::new();
        while let Ok(Some(upload)) = timeout_at(end, self.uploads.join_next()).await {
            if let Ok(Ok((number, length))) = upload {
                there.insert(number, length);
            }
        }
        if there.len() as u64 != self.next && !self.lost.swap(true, Ordering::Relaxed) {
            tracing::warn!(bucket = self.cloud.bucket, "uploading long output takes too long, the rest is not kept");
        }
        self.uploads.abort_all();
        (0..).map_while(|number| there.get(&number)).sum()
    }
}

async fn put(cloud: &Cloud, key: String, mut piece: Piece, lost: &AtomicBool) -> io::Result<()> {
    let _one_of_few = cloud.uploads.acquire().await.map_err(io::Error::other)?;
    if lost.load(Ordering::Relaxed) {
        return Err(io::Error::other("an earlier part was lost"));
    }
    let (piece, bytes) = tokio::task::spawn_blocking(move || {
        let bytes = piece.load();
        (piece, bytes)
    })
    .await
    .map_err(io::Error::other)?;
    let request = cloud.clients().await.s3.put_object().bucket(&cloud.bucket).key(key);
    request.content_type("application/octet-stream").body(ByteStream::from(bytes?)).send().await.map_err(told)?;
    drop(piece);
    Ok(())
}

#[async_trait]
impl Keeper for CloudKeeper {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.lost.load(Ordering::Relaxed) {
                return Err(io::Error::other("a part of it could not be uploaded"));
            }
            let (now, later) = rest.split_at(rest.len().min(PART - self.spool.length()));
            self.spool.append(now)?;
            self.taken += now.len() as u64;
            rest = later;
            if self.spool.length() == PART {
                self.upload()?;
            }
        }
        Ok(())
    }

    fn kept(&self) -> u64 {
        self.taken
    }

    async fn seal(mut self: Box<Self>, entry: &mut Entry) -> io::Result<()> {
        let started = Instant::now();
        if self.spool.length() > 0 {
            self.upload()?;
        }
        entry.kept = self.arrived(started + PARTS).await;
        if entry.kept == 0 {
            self.cloud.failed();
            return Err(io::Error::other(format!("nothing of it reached the bucket `{}`", self.cloud.bucket)));
        }
        let put = index::put(&self.cloud, &self.handle, entry);
        let recorded = match timeout_at(started + ALL, put).await {
            Ok(outcome) => outcome,
            Err(_) => Err(io::Error::other(format!("the table `{}` did not answer in time", self.cloud.table))),
        };
        recorded.inspect_err(|_| self.cloud.failed())
    }
}
