//! What a run tells, on a terminal or for another program.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};
use windlass_agent::{End, Notice, What};

use crate::output;

/// Characters of arguments that are shown.
const ARGUMENTS: usize = 160;

/// Shows notices as they come.
pub struct Screen {
    json: bool,
    /// Whether the model's words have left the cursor within a line.
    within_line: Mutex<bool>,
}

impl Screen {
    pub fn new(json: bool) -> Self {
        Self { json, within_line: Mutex::new(false) }
    }

    /// The model's words on standard output, everything else on standard error; or everything as JSON, a line each.
    pub fn show(&self, notice: &Notice) {
        if self.json {
            let line = serde_json::to_string(notice).unwrap_or_default();
            return output::print(format_args!("{line}\n"));
        }
        let mut within_line = self.within_line.lock().unwrap_or_else(PoisonError::into_inner);
        if let What::Text { text } = &notice.what {
            let text = plain(text);
            output::print(format_args!("{text}"));
            *within_line = text.chars().next_back().map_or(*within_line, |last| last != '\n');
            return;
        }
        let line = line(&notice.what);
        let ends = matches!(notice.what, What::Replied { .. } | What::Ended { .. });
        if *within_line && (ends || line.is_some()) {
            output::print(format_args!("\n"));
            *within_line = false;
        }
        if let Some(line) = line {
            eprintln!("{line}");
        }
    }
}

/// A notice in a line, where it is worth one.
fn line(what: &What) -> Option<String> {
    Some(match what {
        What::Calling { tool, source, arguments, .. } => format!("  -> {tool} {}  ({source})", shown(arguments)),
        What::Called { tool, is_error, millis, bytes, .. } => {
            let outcome = if *is_error { "failed after" } else { "answered in" };
            format!("  <- {tool} {outcome} {}, {}", time(*millis), size(*bytes))
        }
        What::Progress { progress, .. } => format!("     {}", plain(progress.message.as_deref()?)),
        What::Waiting { millis } => format!("  .. the model is asked too often; again in {}", time(*millis)),
        What::Compacted { what } => format!(
            "  .. to make room, {} answers of tools were shortened and {} exchanges left out",
            what.shortened, what.dropped
        ),
        What::Ended { end: End::Finished, .. } => return None,
        What::Ended { explanation, .. } => format!("ended: {}", plain(explanation)),
        What::Asking { .. }
        | What::Text { .. }
        | What::Writing { .. }
        | What::Replied { .. }
        | What::ApprovalAsked { .. }
        | What::ApprovalGiven { .. } => return None,
    })
}

/// Arguments in one line, cut where they are long.
pub fn shown(arguments: &Map<String, Value>) -> String {
    let whole = plain(&Value::Object(arguments.clone()).to_string());
    match whole.char_indices().nth(ARGUMENTS) {
        Some((at, _)) => format!("{}...", &whole[..at]),
        None => whole,
    }
}

/// Text that a terminal only shows: what it would obey is left out.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

fn time(millis: u64) -> String {
    match millis {
        0..10_000 => format!("{}.{:02} s", millis / 1000, millis % 1000 / 10),
        _ => format!("{} s", millis / 1000),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown() {
        let calling = What::Calling {
            id: "1".into(),
            tool: "read".into(),
            source: "windlass".into(),
            arguments: json!({ "path": "\u{1b}[2J", "more": "x".repeat(200) }).as_object().cloned().unwrap(),
        };
        let called = |is_error, millis, bytes| What::Called {
            id: "1".into(),
            tool: "read".into(),
            content: Vec::new(),
            is_error,
            millis,
            bytes,
        };
        let told = [calling, called(false, 1234, 999), called(true, 61_000, 1_234), called(false, 5, 2_500_000)];
        let lines: Vec<String> = told.iter().filter_map(line).map(|line| line.trim_start().to_owned()).collect();
        let cut = format!(r#"-> read {{"path":"\u001b[2J","more":"{}...  (windlass)"#, "x".repeat(ARGUMENTS - 28));
        assert_eq!(lines[0], cut);
        insta::assert_snapshot!(lines[1..].join("\n"), @r"
        <- read answered in 1.23 s, 999 B
        <- read failed after 61 s, 1.2 kB
        <- read answered in 0.00 s, 2.5 MB
        ");
        assert_eq!(plain("a\u{1b}[31mb\r\n\tc\u{7}"), "a[31mb\n\tc");
    }
}
