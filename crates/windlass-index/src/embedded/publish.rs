//! From what was built to what is current.

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures::{StreamExt, TryStreamExt};
use tantivy::index::SegmentId;

use super::{
    Shared,
    build::Built,
    manifest::{Head, Kept, Manifest, written},
    objects::{Listed, Object, Version, blocking, unreachable},
    pending, verify,
};
use crate::{Generation, IndexError};

/// What no kept generation has is deleted once it is as old: a refresh that runs may be about to publish it.
const UNUSED: Duration = Duration::from_secs(3600);
/// Files that are read or written at a time.
pub(super) const TRANSFERS: usize = 8;

impl Shared {
    /// Why not to publish, where another one did.
    pub(super) async fn overtaken(&self, read: Option<&(Version, Head)>) -> Option<IndexError> {
        let (version, head) = self.head(Duration::ZERO).await.ok()??;
        (read.map(|(read, _)| read) != Some(&version)).then(|| IndexError::Overtaken(head.number()))
    }

    /// Writes what is new, and then the head.
    pub(super) async fn publish(
        self: &Arc<Self>,
        read: Option<&(Version, Head)>,
        generation: Generation,
        built: Built,
        work: &Path,
        keep: usize,
    ) -> Result<Generation, IndexError> {
        let writer = writer_number();
        let puts = built.made.into_iter().map(|(name, path)| self.put(name, writer.clone(), path)).collect::<Vec<_>>();
        let new: Vec<_> = futures::stream::iter(puts).buffer_unordered(TRANSFERS).try_collect().await?;
        let mut files = built.kept;
        files.extend(new.iter().cloned());
        files.sort_by(|one, other| one.name.cmp(&other.name));
        for file in &new {
            self.verified.is_whole(file);
        }
        let manifest = Manifest::new(generation, built.text, files);
        self.make_current(read, manifest, writer, work, keep).await
    }

    pub(super) async fn make_current(
        self: &Arc<Self>,
        read: Option<&(Version, Head)>,
        manifest: Manifest,
        writer: String,
        work: &Path,
        keep: usize,
    ) -> Result<Generation, IndexError> {
        let generation = manifest.generation.clone();
        let path = work.join("manifest");
        tokio::fs::write(&path, written(&manifest)?).await.map_err(unreachable(path.display()))?;
        let manifest = self.put("manifest".to_owned(), writer, path).await?;
        let head = Head::after(read.map(|(_, head)| head), Kept { number: generation.number, manifest }, keep);
        let next = written(&head)?;
        match self.objects.swap(read.map(|(version, _)| version), &next).await {
            Ok(true) => {}
            // What failed may have been done all the same: an answer that was lost.
            said => match self.head(Duration::ZERO).await? {
                Some((version, _)) if version.bytes == next => {}
                Some((_, head)) if said.is_ok() => return Err(IndexError::Overtaken(head.number())),
                _ => return Err(said.err().unwrap_or(IndexError::Overtaken(0))),
            },
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Err(error) = self.clean(&head).await {
            tracing::warn!(%error, "what no generation needs any more is not deleted yet");
        }
        Ok(generation)
    }

    async fn put(&self, name: String, writer: String, path: std::path::PathBuf) -> Result<Object, IndexError> {
        let file = path.clone();
        let hashed = blocking(move || {
            let mut open = std::fs::File::open(&file).map_err(unreachable(file.display()))?;
            let hash = verify::hash(&mut open).map_err(unreachable(file.display()))?;
            Ok((hash, open.metadata().map_err(unreachable(file.display()))?.len()))
        });
        let (hash, bytes) = hashed.await?;
        let object = Object { name, writer, hash, bytes };
        self.objects.put(&object, &path).await?;
        Ok(object)
    }

    /// Deletes what is not needed any more.
    async fn clean(self: &Arc<Self>, head: &Head) -> Result<(), IndexError> {
        let manifests = self.manifests(head).await?;
        let kept: HashSet<_> = keys(head, &manifests).collect();
        self.manifests.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| kept.contains(key));
        let listed = self.objects.list().await?;
        let is_unused =
            |there: &&Listed| there.age > UNUSED && !kept.contains(&there.key) && !pending::is_pending(&there.key);
        let mut unused: Vec<_> = listed.iter().filter(is_unused).map(|there| there.key.clone()).collect();
        if listed.iter().any(|there| pending::is_pending(&there.key))
            && let Some(published) = self.current(Duration::ZERO).await?
        {
            unused.extend(self.pending.spent(&self.objects, &published, &listed).await);
        }
        self.objects.delete(&unused).await?;
        self.objects.trim(&kept).await
    }
}

/// Every object that these generations need.
pub(super) fn keys<'a>(head: &'a Head, manifests: &'a [Arc<Manifest>]) -> impl Iterator<Item = String> + 'a {
    let own = head.kept.iter().map(|kept| kept.manifest.key());
    own.chain(manifests.iter().flat_map(|manifest| manifest.files.iter().map(Object::key)))
}

/// A number that nobody else has.
pub(super) fn writer_number() -> String {
    SegmentId::generate_random().short_uuid_string()
}
