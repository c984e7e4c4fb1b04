//! The audit log from outside: lines in a file, and what can be told from them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod chain;
mod cost;
mod queries;
mod secrets;
mod streams;

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use windlass_audit::{AuditLog, AuditOptions, Stream};
use windlass_core::{AuditEvent, AuditSink, Decision};

fn start(file: &Path) -> Arc<AuditLog> {
    let options = AuditOptions { stream: Stream::None, file: Some(file.into()), ..AuditOptions::default() };
    AuditLog::start(options).unwrap()
}

fn event(decision: Decision, arguments: Value) -> AuditEvent {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    AuditEvent {
        principal: Some("key:ci".into()),
        tool: Some("run_command".into()),
        call: Some("c-1".into()),
        arguments: Some(arguments),
        duration_us: Some(1234),
        bytes: Some(56),
        peer: Some("192.0.2.7:4711".into()),
        trace: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        ..AuditEvent::new(decision, "tools/call", "http")
    }
}

/// Text of a log with `events` in it.
fn log_of(events: impl IntoIterator<Item = AuditEvent>) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.jsonl");
    let log = start(&file);
    events.into_iter().for_each(|event| log.record(event));
    drop(log);
    std::fs::read_to_string(file).unwrap()
}

fn some_events(count: usize) -> impl Iterator<Item = AuditEvent> {
    (0..count).map(|number| event(Decision::Allowed, json!({"argv": ["echo", number.to_string()]})))
}
