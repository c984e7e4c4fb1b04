//! What every index does, wherever it keeps things: the same tests for files in a folder, files in a bucket, and
//! PostgreSQL. [`suite!`] makes them for one of these; a test is a function here that takes an empty [`Place`].

mod filters;
mod history;
mod reading;
mod vectors;
mod writing;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use time::{Date, OffsetDateTime, macros::datetime};
use windlass_index::{
    About, DocumentEntry, Filter, Generation, Hash, Hit, Index, Model, NewChunk, NewDocument, Snapshot, StoredChunk,
    Writer,
};

pub use self::{filters::*, history::*, reading::*, vectors::*, writing::*};

/// One collection that nothing was put into yet. Opened twice, it is what two processes see of it.
#[async_trait]
pub trait Place: Send + Sync {
    async fn open(&self) -> Arc<dyn Index>;
}

/// The tests of the contract, for what this makes: `async fn() -> Option<impl Place>`, where `None` is a skip.
macro_rules! suite {
    ($make:path) => {
        crate::contract::suite! { @ $make:
            a_bad_glob_is_refused
            a_change_takes_the_place_of_what_was_there
            a_dropped_writer_leaves_nothing
            a_held_snapshot_stays_as_it_was
            a_move_keeps_the_chunks_and_their_vectors
            a_vector_of_another_model_is_refused
            an_empty_generation_is_one
            another_model_starts_with_nothing
            another_process_sees_what_was_published
            before_the_first_refresh_there_is_nothing
            changes_add_up_over_generations
            dates_bound_what_is_found
            documents_come_a_page_at_a_time
            equal_scores_come_in_the_order_of_paths
            every_part_of_a_filter_must_hold
            globs_know_directories
            going_back_brings_all_of_it_back
            headings_are_found_too
            known_vectors_are_those_of_the_model
            languages_and_tags_choose_documents
            many_small_refreshes_are_one_large_one
            nearest_is_what_a_plain_scan_says
            nearest_is_by_cosine_whatever_the_lengths
            odd_documents_are_kept_as_they_are
            only_so_many_generations_are_kept
            remembered_vectors_are_there_until_they_are_published
            sources_and_skips_are_told
            taking_out_takes_all_of_it_out
            the_second_of_two_writers_is_overtaken
            what_is_asked_for_is_all_there_is_at_most
            what_is_put_is_found
            what_is_put_twice_is_there_once
            words_are_found_in_other_forms
            words_are_never_a_syntax
        }
    };
    (@ $make:path: $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(place) = $make().await {
                    crate::contract::$name(&place).await;
                }
            }
        )*
    };
}
pub(crate) use suite;

pub const DIMENSIONS: usize = 8;

/// The model of these tests. Its vectors have any length.
pub fn model() -> Model {
    Model { name: "test/eight".to_owned(), dimensions: DIMENSIONS, normalised: false }
}

pub fn filter() -> Filter {
    Filter::default()
}

/// A vector that is this text's own.
pub fn vector(text: &str) -> Vec<f32> {
    let hash = Hash::of(text).0;
    hash.chunks_exact(4).map(|bytes| f32::from(bytes[0]) + f32::from(bytes[1]) / 256.0 - 128.0).collect()
}

/// A piece of text on these lines.
pub fn chunk(first_line: u32, breadcrumb: &[&str], text: &str) -> NewChunk {
    let whole = format!("{}\n{text}", breadcrumb.join(" > "));
    NewChunk {
        hash: Hash::of(&whole),
        breadcrumb: breadcrumb.iter().map(|&part| part.to_owned()).collect(),
        first_line,
        last_line: first_line + 1,
        text: text.to_owned(),
        vector: vector(&whole),
    }
}

/// Dated, in markdown, without tags.
pub fn entry(path: &str, text: &str) -> DocumentEntry {
    DocumentEntry {
        path: path.to_owned(),
        stamp: format!("stamp of {path}"),
        content: Hash::of(text),
        title: Some(format!("Title of {path}")),
        language: "markdown".to_owned(),
        tags: Vec::new(),
        date: None,
        indexed: datetime!(2026-03-04 05:06:07 UTC),
        source: "folder docs".to_owned(),
        link: Some(format!("https://example.com/{path}")),
        bytes: text.len() as u64,
        lines: text.lines().count() as u32,
        converted: false,
        sections: vec![(1, "Top".to_owned(), 1), (2, "Below".to_owned(), 3)],
    }
}

/// A document with one chunk for each text, two lines each.
pub fn document(path: &str, texts: &[&str]) -> NewDocument {
    let text = texts.join("\n\n");
    let chunks = texts.iter().zip(0..).map(|(text, nth)| chunk(nth * 2 + 1, &[path], text)).collect();
    NewDocument { entry: entry(path, &text), text, chunks }
}

/// [`document`], with more said of it.
pub fn described(path: &str, text: &str, language: &str, tags: &[&str], date: Option<Date>) -> NewDocument {
    let mut document = document(path, &[text]);
    document.entry.language = language.to_owned();
    document.entry.tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    document.entry.date = date;
    document
}

pub fn about() -> About {
    About { keep: 3, ..About::default() }
}

pub async fn begin(index: &dyn Index) -> Box<dyn Writer> {
    index.begin(&model()).await.unwrap()
}

/// Publishes a generation that has these too.
pub async fn publish(index: &dyn Index, documents: impl IntoIterator<Item = NewDocument>) -> Generation {
    let mut writer = begin(index).await;
    for document in documents {
        writer.put(document).await.unwrap();
    }
    writer.publish(about()).await.unwrap()
}

pub async fn current(index: &dyn Index) -> Arc<dyn Snapshot> {
    index.current().await.unwrap().expect("a generation was published")
}

/// Where hits are: `path:first_line`, in their order.
pub async fn places(snapshot: &dyn Snapshot, hits: &[Hit]) -> Vec<String> {
    let ids: Vec<_> = hits.iter().map(|hit| hit.chunk).collect();
    let chunks = snapshot.chunks(&ids).await.unwrap();
    assert_eq!(ids, chunks.iter().map(|chunk| chunk.id).collect::<Vec<_>>());
    chunks.iter().map(place).collect()
}

pub fn place(chunk: &StoredChunk) -> String {
    format!("{}:{}", chunk.document.path, chunk.first_line)
}

/// Where these words are found, the best first.
pub async fn found(snapshot: &dyn Snapshot, words: &str) -> Vec<String> {
    found_within(snapshot, words, &filter()).await
}

pub async fn found_within(snapshot: &dyn Snapshot, words: &str, filter: &Filter) -> Vec<String> {
    let hits = snapshot.lexical(words, filter, 1000).await.unwrap();
    assert!(hits.iter().all(|hit| hit.score.is_finite() && hit.score > 0.0), "{hits:?}");
    assert!(hits.is_sorted_by(|one, next| one.score >= next.score), "{hits:?}");
    places(snapshot, &hits).await
}

/// The same without an order.
pub async fn found_somewhere(snapshot: &dyn Snapshot, words: &str) -> Vec<String> {
    sorted(found(snapshot, words).await)
}

pub fn sorted(mut places: Vec<String>) -> Vec<String> {
    places.sort();
    places
}

/// The paths of all documents that this lets through, as they are listed.
pub async fn listed(snapshot: &dyn Snapshot, filter: &Filter) -> Vec<String> {
    let documents = snapshot.documents(filter, None, 10_000).await.unwrap();
    documents.into_iter().map(|document| document.path).collect()
}

/// All that can be read of a snapshot, for comparing: what it was published with, and its documents and chunks.
#[derive(Debug, PartialEq)]
pub struct Everything {
    pub documents: BTreeMap<String, (DocumentEntry, String)>,
    pub contents: BTreeMap<String, (String, Hash)>,
    /// `path:first_line` to hash, breadcrumb, last line and text.
    pub chunks: BTreeMap<String, (Hash, Vec<String>, u32, String)>,
}

impl Everything {
    pub async fn of(snapshot: &dyn Snapshot) -> Self {
        let mut documents = BTreeMap::new();
        for path in listed(snapshot, &filter()).await {
            let document = snapshot.document(&path).await.unwrap().expect("it is listed");
            documents.insert(path, (document.entry, document.text));
        }
        let hits = snapshot.nearest(&[1.0; DIMENSIONS], &filter(), 100_000).await.unwrap();
        let ids: Vec<_> = hits.iter().map(|hit| hit.chunk).collect();
        let mut chunks = BTreeMap::new();
        for chunk in snapshot.chunks(&ids).await.unwrap() {
            assert_eq!(chunk.document, documents[&chunk.document.path].0);
            let known = (chunk.hash, chunk.breadcrumb.clone(), chunk.last_line, chunk.text.clone());
            assert_eq!(chunks.insert(place(&chunk), known), None, "it is there twice");
        }
        let counts = snapshot.generation().counts;
        assert_eq!((counts.documents, counts.chunks), (documents.len() as u64, chunks.len() as u64));
        Self { documents, contents: snapshot.contents().await.unwrap(), chunks }
    }

    /// What these documents make.
    pub fn expected<'a>(all: impl IntoIterator<Item = &'a NewDocument>) -> Self {
        let (mut documents, mut contents, mut chunks) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for NewDocument { entry, text, chunks: new } in all {
            contents.insert(entry.path.clone(), (entry.stamp.clone(), entry.content));
            documents.insert(entry.path.clone(), (entry.clone(), text.clone()));
            for chunk in new {
                let known = (chunk.hash, chunk.breadcrumb.clone(), chunk.last_line, chunk.text.clone());
                chunks.insert(format!("{}:{}", entry.path, chunk.first_line), known);
            }
        }
        Self { documents, contents, chunks }
    }
}

/// When something was seen, in whole seconds after a start.
pub fn at(second: i64) -> OffsetDateTime {
    datetime!(2026-05-01 00:00 UTC) + time::Duration::seconds(second)
}
