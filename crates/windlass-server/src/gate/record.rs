//! The audit line of one call: begun on arrival, written exactly once, even where the call's future is dropped.

use std::time::Instant;

use windlass_core::{AuditEvent, Decision, ErrorKind, ToolError, mcp};

use super::{Answer, Caller, Gate, trace};
use crate::catalog::Entry;

/// Writes the line when dropped.
pub(super) struct Record<'a> {
    gate: &'a Gate,
    started: Instant,
    event: Option<AuditEvent>,
    entry: Option<std::sync::Arc<Entry>>,
}

impl<'a> Record<'a> {
    pub fn begin(gate: &'a Gate, caller: &Caller) -> Self {
        let mut event = AuditEvent::new(Decision::Failed, "tools/call", caller.transport);
        event.principal = Some(caller.principal.id.clone());
        event.peer = caller.peer.map(|peer| peer.to_string());
        event.trace = caller.trace.as_deref().and_then(trace::id);
        event.call = Some(format!("call_{:016x}", rand::random::<u64>()));
        // What stands if nothing else is said before the drop.
        event.error = Some(ErrorKind::Cancelled.as_str());
        event.reason = Some("the client went away".into());
        Self { gate, started: Instant::now(), event: Some(event), entry: None }
    }

    pub fn id(&self) -> String {
        self.event.as_ref().and_then(|event| event.call.clone()).unwrap_or_default()
    }

    pub fn of(&mut self, entry: &std::sync::Arc<Entry>, arguments: Option<&mcp::JsonObject>) {
        if let Some(event) = &mut self.event {
            event.tool = Some(entry.name.to_string());
            event.arguments = arguments.cloned();
        }
        self.entry = Some(entry.clone());
    }

    pub fn unknown(&mut self, request: &mcp::CallToolRequestParams) {
        if let Some(event) = &mut self.event {
            event.decision = Decision::Denied;
            event.tool = Some(request.name.chars().take(128).collect());
            event.error = Some(ErrorKind::NotFound.as_str());
            event.reason = Some("no such tool".into());
        }
    }

    pub fn end(&mut self, outcome: &Result<Answer, ToolError>) {
        let Some(event) = &mut self.event else { return };
        event.error = None;
        event.reason = None;
        match outcome {
            Ok(answer) => {
                event.decision = if answer.failed { Decision::Failed } else { Decision::Allowed };
                event.error = answer.failed.then_some(ErrorKind::Failed.as_str());
                event.bytes = Some(answer.bytes);
            }
            Err(error) => {
                event.decision = match error.kind {
                    ErrorKind::Denied | ErrorKind::Limited => Decision::Denied,
                    _ => Decision::Failed,
                };
                event.error = Some(error.kind.as_str());
                event.reason = Some(error.to_string());
                if error.kind == ErrorKind::Internal {
                    tracing::error!(tool = event.tool.as_deref(), call = event.call.as_deref(), "{error}");
                }
            }
        }
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        let Some(mut event) = self.event.take() else { return };
        let took = self.started.elapsed();
        event.duration_us = Some(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        if let Some(entry) = &self.entry {
            entry.metrics.record(event.decision, took);
        }
        self.gate.audit.record(event);
    }
}
