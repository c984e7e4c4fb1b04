use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::TryStreamExt;
use tokio::sync::mpsc;
use tokio_util::io::ReaderStream;

use super::{Registry, RegistryError, manifests::check_tag};
use crate::{Descriptor, Digest, ImageError, Layout};

/// How far an upload or a download is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The blob it is about.
    pub blob: Digest,
    /// How many bytes of it were moved.
    pub moved: u64,
    /// How many it has.
    pub size: u64,
    /// It was there already, so nothing had to be moved.
    pub present: bool,
}

/// A block of a file: large enough that reading costs nothing, small enough to see it move.
const BLOCK: usize = 256 * 1024;
/// Registries stumble, the more so when two push the same image at the same time.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

impl Registry {
    /// Pushes `layout` under `tag`, and says its digest as the registry has it, which is the same.
    ///
    /// A tag that names this image already is success. One that names another image is not moved, whatever the registry
    /// would allow: [`RegistryError::TagTaken`].
    pub async fn push(
        &self,
        layout: &Layout,
        tag: &str,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Digest, RegistryError> {
        check_tag(tag)?;
        let mut attempt = 1;
        loop {
            match self.attempt(layout, tag, progress).await {
                Err(error) if attempt < ATTEMPTS && error.may_pass() => {
                    tracing::warn!(%error, attempt, "the registry did not take the image; trying again");
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                result => return result.map(|()| layout.digest().clone()),
            }
        }
    }

    /// What is there already is not moved again, so an attempt goes on where the last one ended.
    async fn attempt(
        &self,
        layout: &Layout,
        tag: &str,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), RegistryError> {
        if self.names(tag, layout.digest()).await? {
            return Ok(());
        }
        for blob in layout.manifest().blobs() {
            self.push_blob(layout, blob, progress).await?;
        }
        let put = self.put_manifest(tag, layout.media_type(), layout.manifest_bytes()).await?;
        // A tag that does not move may have been made by somebody faster, for this image or another one.
        if self.names(tag, layout.digest()).await? {
            return Ok(());
        }
        let (host, says) = (self.options.host.clone(), format!("it has no tag `{tag}` after the push ({put:?})"));
        Err(RegistryError::Other { host, status: 0, says })
    }

    /// Whether `tag` names `here`; an error if it names something else.
    async fn names(&self, tag: &str, here: &Digest) -> Result<bool, RegistryError> {
        match self.resolve(tag).await? {
            None => Ok(false),
            Some(there) if there == *here => Ok(true),
            Some(there) => Err(RegistryError::TagTaken { tag: tag.to_owned(), there, here: here.clone() }),
        }
    }

    async fn push_blob(
        &self,
        layout: &Layout,
        blob: &Descriptor,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), RegistryError> {
        let say = |moved, present| progress(Progress { blob: blob.digest.clone(), moved, size: blob.size, present });
        if self.has_blob(&blob.digest).await? {
            say(blob.size, true);
            return Ok(());
        }
        say(0, false);
        let path = layout.blob_path(&blob.digest);
        let file = tokio::fs::File::open(&path).await.map_err(ImageError::io("read", path))?;
        // The stream belongs to the client; what it has read is told through a counter.
        let (moved, (changed, mut changes)) = (Arc::new(AtomicU64::new(0)), mpsc::channel(1));
        let stream = ReaderStream::with_capacity(file, BLOCK)
            .inspect_ok({
                let moved = moved.clone();
                move |block| {
                    moved.fetch_add(block.len() as u64, Ordering::Relaxed);
                    // A full channel has news in it already.
                    let _ = changed.try_send(());
                }
            })
            .map_err(Into::into);
        let image = self.anything();
        let upload = self.client.push_blob_stream(&image, stream, blob.digest.as_str(), Some(blob.size));
        let mut upload = std::pin::pin!(upload);
        let mut said = 0;
        let done = loop {
            tokio::select! {
                done = &mut upload => break done,
                Some(()) = changes.recv() => {
                    said = moved.load(Ordering::Relaxed);
                    say(said, false);
                }
            }
        };
        // ECR leaves out where it put a blob, too, at times. Whether it has it can be asked.
        if let Err(error) = done
            && !self.has_blob(&blob.digest).await.unwrap_or(false)
        {
            return Err(self.refused(&format!("blob {}", blob.digest), error).await);
        }
        if said < blob.size {
            say(blob.size, false);
        }
        Ok(())
    }

    pub(super) async fn has_blob(&self, digest: &Digest) -> Result<bool, RegistryError> {
        let image = self.anything();
        // Without it, oci-client asks nobody for a token and goes as nobody.
        self.client.store_auth_if_needed(image.resolve_registry(), &self.auth).await;
        match self.client.blob_exists(&image, digest.as_str()).await {
            Ok(exists) => Ok(exists),
            Err(error) => Err(self.refused(&format!("blob {digest}"), error).await),
        }
    }

    /// Uploads bytes from memory.
    pub(super) async fn push_bytes(&self, digest: &Digest, bytes: &[u8]) -> Result<(), RegistryError> {
        if self.has_blob(digest).await? {
            return Ok(());
        }
        let image = self.anything();
        match self.client.push_blob(&image, bytes.to_vec(), digest.as_str()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.refused(&format!("blob {digest}"), error).await),
        }
    }
}
