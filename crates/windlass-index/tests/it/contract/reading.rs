//! Finding by words, and reading.

use windlass_index::{Counts, IndexError};

use super::*;

pub async fn before_the_first_refresh_there_is_nothing(place: &dyn Place) {
    let index = place.open().await;
    assert!(index.current().await.unwrap().is_none());
    assert_eq!(index.generations().await.unwrap(), []);
    assert!(matches!(index.rollback(None).await, Err(IndexError::NoGeneration(_))));
    assert!(index.known(&model(), &[Hash::of("a")]).await.unwrap().is_empty());
    assert!(begin(&*index).await.base().is_none());
}

pub async fn what_is_put_is_found(place: &dyn Place) {
    let index = place.open().await;
    let documents = [
        document("guides/boats.md", &["A boat crosses the river.", "The harbour closes at night."]),
        document("guides/trains.md", &["A train crosses the bridge."]),
    ];
    let generation = publish(&*index, documents.clone()).await;
    assert_eq!((generation.number, generation.counts), (1, Counts { documents: 2, chunks: 3 }));

    let snapshot = current(&*index).await;
    assert_eq!(*snapshot.generation(), generation);
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&documents));
    assert_eq!(found(&*snapshot, "harbour").await, ["guides/boats.md:3"]);
    assert_eq!(found_somewhere(&*snapshot, "crosses").await, ["guides/boats.md:1", "guides/trains.md:1"]);
    // Both words are in one, one of them in the other.
    assert_eq!(found(&*snapshot, "train crosses").await, ["guides/trains.md:1", "guides/boats.md:1"]);
    assert_eq!(found(&*snapshot, "submarine").await, [""; 0]);
    assert!(snapshot.document("guides/planes.md").await.unwrap().is_none());
    assert!(snapshot.document("guides").await.unwrap().is_none());
}

pub async fn words_are_never_a_syntax(place: &dyn Place) {
    let index = place.open().await;
    publish(&*index, [document("a.md", &["the word is lighthouse"])]).await;
    let snapshot = current(&*index).await;
    let long = "very ".repeat(50_000);
    let strange = [
        "lighthouse AND (",
        "\"lighthouse",
        "path:lighthouse",
        "+lighthouse -lighthouse",
        "lighthouse* ~2 ^9 [a TO b}",
        "body:(lighthouse",
        "NOT lighthouse",
        "'lighthouse' | & ! <-> :*",
        "lighthouse; drop table chunks; --",
        "$1 ? % _ \\ lighthouse \\",
        "\u{feff}\u{202e}lighthouse\u{0301} lighthouse",
        "light\u{0} lighthouse",
        &format!("lighthouse {long}"),
    ];
    for words in strange {
        let shown: String = words.chars().take(40).collect();
        assert_eq!(found(&*snapshot, words).await, ["a.md:1"], "{shown}");
    }
    for words in ["", " ", "\0", "()", "\"\"", "🙂", "!!!", "--", ":*", "\\"] {
        assert_eq!(found(&*snapshot, words).await, [""; 0], "{words:?}");
    }
}

pub async fn words_are_found_in_other_forms(place: &dyn Place) {
    let index = place.open().await;
    let texts = ["It RETRIES the connection.", "Configured by a file.", "Everything else."];
    publish(&*index, [document("a.md", &texts)]).await;
    let snapshot = current(&*index).await;
    assert_eq!(found(&*snapshot, "retry").await, ["a.md:1"]);
    assert_eq!(found(&*snapshot, "Connections").await, ["a.md:1"]);
    assert_eq!(found(&*snapshot, "configuring").await, ["a.md:3"]);
    // Words that are in every question do not keep the others from being found.
    assert_eq!(found(&*snapshot, "how is it configured").await[0], "a.md:3");
}

pub async fn headings_are_found_too(place: &dyn Place) {
    let index = place.open().await;
    let mut one = document("a.md", &[]);
    one.chunks = vec![
        chunk(1, &["Handbook", "Travel expenses"], "Keep every receipt."),
        chunk(3, &["Handbook", "Holidays"], "Ask early."),
    ];
    publish(&*index, [one]).await;
    let snapshot = current(&*index).await;
    assert_eq!(found(&*snapshot, "travel").await, ["a.md:1"]);
    assert_eq!(found_somewhere(&*snapshot, "handbook").await, ["a.md:1", "a.md:3"]);
    assert_eq!(found(&*snapshot, "holiday receipt early").await, ["a.md:3", "a.md:1"]);
}

pub async fn equal_scores_come_in_the_order_of_paths(place: &dyn Place) {
    let index = place.open().await;
    let texts = ["the very same words", "the very same words"];
    // In several generations, and not in their order.
    for paths in [["f.md", "b.md"], ["a.md", "e.md"], ["d.md", "c.md"]] {
        publish(&*index, paths.map(|path| same_scores(path, &texts))).await;
    }
    let snapshot = current(&*index).await;
    let expected: Vec<_> = ('a'..='f').flat_map(|name| [format!("{name}.md:1"), format!("{name}.md:3")]).collect();
    assert_eq!(found(&*snapshot, "same words").await, expected);
    for limit in 0..=expected.len() {
        let hits = snapshot.lexical("same words", &filter(), limit).await.unwrap();
        assert_eq!(places(&*snapshot, &hits).await, expected[..limit]);
        let hits = snapshot.nearest(&[1.0; DIMENSIONS], &filter(), limit).await.unwrap();
        assert_eq!(places(&*snapshot, &hits).await, expected[..limit]);
    }
}

/// With nothing of the path in its headings, and one vector.
fn same_scores(path: &str, texts: &[&str]) -> NewDocument {
    let mut document = document(path, texts);
    for chunk in &mut document.chunks {
        chunk.breadcrumb = vec!["Everywhere".to_owned()];
        chunk.hash = Hash::of("the same");
        chunk.vector = vector("the same");
    }
    document
}

pub async fn what_is_asked_for_is_all_there_is_at_most(place: &dyn Place) {
    let index = place.open().await;
    publish(&*index, [document("a.md", &["one apple", "two apples and an apple", "three pears"])]).await;
    let snapshot = current(&*index).await;
    for (limit, expected) in [(0, 0), (1, 1), (2, 2), (50, 2)] {
        assert_eq!(snapshot.lexical("apple", &filter(), limit).await.unwrap().len(), expected);
    }
    for (limit, expected) in [(0, 0), (1, 1), (3, 3), (usize::MAX, 3)] {
        assert_eq!(snapshot.nearest(&[1.0; DIMENSIONS], &filter(), limit).await.unwrap().len(), expected);
    }
    assert_eq!(snapshot.lexical("apple", &filter(), usize::MAX).await.unwrap().len(), 2);
    assert_eq!(snapshot.chunks(&[]).await.unwrap().len(), 0);
    assert_eq!(snapshot.documents(&filter(), None, 0).await.unwrap(), []);
}

pub async fn documents_come_a_page_at_a_time(place: &dyn Place) {
    let index = place.open().await;
    // By bytes, as everywhere: capital letters first, `/` before letters, others last.
    let paths = ["B.md", "a/b.md", "a/z.md", "ab.md", "b.md", "z/1.md", "ä.md"];
    for half in [&paths[3..], &paths[..3]] {
        publish(&*index, half.iter().map(|path| document(path, &["text"]))).await;
    }
    let snapshot = current(&*index).await;
    assert_eq!(listed(&*snapshot, &filter()).await, paths);
    for size in 1..=paths.len() {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = snapshot.documents(&filter(), after.as_deref(), size).await.unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = Some(last.path.clone());
            all.extend(page.into_iter().map(|document| document.path));
        }
        assert_eq!(all, paths, "{size} at a time");
    }
    // After a path that is none of them.
    let page = snapshot.documents(&filter(), Some("aa"), 2).await.unwrap();
    assert_eq!(page.iter().map(|document| &*document.path).collect::<Vec<_>>(), ["ab.md", "b.md"]);
}

pub async fn odd_documents_are_kept_as_they_are(place: &dyn Place) {
    let index = place.open().await;
    let mut bare = document("no chunks", &[]);
    bare.text = "There is a text.\n".to_owned();
    let mut plain = document("plain/ünïcode & 'quotes' \"%_\\.txt", &["naïve café 日本語 \u{1f980}\r\n\ttab"]);
    plain.entry = DocumentEntry { title: None, link: None, sections: Vec::new(), ..plain.entry };
    let mut large = document("large.txt", &[]);
    large.text = "A line of many that are all the same, nearly: ".repeat(40_000);
    large.chunks = vec![chunk(1, &[], ""), chunk(3, &[""], &"longword".repeat(5000)), chunk(5, &[], "ends")];
    let mut twice = document("twice.md", &["the same", "the same"]);
    twice.entry.converted = true;
    let documents = [bare, plain, large, twice];
    publish(&*index, documents.clone()).await;
    let snapshot = current(&*index).await;
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&documents));
    assert_eq!(found_somewhere(&*snapshot, "same").await, ["twice.md:1", "twice.md:3"]);
    assert_eq!(found(&*snapshot, "ends").await, ["large.txt:5"]);
}
