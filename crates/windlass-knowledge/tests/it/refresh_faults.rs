//! A refresh that ends in the middle: the index is what it was before, or what it is after, and nothing between.

use std::{future::Future, pin::pin, sync::Arc, task::Poll};

use windlass_index::Index;
use windlass_knowledge::refresh::RefreshError;

use crate::parts::{Desk, Dump, Faulty, index};

/// A desk with a generation, and with changes of every kind since.
async fn changed() -> Desk {
    let desk = Desk::new();
    for n in 0..12 {
        desk.shelf.write(&format!("{n}.md"), format!("# Page {n}\n\nPage {n} is everywhere.\n"));
    }
    desk.refresh().await.unwrap();
    desk.shelf.write("0.md", "# Page 0\n\nAnother page 0 is everywhere.\n");
    desk.shelf.write("new.md", "# New\n\nA new page is everywhere.\n");
    desk.shelf.rename("1.md", "moved.md");
    desk.shelf.remove("2.md");
    desk
}

/// What the changes lead to, with the number that is next.
async fn expected(desk: &Desk) -> Dump {
    let other = index(&desk.bench.path().join("expected"));
    desk.refresh_into(other.as_ref()).await.unwrap();
    desk.embedder.count();
    Dump { generation: Some(2), ..crate::parts::dump(other.as_ref()).await }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_fails_at_any_step_is_what_it_was() {
    let desk = changed().await;
    let (before, after) = (desk.dump().await, expected(&desk).await);
    let faulty = Faulty::new(desk.index.clone());
    let mut failures = 0;
    for steps in 0.. {
        faulty.fail_after(steps);
        match desk.refresh_into(&faulty).await {
            Err(RefreshError::Index(_)) => {
                failures += 1;
                assert_eq!(desk.dump().await, before, "after {steps} steps");
            }
            Err(other) => panic!("{other:?}"),
            Ok(report) => {
                assert_eq!(report.published, Some(2));
                break;
            }
        }
    }
    assert_eq!(desk.dump().await, after);
    assert!(failures >= 8, "{failures}");
    let every = ["begin", "contents", "current", "known", "publish", "put", "remember", "remove", "rename"];
    assert_eq!(faulty.failed(), every);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_refresh_that_fails_at_any_step_leaves_nothing() {
    let desk = Desk::new();
    desk.shelf.write("a.md", "Apples everywhere.\n").write("b.md", "Berries everywhere.\n");
    let faulty = Faulty::new(desk.index.clone());
    for steps in 0.. {
        faulty.fail_after(steps);
        if desk.refresh_into(&faulty).await.is_ok() {
            break;
        }
        assert_eq!(desk.dump().await.generation, None, "after {steps} steps");
    }
    assert_eq!(desk.dump().await.documents.len(), 2);
}

/// Polls `future` so many times at most.
async fn polled<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context| match left.checked_sub(1) {
        None => Poll::Ready(None),
        Some(rest) => {
            left = rest;
            match future.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_is_dropped_anywhere_leaves_before_or_after() {
    let desk = changed().await;
    let (before, after) = (desk.dump().await, expected(&desk).await);
    let mut dropped = 0;
    for times in 1.. {
        let ran = polled(desk.refresh(), times).await;
        let dump = desk.dump().await;
        assert!(dump == before || dump == after, "after {times} polls: {dump:?}");
        match ran {
            None => dropped += 1,
            // What was dropped while it published may do so a moment later.
            Some(Err(RefreshError::Overtaken(2))) => {}
            Some(ran) => {
                ran.unwrap();
                break;
            }
        }
    }
    assert!(dropped >= 3, "{dropped}");
    assert_eq!(desk.dump().await, after);
    // And nothing it left behind is in the way of the next.
    desk.shelf.write("3.md", "# Page 3\n\nPage 3 is elsewhere and everywhere.\n");
    assert_eq!(desk.refresh().await.unwrap().changed, 1);
}

#[tokio::test]
async fn of_two_refreshers_one_wins_and_the_other_says_so() {
    let desk = changed().await;
    let after = expected(&desk).await;
    desk.embedder.hold();
    let mut slow = pin!(desk.refresh());
    // It has begun, and waits for its vectors.
    desk.shelf.reads();
    let begun = std::future::poll_fn(|context| {
        assert!(slow.as_mut().poll(context).is_pending());
        if desk.shelf.reads().is_empty() { Poll::Pending } else { Poll::Ready(()) }
    });
    begun.await;
    desk.embedder.let_through();
    let fast = desk.refresh().await.unwrap();
    assert_eq!(fast.published, Some(2));
    let error = slow.await.unwrap_err();
    assert!(matches!(error, RefreshError::Overtaken(2)), "{error:?}");
    assert_eq!(error.to_string(), "another refresh published generation 2 meanwhile; this one published nothing");
    assert_eq!(desk.dump().await, after);
}

#[tokio::test]
async fn vectors_that_were_paid_for_are_not_paid_for_again() {
    let desk = Desk::new();
    for n in 0..40 {
        desk.shelf.write(&format!("{n:02}.md"), format!("# Page {n}\n\nPage {n} is everywhere.\n"));
    }
    desk.embedder.set_room(16);
    let error = desk.refresh().await.unwrap_err();
    assert_eq!(error.to_string(), "no vectors: the embedder is down");
    assert_eq!(desk.dump().await.generation, None);
    let paid = desk.embedder.count();
    assert!(paid >= 8, "{paid}");
    desk.embedder.set_room(usize::MAX);
    let report = desk.refresh().await.unwrap();
    assert_eq!(report.documents, 40);
    assert!(desk.embedder.count() <= 40 - 8);
}

#[tokio::test]
async fn vectors_of_the_wrong_size_are_refused() {
    let desk = Desk::new();
    desk.shelf.write("a.md", "Apples.\n");
    desk.embedder.set_wrong(true);
    let told = desk.refresh().await.unwrap_err().to_string();
    assert_eq!(told, "no vectors: hashed/1 did not answer with 1 vectors of 384 numbers");
    desk.embedder.set_wrong(false);
    desk.refresh().await.unwrap();
}

#[tokio::test]
async fn readers_keep_what_they_have() {
    let desk = changed().await;
    let held: Arc<dyn Index> = desk.index.clone();
    let snapshot = held.current().await.unwrap().unwrap();
    desk.refresh().await.unwrap();
    assert!(snapshot.document("2.md").await.unwrap().is_some());
    assert!(snapshot.document("new.md").await.unwrap().is_none());
    assert_eq!(snapshot.generation().number, 1);
}
