//! Generations: what is kept of them, and going back.

use windlass_index::{Change, ChangeKind, IndexError};

use super::*;

fn numbers(generations: &[Generation]) -> Vec<u64> {
    generations.iter().map(|generation| generation.number).collect()
}

pub async fn a_held_snapshot_stays_as_it_was(place: &dyn Place) {
    let index = place.open().await;
    let before = [document("a.md", &["first words"]), document("b.md", &["other words"])];
    publish(&*index, before.clone()).await;
    let held = current(&*index).await;
    let mut writer = begin(&*place.open().await).await;
    writer.put(document("a.md", &["second words"])).await.unwrap();
    writer.remove("b.md").await.unwrap();
    writer.publish(about()).await.unwrap();
    assert_eq!(held.generation().number, 1);
    assert_eq!(Everything::of(&*held).await, Everything::expected(&before));
    assert_eq!(found_somewhere(&*held, "words").await, ["a.md:1", "b.md:1"]);
    assert_eq!(current(&*index).await.generation().number, 2);
}

pub async fn another_process_sees_what_was_published(place: &dyn Place) {
    let (one, two) = (place.open().await, place.open().await);
    assert!(two.current().await.unwrap().is_none());
    for round in 1..=3 {
        let documents = [document("a.md", &[&format!("words of round {round}")])];
        let generation = publish(&*one, documents.clone()).await;
        for index in [&two, &place.open().await] {
            let snapshot = current(&**index).await;
            assert_eq!(*snapshot.generation(), generation);
            assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&documents));
        }
    }
}

pub async fn only_so_many_generations_are_kept(place: &dyn Place) {
    let index = place.open().await;
    for round in 1..=5_u64 {
        let mut writer = begin(&*index).await;
        writer.put(document("a.md", &[&format!("round {round}")])).await.unwrap();
        let generation = writer.publish(About { keep: 2, ..about() }).await.unwrap();
        let kept = place.open().await.generations().await.unwrap();
        assert_eq!(kept[0], generation);
        assert_eq!(numbers(&kept), if round == 1 { vec![1] } else { vec![round, round - 1] });
    }
    assert!(matches!(index.rollback(Some(3)).await, Err(IndexError::NoGeneration(_))));
    // The one that is published is always one of them.
    let writer = begin(&*index).await;
    writer.publish(About { keep: 0, ..about() }).await.unwrap();
    assert_eq!(numbers(&index.generations().await.unwrap()), [6]);
    assert!(matches!(index.rollback(None).await, Err(IndexError::NoGeneration(_))));
    assert_eq!(found(&*current(&*index).await, "round").await, ["a.md:1"]);
}

pub async fn going_back_brings_all_of_it_back(place: &dyn Place) {
    let index = place.open().await;
    let rounds = [1, 2, 3].map(|round| document("a.md", &[&format!("words of round {round}")]));
    for document in &rounds {
        publish(&*index, [document.clone()]).await;
    }
    let generation = index.rollback(None).await.unwrap();
    assert_eq!((generation.number, generation.rolled_back_to), (4, Some(2)));
    let snapshot = current(&*place.open().await).await;
    assert_eq!(*snapshot.generation(), generation);
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&rounds[1..2]));
    assert!(matches!(index.rollback(Some(99)).await, Err(IndexError::NoGeneration(_))));

    let generation = index.rollback(Some(3)).await.unwrap();
    assert_eq!((generation.number, generation.rolled_back_to), (5, Some(3)));
    let snapshot = current(&*index).await;
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&rounds[2..]));

    // And what comes next builds upon that.
    let mut writer = begin(&*index).await;
    assert_eq!(writer.base().map(|base| base.number), Some(5));
    writer.put(document("b.md", &["words of more"])).await.unwrap();
    let generation = writer.publish(about()).await.unwrap();
    assert_eq!((generation.number, generation.rolled_back_to), (6, None));
    let expected = [rounds[2].clone(), document("b.md", &["words of more"])];
    assert_eq!(Everything::of(&*current(&*index).await).await, Everything::expected(&expected));
}

pub async fn sources_and_skips_are_told(place: &dyn Place) {
    let index = place.open().await;
    let said = About {
        sources: BTreeMap::from([("git https://example.com/a.git".to_owned(), "0123abcd".to_owned())]),
        changes: vec![Change { kind: ChangeKind::Added, path: "a.md".to_owned(), from: None, at: at(1) }],
        skipped: BTreeMap::from([(".png".to_owned(), 3), ("too large".to_owned(), 1)]),
        keep: 3,
    };
    let mut writer = begin(&*index).await;
    writer.put(document("a.md", &["text"])).await.unwrap();
    let before = OffsetDateTime::now_utc();
    let generation = writer.publish(said.clone()).await.unwrap();
    assert_eq!((&generation.sources, &generation.changes), (&said.sources, &said.changes));
    assert_eq!((&generation.skipped, &generation.model), (&said.skipped, &model()));
    assert!((generation.published - before).abs() < time::Duration::minutes(5), "{}", generation.published);
    let other = place.open().await;
    assert_eq!(*current(&*other).await.generation(), generation);
    assert_eq!(other.generations().await.unwrap(), std::slice::from_ref(&generation));
    assert_eq!(begin(&*other).await.base(), Some(&generation));
}

pub async fn changes_add_up_over_generations(place: &dyn Place) {
    let index = place.open().await;
    let change = |kind, path: &str, second| Change { kind, path: path.to_owned(), from: None, at: at(second) };
    let rounds = [
        vec![change(ChangeKind::Added, "b.md", 2), change(ChangeKind::Added, "a.md", 1)],
        vec![Change { from: Some("a.md".to_owned()), ..change(ChangeKind::Moved, "c.md", 3) }],
        vec![change(ChangeKind::Changed, "c.md", 5), change(ChangeKind::Removed, "b.md", 4)],
    ];
    for changes in rounds.clone() {
        let writer = begin(&*index).await;
        writer.publish(About { changes, ..about() }).await.unwrap();
    }
    let all: Vec<_> = rounds.into_iter().rev().flatten().collect();
    assert_eq!(current(&*index).await.generation().changes, all);

    // A few hundred, the newest of them.
    for round in 0..3 {
        let changes: Vec<_> = (0..400).rev().map(|nth| change(ChangeKind::Added, "x.md", 1000 * round + nth)).collect();
        begin(&*index).await.publish(About { changes, ..about() }).await.unwrap();
    }
    let kept = current(&*index).await.generation().changes.clone();
    assert!((100..1000).contains(&kept.len()), "{}", kept.len());
    assert!(kept.is_sorted_by(|one, next| one.at >= next.at));
    assert_eq!(kept[0].at, at(2399));
}
