//! What is found, and how it is told.

use windlass_index::Filter;
use windlass_knowledge::search::{self, Found, Searched};

use crate::parts::Desk;

async fn found(desks: &[(&str, &Desk)], question: &str, filter: &Filter, limit: usize) -> Found {
    let mut searched = Vec::new();
    for (name, desk) in desks {
        let snapshot = desk.index.current().await.unwrap().unwrap();
        searched.push(Searched { name: (*name).to_owned(), snapshot });
    }
    search::search(&searched, desks[0].1.embedder.as_ref(), question, filter, limit).await.unwrap()
}

async fn find(desk: &Desk, question: &str) -> Found {
    found(&[("handbook", desk)], question, &Filter::default(), 8).await
}

fn cited(found: &Found) -> Vec<String> {
    found.matches.iter().map(|one| one.citation()).collect()
}

async fn fruit() -> Desk {
    let desk = Desk::new();
    desk.shelf
        .at("c0ffee", "https://github.com/acme/fruit/blob/c0ffee")
        .write("apples.md", "---\ntags: [tree]\ndate: 2026-01-31\n---\n# Apples\n\nThey grow on trees.\n\n## Storing\n\nKeep apples in a cool cellar.\n")
        .write("berries.md", "---\ntags: [bush]\n---\n# Berries\n\nThey grow on bushes.\n\n## Storing\n\nBerries do not keep; freeze them.\n")
        .write("code/pick.py", "def pick(tree):\n    return tree.apples.pop()\n");
    desk.refresh().await.unwrap();
    desk
}

#[tokio::test]
async fn the_first_by_words_and_meaning_has_100() {
    let desk = fruit().await;
    let found = find(&desk, "how do I store apples in the cellar?").await;
    let first = &found.matches[0];
    assert_eq!(
        (first.document.path.as_str(), first.score, first.by_words, first.by_meaning),
        ("apples.md", 100.0, true, true)
    );
    assert!(first.snippet.text.contains("Keep apples in a cool cellar."), "{:?}", first.snippet);
    assert_eq!(first.breadcrumb[0], "Apples");
    assert_eq!((first.at.as_deref(), first.collection.as_str()), (Some("c0ffee"), "handbook"));
    let lines = first.citation().split_once('#').unwrap().1.to_owned();
    let link = format!("https://github.com/acme/fruit/blob/c0ffee/apples.md?plain=1#{lines}");
    assert_eq!(first.link.as_deref(), Some(link.as_str()));
    assert_eq!(first.document.date.unwrap().to_string(), "2026-01-31");
    assert!(found.matches.is_sorted_by(|a, b| a.score >= b.score));
    assert!(found.notes.is_empty());
}

#[tokio::test]
async fn the_same_question_has_the_same_answer() {
    let desk = fruit().await;
    let first = format!("{:?}", find(&desk, "where do they grow").await);
    for _ in 0..5 {
        assert_eq!(format!("{:?}", find(&desk, "where do they grow").await), first);
    }
}

#[tokio::test]
async fn filters_hold_for_words_and_meaning() {
    let desk = fruit().await;
    for (filter, paths) in [
        (Filter { tags: vec!["bush".into()], ..Filter::default() }, vec!["berries.md"]),
        (Filter { languages: vec!["python".into()], ..Filter::default() }, vec!["code/pick.py"]),
        (Filter { path: Some("code/**".into()), ..Filter::default() }, vec!["code/pick.py"]),
    ] {
        let found = found(&[("handbook", &desk)], "apples trees grow storing", &filter, 8).await;
        let mut found: Vec<_> = found.matches.iter().map(|one| one.document.path.as_str()).collect();
        found.dedup();
        assert_eq!(found, paths);
    }
}

#[tokio::test]
async fn whatever_is_asked_is_a_question() {
    let desk = fruit().await;
    for question in
        ["\"", "AND OR NOT", "a:b^2 (c", "*", "-", "\0", "ÄÖÜ 漢字 🍎", "path:/etc/passwd", &"x".repeat(3000)]
    {
        find(&desk, question).await;
    }
    assert!(find(&desk, "   ").await.matches.is_empty());
}

#[tokio::test]
async fn the_same_text_is_one_result_and_told_beside_it() {
    let desk = Desk::new();
    let text =
        "# Holidays\n\nEverybody has thirty days of holidays in a year, and may take five of them into the next.\n";
    desk.shelf
        .write("a.md", text)
        .write("copy/a.md", text)
        .write("old.md", text.replace("Everybody has thirty", "Everyone gets twenty"));
    desk.shelf.write("near.md", text.replace("a year,", "a YEAR,"));
    desk.refresh().await.unwrap();
    let found = find(&desk, "days of holidays").await;
    let matches: Vec<_> = found.matches.iter().map(|one| (one.document.path.as_str(), one.also.len())).collect();
    assert_eq!(matches.len(), 2, "{matches:?}");
    let with_copies = found.matches.iter().find(|one| !one.also.is_empty()).unwrap();
    assert_eq!(with_copies.also.len(), 2, "{:?}", with_copies.also);
    assert!(with_copies.also.iter().all(|also| also.ends_with("#L1-L3")), "{:?}", with_copies.also);
}

#[tokio::test]
async fn one_document_does_not_fill_the_list_unless_it_is_alone() {
    let desk = Desk::new();
    let part = |n: usize| format!("## Part {n}\n\nThe vpn of part {n}: {}\n\n", format!("word{n} ").repeat(200));
    desk.shelf.write("long.md", format!("# Manual\n\n{}", (0..10).map(part).collect::<String>()));
    desk.refresh().await.unwrap();
    let alone = find(&desk, "vpn").await;
    assert_eq!(alone.matches.len(), 8, "{:?}", cited(&alone));
    for n in 0..4 {
        desk.shelf.write(&format!("{n}.md"), format!("# Note {n}\n\nNote number {n} says vpn once among others{n}.\n"));
    }
    desk.refresh().await.unwrap();
    let found = find(&desk, "vpn").await;
    let long = found.matches.iter().filter(|one| one.document.path == "long.md").count();
    assert_eq!((long, found.matches.len()), (3, 7), "{:?}", cited(&found));
}

#[tokio::test]
async fn lines_are_not_shown_twice() {
    let desk = Desk::new();
    let lines: String = (0..120).map(|n| format!("Line {n} speaks of the vpn and of thing{n}.\n")).collect();
    desk.shelf.write("lines.txt", lines);
    desk.refresh().await.unwrap();
    let found = find(&desk, "vpn").await;
    assert!(found.matches.len() > 1);
    let mut ranges: Vec<_> = found.matches.iter().map(|one| (one.first_line, one.last_line)).collect();
    ranges.sort_unstable();
    assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "{ranges:?}");
}

#[tokio::test]
async fn collections_are_searched_as_one() {
    let (fruit, other) = (fruit().await, Desk::new());
    other.shelf.write("ci.md", "# Pipelines\n\nThe pipeline builds the image.\n");
    other.refresh().await.unwrap();
    let desks = [("fruit", &fruit), ("engineering", &other)];
    let answered = found(&desks, "which pipeline builds the image", &Filter::default(), 5).await;
    assert_eq!((answered.matches[0].collection.as_str(), answered.matches[0].score), ("engineering", 100.0));
    // The same text in both is told once, with the name of the other.
    other.shelf.write("fruit.md", "# Berries\n\nThey grow on bushes.\n");
    fruit.shelf.write("copy.md", "# Berries\n\nThey grow on bushes.\n");
    other.refresh().await.unwrap();
    fruit.refresh().await.unwrap();
    let answered = found(&desks, "berries grow on bushes", &Filter::default(), 5).await;
    let also: Vec<_> = answered.matches.iter().flat_map(|one| &one.also).collect();
    assert!(also.iter().any(|also| *also == "engineering: fruit.md#L1-L3" || also.starts_with("fruit: ")), "{also:?}");
}

#[tokio::test]
async fn words_alone_answer_where_there_are_no_vectors() {
    let desk = fruit().await;
    desk.embedder.set_fails(true);
    let answered = find(&desk, "freeze berries").await;
    assert_eq!(answered.notes, ["found by words alone: what makes vectors does not answer now"]);
    let first = &answered.matches[0];
    assert_eq!((first.document.path.as_str(), first.score, first.by_meaning), ("berries.md", 100.0, false));
    desk.embedder.set_fails(false);
    desk.embedder.set_other(true);
    let answered = find(&desk, "freeze berries").await;
    assert_eq!(answered.notes, ["`handbook` was searched by words alone: its next refresh makes its vectors anew"]);
    assert_eq!(answered.matches[0].document.path, "berries.md");
}
