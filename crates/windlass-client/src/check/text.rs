use std::fmt::Write;

use super::report::{Report, Status};
use crate::text::count;

/// The report for people; `colour` only on a terminal.
pub fn text(report: &Report, colour: bool) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = render(report, colour, &mut out);
    out
}

fn render(report: &Report, colour: bool, out: &mut String) -> std::fmt::Result {
    let server = &report.server;
    writeln!(out, "{}", report.target)?;
    if !server.name.is_empty() {
        writeln!(out, "server  {} {}", server.name, server.version)?;
    }
    if !server.revisions.is_empty() {
        writeln!(out, "speaks  {}", server.revisions.join(", "))?;
    }
    if let Some(tools) = server.tools {
        writeln!(out, "lists   {}", count(tools, "tool"))?;
    }
    writeln!(out)?;
    let width = report.findings.iter().map(|finding| finding.id.len()).max().unwrap_or(0);
    for finding in &report.findings {
        let (word, code) = match finding.status {
            Status::Pass => ("pass", "32"),
            Status::Warn => ("WARN", "33;1"),
            Status::Fail => ("FAIL", "31;1"),
            Status::Skip => ("skip", "2"),
        };
        let word = if colour { format!("\x1b[{code}m{word}\x1b[0m") } else { word.into() };
        write!(out, "  {word}  {:width$}  ", finding.id)?;
        match finding.status {
            // What went wrong only makes sense beside what should have been.
            Status::Warn | Status::Fail => writeln!(out, "{}", finding.title)?,
            Status::Pass | Status::Skip => writeln!(out, "{}", finding.detail)?,
        }
        if matches!(finding.status, Status::Warn | Status::Fail) {
            let indent = " ".repeat(width + 10);
            writeln!(out, "{indent}{}", finding.detail)?;
            if !finding.hint.is_empty() {
                writeln!(out, "{indent}-> {}", finding.hint)?;
            }
        }
    }
    if !report.latency.is_empty() {
        writeln!(out)?;
        for (method, l) in &report.latency {
            writeln!(
                out,
                "  {method}: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms, n {}",
                l.p50, l.p90, l.p99, l.max, l.n
            )?;
        }
    }
    let s = report.summary;
    writeln!(out)?;
    writeln!(
        out,
        "{} passed, {}, {} failed, {} skipped in {:.1} s",
        s.passed,
        count(s.warned, "warning"),
        s.failed,
        s.skipped,
        report.millis / 1000.0
    )
}
