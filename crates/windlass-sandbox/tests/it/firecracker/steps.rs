//! Whatever goes wrong on the way to a sandbox: it is said, in time, and nothing is left of it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Standin;
use crate::place::{SPEC, prefix};
use crate::used::{settled, used};

/// What is asked on the way to the first sandbox, in this order.
const STEPS: [&str; 12] = [
    "GET /version",
    "PUT /machine-config",
    "PUT /boot-source",
    "PUT /drives/rootfs",
    "PUT /drives/disk",
    "PUT /vsock",
    "PUT /entropy",
    "PUT /actions",
    "GET /",
    "PATCH /vm",
    "PUT /snapshot/create",
    "PUT /snapshot/load",
];

/// What is said where Firecracker does what it is `told`, and how long it took.
async fn check(told: &Value, said: &[&str]) -> Duration {
    let Some(standin) = Standin::new("firecracker, steps", told) else { return Duration::ZERO };
    let before = used(standin.directory.path());
    let begun = Instant::now();
    let refused = standin.refused().await;
    let took = begun.elapsed();
    for part in said {
        assert!(refused.contains(part), "{told}: {refused}");
    }
    // But for the lock of all servers.
    std::fs::remove_file(standin.directory.path().join("sandboxes/making")).unwrap();
    settled(standin.directory.path(), &before).await;
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_can_be_refused() {
    for step in STEPS {
        check(&json!({ "refuse": step }), &[&format!("refused {step} (400 Bad Request): told to refuse")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_can_be_the_last() {
    for step in STEPS {
        check(&json!({ "die": step }), &[&format!("told to end at {step}")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_waited_for_for_ever() {
    let took = check(&json!({ "hang": "PUT /vsock" }), &["did not answer PUT /vsock within 10 seconds"]).await;
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_listened_to_for_ever() {
    check(&json!({ "flood": "GET /version" }), &["broke off answering GET /version", "length limit exceeded"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_guest_is_not_heard_of_ends_in_time() {
    let took = check(&json!({ "silent": "load" }), &["the guest cannot be reached for 15 seconds"]).await;
    assert!(took < Duration::from_secs(40), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_listens_late_is_waited_for() {
    let told = json!({ "early": 20, "noise": 1 << 20 });
    let Some(standin) = Standin::new("firecracker, late", &told) else { return };
    let place = standin.place(None).await;
    place.machine(&SPEC).await.destroy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_words_are_kept_of_much_that_is_said() {
    let told = json!({ "noise": 1 << 20, "refuse": "PUT /snapshot/create" });
    let Some(standin) = Standin::new("firecracker, noise", &told) else { return };
    let refused = standin.refused().await;
    assert!(refused.contains("told to refuse") && refused.len() < 12 << 10, "{} bytes", refused.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_once_is_tried_again() {
    let Some(standin) = Standin::new("firecracker, again", &json!({})) else { return };
    let place = standin.place(None).await;
    // A size that cannot be made does not get in the way of one that can.
    let tiny = windlass_sandbox::backend::Spec { memory: 1 << 10, ..SPEC };
    for _ in 0..6 {
        assert!(place.backend.create(&format!("{}-tiny", prefix()), &tiny).await.is_err());
    }
    place.machine(&SPEC).await.destroy().await;
}
