use std::{fs, io::Write};

use proptest::prelude::*;
use serde_json::{Value, json};
use windlass_audit::{BrokenAt, Report, Why, verify};
use windlass_core::{AuditEvent, AuditSink, Decision};

use crate::{event, log_of, some_events, start};

fn check(text: &str) -> Result<Report, BrokenAt> {
    verify(text.as_bytes(), None)
}

#[test]
fn a_line_says_what_happened() {
    let denied = AuditEvent {
        error: Some("denied"),
        reason: Some("no rule allows `rm`".into()),
        ..event(Decision::Denied, json!({"b": [1, true, null], "a": "rm -rf /"}))
    };
    let text = log_of([denied]);
    let line = text.lines().nth(1).unwrap();
    let mut shown: Value = serde_json::from_str(line).unwrap();
    for varying in ["time", "prev", "hash"] {
        shown[varying] = varying.into();
    }
    insta::assert_snapshot!(shown.to_string(), @r#"{"audit":1,"seq":1,"time":"time","decision":"denied","method":"tools/call","principal":"key:ci","tool":"run_command","call":"c-1","arguments":{"a":"rm -rf /","b":[1,true,null]},"arguments_sha256":"1cb7c88ea30fec4077b193971e0e9a6e6f7c2c8f601da9567357087f2ad25c2a","error":"denied","reason":"no rule allows `rm`","transport":"http","peer":"192.0.2.7:4711","duration_us":1234,"bytes":56,"trace":"4bf92f3577b34da6a3ce929d0e0e4736","prev":"prev","hash":"hash"}"#);
    assert!(line.starts_with(r#"{"audit":1,"seq":1,"time":"20"#));
    assert_eq!(line.len() - line.find(r#","hash":""#).unwrap(), r#","hash":""}"#.len() + 64);
    let start: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let members: Vec<&String> = start.as_object().unwrap().keys().collect();
    assert_eq!(members, ["audit", "seq", "time", "decision", "method", "chain", "version", "pid", "prev", "hash"]);
}

#[test]
fn the_digest_is_of_the_arguments_as_written() {
    let text = log_of([event(Decision::Allowed, json!({"b": 1, "a": ["x", {"z": 1, "y": 2}]}))]);
    let line: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(line["arguments"].to_string(), r#"{"a":["x",{"y":2,"z":1}],"b":1}"#);
    // printf '{"a":["x",{"y":2,"z":1}],"b":1}' | sha256sum
    assert_eq!(line["arguments_sha256"], "4ed9810d18833c2b8df1412430a876d93c1d3d14acea2049c09e1d4bf43094dd");
}

#[test]
fn tampering_shows() {
    let text = log_of(some_events(6));
    assert_eq!(check(&text).unwrap().lines, 7);
    let lines: Vec<&str> = text.lines().collect();
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut changed: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
        change(&mut changed);
        check(&changed.concat()).map_err(|broken| (broken.line, broken.why))
    };
    type Change = Box<dyn Fn(&mut Vec<String>)>;
    let edit = |line: usize, from: &'static str, to: &'static str| -> Change {
        Box::new(move |lines| {
            assert!(lines[line].contains(from));
            lines[line] = lines[line].replacen(from, to, 1);
        })
    };
    let table: Vec<(&str, Change, u64, Why)> = vec![
        ("a word changed", edit(3, "echo", "exec"), 4, Why::Changed),
        ("a decision changed", edit(3, "allowed", "denied"), 4, Why::Changed),
        ("a blank added", edit(3, ",\"seq\"", ", \"seq\""), 4, Why::Changed),
        ("a member added", edit(3, "\"prev\"", "\"x\":1,\"prev\""), 4, Why::Changed),
        ("a member doubled", edit(3, "\"prev\"", "\"seq\":9,\"prev\""), 4, Why::Malformed),
        ("the start renamed", edit(0, "server.start", "server.begin"), 1, Why::Changed),
        ("the hash spoilt", edit(3, "\"}\n", "0\"}\n"), 4, Why::Changed),
        ("removed", Box::new(|lines| drop(lines.remove(3))), 4, Why::OutOfChain),
        ("two removed", Box::new(|lines| drop(lines.drain(2..4))), 3, Why::OutOfChain),
        ("repeated", Box::new(|lines| lines.insert(3, lines[3].clone())), 5, Why::OutOfChain),
        ("swapped", Box::new(|lines| lines.swap(3, 4)), 4, Why::OutOfChain),
        (
            "moved to the end",
            Box::new(|lines| {
                let line = lines.remove(2);
                lines.push(line)
            }),
            3,
            Why::OutOfChain,
        ),
        ("cut short", Box::new(|lines| lines[3] = format!("{}\n", &lines[3][..80])), 4, Why::Malformed),
        ("disguised", edit(3, "{\"audit\":1,", "{\"audit\":2,"), 5, Why::OutOfChain),
        (
            "the start removed in mid-log",
            Box::new(|lines| lines.extend(log_of(some_events(2)).lines().skip(1).map(|l| format!("{l}\n")))),
            8,
            Why::OutOfChain,
        ),
    ];
    for (name, change, line, why) in table {
        assert_eq!(with(&*change), Err((line, why)), "{name}");
    }
}

#[test]
fn a_forged_line_does_not_fit_in() {
    // Somebody who knows the format makes a line with a right hash, but what follows names another line before it.
    let (text, other) = (log_of(some_events(5)), log_of(some_events(5)));
    let mut lines: Vec<&str> = text.lines().collect();
    lines[3] = other.lines().nth(3).unwrap();
    assert_eq!(check(&lines.join("\n")), Err(BrokenAt { line: 4, why: Why::OutOfChain }));
}

#[test]
fn a_shorter_end_shows_only_against_a_known_hash() {
    let text = log_of(some_events(5));
    let last = check(&text).unwrap().last;
    let shorter: Vec<&str> = text.lines().take(4).collect();
    assert_eq!(check(&shorter.join("\n")).unwrap().lines, 4);
    assert_eq!(verify(shorter.join("\n").as_bytes(), Some(&last)), Err(BrokenAt { line: 5, why: Why::Missing }));
    assert!(verify(text.as_bytes(), Some(&last)).is_ok());
}

#[test]
fn runs_in_one_file_are_linked() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.jsonl");
    for _ in 0..3 {
        let log = start(&file);
        some_events(3).for_each(|event| log.record(event));
    }
    let text = fs::read_to_string(&file).unwrap();
    let report = check(&text).unwrap();
    assert_eq!((report.runs, report.lines, report.unlinked, report.from_the_beginning), (3, 12, 0, true));
    // The end of the first run is gone.
    let cut: Vec<&str> = text.lines().enumerate().filter(|(line, _)| *line != 3).map(|(_, line)| line).collect();
    assert_eq!(check(&cut.join("\n")), Err(BrokenAt { line: 4, why: Why::OutOfChain }));
    // A rotated file's rest is a chain too, and says that it has no beginning.
    let rest: Vec<&str> = text.lines().skip(6).collect();
    let report = check(&rest.join("\n")).unwrap();
    assert!(!report.from_the_beginning);
    assert!(text.lines().nth(5).unwrap().contains(&report.first_previous));
}

#[test]
fn a_crash_within_a_line_is_no_tampering() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.jsonl");
    drop(start(&file));
    let torn = r#"{"audit":1,"seq":1,"time":"2026-01-01T00"#;
    fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(torn.as_bytes()).unwrap();
    drop(start(&file));
    let report = check(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((report.torn, report.runs, report.unlinked), (1, 2, 0));
}

#[test]
fn other_lines_and_prefixes_do_not_matter() {
    let text = log_of(some_events(2));
    let mixed: String = text
        .lines()
        .enumerate()
        .map(|(number, line)| {
            format!("INFO started {{}}\n\u{1b}[2m\n2026-01-01T00:00:00Z stdout F {line}\r\nline {number}\n")
        })
        .collect();
    let report = check(&mixed).unwrap();
    assert_eq!((report.lines, report.skipped), (3, 9));
    assert_eq!(check("").unwrap(), Report::default());
}

#[test]
fn sixteen_threads_make_one_chain() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.jsonl");
    let log = start(&file);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| some_events(500).for_each(|event| log.record(event)));
        }
    });
    log.flush();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(check(&text).unwrap().lines, 8001);
    for (number, line) in text.lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["seq"], number);
    }
}

#[test]
fn two_processes_cannot_share_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.jsonl");
    let _log = start(&file);
    let options = windlass_audit::AuditOptions { file: Some(file), ..Default::default() };
    let error = windlass_audit::AuditLog::start(options).err().unwrap().to_string();
    assert!(error.contains("another process writes its audit log here"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_is_recorded_verifies(
        texts in proptest::collection::vec((any::<String>(), any::<String>(), "\\PC*"), 1..8),
        huge in 0_usize..20_000,
    ) {
        let events = texts.iter().map(|(method, key, value)| AuditEvent {
            reason: Some(value.repeat(huge / 100)),
            principal: Some(key.clone()),
            ..AuditEvent { method: method.clone(), ..event(Decision::Failed, json!({ key: value.repeat(huge / (1 + value.len())) })) }
        });
        let text = log_of(events.collect::<Vec<_>>());
        prop_assert_eq!(check(&text).unwrap().lines, texts.len() as u64 + 1);
        for line in text.lines() {
            prop_assert!(serde_json::from_str::<Value>(line).is_ok());
            prop_assert!(line.len() < 128 << 10, "{} bytes", line.len());
        }
    }
}
