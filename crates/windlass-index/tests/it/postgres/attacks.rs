//! What is in documents and questions is data, whatever it looks like.

use std::time::Duration;

use globset::GlobBuilder;
use tokio::time::timeout;
use tokio_postgres::NoTls;
use windlass_index::Filter;

use super::*;
use crate::contract::{
    DIMENSIONS, Everything, current, described, document, filter, found, found_within, listed, publish,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_in_documents_and_questions_are_not_run() {
    let Some(place) = database().await else { return };
    let index = place.open().await;
    let evil = [
        "a'); DROP TABLE windlass_knowledge.documents; --.md",
        "b$$; DROP SCHEMA windlass_knowledge CASCADE; $$.md",
        "c\"}', NULL, {'\\\\x41.md",
        "d%_\\%.md",
    ];
    let documents: Vec<_> = evil
        .iter()
        .map(|path| described(path, &format!("words of {path}"), path, &[path, "\"},{\"", "NULL"], None))
        .collect();
    publish(&*index, documents.clone()).await;
    let snapshot = current(&*index).await;
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&documents));
    for (path, document) in evil.iter().zip(&documents) {
        let only = Filter { languages: vec![(*path).to_owned()], tags: document.entry.tags.clone(), ..filter() };
        assert_eq!(listed(&*snapshot, &only).await, [*path]);
        assert_eq!(found_within(&*snapshot, "words", &only).await, [format!("{path}:1")]);
        // Quoted, a glob is a path.
        let quoted: String = path.chars().flat_map(|letter| ['\\', letter]).collect();
        assert_eq!(listed(&*snapshot, &Filter { path: Some(quoted), ..filter() }).await, [*path]);
        assert!(snapshot.document(path).await.unwrap().is_some());
        assert_eq!(found(&*snapshot, path).await.len(), 4);
    }
    assert_eq!(found(&*snapshot, "null").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zero_byte_is_kept_as_the_sign_of_a_character_that_is_none() {
    let Some(place) = database().await else { return };
    let index = place.open().await;
    let mut document = document("a\0b.md", &["before\0after", "\0"]);
    document.entry.title = Some("nul \0".to_owned());
    document.entry.tags = vec!["t\0".to_owned()];
    document.entry.sections = vec![(1, "\0".to_owned(), 1)];
    document.chunks[0].breadcrumb = vec!["crumb\0".to_owned()];
    publish(&*index, [document]).await;
    let snapshot = current(&*index).await;
    let kept = snapshot.document("a\0b.md").await.unwrap().unwrap();
    assert_eq!(kept.entry.path, "a\u{fffd}b.md");
    assert_eq!(kept.text, "before\u{fffd}after\n\n\u{fffd}");
    assert_eq!(kept.entry.title.as_deref(), Some("nul \u{fffd}"));
    assert_eq!(found(&*snapshot, "after").await, ["a\u{fffd}b.md:1"]);
    let tagged = Filter { tags: vec!["t\0".to_owned()], ..filter() };
    assert_eq!(listed(&*snapshot, &tagged).await, ["a\u{fffd}b.md"]);
    // Whichever way it is written, it is the same path.
    let mut writer = crate::contract::begin(&*index).await;
    writer.remove("a\0b.md").await.unwrap();
    writer.publish(crate::contract::about()).await.unwrap();
    assert_eq!(listed(&*current(&*index).await, &filter()).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn globs_mean_what_they_mean_elsewhere() {
    let Some(place) = database().await else { return };
    let index = place.open().await;
    let long = format!("long/{}.md", "x".repeat(5000));
    let paths = [
        "a",
        "b.md",
        "a/b",
        "a/b.md",
        "a/b/c.md",
        "ab/c.md",
        "a/.hidden",
        "A/B.md",
        "a+b/(c).md",
        "a/[b].md",
        "{a}.md",
        "ä/ö.md",
        "a\nb.md",
        "^a$",
        "a|b",
        "x/y/z/w.rs",
        "-.md",
        "a\\b",
        &*long,
    ];
    publish(&*index, paths.iter().map(|path| document(path, &["text"]))).await;
    let snapshot = current(&*index).await;
    let globs = [
        "*",
        "**",
        "**/*",
        "*/**",
        "a/*",
        "a/**",
        "**/b*",
        "a/**/c.md",
        "**/c.md",
        "?",
        "?.md",
        "a?b",
        "[ab].md",
        "[!a]*",
        "[^a]*",
        "{a,b}*",
        "{a/b,x/**}.{md,rs}",
        "{a,}b.md",
        "a+b/*",
        "*/(c).md",
        "a/\\[b\\].md",
        "\\{a\\}.md",
        "ä/ö.md",
        "**/ö*",
        "a|b",
        "^a$",
        "[-].md",
        "[a-c]*",
        "[/]",
        "a[/]b",
        "a**b",
        "***",
        "long/**",
        "x/*/z/*",
        "[]-]*",
        "a\\\\b",
    ];
    let mut matched = 0;
    for glob in globs {
        let known = GlobBuilder::new(glob).literal_separator(true).build().unwrap().compile_matcher();
        let mut expected: Vec<_> = paths.iter().copied().filter(|path| known.is_match(path)).collect();
        expected.sort_unstable();
        let path = Some(glob.to_owned());
        assert_eq!(listed(&*snapshot, &Filter { path, ..filter() }).await, expected, "{glob}");
        matched += expected.len();
    }
    assert!(matched > 100, "{matched}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_away_early_leaves_nobody_waiting() {
    let Some(place) = database().await else { return };
    let index = place.open().await;
    publish(&*index, [document("a.md", &["text"])]).await;
    let snapshot = current(&*index).await;
    let socket = place.server.socket_directory().display().to_string();
    let address = format!("host={socket} port={} user=postgres dbname=postgres", place.server.port());
    let (client, link) = tokio_postgres::connect(&address, NoTls).await.unwrap();
    tokio::spawn(link);
    client.batch_execute("BEGIN; LOCK TABLE windlass_knowledge.chunks").await.unwrap();
    let everything = filter();
    for _ in 0..10 {
        let asked = snapshot.nearest(&[1.0; DIMENSIONS], &everything, 5);
        assert!(timeout(Duration::from_millis(100), asked).await.is_err(), "it waits for the lock");
    }
    // What the others left behind still waits, and this does not wait for it.
    let asked = timeout(Duration::from_secs(5), snapshot.document("a.md")).await;
    assert!(asked.unwrap().unwrap().is_some());
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(found(&*snapshot, "text").await, ["a.md:1"]);
}
