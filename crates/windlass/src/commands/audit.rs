//! `windlass audit`.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

use anyhow::Context;
use serde_json::json;

use crate::{
    cli::AuditCommand,
    exit::{Exit, Failure},
    output::say,
};

pub fn run(command: AuditCommand) -> Result<Exit, Failure> {
    let AuditCommand::Verify { file, expect, json } = command;
    let reader: Box<dyn BufRead> = match file.filter(|file| file.as_os_str() != "-") {
        Some(path) => {
            let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()));
            Box::new(BufReader::new(file.map_err(Failure::usage)?))
        }
        None => Box::new(std::io::stdin().lock()),
    };
    match windlass_audit::verify(reader, expect.as_deref()) {
        // Of a log that was emptied, or another file, "intact" would say too much.
        Ok(report) if report.lines == 0 => {
            match json {
                true => say!("{}", json!({ "intact": false, "lines": 0, "why": "there is no audit line in it" })),
                false => say!("there is no audit line in it"),
            }
            Ok(Exit::Failed)
        }
        Ok(report) => {
            match json {
                true => say!(
                    "{}",
                    json!({ "intact": true, "lines": report.lines, "skipped": report.skipped, "runs": report.runs,
                            "unlinked": report.unlinked, "torn": report.torn, "last": report.last })
                ),
                false => {
                    say!("intact: {} lines of {} runs; last hash {}", report.lines, report.runs, report.last);
                    if report.skipped > 0 {
                        say!("{} other lines were skipped", report.skipped);
                    }
                    if report.torn > 0 || report.unlinked > 0 {
                        say!("{} lines were cut off by a crash; {} runs do not link", report.torn, report.unlinked);
                    }
                    if expect.is_none() {
                        say!("whether lines are missing at the end only --expect HASH can tell");
                    }
                }
            }
            Ok(Exit::Done)
        }
        Err(broken) => {
            match json {
                true => say!("{}", json!({ "intact": false, "line": broken.line, "why": broken.why.to_string() })),
                false => say!("{broken}"),
            }
            Ok(Exit::Failed)
        }
    }
}
