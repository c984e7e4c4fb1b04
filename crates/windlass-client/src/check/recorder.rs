use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    catalogue::{self, CATALOGUE},
    report::{Finding, Latency, Report, ServerInfo, Status, Summary, millis},
};
use crate::text::one_line;

/// A judgement on its way into the report.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) status: Status,
    detail: String,
    hint: String,
}

pub(super) fn pass(detail: impl Into<String>) -> Verdict {
    Verdict { status: Status::Pass, detail: detail.into(), hint: String::new() }
}

pub(super) fn warn(detail: impl Into<String>, hint: impl Into<String>) -> Verdict {
    Verdict { status: Status::Warn, detail: detail.into(), hint: hint.into() }
}

pub(super) fn fail(detail: impl Into<String>, hint: impl Into<String>) -> Verdict {
    Verdict { status: Status::Fail, detail: detail.into(), hint: hint.into() }
}

pub(super) fn skip(detail: impl Into<String>) -> Verdict {
    Verdict { status: Status::Skip, detail: detail.into(), hint: String::new() }
}

/// Collects the findings. The one place where text from the server enters the report, so the one place that removes
/// secrets and control characters from it.
pub(super) struct Recorder {
    started: Instant,
    target: String,
    secrets: Vec<String>,
    findings: Vec<Finding>,
    pub(super) reachable: bool,
    pub(super) server: ServerInfo,
    latency: BTreeMap<String, Latency>,
}

impl Recorder {
    pub(super) fn new(target: String, secrets: Vec<String>) -> Self {
        Self {
            started: Instant::now(),
            target,
            secrets,
            findings: Vec::new(),
            reachable: true,
            server: ServerInfo::default(),
            latency: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, id: &str, verdict: Verdict, took: Duration) {
        let info = catalogue::find(id).expect("a check is recorded under its catalogue id");
        self.findings.push(Finding {
            id: info.id,
            title: info.title,
            status: verdict.status,
            detail: self.clean(&verdict.detail),
            hint: self.clean(&verdict.hint),
            millis: millis(took),
        });
    }

    pub(super) fn clean(&self, text: &str) -> String {
        let hidden = self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[secret]"));
        one_line(&hidden)
    }

    pub(super) fn latency(&mut self, method: &str, samples: &[Duration]) {
        if let Some(latency) = Latency::of(samples) {
            self.latency.insert(method.into(), latency);
        }
    }

    /// Remembers a revision that worked and how the server describes itself.
    pub(super) fn speaks(&mut self, revision: &str, info: Option<&serde_json::Value>) {
        let revision = self.clean(revision);
        if !self.server.revisions.contains(&revision) {
            self.server.revisions.push(revision);
        }
        let field = |name: &str| info.and_then(|info| info.get(name)).and_then(|value| value.as_str());
        if self.server.name.is_empty() {
            self.server.name = self.clean(field("name").unwrap_or_default());
            self.server.version = self.clean(field("version").unwrap_or_default());
        }
    }

    /// Ends the report: checks that were not reached become explicit skips, required ones must have passed.
    pub(super) fn finish(mut self, http: bool, require: &[String]) -> Report {
        let mut findings = Vec::new();
        for info in CATALOGUE.iter().filter(|info| if http { info.http } else { info.stdio }) {
            let mut finding = match self.findings.iter().position(|finding| finding.id == info.id) {
                Some(index) => self.findings.swap_remove(index),
                None => Finding {
                    id: info.id,
                    title: info.title,
                    status: Status::Skip,
                    detail: "not reached: an earlier check failed".into(),
                    hint: String::new(),
                    millis: 0.0,
                },
            };
            let required = require.iter().any(|id| id == info.id);
            if required && matches!(finding.status, Status::Skip | Status::Warn) {
                finding.status = Status::Fail;
                finding.detail = format!("required, but: {}", finding.detail);
            }
            findings.push(finding);
        }
        let mut summary = Summary::default();
        for finding in &findings {
            *match finding.status {
                Status::Pass => &mut summary.passed,
                Status::Warn => &mut summary.warned,
                Status::Fail => &mut summary.failed,
                Status::Skip => &mut summary.skipped,
            } += 1;
        }
        self.server.revisions.sort_by(|a, b| b.cmp(a));
        Report {
            target: self.target,
            reachable: self.reachable,
            server: self.server,
            findings,
            latency: self.latency,
            summary,
            millis: millis(self.started.elapsed()),
        }
    }
}
