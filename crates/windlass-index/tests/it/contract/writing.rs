//! One refresh after another.

use windlass_index::{Counts, IndexError};

use super::*;

pub async fn a_change_takes_the_place_of_what_was_there(place: &dyn Place) {
    let index = place.open().await;
    publish(&*index, [document("a.md", &["old words", "more old words"]), document("b.md", &["others"])]).await;
    let changed = document("a.md", &["new words"]);
    let generation = publish(&*index, [changed.clone()]).await;
    assert_eq!((generation.number, generation.counts), (2, Counts { documents: 2, chunks: 2 }));
    let snapshot = current(&*index).await;
    assert_eq!(found(&*snapshot, "old").await, [""; 0]);
    let expected = [changed, document("b.md", &["others"])];
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&expected));
}

pub async fn what_is_put_twice_is_there_once(place: &dyn Place) {
    let index = place.open().await;
    publish(&*index, [document("a.md", &["first"])]).await;
    let mut writer = begin(&*index).await;
    for texts in [&["second"][..], &["third", "fourth"], &["fifth"]] {
        writer.put(document("a.md", texts)).await.unwrap();
        writer.put(document("b.md", texts)).await.unwrap();
    }
    // And what comes and goes in one refresh was never there.
    writer.put(document("c.md", &["fifth"])).await.unwrap();
    writer.remove("c.md").await.unwrap();
    writer.remove("b.md").await.unwrap();
    writer.put(document("b.md", &["sixth"])).await.unwrap();
    writer.publish(about()).await.unwrap();
    let expected = [document("a.md", &["fifth"]), document("b.md", &["sixth"])];
    assert_eq!(Everything::of(&*current(&*index).await).await, Everything::expected(&expected));
}

pub async fn taking_out_takes_all_of_it_out(place: &dyn Place) {
    let index = place.open().await;
    let documents = ["a.md", "a.md.bak", "a/a.md"].map(|path| document(path, &["text one", "text two"]));
    publish(&*index, documents.clone()).await;
    let mut writer = begin(&*index).await;
    writer.remove("a.md").await.unwrap();
    writer.remove("never there.md").await.unwrap();
    writer.publish(about()).await.unwrap();
    let snapshot = current(&*index).await;
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&documents[1..]));
    assert!(snapshot.document("a.md").await.unwrap().is_none());
    let expected = ["a.md.bak:1", "a.md.bak:3", "a/a.md:1", "a/a.md:3"];
    assert_eq!(found_somewhere(&*snapshot, "text").await, expected);

    let mut writer = begin(&*index).await;
    for document in &documents {
        writer.remove(&document.entry.path).await.unwrap();
    }
    assert_eq!(writer.publish(about()).await.unwrap().counts, Counts::default());
    let snapshot = current(&*index).await;
    assert_eq!(found(&*snapshot, "text").await, [""; 0]);
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected([]));
}

pub async fn a_move_keeps_the_chunks_and_their_vectors(place: &dyn Place) {
    let index = place.open().await;
    let before = document("old/name.md", &["text one", "text two"]);
    publish(&*index, [before.clone(), document("taken.md", &["in the way"])]).await;
    let mut writer = begin(&*index).await;
    let moved = |path: &str| {
        let mut document = before.clone();
        document.entry = DocumentEntry { content: document.entry.content, ..entry(path, &document.text) };
        document.entry.tags = vec!["moved".to_owned()];
        document
    };
    writer.rename("old/name.md", moved("new/name.md").entry).await.unwrap();
    writer.publish(about()).await.unwrap();
    let snapshot = current(&*index).await;
    let expected = [moved("new/name.md"), document("taken.md", &["in the way"])];
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&expected));
    let moved_only = Filter { tags: vec!["moved".to_owned()], ..filter() };
    assert_eq!(sorted(found_within(&*snapshot, "text", &moved_only).await), ["new/name.md:1", "new/name.md:3"]);
    let nearest = snapshot.nearest(&before.chunks[1].vector, &filter(), 1).await.unwrap();
    assert_eq!(places(&*snapshot, &nearest).await, ["new/name.md:3"]);
    assert!((nearest[0].score - 1.0).abs() < 1e-5);

    // Over another document, on from where it was just put, and to where it is already.
    let mut writer = begin(&*index).await;
    writer.rename("new/name.md", moved("taken.md").entry).await.unwrap();
    writer.put(document("fresh.md", &["fresh words"])).await.unwrap();
    let mut fresh = document("fresh.md", &["fresh words"]);
    fresh.entry.path = "later.md".to_owned();
    writer.rename("fresh.md", fresh.entry.clone()).await.unwrap();
    let mut again = moved("taken.md");
    again.entry.stamp = "touched".to_owned();
    writer.rename("taken.md", again.entry.clone()).await.unwrap();
    assert!(matches!(writer.rename("nowhere.md", entry("x.md", "")).await, Err(IndexError::Invalid(_))));
    writer.publish(about()).await.unwrap();
    assert_eq!(Everything::of(&*current(&*index).await).await, Everything::expected(&[again, fresh]));
}

pub async fn a_dropped_writer_leaves_nothing(place: &dyn Place) {
    let index = place.open().await;
    let mut writer = begin(&*index).await;
    writer.put(document("a.md", &["never published"])).await.unwrap();
    drop(writer);
    assert!(index.current().await.unwrap().is_none());
    let documents = [document("b.md", &["published"])];
    publish(&*index, documents.clone()).await;
    let mut writer = begin(&*index).await;
    writer.remove("b.md").await.unwrap();
    writer.put(document("c.md", &["never published"])).await.unwrap();
    drop(writer);
    assert_eq!(index.generations().await.unwrap().len(), 1);
    assert_eq!(Everything::of(&*current(&*index).await).await, Everything::expected(&documents));
}

pub async fn an_empty_generation_is_one(place: &dyn Place) {
    let index = place.open().await;
    let generation = publish(&*index, []).await;
    assert_eq!((generation.number, generation.counts), (1, Counts::default()));
    let snapshot = current(&*index).await;
    assert_eq!(found(&*snapshot, "anything").await, [""; 0]);
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected([]));
    // What changes nothing is a generation too: its sources may be at another commit.
    assert_eq!(publish(&*index, []).await.number, 2);
    let documents = [document("a.md", &["something"])];
    publish(&*index, documents.clone()).await;
    assert_eq!(publish(&*index, []).await.number, 4);
    assert_eq!(Everything::of(&*current(&*index).await).await, Everything::expected(&documents));
}

pub async fn another_model_starts_with_nothing(place: &dyn Place) {
    let index = place.open().await;
    publish(&*index, [document("a.md", &["old text"])]).await;
    let other = Model { name: "test/four".to_owned(), dimensions: 4, normalised: false };
    let mut writer = index.begin(&other).await.unwrap();
    assert!(writer.base().is_none());
    let mut four = document("b.md", &["new text"]);
    four.chunks[0].vector.truncate(4);
    writer.put(four).await.unwrap();
    let generation = writer.publish(about()).await.unwrap();
    assert_eq!((generation.number, &generation.model), (2, &other));
    let snapshot = current(&*index).await;
    assert_eq!(listed(&*snapshot, &filter()).await, ["b.md"]);
    assert_eq!(found(&*snapshot, "text").await, ["b.md:1"]);
    assert_eq!(snapshot.nearest(&[1.0; 4], &filter(), 5).await.unwrap().len(), 1);
    assert!(matches!(snapshot.nearest(&[1.0; DIMENSIONS], &filter(), 5).await, Err(IndexError::OtherModel { .. })));
}

pub async fn the_second_of_two_writers_is_overtaken(place: &dyn Place) {
    let (one, two) = (place.open().await, place.open().await);
    let (mut first, mut second) = (begin(&*one).await, begin(&*two).await);
    second.put(document("second.md", &["of the second"])).await.unwrap();
    first.put(document("first.md", &["of the first"])).await.unwrap();
    assert_eq!(first.publish(about()).await.unwrap().number, 1);
    assert!(matches!(second.publish(about()).await, Err(IndexError::Overtaken(1))));

    let documents = [document("first.md", &["of the first"])];
    for index in [&one, &two] {
        assert_eq!(Everything::of(&*current(&**index).await).await, Everything::expected(&documents));
        assert_eq!(index.generations().await.unwrap().len(), 1);
    }
    // At the same moment: one of them, whichever.
    let (mut first, mut second) = (begin(&*one).await, begin(&*two).await);
    first.put(document("c.md", &["of the first"])).await.unwrap();
    second.put(document("c.md", &["of the second"])).await.unwrap();
    let (first, second) = tokio::join!(first.publish(about()), second.publish(about()));
    let text = match (first, second) {
        (Ok(_), Err(IndexError::Overtaken(2))) => "of the first",
        (Err(IndexError::Overtaken(2)), Ok(_)) => "of the second",
        both => panic!("{both:?}"),
    };
    let snapshot = current(&*place.open().await).await;
    assert_eq!(snapshot.document("c.md").await.unwrap().unwrap().text, text);
}

/// Numbers that are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

pub async fn many_small_refreshes_are_one_large_one(place: &dyn Place) {
    const WORDS: [&str; 8] = ["river", "boat", "bridge", "harbour", "night", "train", "ticket", "island"];
    let index = place.open().await;
    let mut numbers = Numbers(7);
    let mut expected = BTreeMap::<String, NewDocument>::new();
    for round in 0..24 {
        let mut writer = begin(&*index).await;
        for _ in 0..=numbers.below(6) {
            let path = format!("{}/{}.md", numbers.below(3), numbers.below(8));
            match (numbers.below(5), expected.contains_key(&path)) {
                (0, _) => {
                    writer.remove(&path).await.unwrap();
                    expected.remove(&path);
                }
                (1, true) => {
                    let mut moved = expected.remove(&path).unwrap();
                    moved.entry.path = format!("moved/{round}.md");
                    writer.rename(&path, moved.entry.clone()).await.unwrap();
                    expected.insert(moved.entry.path.clone(), moved);
                }
                _ => {
                    let texts: Vec<_> = (0..numbers.below(4))
                        .map(|_| (0..3).map(|_| WORDS[numbers.below(8)]).collect::<Vec<_>>().join(" "))
                        .collect();
                    let texts: Vec<_> = texts.iter().map(|text| &**text).collect();
                    let document = document(&path, &texts);
                    writer.put(document.clone()).await.unwrap();
                    expected.insert(path, document);
                }
            }
        }
        writer.publish(about()).await.unwrap();
        let snapshot = current(&*index).await;
        assert_eq!(Everything::of(&*snapshot).await, Everything::expected(expected.values()), "round {round}");
        for word in WORDS {
            let has = |chunk: &NewChunk| chunk.text.split(' ').any(|other| other == word);
            let places = expected.values().flat_map(|document| {
                let chunks = document.chunks.iter().filter(|chunk| has(chunk));
                chunks.map(|chunk| format!("{}:{}", document.entry.path, chunk.first_line))
            });
            assert_eq!(found_somewhere(&*snapshot, word).await, sorted(places.collect()), "{word} in round {round}");
        }
    }
}
