//! Somebody else exchanges what is there, again and again, while it is read and written.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{Bench, SECRET, data, text};

/// How long each is tried.
const TIME: Duration = Duration::from_secs(2);

/// Does something over and over, until it is dropped.
struct Again(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Again {
    fn and_again(work: impl Fn() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let thread = thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                work();
            }
        });
        Self(stop, Some(thread))
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        let _ = self.1.take().map(JoinHandle::join);
    }
}

/// Puts a link in the place of what is there, and back.
fn exchange(place: &Path, aside: &Path, target: &Path) {
    let _ = fs::rename(place, aside);
    let _ = symlink(target, place);
    let _ = fs::remove_file(place);
    let _ = fs::rename(aside, place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_becomes_a_link_shows_nothing_of_the_outside() {
    let bench = Bench::new();
    bench.put("a", "inside");
    let (place, aside, target) = (bench.at("a"), bench.at("aside"), bench.outside.path().join("secret.txt"));
    let _again = Again::and_again(move || exchange(&place, &aside, &target));
    let (mut read, mut refused) = (0, 0);
    let began = Instant::now();
    while began.elapsed() < TIME {
        match bench.read("a").await {
            Ok(output) => {
                assert_eq!(text(&output), "inside");
                read += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 0 && refused > 0, "{read} {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_becomes_a_link_shows_nothing_of_the_outside() {
    let bench = Bench::new();
    bench.put("sub/secret.txt", "inside");
    bench.put("sub/deep/x", "inside");
    let (place, aside, target) = (bench.at("sub"), bench.at("aside"), bench.outside.path().to_owned());
    let _again = Again::and_again(move || exchange(&place, &aside, &target));
    let (mut read, mut listed) = (0, 0);
    let began = Instant::now();
    while began.elapsed() < TIME {
        if let Ok(output) = bench.read("sub/secret.txt").await {
            assert_eq!(text(&output), "inside");
            read += 1;
        }
        if let Ok(output) = bench.call("list_files", json!({ "recursive": true })).await {
            let files = data(&output)["files"].as_array().unwrap();
            let outside = |path: &str| path.contains("served") || path.matches("sub").count() > 1;
            assert!(!files.iter().any(|file| outside(file["path"].as_str().unwrap())), "{files:?}");
            listed += 1;
        }
        if let Ok(output) = bench.call("list_files", json!({ "path": "sub" })).await {
            assert_eq!(data(&output)["count"], json!(2));
        }
    }
    assert!(read > 0 && listed > 0, "{read} {listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_outside_however_the_directory_changes() {
    let bench = Bench::writable();
    fs::create_dir(bench.at("sub")).unwrap();
    let outside = bench.outside.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret.txt"), SECRET).unwrap();
    let (place, aside, target) = (bench.at("sub"), bench.at("aside"), outside.clone());
    let again = Again::and_again(move || {
        // Where a directory was written while there was none, the one aside cannot come back.
        let _ = fs::remove_dir_all(&aside);
        exchange(&place, &aside, &target);
    });
    let mut wrote = 0;
    let began = Instant::now();
    while began.elapsed() < TIME {
        let written = bench.call("write_file", json!({ "path": "sub/secret.txt", "content": "mine" })).await;
        wrote += usize::from(written.is_ok());
        let _ = bench.call("write_file", json!({ "path": "sub/new/deep/file", "content": "mine" })).await;
    }
    drop(again);
    assert!(wrote > 0);
    let there: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(there, ["secret.txt"]);
    assert_eq!(fs::read_to_string(outside.join("secret.txt")).unwrap(), SECRET);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_the_place_of_what_is_written_is_replaced_and_not_followed() {
    let bench = Bench::writable();
    let (place, target) = (bench.at("a"), bench.outside.path().join("secret.txt"));
    let secret = target.clone();
    let again = Again::and_again(move || {
        let _ = fs::remove_file(&place);
        let _ = symlink(&target, &place);
    });
    let began = Instant::now();
    let mut wrote = 0;
    while began.elapsed() < TIME {
        wrote += usize::from(bench.call("write_file", json!({ "path": "a", "content": "mine" })).await.is_ok());
    }
    drop(again);
    assert!(wrote > 0);
    assert_eq!(fs::read_to_string(secret).unwrap(), SECRET);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_one_content_or_the_other() {
    let bench = Bench::writable();
    let (one, two) = ("1".repeat(200_000), "2".repeat(200_000));
    bench.put("a", &one);
    let toolset = bench.toolset();
    let (first, second) = (one.clone(), two.clone());
    let writing = tokio::spawn(async move {
        let began = Instant::now();
        while began.elapsed() < TIME {
            for content in [&second, &first] {
                let given = json!({ "path": "a", "content": content });
                let deadline = windlass_core::Deadline::after(Duration::from_secs(60));
                crate::call(&toolset, "write_file", given, deadline).await.unwrap();
            }
        }
    });
    while !writing.is_finished() {
        let read = bench.read("a").await.unwrap();
        let content = data(&read)["content"].as_str().unwrap();
        assert!(content == one || content == two, "a mixture, of {} bytes", content.len());
    }
    writing.await.unwrap();
}
