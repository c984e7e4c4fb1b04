//! The next generation, up to where it could be published.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{SinkExt, StreamExt, channel::mpsc, stream};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use windlass_index::{About, Change, ChangeKind, Generation, Hash, Index, Writer};

use super::{
    CHANGES, Options, Phase, Progress, RefreshError, Report, Watch,
    plan::{self, Candidate, Place},
    prepare::{self, Document, Prepared},
    vectors::Vectors,
};
use crate::{embed::Embedder, source::Source};

/// Files that are read at a time.
const READERS: usize = 16;
/// Bytes of files that are read at a time; a larger one is read alone.
const READING: u64 = 64 << 20;
/// Chunks whose vectors are looked for together, ...
const GROUP: usize = 512;
/// ... and bytes of documents that wait for that.
const GROUP_BYTES: usize = 8 << 20;

/// What there is to be published, if anything is.
pub(super) struct Built {
    pub next: Option<(Box<dyn Writer>, About)>,
    pub report: Report,
}

pub(super) async fn build(
    collection: &str,
    index: &dyn Index,
    sources: &[Arc<dyn Source>],
    embedder: &dyn Embedder,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Built, RefreshError> {
    let model = embedder.model().await?;
    let places = plan::open(sources, watch).await?;
    let writer = index.begin(&model).await?;
    let current = index.current().await?;
    // Between the two another refresh may have published. Then this one cannot publish anyway.
    if let Some(current) = &current
        && writer.base().is_some_and(|base| base.number != current.generation().number)
    {
        return Err(RefreshError::Overtaken(current.generation().number));
    }
    let contents = match &current {
        Some(current) => current.contents().await?,
        None => BTreeMap::new(),
    };
    let before = contents.len() as u64;
    // A writer without a base has no documents: each must be put, whatever the index had of it.
    let anew = writer.base().is_none();
    let plan = plan::plan(&places, contents, options.all || anew)?;
    shrinks(before, plan.files, options)?;
    let mut report = Report { collection: collection.to_owned(), ..Report::default() };
    for place in &places {
        for (why, count) in place.opened.skipped() {
            *report.skipped.entry(why.clone()).or_default() += count;
        }
    }
    let mut next = Next {
        writer,
        vectors: Vectors::new(index, embedder, model),
        anew,
        put_all: anew || options.all,
        after: plan.files - plan.candidates.len() as u64,
        gone: plan.gone,
        waiting: Vec::new(),
        changes: Vec::new(),
        put: 0,
        now: OffsetDateTime::now_utc(),
        report,
    };
    next.read(plan.candidates, watch).await?;
    shrinks(before, next.after, options)?;
    if current.is_none() && next.after == 0 && !options.force {
        return Err(RefreshError::NoDocuments { skipped: next.report.skipped_words() });
    }
    next.remove().await?;
    let base = current.as_ref().map(|current| current.generation());
    Ok(next.finish(&places, base, options))
}

/// Refuses what loses too much.
fn shrinks(before: u64, after: u64, options: &Options) -> Result<(), RefreshError> {
    let most = options.max_shrink.min(100);
    let left = u128::from(before) * u128::from(100 - most);
    if !options.force && u128::from(after) * 100 < left {
        return Err(RefreshError::Shrinks { before, after, most });
    }
    Ok(())
}

struct Next<'a> {
    writer: Box<dyn Writer>,
    vectors: Vectors<'a>,
    /// The writer has nothing yet.
    anew: bool,
    /// Documents are put although nothing says that they changed.
    put_all: bool,
    /// Documents there will be.
    after: u64,
    /// What the index has and no source does, less what moved.
    gone: BTreeSet<(Hash, String)>,
    waiting: Vec<Document>,
    changes: Vec<Change>,
    put: u64,
    now: OffsetDateTime,
    report: Report,
}

impl Next<'_> {
    /// Reads the candidates a few at a time, in their order, while what was read is embedded and put.
    async fn read(&mut self, candidates: Vec<Candidate>, watch: Watch<'_>) -> Result<(), RefreshError> {
        let total = candidates.len() as u64;
        watch(Progress { phase: Phase::Reading, done: 0, total });
        let room = Arc::new(Semaphore::new((READING >> 10) as usize));
        let (again, now) = (self.put_all, self.now);
        let (mut sender, mut receiver) = mpsc::channel(1);
        let reading = async move {
            let mut prepared = stream::iter(candidates)
                .map(|candidate| {
                    let room = room.clone();
                    async move {
                        let size = (candidate.file.bytes.min(READING) >> 10).max(1) as u32;
                        let _permit = room.acquire_many(size).await;
                        prepare::prepare(candidate, again, now).await
                    }
                })
                .buffered(READERS);
            while let Some(one) = prepared.next().await {
                // Who does not listen any more has failed, and says why.
                if sender.send(one?).await.is_err() {
                    break;
                }
            }
            Ok::<_, RefreshError>(())
        };
        let putting = async {
            let mut done = 0;
            while let Some(prepared) = receiver.next().await {
                self.take(prepared).await?;
                done += 1;
                watch(Progress { phase: Phase::Reading, done, total });
            }
            self.put_waiting().await
        };
        futures::future::try_join(reading, putting).await.map(|_| ())
    }

    async fn take(&mut self, prepared: Prepared) -> Result<(), RefreshError> {
        match prepared {
            Prepared::Same => self.after += 1,
            Prepared::Broken { path, known, kind, why } => {
                let kept = known && !self.anew;
                if kept {
                    self.after += 1;
                } else if known {
                    self.changed(ChangeKind::Removed, path.clone(), None);
                }
                self.report.fail(&path, &kind, why, kept);
            }
            Prepared::Read(document) => {
                self.after += 1;
                let path = document.entry.path.clone();
                match document.before {
                    Some(before) if before == document.entry.content => {}
                    Some(_) => self.changed(ChangeKind::Changed, path, None),
                    None => match self.moved_from(&document) {
                        None => self.changed(ChangeKind::Added, path, None),
                        Some(from) => {
                            self.gone.remove(&(document.entry.content, from.clone()));
                            self.changed(ChangeKind::Moved, path, Some(from.clone()));
                            if !self.put_all {
                                return Ok(self.writer.rename(&from, document.entry).await?);
                            }
                            if !self.anew {
                                self.writer.remove(&from).await?;
                            }
                        }
                    },
                }
                self.waiting.push(*document);
                let chunks: usize = self.waiting.iter().map(|document| document.chunks.len()).sum();
                let bytes: usize = self.waiting.iter().map(|document| document.text.len()).sum();
                if chunks >= GROUP || bytes >= GROUP_BYTES {
                    self.put_waiting().await?;
                }
            }
        }
        Ok(())
    }

    /// The path this content came from. A file of another kind is another document, with the same bytes or not.
    fn moved_from(&self, document: &Document) -> Option<String> {
        let kind = |path: &str| path.rsplit_once('.').map(|(_, kind)| kind.to_lowercase());
        let of_kind = kind(&document.entry.path);
        let content = document.entry.content;
        let mut from = self.gone.range((content, String::new())..).take_while(|(other, _)| *other == content);
        from.find(|(_, path)| kind(path) == of_kind).map(|(_, path)| path.clone())
    }

    fn changed(&mut self, kind: ChangeKind, path: String, from: Option<String>) {
        let count = match kind {
            ChangeKind::Added => &mut self.report.added,
            ChangeKind::Changed => &mut self.report.changed,
            ChangeKind::Moved => &mut self.report.moved,
            ChangeKind::Removed => &mut self.report.removed,
        };
        *count += 1;
        if self.changes.len() < CHANGES {
            self.changes.push(Change { kind, path, from, at: self.now });
        }
    }

    /// Puts the documents that wait, with their vectors.
    async fn put_waiting(&mut self) -> Result<(), RefreshError> {
        let waiting = std::mem::take(&mut self.waiting);
        let texts =
            waiting.iter().flat_map(|document| &document.chunks).map(|chunk| (chunk.hash, chunk.embedded.as_str()));
        let vectors = self.vectors.of(texts).await?;
        for document in waiting {
            self.report.chunks += document.chunks.len() as u64;
            self.put += 1;
            self.writer.put(document.with(&vectors)?).await?;
        }
        self.report.embedded = self.vectors.made();
        Ok(())
    }

    /// Takes out what is in no source any more.
    async fn remove(&mut self) -> Result<(), RefreshError> {
        let mut gone: Vec<String> = std::mem::take(&mut self.gone).into_iter().map(|(_, path)| path).collect();
        gone.sort_unstable();
        for path in gone {
            if !self.anew {
                self.writer.remove(&path).await?;
            }
            self.changed(ChangeKind::Removed, path, None);
        }
        Ok(())
    }

    fn finish(self, places: &[Place], base: Option<&Generation>, options: &Options) -> Built {
        let mut report = self.report;
        report.documents = self.after;
        let is_same = self.changes.is_empty() && self.put == 0 && base.is_some();
        if is_same {
            return Built { next: None, report };
        }
        let mut changes = self.changes;
        changes.extend(base.into_iter().flat_map(|base| base.changes.iter().cloned()));
        changes.truncate(CHANGES);
        let about = About {
            sources: places.iter().map(|place| (place.name.to_string(), place.opened.at().to_owned())).collect(),
            changes,
            skipped: report.skipped.clone(),
            keep: options.keep.max(1),
        };
        Built { next: Some((self.writer, about)), report }
    }
}
