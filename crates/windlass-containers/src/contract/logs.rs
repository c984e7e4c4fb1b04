//! What it wrote.

use secrecy::ExposeSecret;
use serde_json::Value;

use super::{Expectations, Fact};
use crate::engine::{Container, Engine};

pub(super) async fn prove(engine: &Engine, container: &Container, expected: &Expectations, facts: &mut Vec<Fact>) {
    let writes = Fact::new("container.logs", "it logs to standard output and standard error");
    let audits = Fact::new("container.audit", "audit lines on standard output are JSON");
    let secret = Fact::new("container.discreet", "its token stands in no log");
    let logs = match engine.logs(&container.id).await {
        Ok(logs) => logs,
        Err(error) => {
            facts.extend([writes, audits, secret].map(|fact| fact.failed(error.to_string())));
            return;
        }
    };
    let count = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
    let (out, err) = (count(&logs.stdout), count(&logs.stderr));
    facts
        .push(writes.when(out + err > 0, format!("{out} lines and {err} lines")).measured((out + err) as f64, "lines"));

    let lines: Vec<&str> = logs.stdout.lines().filter(|line| line.starts_with(r#"{"audit""#)).collect();
    let broken = lines.iter().find(|line| serde_json::from_str::<Value>(line).is_err());
    facts.push(match (expected.audit, broken, lines.len()) {
        (false, ..) => audits.skipped("none are expected"),
        (true, Some(line), _) => audits.failed(format!("this is none: {}", end(line))),
        (true, None, 0) => audits.failed("there are none"),
        (true, None, count) => audits.passed("").measured(count as f64, "lines"),
    });

    facts.push(match expected.token.as_ref().map(|token| token.expose_secret()) {
        None => secret.skipped("it has none"),
        Some(token) => {
            let found = logs.stdout.contains(token) || logs.stderr.contains(token);
            secret.when(!found, if found { "it stands there" } else { "" })
        }
    });
}

/// The end of a text, on one line.
pub(super) fn end(text: &str) -> String {
    let text = text.trim().replace('\n', " | ");
    let start = text.char_indices().rev().nth(600).map_or(0, |(at, _)| at);
    text[start..].to_owned()
}
