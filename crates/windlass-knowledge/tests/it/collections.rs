//! How collections keep themselves fresh.

use std::{sync::Arc, time::Duration};

use windlass_knowledge::{
    Collections,
    collections::{Options, Parts, Wish},
    refresh::RefreshError,
    source::Source,
};

use crate::{
    bench::Bench,
    parts::{Counting, Faulty, Shelf, index},
};

struct House {
    bench: Bench,
    shelf: Shelf,
    index: Faulty,
    collections: Collections,
}

fn house(every: Option<Duration>) -> House {
    let bench = Bench::new();
    let (shelf, index) = (Shelf::new("shelf"), Faulty::new(index(&bench.path().join("index"))));
    shelf.write("a.md", "Apples everywhere.\n");
    let parts = Parts {
        name: "handbook".into(),
        description: String::new(),
        index: Arc::new(index.clone()),
        sources: vec![Arc::new(shelf.clone())],
    };
    let options = Options { every, ..Options::default() };
    let collections = Collections::new(vec![parts], Arc::new(Counting::new(&bench)), options);
    House { bench, shelf, index, collections }
}

impl House {
    /// Waits until there is this generation.
    async fn until(&self, generation: u64) {
        let path = self.bench.path().join("index");
        let reader = index(&path);
        let reached = async {
            loop {
                if let Some(current) = reader.current().await.unwrap()
                    && current.generation().number >= generation
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), reached).await.unwrap();
    }

    async fn documents(&self) -> u64 {
        let collection = self.collections.get("handbook").unwrap();
        collection.snapshot().await.unwrap().map_or(0, |snapshot| snapshot.generation().counts.documents)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_index_gets_one_in_the_background() {
    let house = house(None);
    assert_eq!(house.documents().await, 0);
    house.collections.start();
    house.until(1).await;
    assert_eq!(house.documents().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_goes_on_after_a_failure() {
    let house = house(Some(Duration::from_millis(50)));
    house.collections.start();
    house.until(1).await;
    house.shelf.set_gone(true);
    house.shelf.write("b.md", "Berries everywhere.\n");
    // It has failed at least once by the time it says so.
    let handbook = house.collections.get("handbook").unwrap();
    let failed = async {
        while handbook.failure().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), failed).await.unwrap();
    assert_eq!(house.documents().await, 1);
    house.shelf.set_gone(false);
    house.until(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_schedule_what_has_an_index_is_left_alone() {
    let bench = Bench::new();
    let shelves = [Shelf::new("a"), Shelf::new("b")];
    let parts = shelves.iter().map(|shelf| Parts {
        name: shelf.name().to_owned(),
        description: String::new(),
        index: index(&bench.path().join(shelf.name())),
        sources: vec![Arc::new(shelf.clone())],
    });
    let collections = Collections::new(parts.collect(), Arc::new(Counting::new(&bench)), Options::default());
    for shelf in &shelves {
        shelf.write("a.md", "Apples everywhere.\n");
    }
    let (a, b) = (collections.get("a").unwrap(), collections.get("b").unwrap());
    collections.refresh(a, &Wish::default(), &|_| {}).await.unwrap();
    shelves[0].write("b.md", "Berries everywhere.\n").reads();
    collections.start();
    // They are looked at in order, so that one was looked at before this one is there.
    let made = async {
        while b.snapshot().await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), made).await.unwrap();
    assert!(shelves[0].reads().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_collections_end_their_background() {
    let house = house(Some(Duration::from_millis(10)));
    house.collections.start();
    house.until(1).await;
    let House { bench, shelf, collections, .. } = house;
    drop(collections);
    // Whoever still holds the shelf is the background; it lets go of it.
    drop(bench);
    let gone = async {
        while shelf.holders() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_generation_of_another_process_is_seen_within_seconds() {
    let house = house(None);
    let handbook = house.collections.get("handbook").unwrap();
    house.collections.refresh(handbook, &Wish::default(), &|_| {}).await.unwrap();
    assert_eq!(house.documents().await, 1);
    // Another process, with the same folder.
    house.shelf.write("b.md", "Berries everywhere.\n");
    let other = index(&house.bench.path().join("index"));
    let sources: [Arc<dyn Source>; 1] = [Arc::new(house.shelf.clone())];
    let embedder = Counting::new(&house.bench);
    let options = windlass_knowledge::refresh::Options::default();
    windlass_knowledge::refresh::refresh("x", other.as_ref(), &sources, &embedder, &options, &|_| {}).await.unwrap();
    let seen = async {
        while house.documents().await != 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), seen).await.unwrap();
    // While the index cannot be reached, what was seen last is searched on.
    house.index.fail_after(0);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(house.documents().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_waits_for_another_can_be_cancelled() {
    let house = house(None);
    let handbook = house.collections.get("handbook").unwrap();
    let wish = Wish::default();
    wish.cancel.cancel();
    let ran = house.collections.refresh(handbook, &wish, &|_| {}).await;
    assert!(matches!(ran.unwrap_err(), RefreshError::Cancelled));
    assert_eq!(handbook.failure(), None);
}
