//! Jobs as tasks of the protocol, for clients that speak them: the task id is the job id.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windlass_core::{
    Principal, Tasks, ToolError,
    mcp::{DetailedTask, InputResponses, JsonObject, Task, TaskPayload, TaskStatus},
};

use super::{ShellToolset, job_tools::Answer};
use crate::jobs::{JobError, Record, State};

/// How often a client should ask.
const POLL_MS: u64 = 1000;

/// The task of a job.
pub(super) fn task(record: &Record) -> Task {
    let status = match record.state {
        State::Running => TaskStatus::Working,
        State::Stopped => TaskStatus::Cancelled,
        State::Lost | State::Failed => TaskStatus::Failed,
        State::Exited | State::TimedOut => TaskStatus::Completed,
    };
    let updated = record.ended_at.unwrap_or(record.started_at);
    Task::new(&record.id, status, timestamp(record.started_at), timestamp(updated))
        .with_status_message(record.title.clone())
        .with_poll_interval_ms(POLL_MS)
}

fn timestamp(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| "1970-01-01T00:00:00Z".into())
}

#[async_trait]
impl Tasks for ShellToolset {
    async fn get(&self, who: &Principal, id: &str) -> Option<Result<DetailedTask, ToolError>> {
        let jobs = self.jobs().ok()?;
        match jobs.output(&who.id, id, 0, Duration::ZERO).await {
            Ok((record, page)) => {
                let task = task(&record);
                let payload = match task.status {
                    TaskStatus::Working => TaskPayload::Working,
                    TaskStatus::Cancelled => TaskPayload::Cancelled,
                    TaskStatus::Failed => TaskPayload::Failed { error: error(&Answer::new(record, page).for_model()) },
                    _ => match result(&Answer::new(record, page)) {
                        Ok(result) => TaskPayload::Completed { result },
                        Err(error) => return Some(Err(error)),
                    },
                };
                Some(Ok(DetailedTask::new(task, payload)))
            }
            Err(JobError::Unknown) => None,
            Err(error) => Some(Err(error.into())),
        }
    }

    async fn update(&self, who: &Principal, id: &str, _responses: InputResponses) -> Option<Result<(), ToolError>> {
        self.jobs().ok()?.look(&who.id, id).ok()?;
        Some(Err(ToolError::invalid("this task asks for nothing")))
    }

    async fn cancel(&self, who: &Principal, id: &str) -> Option<Result<(), ToolError>> {
        match self.jobs().ok()?.stop(&who.id, id).await {
            Ok(_) => Some(Ok(())),
            Err(JobError::Unknown) => None,
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// What `tools/call` would have answered.
fn result(answer: &Answer) -> Result<JsonObject, ToolError> {
    let structured = serde_json::to_value(answer).map_err(ToolError::internal)?;
    Ok(object(json!({
        "content": [{ "type": "text", "text": answer.for_model() }],
        "structuredContent": structured,
        "isError": answer.failed(),
    })))
}

fn error(message: &str) -> JsonObject {
    object(json!({ "code": -32603, "message": message }))
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}
