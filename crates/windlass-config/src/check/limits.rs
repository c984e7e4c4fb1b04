use std::time::Duration;

use windlass_core::units::{Bytes, Span};

use super::Checker;
use crate::{Settings, node::Path, suggest};

const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn check(checker: &mut Checker, settings: &Settings) {
    let Settings { server, limits, store, fetch, .. } = settings;
    let seconds = Duration::from_secs;
    let day = seconds(86_400);

    let mut spans = vec![
        ("server.drain", server.drain, Duration::ZERO, seconds(3600)),
        ("limits.deadline", limits.deadline, Duration::from_millis(100), 7 * day),
        ("limits.header_timeout", limits.header_timeout, Duration::from_millis(100), seconds(300)),
        ("store.ttl", store.ttl, seconds(1), 365 * day),
    ];
    let mut sizes = vec![
        ("limits.body", limits.body, KIB, GIB),
        ("limits.output", limits.output, KIB, 16 << 20),
        ("limits.spill", limits.spill, 0, 1024 * GIB),
        ("store.max_bytes", store.max_bytes, 0, 1024 * 1024 * GIB),
    ];
    let mut counts = vec![
        ("limits.concurrency", limits.concurrency, 1, 1_000_000),
        ("limits.connections", limits.connections, 1, 10_000_000),
        ("limits.sessions", limits.sessions, 0, 1_000_000),
    ];
    if let Some(fetch) = fetch {
        spans.push(("fetch.timeout", fetch.timeout, Duration::from_millis(100), seconds(3600)));
        sizes.push(("fetch.max_bytes", fetch.max_bytes, 1, GIB));
        counts.push(("fetch.max_redirects", fetch.max_redirects, 0, 20));
    }
    for (setting, span, least, most) in spans {
        range(checker, setting, span, Span(least), Span(most));
    }
    for (setting, size, least, most) in sizes {
        range(checker, setting, size, Bytes(least), Bytes(most));
    }
    for (setting, count, least, most) in counts {
        range(checker, setting, count, least, most);
    }
    // What goes to a bucket passes through the directory piece by piece.
    if limits.spill > store.max_bytes && store.bucket.is_none() {
        checker.refuse(
            &Path::dotted("limits.spill"),
            format!("one stream may take {}, the whole store only {}", limits.spill, store.max_bytes),
            "raise `store.max_bytes` or lower `limits.spill`",
        );
    }
    places(checker, settings);
    log(checker, &settings.telemetry.log);
    if let Some(url) = &settings.telemetry.otlp_endpoint {
        checker.web_url(&Path::dotted("telemetry.otlp_endpoint"), url, false);
    }
}

fn range<T: PartialOrd + std::fmt::Display>(checker: &mut Checker, setting: &str, value: T, least: T, most: T) {
    if value < least || value > most {
        checker.refuse(&Path::dotted(setting), format!("{value} is out of range"), format!("{least} to {most}"));
    }
}

/// Where something is to be written.
fn places(checker: &mut Checker, settings: &Settings) {
    if let Some(file) = &settings.audit.file {
        let path = Path::dotted("audit.file");
        if file.is_dir() {
            checker.refuse(&path, format!("{} is a directory", file.display()), "name a file");
        } else if !file.parent().is_some_and(std::path::Path::is_dir) {
            checker.refuse(&path, format!("there is no directory for {}", file.display()), "make it first");
        }
    }
    for (index, name) in settings.audit.redact.iter().enumerate() {
        if name.trim().is_empty() {
            checker.refuse(&Path::dotted("audit.redact").index(index), "an argument needs a name", "take it out");
        }
    }
}

/// The first level of `info,windlass_shell=debug` and the like that is none.
pub(crate) fn bad_level(directives: &str) -> Option<&str> {
    let levels = directives.split(',').map(|directive| directive.rsplit('=').next().unwrap_or_default().trim());
    levels.into_iter().find(|level| !LEVELS.contains(&level.to_ascii_lowercase().as_str()))
}

fn log(checker: &mut Checker, directives: &str) {
    let Some(level) = bad_level(directives) else { return };
    let hint = match suggest::nearest(level, LEVELS) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("levels are {}; for one part write `info,windlass_shell=debug`", suggest::listed(LEVELS)),
    };
    checker.refuse(&Path::dotted("telemetry.log"), format!("`{level}` is no log level"), hint);
}
