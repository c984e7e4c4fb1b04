//! Filters: the same documents whichever way one asks.

use time::macros::date;
use windlass_index::IndexError;

use super::*;

async fn library(index: &dyn Index) -> Arc<dyn Snapshot> {
    let documents = [
        described("README.md", "shared words", "markdown", &["start"], Some(date!(2026 - 01 - 10))),
        described("guides/boats.md", "shared words", "markdown", &["water", "travel"], Some(date!(2026 - 02 - 10))),
        described("guides/deep/trains.md", "shared words", "markdown", &["travel"], Some(date!(2026 - 03 - 10))),
        described("guides/deep/map.pdf", "shared words", "pdf", &["travel", "water"], None),
        described("src/main.rs", "shared words", "rust", &[], Some(date!(1969 - 12 - 31))),
    ];
    let [first, second, rest @ ..] = documents;
    publish(index, [first, second]).await;
    publish(index, rest).await;
    current(index).await
}

/// That these are let through, by each of the three ways.
async fn lets_through(snapshot: &dyn Snapshot, filter: &Filter, paths: &[&str]) {
    assert_eq!(listed(snapshot, filter).await, paths, "{filter:?}");
    let expected: Vec<_> = paths.iter().map(|path| format!("{path}:1")).collect();
    assert_eq!(sorted(found_within(snapshot, "words", filter).await), expected, "{filter:?}");
    let hits = snapshot.nearest(&[1.0; DIMENSIONS], filter, 100).await.unwrap();
    assert_eq!(sorted(places(snapshot, &hits).await), expected, "{filter:?}");
}

pub async fn globs_know_directories(place: &dyn Place) {
    let index = place.open().await;
    let snapshot = library(&*index).await;
    let cases: [(&str, &[&str]); 11] = [
        ("**", &["README.md", "guides/boats.md", "guides/deep/map.pdf", "guides/deep/trains.md", "src/main.rs"]),
        ("*", &["README.md"]),
        ("*.md", &["README.md"]),
        ("**/*.md", &["README.md", "guides/boats.md", "guides/deep/trains.md"]),
        ("guides/*", &["guides/boats.md"]),
        ("guides/**", &["guides/boats.md", "guides/deep/map.pdf", "guides/deep/trains.md"]),
        ("guides/*/trains.md", &["guides/deep/trains.md"]),
        ("{README.md,src/*}", &["README.md", "src/main.rs"]),
        ("guides/[a-c]oats.md", &["guides/boats.md"]),
        ("guides/boats.md", &["guides/boats.md"]),
        ("nothing/**", &[]),
    ];
    for (glob, paths) in cases {
        lets_through(&*snapshot, &Filter { path: Some(glob.to_owned()), ..filter() }, paths).await;
    }
}

pub async fn a_bad_glob_is_refused(place: &dyn Place) {
    let index = place.open().await;
    let snapshot = library(&*index).await;
    let bad = Filter { path: Some("guides/[a".to_owned()), ..filter() };
    assert!(matches!(snapshot.lexical("words", &bad, 5).await, Err(IndexError::Invalid(_))));
    assert!(matches!(snapshot.nearest(&[1.0; DIMENSIONS], &bad, 5).await, Err(IndexError::Invalid(_))));
    assert!(matches!(snapshot.documents(&bad, None, 5).await, Err(IndexError::Invalid(_))));
}

pub async fn languages_and_tags_choose_documents(place: &dyn Place) {
    let index = place.open().await;
    let snapshot = library(&*index).await;
    let languages =
        |names: &[&str]| Filter { languages: names.iter().map(|&name| name.to_owned()).collect(), ..filter() };
    let tags = |names: &[&str]| Filter { tags: names.iter().map(|&name| name.to_owned()).collect(), ..filter() };
    lets_through(&*snapshot, &languages(&["pdf", "rust"]), &["guides/deep/map.pdf", "src/main.rs"]).await;
    lets_through(&*snapshot, &languages(&["cobol"]), &[]).await;
    let travel = ["guides/boats.md", "guides/deep/map.pdf", "guides/deep/trains.md"];
    lets_through(&*snapshot, &tags(&["travel"]), &travel).await;
    // All of them, not one of them.
    lets_through(&*snapshot, &tags(&["travel", "water"]), &["guides/boats.md", "guides/deep/map.pdf"]).await;
    lets_through(&*snapshot, &tags(&["travel", "start"]), &[]).await;
}

pub async fn dates_bound_what_is_found(place: &dyn Place) {
    let index = place.open().await;
    let snapshot = library(&*index).await;
    let between = |since, until| Filter { since, until, ..filter() };
    let (january, february) = (Some(date!(2026 - 01 - 10)), Some(date!(2026 - 02 - 10)));
    lets_through(&*snapshot, &between(february, None), &["guides/boats.md", "guides/deep/trains.md"]).await;
    lets_through(&*snapshot, &between(None, january), &["README.md", "src/main.rs"]).await;
    lets_through(&*snapshot, &between(january, february), &["README.md", "guides/boats.md"]).await;
    lets_through(&*snapshot, &between(Some(date!(2027 - 01 - 01)), None), &[]).await;
    lets_through(&*snapshot, &between(february, january), &[]).await;
}

pub async fn every_part_of_a_filter_must_hold(place: &dyn Place) {
    let index = place.open().await;
    let snapshot = library(&*index).await;
    let mut all = Filter {
        path: Some("guides/**".to_owned()),
        languages: vec!["markdown".to_owned()],
        tags: vec!["travel".to_owned()],
        since: Some(date!(2026 - 02 - 01)),
        until: Some(date!(2026 - 02 - 28)),
    };
    lets_through(&*snapshot, &all, &["guides/boats.md"]).await;
    all.until = None;
    lets_through(&*snapshot, &all, &["guides/boats.md", "guides/deep/trains.md"]).await;
    all.languages.push("pdf".to_owned());
    all.since = None;
    let travel = ["guides/boats.md", "guides/deep/map.pdf", "guides/deep/trains.md"];
    lets_through(&*snapshot, &all, &travel).await;
}
