//! The queries in docs/audit.md, run against real lines by an evaluator of the part of the language they use. A query
//! whose field or value no line has would return nothing for ever, and nobody would notice.

use serde_json::{Value, json};
use windlass_core::{AuditEvent, Decision};

use crate::{event, log_of};

const DOCS: &str = include_str!("../../../../docs/audit.md");

fn lines() -> Vec<Value> {
    let with_error = |decision, error, reason: &str| AuditEvent {
        error: Some(error),
        reason: Some(reason.into()),
        ..event(decision, json!({"command": "make deploy"}))
    };
    let unknown = AuditEvent {
        peer: Some("203.0.113.9:5000".into()),
        reason: Some("no credentials".into()),
        ..AuditEvent::new(Decision::Unauthenticated, "tools/list", "http")
    };
    let text = log_of([
        event(Decision::Allowed, json!({"command": "make test"})),
        with_error(Decision::Denied, "denied", "no rule allows `make deploy`"),
        with_error(Decision::Failed, "timed_out", "deadline"),
        unknown.clone(),
        unknown,
    ]);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn field<'a>(line: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(line, |value, name| value.get(name))
}

/// `audit = 1 and decision in ["allowed", "failed"]`
fn matches(line: &Value, condition: &str) -> bool {
    condition.split(" and ").all(|term| {
        let parse = |text: &str| serde_json::from_str::<Value>(text.trim()).unwrap_or_else(|_| panic!("{text}"));
        if let Some((name, list)) = term.split_once(" in ") {
            return field(line, name.trim()).is_some_and(|value| parse(list).as_array().unwrap().contains(value));
        }
        let (name, value) = term.split_once(" = ").unwrap_or_else(|| panic!("not understood: {term}"));
        field(line, name.trim()) == Some(&parse(value))
    })
}

/// Fields a stage reads, apart from those that `stats` itself names.
fn fields(stage: &str) -> Vec<String> {
    let (verb, rest) = stage.split_once(' ').unwrap();
    match verb {
        "fields" => rest.split(',').map(|name| name.trim().to_owned()).collect(),
        "stats" => {
            let (values, by) = rest.split_once(" by ").unwrap();
            let inner = values.split('(').skip(1).map(|part| part.split(')').next().unwrap());
            inner.chain(by.split(',')).map(|name| name.trim().to_owned()).filter(|name| name != "*").collect()
        }
        "filter" | "sort" | "limit" => Vec::new(),
        other => panic!("not understood: {other}"),
    }
}

#[test]
fn every_query_finds_what_it_is_for() {
    let lines = lines();
    let queries: Vec<&str> =
        DOCS.split("```logs-insights\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let found: Vec<usize> = queries
        .iter()
        .map(|query| {
            let stages: Vec<&str> = query.split(['|', '\n']).map(str::trim).filter(|stage| !stage.is_empty()).collect();
            let condition = stages.iter().find_map(|stage| stage.strip_prefix("filter ")).unwrap();
            let hits: Vec<&Value> = lines.iter().filter(|line| matches(line, condition)).collect();
            for name in stages.iter().flat_map(|stage| fields(stage)) {
                assert!(hits.iter().any(|line| field(line, &name).is_some()), "no line has `{name}`: {query}");
            }
            let named: Vec<String> = stages.iter().flat_map(|stage| fields(stage)).collect();
            for sorted in stages.iter().filter_map(|stage| stage.strip_prefix("sort ")) {
                let name = sorted.split(' ').next().unwrap();
                assert!(named.iter().any(|known| known == name) || query.contains(&format!(" as {name}")), "{sorted}");
            }
            hits.len()
        })
        .collect();
    // denied, 401, executions, one principal, failures, starts
    assert_eq!(found, [1, 2, 2, 3, 1, 1]);
}

#[test]
fn the_table_of_members_is_complete() {
    for line in lines() {
        for name in line.as_object().unwrap().keys() {
            assert!(DOCS.contains(&format!("`{name}`")), "`{name}` is not described");
        }
    }
}

#[test]
fn every_line_can_be_checked_by_hand() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.jsonl");
    let log = crate::start(&file);
    crate::some_events(9).for_each(|event| windlass_core::AuditSink::record(&*log, event));
    drop(log);
    let command = DOCS.lines().find_map(|line| line.trim().strip_prefix("sed -n 8p")).unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("sed -n 8p{command}")])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let line: Value = serde_json::from_str(text.lines().nth(7).unwrap()).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).split(' ').next(), line["hash"].as_str());
}
