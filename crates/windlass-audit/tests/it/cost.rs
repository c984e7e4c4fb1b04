use std::time::Instant;

use serde_json::json;
use windlass_core::{AuditSink, Decision};

use crate::{event, start};

/// `cargo test --release -p windlass-audit -- --ignored --nocapture cost` prints what a line costs the caller.
#[test]
#[ignore = "a measurement"]
fn of_recording() {
    let directory = tempfile::tempdir().unwrap();
    let log = start(&directory.path().join("audit.jsonl"));
    let arguments = json!({"argv": ["git", "log", "--oneline", "-n", "20"], "cwd": "/srv/app", "timeout": "30s"});
    let events: Vec<_> = (0..100_000).map(|_| event(Decision::Allowed, arguments.clone())).collect();
    let count = events.len() as f64;
    let begin = Instant::now();
    events.into_iter().for_each(|event| log.record(event));
    let recorded = begin.elapsed();
    log.flush();
    println!("{:.2} us on the caller, {:.2} us until written", us(recorded, count), us(begin.elapsed(), count));
}

fn us(time: std::time::Duration, count: f64) -> f64 {
    time.as_secs_f64() * 1e6 / count
}
