use std::{fs::File, io::Read, process::Command, sync::Arc};

use serde_json::{Value, json};
use windlass_audit::{AuditLog, AuditOptions, Stream, verify};
use windlass_core::{AuditSink, Decision, Health};

use crate::{event, some_events, start};

/// Runs the test below in a process of its own, where stdout and stderr are pipes.
fn child(stream: &str) -> std::process::Output {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", "streams::writes_to_a_stream", "--nocapture"];
    Command::new(program).args(arguments).env("AUDIT_TEST_STREAM", stream).output().unwrap()
}

#[test]
fn lines_go_to_the_stream_that_is_asked_for() {
    for (stream, audited, clean) in [("stdout", 0, 1), ("stderr", 1, 0)] {
        let output = child(stream);
        let streams = [&output.stdout, &output.stderr];
        assert!(output.status.success());
        assert_eq!(verify(&streams[audited][..], None).unwrap().lines, 1001, "{stream}");
        assert_eq!(verify(&streams[clean][..], None).unwrap().lines, 0, "{stream}");
    }
}

#[test]
#[ignore = "runs in a process of its own, started by the test above"]
fn writes_to_a_stream() {
    let stream = match std::env::var("AUDIT_TEST_STREAM").unwrap().as_str() {
        "stdout" => Stream::Stdout,
        _ => Stream::Stderr,
    };
    let log = AuditLog::start(AuditOptions { stream, ..AuditOptions::default() }).unwrap();
    some_events(1000).for_each(|event| log.record(event));
}

#[test]
fn a_slow_reader_makes_callers_wait_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Opened for both, so that opening does not wait and the reader comes later.
    let mut reader = File::options().read(true).write(true).open(&pipe).unwrap();
    let log = start(&pipe);
    let padding = "x".repeat(1500);
    let recorded = std::thread::spawn({
        let log = Arc::clone(&log);
        move || {
            (0..8000).for_each(|_| log.record(event(Decision::Allowed, json!({ "padding": padding }))));
            log.flush();
        }
    });
    let mut text = Vec::new();
    let mut block = [0; 64 << 10];
    let mut lines = 0;
    while lines < 8001 {
        let read = reader.read(&mut block).unwrap();
        lines += block[..read].iter().filter(|byte| **byte == b'\n').count();
        text.extend_from_slice(&block[..read]);
    }
    recorded.join().unwrap();
    assert_eq!(verify(&text[..], None).unwrap().lines, 8001);
}

#[test]
fn a_full_disk_is_told() {
    let Ok(_) = File::options().write(true).open("/dev/full") else {
        windlass_testkit::skip("a full disk is told", "there is no /dev/full");
        return;
    };
    let log = start("/dev/full".as_ref());
    assert!(some_events(3).map(|event| log.record(event)).count() == 3);
    log.flush();
    let check = log.ready();
    assert_eq!(check.health, Health::Failed);
    assert!(check.detail.contains("/dev/full"), "{}", check.detail);
}

#[test]
fn the_console_sees_the_last_lines_and_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let log = start(&directory.path().join("audit.jsonl"));
    some_events(300).for_each(|event| log.record(event));
    log.flush();
    let recent = log.recent();
    assert_eq!(recent.len(), 200);
    let mut news = log.subscribe();
    log.record(event(Decision::Denied, json!({})));
    let next: Value = serde_json::from_str(&news.blocking_recv().unwrap()).unwrap();
    assert_eq!((&next["seq"], &next["decision"]), (&json!(301), &json!("denied")));
}
