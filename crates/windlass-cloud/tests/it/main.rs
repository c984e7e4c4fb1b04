//! Large files, from what stands in for S3 and from web servers, over connections that break.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod s3;
mod web;
mod wires;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use windlass_cloud::object::{Object, Progress, PullError, Pulled};
use windlass_config::Sha256Sum;

/// Bytes of which no two stretches are the same.
fn noise(seed: u8, length: usize) -> Vec<u8> {
    let blocks =
        (0_u64..).flat_map(|block| <[u8; 32]>::from(Sha256::digest([&[seed][..], &block.to_be_bytes()].concat())));
    blocks.take(length).collect()
}

fn sum(bytes: &[u8]) -> Sha256Sum {
    Sha256Sum(Sha256::digest(bytes).into())
}

/// A directory that a file is fetched into.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("images/root.ext4")
    }

    fn names(&self) -> Vec<String> {
        let Ok(listed) = fs::read_dir(self.file().parent().unwrap()) else { return Vec::new() };
        let mut names: Vec<_> = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The file is there, whole, and nothing beside it.
    fn holds(&self, bytes: &[u8]) {
        assert_eq!(self.names(), ["root.ext4"]);
        assert!(fs::read(self.file()).unwrap() == bytes, "these are other bytes");
    }
}

async fn pull(object: &Object, sum: Sha256Sum, to: &Path) -> Result<Pulled, PullError> {
    object.pull(sum, to, &|_| {}).await
}

/// Waits for what happens elsewhere.
async fn until(happened: impl Fn() -> bool) {
    let looking = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking).await.expect("it should have happened by now");
}

/// Begins to fetch, and is gone when so many bytes have come: as an interrupt or a crash would have it.
async fn begin(object: &Object, sum: Sha256Sum, to: &Path, until: u64) {
    let (enough, mut came) = tokio::sync::watch::channel(false);
    let told = |progress: Progress| {
        if progress.done >= until {
            let _ = enough.send(true);
        }
    };
    tokio::select! {
        done = object.pull(sum, to, &told) => panic!("all of it came: {done:?}"),
        _ = came.changed() => {}
    }
}
