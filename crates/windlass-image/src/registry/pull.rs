use std::{io::Write, path::Path};

use futures::StreamExt;
use oci_client::client::LayerDescriptor;

use super::{Progress, Registry, RegistryError, error::found_digest};
use crate::{
    Descriptor, Digest, ImageError, Layout,
    layout::{Staged, parse_manifest},
    manifest::{DOCKER_MANIFEST, MANIFEST, MAX_DOCUMENT},
};

/// The largest image that is taken from a registry, packed.
const MAX_IMAGE: u64 = 4 << 30;

impl Registry {
    /// Pulls the image of `digest` into `into`, which must be missing or an empty directory. Everything is verified:
    /// each blob has the size the manifest says, and hashes to its name.
    pub async fn pull(
        &self,
        digest: &Digest,
        into: &Path,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Layout, RegistryError> {
        let staged = Staged::new(into)?;
        let Some(stored) = self.manifest(digest.as_str()).await? else {
            let (host, what) = (self.options.host.clone(), format!("manifest {digest}"));
            return Err(RegistryError::NotFound { host, what });
        };
        if !matches!(stored.media_type.as_str(), MANIFEST | DOCKER_MANIFEST) {
            let kind = &stored.media_type;
            return Err(RegistryError::Unusable(format!("{digest} is of the kind `{kind}`, not one image")));
        }
        let manifest =
            parse_manifest(&stored.bytes).map_err(|why| RegistryError::Unusable(format!("{digest}: {why}")))?;
        let mut total = 0_u64;
        for blob in manifest.blobs() {
            total = total.saturating_add(blob.size);
        }
        if total > MAX_IMAGE || manifest.config.size > MAX_DOCUMENT {
            let what = format!("the image {digest}");
            return Err(ImageError::TooLarge { what, limit: MAX_IMAGE }.into());
        }
        for blob in manifest.blobs() {
            self.pull_blob(&staged, blob, progress).await?;
        }
        let descriptor = staged.blob(&stored.media_type, &stored.bytes)?;
        Ok(staged.finish(descriptor, None)?)
    }

    async fn pull_blob(
        &self,
        staged: &Staged,
        blob: &Descriptor,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), RegistryError> {
        let mut file = staged.file()?;
        self.stream(blob, |block, moved| {
            file.write_all(block).map_err(ImageError::io("write", file.path()))?;
            progress(Progress { blob: blob.digest.clone(), moved, size: blob.size, present: false });
            Ok(())
        })
        .await?;
        Ok(staged.keep(file, &blob.digest)?)
    }

    /// Reads a blob. What came is right only when this returns `Ok`.
    pub(super) async fn stream(
        &self,
        blob: &Descriptor,
        mut take: impl FnMut(&[u8], u64) -> Result<(), ImageError>,
    ) -> Result<(), RegistryError> {
        let image = self.anything();
        self.client.store_auth_if_needed(image.resolve_registry(), &self.auth).await;
        // Without the addresses a manifest may name beside: they lead where the image's maker likes.
        let layer = LayerDescriptor { digest: blob.digest.as_str(), urls: &None };
        let what = format!("blob {}", blob.digest);
        let mut stream = match self.client.pull_blob_stream(&image, &layer).await {
            Ok(stream) => stream,
            Err(error) => return Err(self.refused(&what, error).await),
        };
        let corrupted = |found: String| {
            let (host, blob) = (self.options.host.clone(), blob.digest.clone());
            RegistryError::Corrupted { host, blob, found }
        };
        let mut moved = 0_u64;
        while let Some(block) = stream.next().await {
            let block = match block {
                Ok(block) => block,
                Err(error) => match found_digest(&error) {
                    Some(found) => return Err(corrupted(found)),
                    None => return Err(self.refused(&what, error.into()).await),
                },
            };
            moved += block.len() as u64;
            if moved > blob.size {
                return Err(corrupted(format!("more than its {} bytes", blob.size)));
            }
            take(&block, moved)?;
        }
        if moved < blob.size {
            return Err(corrupted(format!("{moved} of {} bytes", blob.size)));
        }
        Ok(())
    }
}
