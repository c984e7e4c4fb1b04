//! Resources, prompts, completion and tasks: asked of each toolset the caller may read, in order.

use std::sync::Arc;

use rmcp::{
    RoleServer,
    model::{
        CompleteRequestParams, CompleteResult, DetailedTask, ErrorCode, ErrorData, GetPromptRequestParams,
        GetPromptResponse, Prompt, ReadResourceResponse, ReadResourceResult, Resource, ResourceTemplate,
        UpdateTaskParams,
    },
    service::RequestContext,
};
use serde_json::json;
use windlass_core::{AuditEvent, Decision, ErrorKind, Library, Tasks, ToolError};

use super::{Protocol, is_modern};
use crate::gate::Caller;

type Context = RequestContext<RoleServer>;

impl Protocol {
    fn libraries(&self, caller: &Caller) -> Vec<Arc<dyn Library>> {
        self.readable(caller).filter_map(|toolset| toolset.library()).collect()
    }

    fn task_keepers(&self, caller: &Caller) -> Vec<Arc<dyn Tasks>> {
        self.readable(caller).filter_map(|toolset| toolset.tasks()).collect()
    }

    fn readable(&self, caller: &Caller) -> impl Iterator<Item = Arc<dyn windlass_core::Toolset>> {
        let in_scope = |name: &str| self.scope.as_deref().is_none_or(|scope| scope == name);
        let mut toolsets = self.shared.gate.toolsets();
        toolsets.retain(|toolset| in_scope(toolset.name()) && self.shared.gate.may_read(caller, toolset.name()));
        toolsets.into_iter()
    }

    pub(super) async fn resources(&self, context: &Context) -> Result<Vec<Resource>, ErrorData> {
        let caller = self.caller(context)?;
        let mut all = Vec::new();
        for library in self.libraries(&caller) {
            all.extend(library.resources(&caller.principal).await.map_err(resource_error)?);
        }
        Ok(all)
    }

    pub(super) async fn templates(&self, context: &Context) -> Result<Vec<ResourceTemplate>, ErrorData> {
        let caller = self.caller(context)?;
        let mut all = Vec::new();
        for library in self.libraries(&caller) {
            all.extend(library.resource_templates(&caller.principal).await.map_err(resource_error)?);
        }
        Ok(all)
    }

    pub(super) async fn prompts(&self, context: &Context) -> Result<Vec<Prompt>, ErrorData> {
        let caller = self.caller(context)?;
        let mut all = Vec::new();
        for library in self.libraries(&caller) {
            all.extend(library.prompts(&caller.principal).await.map_err(protocol_error)?);
        }
        Ok(all)
    }

    pub(super) async fn read(&self, uri: &str, context: &Context) -> Result<ReadResourceResponse, ErrorData> {
        let caller = self.caller(context)?;
        // Reading is work like a call's: the same rate, the same number at once, the same time.
        let (permit, deadline) = self.shared.gate.admit(&caller);
        let _permit = permit.map_err(resource_error)?;
        for library in self.libraries(&caller) {
            let reading = tokio::time::timeout_at(deadline.instant().into(), library.read(&caller.principal, uri));
            let late = |_| ToolError::new(ErrorKind::TimedOut, "the resource was not read in time");
            let read = reading.await.map_err(late).and_then(|read| read).map_err(resource_error)?;
            if let Some(contents) = read {
                self.note(&caller, "resources/read", uri, Decision::Allowed);
                let mut result = ReadResourceResult::new(contents);
                self.stamp(is_modern(context), &mut result.meta);
                return Ok(result.into());
            }
        }
        self.note(&caller, "resources/read", uri, Decision::Denied);
        Err(ErrorData::resource_not_found(format!("no resource `{uri}`"), Some(json!({ "uri": uri }))))
    }

    pub(super) async fn prompt(
        &self,
        mut request: GetPromptRequestParams,
        context: &Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        let caller = self.caller(context)?;
        // rmcp has moved it out of the params; a prompt that asks for input needs the client's capabilities from there.
        request.meta = Some(context.meta.clone());
        for library in self.libraries(&caller) {
            if let Some(mut answer) = library.prompt(&caller.principal, &request).await.map_err(protocol_error)? {
                self.note(&caller, "prompts/get", &request.name, Decision::Allowed);
                let modern = is_modern(context);
                match &mut answer {
                    GetPromptResponse::Complete(result) => self.stamp(modern, &mut result.meta),
                    GetPromptResponse::InputRequired(result) => self.stamp(modern, &mut result.meta),
                    _ => {}
                }
                return Ok(answer);
            }
        }
        self.note(&caller, "prompts/get", &request.name, Decision::Denied);
        Err(ErrorData::invalid_params(format!("no prompt `{}`; prompts/list shows what there is", request.name), None))
    }

    pub(super) async fn completion(
        &self,
        request: &CompleteRequestParams,
        context: &Context,
    ) -> Result<CompleteResult, ErrorData> {
        let caller = self.caller(context)?;
        for library in self.libraries(&caller) {
            if let Some(completion) = library.complete(&caller.principal, request).await.map_err(protocol_error)? {
                let mut result = CompleteResult::new(completion);
                self.stamp(is_modern(context), &mut result.meta);
                return Ok(result);
            }
        }
        Ok(CompleteResult::default())
    }

    pub(super) async fn task(&self, task: &str, context: &Context) -> Result<DetailedTask, ErrorData> {
        let caller = self.caller(context)?;
        for keeper in self.task_keepers(&caller) {
            if let Some(found) = keeper.get(&caller.principal, task).await {
                return found.map_err(protocol_error);
            }
        }
        Err(no_task(task))
    }

    pub(super) async fn task_input(&self, request: UpdateTaskParams, context: &Context) -> Result<(), ErrorData> {
        let caller = self.caller(context)?;
        for keeper in self.task_keepers(&caller) {
            let responses = request.input_responses.clone();
            if let Some(done) = keeper.update(&caller.principal, &request.task_id, responses).await {
                self.note(&caller, "tasks/update", &request.task_id, Decision::Allowed);
                return done.map_err(protocol_error);
            }
        }
        Err(no_task(&request.task_id))
    }

    pub(super) async fn end_task(&self, task: &str, context: &Context) -> Result<(), ErrorData> {
        let caller = self.caller(context)?;
        for keeper in self.task_keepers(&caller) {
            if let Some(done) = keeper.cancel(&caller.principal, task).await {
                self.note(&caller, "tasks/cancel", task, Decision::Allowed);
                return done.map_err(protocol_error);
            }
        }
        Err(no_task(task))
    }

    /// Writes down a decision that was not a tool call.
    fn note(&self, caller: &Caller, method: &str, subject: &str, decision: Decision) {
        let mut event = AuditEvent::new(decision, method, caller.transport);
        event.principal = Some(caller.principal.id.clone());
        event.peer = caller.peer.map(|peer| peer.to_string());
        event.reason = Some(subject.chars().take(512).collect());
        if decision == Decision::Denied {
            event.error = Some(ErrorKind::NotFound.as_str());
        }
        self.shared.gate.audit().record(event);
    }
}

fn no_task(task: &str) -> ErrorData {
    ErrorData::invalid_params(format!("no task `{task}`"), None)
}

/// An error where the protocol has no room for a result with `isError`.
fn protocol_error(error: ToolError) -> ErrorData {
    if error.kind == ErrorKind::Internal {
        tracing::error!("{error}");
    }
    error.protocol().unwrap_or_else(|| {
        let code = match error.kind {
            ErrorKind::NotFound | ErrorKind::InvalidArguments | ErrorKind::Denied => ErrorCode::INVALID_PARAMS,
            _ => ErrorCode::INTERNAL_ERROR,
        };
        ErrorData::new(code, error.for_model(), error.data)
    })
}

/// The same for resources, which had a code of their own for "not found" until 2026-07-28 (rmcp sends each revision its
/// own).
fn resource_error(error: ToolError) -> ErrorData {
    match error.kind {
        ErrorKind::NotFound => ErrorData::resource_not_found(error.for_model(), error.data),
        _ => protocol_error(error),
    }
}
