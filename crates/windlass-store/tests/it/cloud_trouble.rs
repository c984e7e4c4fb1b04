//! A bucket that cannot be reached, answers slowly, or goes away in between: calls go on, and say what was not kept.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use windlass_core::{ErrorKind, Health, Outputs, Principal};
use windlass_testkit::{aws::StandIn, free_port};

use crate::cloud::{BUCKET, Sky, TABLE, keep, read, store_ready};

const MIB: u64 = 1 << 20;

/// Passes everything on to `to`, but ends every connection in which `word` goes by.
async fn censor(to: SocketAddr, word: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(to).await.unwrap();
                let (mut from_client, mut to_client) = client.split();
                let (mut from_server, mut to_server) = server.split();
                let there = async {
                    let mut bytes = vec![0; 64 << 10];
                    while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
                        let forbidden = bytes[..length].windows(word.len()).any(|window| window == word.as_bytes());
                        if forbidden || to_server.write_all(&bytes[..length]).await.is_err() {
                            break;
                        }
                    }
                };
                let back = tokio::io::copy(&mut from_server, &mut to_client);
                tokio::select! { () = there => {}, _ = back => {} }
            });
        }
    });
    here
}

/// Takes every connection and says nothing.
async fn silence() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let callers = Arc::new(AtomicUsize::new(0));
    let count = callers.clone();
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.unwrap());
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    (here, callers)
}

#[tokio::test]
async fn where_nobody_answers_less_is_kept_and_the_answer_says_so() {
    let port = free_port().unwrap();
    let sky = Sky::at(&format!("http://127.0.0.1:{port}")).await;
    let temp = tempfile::tempdir().unwrap();
    let store = sky.open(temp.path());
    let captured = keep(&store, &Principal::local(), &[b'x'; 100_000]).await;
    assert_eq!((captured.bytes, captured.truncated, captured.handle), (100_000, true, None));
    assert!(captured.text.contains("bytes left out, and not kept ...]"), "{}", captured.text);
    assert!(captured.text.starts_with("xxx") && captured.text.ends_with("xxx"));

    // A short one has no need of it.
    let short = keep(&store, &Principal::local(), b"short").await;
    assert_eq!((&*short.text, short.truncated), ("short", false));

    // That it cannot be reached is not that it is not there.
    let handle = format!("out_{}", "0".repeat(32));
    let error = read(&store, &Principal::local(), json!({ "handle": handle })).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error:?}");
    assert!(!error.for_model().contains("127.0.0.1"), "{}", error.for_model());
}

#[tokio::test]
async fn silence_holds_up_one_call_a_little_and_the_next_not_at_all() {
    let (there, callers) = silence().await;
    let sky = Sky::at(&format!("http://{there}")).await;
    let store = sky.open_nowhere();
    let started = Instant::now();
    let captured = keep(&store, &Principal::local(), &[b'x'; 100_000]).await;
    assert_eq!(captured.handle, None);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let (before, started) = (callers.load(Ordering::Relaxed), Instant::now());
    assert!(before > 0, "it was asked");
    assert_eq!(keep(&store, &Principal::local(), &[b'x'; 100_000]).await.handle, None);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(callers.load(Ordering::Relaxed), before, "it was asked again at once");
    let check = store_ready(&store).await;
    assert_eq!(check.health, Health::Degraded);
    assert!(check.detail.contains("no answer within 3 s"), "{}", check.detail);
}

#[tokio::test]
async fn what_came_before_a_lost_part_is_kept() {
    let Some(aws) = StandIn::ministack().await else { return };
    let address = aws.address();
    let _sky = Sky::over(aws).await;
    let sky = Sky::at(&format!("http://{}", censor(address, "/000002").await)).await;
    let store = sky.open_nowhere();
    let owner = Principal::local();
    let captured = keep(&store, &owner, &vec![b'x'; 15 << 20]).await;
    let handle = captured.handle.unwrap();
    assert!(captured.text.contains("(only the first 8,388,608 bytes were kept)"), "{}", captured.text);
    let page = read(&store, &owner, json!({"handle": handle, "offset": 8 * MIB - 10})).await.unwrap();
    assert_eq!((&page["text"], &page["next_offset"]), (&json!("xxxxxxxxxx"), &json!(null)));
    assert_eq!((&page["kept_bytes"], &page["total_bytes"]), (&json!(8 * MIB), &json!(15 * MIB)));
}

#[tokio::test]
async fn without_a_table_nothing_can_be_found_so_nothing_is_promised() {
    let Some(aws) = StandIn::ministack().await else { return };
    let sky = Sky::over(aws).await;
    let store = sky.open_nowhere();
    sky.dynamodb().delete_table().table_name(TABLE).send().await.unwrap();
    let captured = keep(&store, &Principal::local(), &[b'x'; 100_000]).await;
    assert_eq!(captured.handle, None);
    assert!(captured.text.contains("and not kept"));
    let check = store_ready(&store).await;
    assert_eq!(check.health, Health::Degraded);
    assert!(check.detail.starts_with("table `windlass-handles`: ResourceNotFoundException"), "{}", check.detail);
    assert!(!check.detail.contains("bucket"), "{}", check.detail);
}

#[tokio::test]
async fn readiness_names_what_is_missing_and_remembers_it() {
    let Some(aws) = StandIn::ministack().await else { return };
    let sky = Sky::over(aws).await;
    let store = sky.open_nowhere();
    sky.s3().delete_bucket().bucket(BUCKET).send().await.unwrap();
    let check = store_ready(&store).await;
    assert_eq!(check.health, Health::Degraded);
    let said =
        "bucket `windlass-outputs`: NoSuchBucket: The specified bucket does not exist; long output is cut, not kept";
    assert_eq!(check.detail, said);
    sky.s3().create_bucket().bucket(BUCKET).send().await.unwrap();
    assert_eq!(store_ready(&store).await, check, "asked anew each time");
    let replica = sky.open_nowhere();
    assert_eq!(store_ready(&replica).await.health, Health::Ok);
}

#[tokio::test]
async fn an_object_that_was_removed_before_its_time_is_an_unknown_handle() {
    let Some(aws) = StandIn::ministack().await else { return };
    let sky = Sky::over(aws).await;
    let store = sky.open_nowhere();
    let handle = keep(&store, &Principal::local(), &[b'x'; 100_000]).await.handle.unwrap();
    sky.s3().delete_object().bucket(BUCKET).key(format!("outputs/{handle}/000000")).send().await.unwrap();
    let error = read(&store, &Principal::local(), json!({ "handle": handle })).await.unwrap_err();
    assert_eq!((error.kind, error.detail), (ErrorKind::NotFound, None));
}

#[tokio::test]
async fn a_forged_item_does_not_lead_out_of_what_was_kept() {
    use aws_sdk_dynamodb::types::AttributeValue;
    let Some(aws) = StandIn::ministack().await else { return };
    let sky = Sky::over(aws).await;
    let store = sky.open_nowhere();
    let owner = Principal::local();
    let handle = keep(&store, &owner, &[b'x'; 100_000]).await.handle.unwrap();
    // Claims more than is there, in parts of a length of its own.
    for (name, value) in [("kept", "200000"), ("part", "18446744073709551615")] {
        let key = AttributeValue::S(handle.clone());
        let change = sky.dynamodb().update_item().table_name(TABLE).key("handle", key);
        let change = change.update_expression("SET #name = :value").expression_attribute_names("#name", name);
        let value = AttributeValue::N(value.to_owned());
        change.expression_attribute_values(":value", value).send().await.unwrap();
    }
    let page = read(&store, &owner, json!({"handle": handle, "offset": 99_000, "limit": 500})).await.unwrap();
    assert_eq!(page["text"], "x".repeat(500));
    let error = read(&store, &owner, json!({"handle": handle, "offset": 150_000})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error:?}");
}

#[tokio::test]
async fn a_short_output_does_not_wait_behind_a_long_one() {
    let Some(aws) = StandIn::ministack().await else { return };
    let mut sky = Sky::over(aws).await;
    sky.limits.spill = windlass_core::units::Bytes(512 * MIB);
    let temp = tempfile::tempdir().unwrap();
    let store = sky.open(temp.path());
    let owner = Principal::local();
    keep(&store, &owner, &[b'x'; 100_000]).await;
    let before = sky.names().await.len();
    let mut long = store.open(&owner, "stdout");
    // Nothing else runs meanwhile, so all 30 parts of it wait before the short one comes.
    for _ in 0..120 {
        long.write(&vec![b'x'; MIB as usize]);
    }
    let short = keep(&store, &owner, &[b'x'; 100_000]).await;
    let there = sky.names().await.len() - before - 1;
    assert!(short.handle.is_some(), "{}", short.text);
    assert!(there < 15, "{there} parts of the long one came first");
}

#[tokio::test]
async fn sixty_megabytes_take_little_memory_and_no_disk_for_long() {
    let Some(aws) = StandIn::ministack().await else { return };
    let mut sky = Sky::over(aws).await;
    sky.limits.spill = windlass_core::units::Bytes(512 * MIB);
    let temp = tempfile::tempdir().unwrap();
    let store = sky.open(temp.path());
    // What the first request takes for certificates and the like is taken once.
    keep(&store, &Principal::local(), &[b'x'; 100_000]).await;
    let pid = std::process::id();
    let before = windlass_testkit::process::rss_bytes(pid).unwrap();
    let mut sink = store.open(&Principal::local(), "stdout");
    let block: Vec<u8> = (0..8192).flat_map(|line| format!("{line:07}\n").into_bytes()).collect();
    let mut most = before;
    for _ in 0..60 * MIB / block.len() as u64 {
        sink.write(&block);
        most = most.max(windlass_testkit::process::rss_bytes(pid).unwrap());
        tokio::task::yield_now().await;
    }
    let captured = sink.finish().await;
    most = most.max(windlass_testkit::process::rss_bytes(pid).unwrap());
    assert!(most - before < 48 * MIB, "grew by {} KiB", (most - before) / 1024);
    let handle = captured.handle.unwrap();
    let page = read(&store, &Principal::local(), json!({"handle": handle})).await.unwrap();
    eprintln!("kept {} of {}, grew by {} KiB", page["kept_bytes"], page["total_bytes"], (most - before) / 1024);
    assert!(page["kept_bytes"].as_u64().unwrap() >= 4 * MIB);
}
