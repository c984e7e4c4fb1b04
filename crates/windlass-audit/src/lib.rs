//! The audit log: every decision as one JSON line, redacted, numbered and chained by hash, so that what happened can be
//! shown later and a line changed or taken out in between is noticed ([`verify`]). `docs/audit.md` says what it proves
//! and what it cannot.
//!
//! **Invariants.** Redaction happens before anything is queued: no secret waits in memory for the disk, nor reaches a
//! subscriber. A line is never dropped to go faster: where writing cannot keep up, [`AuditLog`] makes callers wait.

#![forbid(unsafe_code)]

mod line;
mod log;
mod output;
mod queue;
mod redact;
mod verify;
mod writer;

pub use log::{AuditError, AuditLog, AuditOptions, Line, Stream};
pub use redact::Redactor;
pub use verify::{BrokenAt, Report, Why, verify};
