//! The next generation, while it is made.

use std::{fs, fs::File, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{
    Shared,
    build::{Built, build},
    manifest::Head,
    nearest::other_model,
    objects::{Version, blocking, unreachable},
    snapshot::FileSnapshot,
    spool::{Spool, Step},
};
use crate::{About, Change, DocumentEntry, Generation, IndexError, Model, NewDocument, Writer};

/// Changes that a generation tells of.
const CHANGES: usize = 300;
/// Bytes of a path: a longer one could not be looked for.
const LONGEST_PATH: usize = 8 << 10;
/// What a writer that was killed left is removed after this time, where its lock does not say that it is gone.
const LEFT: Duration = Duration::from_secs(3600);

/// A refresh.
pub struct FileWriter {
    shared: Arc<Shared>,
    model: Model,
    /// The head it started from.
    read: Option<(Version, Head)>,
    base: Option<FileSnapshot>,
    /// Away while a thread works with it; where that was dropped, it does not come back.
    spool: Option<Spool>,
    work: Work,
}

/// A directory of one writer. The lock on a file in it says that the writer lives.
struct Work {
    folder: TempDir,
    _lock: File,
}

impl Work {
    fn new(all: &Path) -> Result<Self, IndexError> {
        let failed = || unreachable(all.display());
        fs::create_dir_all(all).map_err(failed())?;
        sweep(all);
        let folder = tempfile::Builder::new().prefix("writer-").tempdir_in(all).map_err(failed())?;
        let lock = File::create_new(folder.path().join("lock")).map_err(failed())?;
        lock.lock().map_err(failed())?;
        Ok(Self { folder, _lock: lock })
    }
}

/// Removes what writers left that were killed.
fn sweep(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_gone = || File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        let is_old = || {
            let written = entry.metadata().and_then(|known| known.modified()).ok();
            written.and_then(|written| written.elapsed().ok()).is_some_and(|age| age > LEFT)
        };
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let left = if is_folder { is_gone() || (!path.join("lock").exists() && is_old()) } else { is_old() };
        if left {
            let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            if let Err(error) = removed {
                tracing::warn!(%error, path = %path.display(), "what an ended refresh left cannot be removed");
            }
        }
    }
}

impl FileWriter {
    pub(super) async fn begin(
        shared: Arc<Shared>,
        model: &Model,
        read: Option<(Version, Head)>,
        base: Option<FileSnapshot>,
    ) -> Result<Self, IndexError> {
        let all = shared.objects.work().to_owned();
        let (work, spool) = blocking(move || {
            let work = Work::new(&all)?;
            let spool = Spool::new(work.folder.path())?;
            Ok((work, spool))
        })
        .await?;
        Ok(Self { shared, model: model.clone(), read, base, spool: Some(spool), work })
    }

    fn spool(&mut self) -> Result<&mut Spool, IndexError> {
        self.spool.as_mut().ok_or_else(interrupted)
    }

    async fn has(&mut self, path: &str) -> Result<bool, IndexError> {
        match self.spool()?.steps.get(path) {
            Some(step) => Ok(!matches!(step, Step::Removed)),
            None => self.is_in_base(path).await,
        }
    }

    async fn is_in_base(&self, path: &str) -> Result<bool, IndexError> {
        let Some(base) = self.base.clone() else { return Ok(false) };
        let contents = blocking(move || base.all_contents()).await?;
        Ok(contents.contains_key(path))
    }

    fn generation(&self, about: About, built: &Built) -> Generation {
        let older = self.base.iter().flat_map(|base| base.manifest().generation.changes.iter().cloned());
        let changes: Vec<Change> = about.changes.into_iter().chain(older).take(CHANGES).collect();
        Generation {
            number: self.number(),
            published: OffsetDateTime::now_utc(),
            model: self.model.clone(),
            counts: built.counts,
            sources: about.sources,
            changes,
            skipped: about.skipped,
            rolled_back_to: None,
        }
    }

    fn number(&self) -> u64 {
        self.read.as_ref().map_or(0, |(_, head)| head.number()) + 1
    }

    async fn finish(&mut self, about: About) -> Result<Generation, IndexError> {
        let mut spool = self.spool.take().ok_or_else(interrupted)?;
        let (base, objects) = (self.base.clone(), self.shared.objects.directory().to_owned());
        let (number, dimensions) = (self.number(), self.model.dimensions);
        let built = blocking(move || build(&mut spool, base.as_ref(), &objects, number, dimensions)).await?;
        let keep = about.keep;
        let generation = self.generation(about, &built);
        self.shared.publish(self.read.as_ref(), generation, built, self.work.folder.path(), keep).await
    }
}

fn interrupted() -> IndexError {
    IndexError::Invalid("this refresh was interrupted, and does not go on".to_owned())
}

#[async_trait]
impl Writer for FileWriter {
    fn base(&self) -> Option<&Generation> {
        self.base.as_ref().map(|base| &base.manifest().generation)
    }

    async fn put(&mut self, document: NewDocument) -> Result<(), IndexError> {
        check_path(&document.entry.path)?;
        for chunk in &document.chunks {
            if chunk.vector.len() != self.model.dimensions {
                return Err(other_model(&self.model, chunk.vector.len()));
            }
            if chunk.vector.iter().any(|number| !number.is_finite()) {
                let place = format!("{}:{}", document.entry.path, chunk.first_line);
                return Err(IndexError::Invalid(format!("the vector of {place} has numbers that are none")));
            }
        }
        let mut spool = self.spool.take().ok_or_else(interrupted)?;
        let put = blocking(move || spool.put(document).map(|()| spool)).await?;
        self.spool = Some(put);
        Ok(())
    }

    async fn rename(&mut self, from: &str, to: DocumentEntry) -> Result<(), IndexError> {
        check_path(&to.path)?;
        if !self.has(from).await? {
            return Err(IndexError::Invalid(format!("there is no {from} that could have moved")));
        }
        let to_path = to.path.clone();
        let entry = Box::new(to);
        let steps = &mut self.spool()?.steps;
        // Where it is still as the base has it, the base is where it comes from.
        let step = match steps.remove(from) {
            Some(Step::Put { at, length, first_row, .. }) => Step::Put { entry, at, length, first_row },
            Some(Step::Moved { from, .. }) => Step::Moved { entry, from },
            Some(Step::Removed) | None => Step::Moved { entry, from: from.to_owned() },
        };
        steps.insert(from.to_owned(), Step::Removed);
        steps.insert(to_path, step);
        Ok(())
    }

    async fn remove(&mut self, path: &str) -> Result<(), IndexError> {
        self.spool()?.steps.insert(path.to_owned(), Step::Removed);
        Ok(())
    }

    async fn publish(mut self: Box<Self>, about: About) -> Result<Generation, IndexError> {
        match self.finish(about).await {
            Err(error) if !matches!(error, IndexError::Overtaken(_)) => {
                // What it built upon may be gone because another one published: that is what to say.
                Err(self.shared.overtaken(self.read.as_ref()).await.unwrap_or(error))
            }
            done => done,
        }
    }
}

fn check_path(path: &str) -> Result<(), IndexError> {
    match path.len() {
        1..=LONGEST_PATH => Ok(()),
        length => Err(IndexError::Invalid(format!("a path has 1 to {LONGEST_PATH} bytes, and not {length}"))),
    }
}
