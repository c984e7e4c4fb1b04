//! What a refresh does: what is read, what is embedded, what is published.

use std::sync::{Arc, Mutex};

use windlass_core::CancellationToken;
use windlass_knowledge::{
    refresh::{self, Failed, Phase, Progress, RefreshError},
    source::Source,
};

use crate::parts::{Desk, Shelf, changes};

/// Three documents of one chunk each.
fn filled() -> Desk {
    let desk = Desk::new();
    desk.shelf
        .write("a.md", "# Apples\n\nApples grow on trees everywhere.\n")
        .write("b.md", "# Berries\n\nBerries grow on bushes everywhere.\n")
        .write("sub/c.txt", "Cherries are red everywhere.\n");
    desk
}

#[tokio::test]
async fn the_first_generation_has_everything() {
    let desk = filled();
    desk.shelf.skip("unknown .xyz", 2);
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.published, report.documents, report.added), (Some(1), 3, 3));
    assert_eq!((report.chunks, report.embedded, desk.embedder.count()), (3, 3, 3));
    assert_eq!(desk.shelf.reads(), ["a.md", "b.md", "sub/c.txt"]);
    let dump = desk.dump().await;
    assert_eq!((dump.documents.len(), dump.chunks, dump.found), (3, 3, 3));
    assert_eq!(changes(desk.index.as_ref()).await, ["added a.md", "added b.md", "added sub/c.txt"]);
    let told = report.to_string();
    let told = told.split("; 0.").next().unwrap();
    assert_eq!(told, "handbook: generation 1 with 3 documents: 3 added; 3 chunks put, 3 embedded");
    assert!(report.to_string().ends_with("; passed over: 2 unknown .xyz"), "{report}");
}

#[tokio::test]
async fn what_did_not_change_is_not_even_read() {
    let desk = filled();
    desk.refresh().await.unwrap();
    desk.forget();
    let before = desk.dump().await;
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.published, report.documents), (None, 3));
    assert!(report.to_string().starts_with("handbook: nothing changed, 3 documents"), "{report}");
    assert!(desk.shelf.reads().is_empty());
    // Another stamp is a reason to look, and no more than that.
    desk.shelf.touch("a.md");
    assert_eq!(desk.refresh().await.unwrap().published, None);
    assert_eq!(desk.shelf.reads(), ["a.md"]);
    assert_eq!(desk.embedder.count(), 0);
    assert_eq!(desk.dump().await, before);
}

#[tokio::test]
async fn only_what_changed_is_embedded() {
    let desk = filled();
    let long: String =
        (0..40).map(|n| format!("## Part {n}\n\n{}\n\n", format!("Words of part {n}. ").repeat(60))).collect();
    desk.shelf.write("long.md", &long);
    desk.refresh().await.unwrap();
    let all = desk.embedder.count();
    assert!(all > 40, "{all}");
    desk.shelf.write("long.md", long.replace("Words of part 7.", "Sentences of part 7."));
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.changed, report.added, report.documents), (1, 0, 4));
    let embedded = desk.embedder.count();
    assert!((1..6).contains(&embedded), "{embedded} of {all}");
    assert_eq!(report.embedded, embedded);
    assert_eq!(changes(desk.index.as_ref()).await[0], "changed long.md");
}

#[tokio::test]
async fn what_moved_is_neither_read_as_new_nor_embedded() {
    let desk = filled();
    desk.refresh().await.unwrap();
    desk.embedder.count();
    desk.shelf.rename("a.md", "fruit/a.md");
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.moved, report.added, report.removed, report.chunks), (1, 0, 0, 0));
    assert_eq!(desk.embedder.count(), 0);
    assert_eq!(changes(desk.index.as_ref()).await[0], "moved a.md -> fruit/a.md");
    let dump = desk.dump().await;
    assert_eq!(dump.documents.keys().collect::<Vec<_>>(), ["b.md", "fruit/a.md", "sub/c.txt"]);
    assert_eq!(dump.found, 3);
    // The next one knows it there.
    desk.shelf.reads();
    assert_eq!(desk.refresh().await.unwrap().published, None);
    assert!(desk.shelf.reads().is_empty());
}

#[tokio::test]
async fn a_copy_and_another_kind_are_new_documents() {
    let desk = filled();
    desk.refresh().await.unwrap();
    desk.embedder.count();
    desk.shelf.write("copy.md", "# Apples\n\nApples grow on trees everywhere.\n");
    desk.shelf.rename("sub/c.txt", "sub/c.md");
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.added, report.moved, report.removed), (2, 0, 1));
    assert_eq!(desk.embedder.count(), 0, "the same text has the same vector");
    assert_eq!(changes(desk.index.as_ref()).await[..3], ["added copy.md", "added sub/c.md", "removed sub/c.txt"]);
}

#[tokio::test]
async fn what_is_gone_is_taken_out() {
    let desk = filled();
    desk.refresh().await.unwrap();
    desk.shelf.remove("b.md");
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.removed, report.documents), (1, 2));
    let dump = desk.dump().await;
    assert_eq!((dump.documents.len(), dump.chunks, dump.found), (2, 2, 2));
    assert_eq!(changes(desk.index.as_ref()).await[..2], ["removed b.md", "added a.md"]);
}

#[tokio::test]
async fn a_broken_file_costs_that_file() {
    let desk = filled();
    desk.shelf.write("bad.pdf", b"%PDF-1.7 and then nothing of the kind");
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.documents, report.skipped.values().sum::<u64>()), (3, 1));
    let [Failed { path, kept: false, .. }] = report.failed.as_slice() else { panic!("{:?}", report.failed) };
    assert_eq!(path, "bad.pdf");
    // One that was good keeps its good version, and is looked at again each time.
    desk.shelf.write("a.md", "");
    desk.shelf.write("b.md", "# Berries\n\nBlack ones everywhere.\n");
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.changed, report.removed, report.documents), (1, 0, 3));
    let kept: Vec<_> = report.failed.iter().map(|failed| (failed.path.as_str(), failed.kept)).collect();
    assert_eq!(kept, [("a.md", true), ("bad.pdf", false)]);
    assert!(desk.dump().await.documents["a.md"].1.contains("Apples grow"));
    desk.shelf.write("a.md", "# Apples\n\nPeople eat them everywhere.\n");
    assert_eq!(desk.refresh().await.unwrap().changed, 1);
}

#[tokio::test]
async fn a_half_written_file_is_read_the_next_time() {
    let desk = filled();
    desk.refresh().await.unwrap();
    let before = desk.dump().await;
    desk.shelf.write("a.md", "# Apples\n\nHalf of a sent");
    desk.shelf.half_written("a.md", true);
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.published, report.skipped["unreadable"], report.failed[0].kept), (None, 1, true));
    assert_eq!(desk.dump().await, before);
    desk.shelf.half_written("a.md", false);
    desk.shelf.write("a.md", "# Apples\n\nHalf of a sentence, and the rest, everywhere.\n");
    assert_eq!(desk.refresh().await.unwrap().changed, 1);
}

#[tokio::test]
async fn a_source_that_is_not_there_publishes_nothing() {
    let desk = filled();
    desk.refresh().await.unwrap();
    let before = desk.dump().await;
    desk.shelf.set_gone(true);
    let error = desk.refresh().await.unwrap_err();
    assert_eq!(error.to_string(), "shelf: shelf is not there");
    assert_eq!(desk.dump().await, before);
    desk.shelf.set_gone(false);
    // Nor does one that goes away while it is read.
    desk.shelf.write("d.md", "Dates.\n");
    desk.shelf.set_lost(true);
    assert!(matches!(desk.refresh().await.unwrap_err(), RefreshError::Source { .. }));
    assert_eq!(desk.dump().await, before);
    desk.shelf.set_lost(false);
    assert_eq!(desk.refresh().await.unwrap().added, 1);
}

#[tokio::test]
async fn one_of_two_sources_that_is_not_there_deletes_nothing() {
    let desk = filled();
    let other = Shelf::new("other");
    other.write("d.md", "Dates everywhere.\n");
    let sources: [Arc<dyn Source>; 2] = [Arc::new(desk.shelf.clone()), Arc::new(other.clone())];
    let run = || refresh::refresh("x", desk.index.as_ref(), &sources, desk.embedder.as_ref(), &desk.options, &|_| {});
    assert_eq!(run().await.unwrap().documents, 4);
    let before = desk.dump().await;
    other.set_gone(true);
    assert!(run().await.is_err());
    assert_eq!(desk.dump().await, before);
}

#[tokio::test]
async fn two_files_of_one_path_are_named() {
    let desk = filled();
    let other = Shelf::new("other");
    other.write("b.md", "Also b.\n");
    let sources: [Arc<dyn Source>; 2] = [Arc::new(desk.shelf.clone()), Arc::new(other)];
    let ran =
        refresh::refresh("x", desk.index.as_ref(), &sources, desk.embedder.as_ref(), &desk.options, &|_| {}).await;
    let told = ran.unwrap_err().to_string();
    assert_eq!(told, "`b.md` is in shelf and in other: give one of them a `prefix`");
    assert_eq!(desk.dump().await.generation, None);
}

#[tokio::test]
async fn an_empty_source_is_no_first_generation() {
    let mut desk = Desk::new();
    desk.shelf.skip("unknown .xyz", 1200);
    let told = desk.refresh().await.unwrap_err().to_string();
    assert!(told.starts_with("no documents were found (passed over: 1,200 unknown .xyz)"), "{told}");
    assert_eq!(desk.dump().await.generation, None);
    desk.options.force = true;
    assert_eq!(desk.refresh().await.unwrap().published, Some(1));
    assert_eq!(desk.dump().await.documents.len(), 0);
}

#[tokio::test]
async fn a_source_that_empties_is_not_believed_unless_forced() {
    let mut desk = filled();
    desk.refresh().await.unwrap();
    let before = desk.dump().await;
    desk.shelf.remove("a.md");
    desk.shelf.remove("b.md");
    let error = desk.refresh().await.unwrap_err();
    assert!(matches!(error, RefreshError::Shrinks { before: 3, after: 1, most: 50 }), "{error:?}");
    assert!(error.to_string().starts_with("only 1 of 3 documents would be left"), "{error}");
    desk.shelf.clear();
    assert!(matches!(desk.refresh().await.unwrap_err(), RefreshError::Shrinks { after: 0, .. }));
    assert_eq!(desk.dump().await, before);
    desk.options.force = true;
    assert_eq!(desk.refresh().await.unwrap().removed, 3);
    assert_eq!(desk.dump().await.documents.len(), 0);
}

#[tokio::test]
async fn as_much_may_be_lost_as_is_set() {
    let mut desk = Desk::new();
    for n in 0..10 {
        desk.shelf.write(&format!("{n}.md"), format!("Number {n}.\n"));
    }
    desk.options.max_shrink = 20;
    desk.refresh().await.unwrap();
    desk.shelf.remove("0.md");
    desk.shelf.remove("1.md");
    assert_eq!(desk.refresh().await.unwrap().documents, 8);
    desk.options.max_shrink = 0;
    desk.shelf.remove("2.md");
    assert!(desk.refresh().await.is_err());
    // What comes in its place makes up for it.
    desk.shelf.write("new.md", "New.\n");
    assert_eq!(desk.refresh().await.unwrap().documents, 8);
}

#[tokio::test]
async fn documents_that_all_break_are_no_new_generation_of_another_model() {
    let desk = filled();
    desk.refresh().await.unwrap();
    let before = desk.dump().await;
    desk.embedder.set_other(true);
    for path in ["a.md", "b.md", "sub/c.txt"] {
        desk.shelf.half_written(path, true);
    }
    assert!(matches!(desk.refresh().await.unwrap_err(), RefreshError::Shrinks { before: 3, after: 0, .. }));
    assert_eq!(desk.dump().await, before);
}

#[tokio::test]
async fn another_model_puts_everything_anew() {
    let desk = filled();
    desk.refresh().await.unwrap();
    assert_eq!(desk.embedder.count(), 3);
    desk.embedder.set_other(true);
    desk.shelf.write("b.md", "# Berries\n\nBlue ones everywhere.\n");
    desk.shelf.remove("sub/c.txt");
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.documents, report.chunks, report.changed, report.added, report.removed), (2, 2, 1, 0, 1));
    assert_eq!(desk.embedder.count(), 2);
    let snapshot = desk.index.current().await.unwrap().unwrap();
    assert_eq!(snapshot.generation().model.name, "other/1");
    assert_eq!(changes(desk.index.as_ref()).await[..2], ["changed b.md", "removed sub/c.txt"]);
    assert_eq!(desk.dump().await.found, 2);
}

#[tokio::test]
async fn all_reads_everything_and_embeds_nothing_twice() {
    let mut desk = filled();
    desk.refresh().await.unwrap();
    desk.forget();
    desk.shelf.at("c0ffee", "https://example.com");
    desk.options.all = true;
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.published, report.chunks, report.embedded), (Some(2), 3, 0));
    assert_eq!((report.added, report.changed, desk.shelf.reads().len()), (0, 0, 3));
    assert!(report.to_string().contains("3 documents: put anew; 3 chunks put, 0 embedded"), "{report}");
    let snapshot = desk.index.current().await.unwrap().unwrap();
    assert_eq!(snapshot.generation().sources["shelf"], "c0ffee");
    let document = snapshot.document("a.md").await.unwrap().unwrap();
    assert_eq!(document.entry.link.as_deref(), Some("https://example.com/a.md"));
    // A moved one is put where it is now, and nowhere else.
    desk.shelf.rename("a.md", "z.md");
    assert_eq!(desk.refresh().await.unwrap().moved, 1);
    assert_eq!(desk.dump().await.documents.keys().collect::<Vec<_>>(), ["b.md", "sub/c.txt", "z.md"]);
}

#[tokio::test]
async fn three_hundred_changes_are_remembered() {
    let desk = Desk::new();
    for n in 0..310 {
        desk.shelf.write(&format!("{n:03}.md"), format!("Number {n}.\n"));
    }
    desk.refresh().await.unwrap();
    assert_eq!(changes(desk.index.as_ref()).await.len(), 300);
    desk.shelf.write("300.md", "Another.\n");
    let report = desk.refresh().await.unwrap();
    assert_eq!(report.changed, 1);
    let told = changes(desk.index.as_ref()).await;
    assert_eq!((told.len(), told[0].as_str(), told[1].as_str()), (300, "changed 300.md", "added 000.md"));
}

#[tokio::test]
async fn a_refresh_tells_how_far_it_is() {
    let desk = filled();
    let told = Mutex::new(Vec::new());
    let sources: [Arc<dyn Source>; 1] = [Arc::new(desk.shelf.clone())];
    let watch = |progress: Progress| told.lock().unwrap().push(progress);
    refresh::refresh("x", desk.index.as_ref(), &sources, desk.embedder.as_ref(), &desk.options, &watch).await.unwrap();
    let told = told.into_inner().unwrap();
    let of = |wanted: Phase| told.iter().filter(|p| p.phase == wanted).map(|p| (p.done, p.total)).collect::<Vec<_>>();
    assert_eq!(of(Phase::Looking), [(0, 1), (1, 1)]);
    assert_eq!(of(Phase::Reading), [(0, 3), (1, 3), (2, 3), (3, 3)]);
    assert_eq!(of(Phase::Publishing), [(0, 1), (1, 1)]);
}

#[tokio::test]
async fn a_refresh_that_is_cancelled_publishes_nothing() {
    let mut desk = filled();
    desk.options.cancel = CancellationToken::new();
    desk.embedder.hold();
    let cancel = desk.options.cancel.clone();
    let (ran, ()) = tokio::join!(desk.refresh(), async {
        while desk.shelf.reads().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert!(matches!(ran.unwrap_err(), RefreshError::Cancelled));
    assert_eq!(desk.dump().await.generation, None);
}

/// The promise: of 10,000 files one changed, and only that one is read and embedded.
#[tokio::test(flavor = "multi_thread")]
async fn one_file_of_ten_thousand() {
    let desk = Desk::new();
    for n in 0..10_000 {
        desk.shelf.write(&format!("{}/{n}.md", n % 100), format!("# Page {n}\n\nWhat stands on page {n}.\n"));
    }
    assert_eq!(desk.refresh().await.unwrap().documents, 10_000);
    desk.forget();
    desk.shelf.write("42/1042.md", "# Page 1042\n\nSomething else altogether.\n");
    let report = desk.refresh().await.unwrap();
    assert_eq!((report.changed, report.documents, report.chunks), (1, 10_000, 1));
    assert_eq!((desk.shelf.reads(), desk.embedder.count()), (vec!["42/1042.md".to_owned()], 1));
}
