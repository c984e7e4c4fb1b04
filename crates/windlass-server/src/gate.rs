//! The gate: the one path of every call, whatever the transport and the toolset.
//!
//! principal → policy → limits → arguments → the work, under its deadline → shape → audit.

pub(crate) mod limits;
pub(crate) mod schema;
pub(crate) mod shape;

mod record;
mod trace;

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use futures::FutureExt;
use serde_json::Value;
use tracing::Instrument;
use windlass_auth::Authenticator;
use windlass_config::settings::{AuthSettings, LimitSettings};
use windlass_core::{
    AuditSink, Call, CancellationToken, Check, Client, Deadline, ErrorKind, Outputs, Principal, Reply, Resume,
    ToolError, Toolset, mcp,
};
use windlass_policy::Policy;

use crate::{
    Metrics,
    catalog::{Catalog, CatalogError, Entry, similar},
};
use limits::{Limits, Permit};
use record::Record;

/// How long a toolset may take to hand over what it has once its call is cancelled.
const GRACE: Duration = Duration::from_secs(3);

/// Who calls, and how the request came.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Arc<Principal>,
    /// `stdio`, `http`, `console`.
    pub transport: &'static str,
    /// The peer's address.
    pub peer: Option<std::net::IpAddr>,
    /// W3C trace context of the request: `traceparent`.
    pub trace: Option<String>,
    /// When the transport stops waiting for the answer, where that is known.
    pub answer_by: Option<Instant>,
}

/// What a reload of the configuration replaces, all at once.
pub struct Live {
    /// Who may connect.
    pub auth: Authenticator,
    /// What `auth` was made from, for the metadata document.
    pub auth_settings: AuthSettings,
    /// Who may call what.
    pub policy: Policy,
    /// Rates, sizes, deadlines.
    pub limits: LimitSettings,
    /// The toolsets.
    pub toolsets: Vec<Arc<dyn Toolset>>,
}

/// [`Live`] with what is derived from it.
pub(crate) struct Rules {
    pub live: Live,
    pub catalog: ArcSwap<Catalog>,
    pub limits: Limits,
}

/// The gate.
pub struct Gate {
    rules: ArcSwap<Rules>,
    outputs: Arc<dyn Outputs>,
    audit: Arc<dyn AuditSink>,
    metrics: Arc<Metrics>,
    /// Fires when the time to finish is over: what still runs is ended.
    stopping: CancellationToken,
}

impl Gate {
    /// A gate in front of `live.toolsets`.
    pub fn new(
        live: Live,
        outputs: Arc<dyn Outputs>,
        audit: Arc<dyn AuditSink>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, CatalogError> {
        let rules = ArcSwap::from_pointee(Rules::derive(live, &metrics)?);
        Ok(Self { rules, outputs, audit, metrics, stopping: CancellationToken::new() })
    }

    /// Replaces the rules; calls that run keep theirs.
    pub fn replace(&self, live: Live) -> Result<(), CatalogError> {
        self.rules.store(Arc::new(Rules::derive(live, &self.metrics)?));
        Ok(())
    }

    /// Lists the toolsets' tools again.
    pub fn refresh(&self) -> Result<(), CatalogError> {
        let rules = self.rules.load();
        rules.catalog.store(Arc::new(Catalog::build(&rules.live.toolsets, &self.metrics)?));
        Ok(())
    }

    pub(crate) fn rules(&self) -> arc_swap::Guard<Arc<Rules>> {
        self.rules.load()
    }

    /// The toolsets in force.
    pub fn toolsets(&self) -> Vec<Arc<dyn Toolset>> {
        self.rules.load().live.toolsets.clone()
    }

    /// Room for something of `caller`'s that is no call, and when it must have ended.
    pub(crate) fn admit(&self, caller: &Caller) -> (Result<Permit, ToolError>, Deadline) {
        let rules = self.rules.load();
        (rules.limits.admit(&caller.principal.id), Deadline::after(rules.live.limits.deadline.0))
    }

    /// Where decisions are written.
    pub fn audit(&self) -> &dyn AuditSink {
        self.audit.as_ref()
    }

    /// The server's metrics.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Ends every call that still runs; each is answered with what it has.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Housekeeping, to be called every few seconds.
    pub fn sweep(&self) {
        self.metrics.upkeep();
        self.rules.load().limits.sweep();
    }

    /// Whether nobody has to prove who they are.
    pub fn is_open(&self) -> bool {
        self.rules.load().live.auth.is_open()
    }

    /// The tools `caller` may call.
    pub fn tools(&self, caller: &Caller, scope: Option<&str>) -> Vec<mcp::Tool> {
        let rules = self.rules.load();
        rules.catalog.load().visible(&caller.principal, &rules.live.policy, caller.transport, scope)
    }

    /// Whether `caller` may see the resources, prompts and tasks of `toolset`.
    pub fn may_read(&self, caller: &Caller, toolset: &str) -> bool {
        self.rules.load().live.policy.decide_read(&caller.principal, toolset, caller.transport).allowed
    }

    /// Every readiness check of every part.
    pub async fn ready(&self) -> Vec<Check> {
        let rules = self.rules.load_full();
        let mut checks = rules.live.auth.ready().await;
        checks.extend(self.audit.ready());
        for toolset in &rules.live.toolsets {
            let found = AssertUnwindSafe(toolset.ready()).catch_unwind();
            match tokio::time::timeout(Duration::from_secs(5), found).await {
                Ok(Ok(found)) => checks.extend(found),
                Ok(Err(_)) => checks.push(Check::failed(toolset.name(), "the readiness check panicked")),
                Err(_) => checks.push(Check::failed(toolset.name(), "the readiness check took over 5 s")),
            }
        }
        checks
    }

    /// One tool call, from the caller's wish to the answer.
    ///
    /// # Errors
    /// A protocol error where there is no such tool, or where the protocol has an error of its own for the case; every
    /// other failure is a result the model can read.
    pub async fn call(
        &self,
        caller: &Caller,
        scope: Option<&str>,
        request: mcp::CallToolRequestParams,
        meta: mcp::RequestMetaObject,
        client: Arc<dyn Client>,
        gone: CancellationToken,
    ) -> Result<mcp::CallToolResponse, mcp::ErrorData> {
        let rules = self.rules.load_full();
        let mut record = Record::begin(self, caller);
        let Some(entry) = rules.catalog.load().find(&request.name, request.arguments.as_ref(), scope).cloned() else {
            record.unknown(&request);
            return Err(self.unknown_tool(caller, scope, &request.name));
        };
        record.of(&entry, request.arguments.as_ref());
        let has_schema = entry.output.is_some();
        let span = trace::begin(caller, &entry.name);
        let passing = self.pass(&rules, &entry, caller, request, meta, client, gone, &record);
        let outcome = passing.instrument(span.clone()).await;
        let outcome = match outcome {
            Ok(reply) => self.shape(&rules, &entry, caller, reply).await,
            Err(error) => Err(error),
        };
        let outcome = outcome.map_err(shape::brief);
        trace::end(&span, &outcome);
        record.end(&outcome);
        match outcome {
            Ok(answer) => Ok(answer.response),
            Err(error) => match error.protocol() {
                Some(error) => Err(error),
                None => Ok(shape::error(&error, has_schema).into()),
            },
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one request, taken apart once")]
    async fn pass(
        &self,
        rules: &Rules,
        entry: &Entry,
        caller: &Caller,
        request: mcp::CallToolRequestParams,
        meta: mcp::RequestMetaObject,
        client: Arc<dyn Client>,
        gone: CancellationToken,
        record: &Record<'_>,
    ) -> Result<Reply, ToolError> {
        let verdict = rules.live.policy.decide(&caller.principal, &entry.facts, caller.transport);
        if !verdict.allowed {
            return Err(ToolError::denied(format!(
                "the policy does not let `{}` call `{}`",
                caller.principal.id, entry.name
            ))
            .hint("tools/list shows what you may call; the operator can add a grant to the policy section")
            .detail(&verdict.by));
        }
        let _permit = rules.limits.admit(&caller.principal.id)?;
        let mut arguments = request.arguments.unwrap_or_default();
        entry.input.drop_nulls(&mut arguments);
        let arguments = Value::Object(arguments);
        if let Some(problems) = entry.input.problems(&arguments) {
            return Err(ToolError::invalid(format!("invalid arguments for `{}`: {problems}", entry.name))
                .hint("see the tool's inputSchema in tools/list"));
        }
        let Value::Object(arguments) = arguments else { unreachable!("made an object above") };
        let resume = (request.input_responses.is_some() || request.request_state.is_some()).then(|| Resume {
            input_responses: request.input_responses.unwrap_or_default(),
            request_state: request.request_state,
        });
        let cancel = CancellationToken::new();
        let mut deadline = rules.live.limits.deadline.0;
        if let Some(by) = caller.answer_by {
            let patience = by.saturating_duration_since(Instant::now());
            // Handing over what there is has to happen within it too.
            deadline = deadline.min(patience - GRACE.min(patience / 4));
        }
        let call = Call {
            id: record.id(),
            principal: caller.principal.clone(),
            tool: entry.name.clone(),
            arguments,
            meta,
            deadline: Deadline::after(deadline),
            cancel: cancel.clone(),
            client,
            outputs: self.outputs.clone(),
            resume,
        };
        self.work(entry, call, cancel, gone).await
    }

    /// Runs the toolset's part under the deadline, and ends it when the client goes or the server stops.
    async fn work(
        &self,
        entry: &Entry,
        call: Call,
        cancel: CancellationToken,
        gone: CancellationToken,
    ) -> Result<Reply, ToolError> {
        let _ends_with_this_future = cancel.clone().drop_guard();
        let deadline = call.deadline;
        let mut work = std::pin::pin!(AssertUnwindSafe(entry.toolset.call(call)).catch_unwind());
        let interruption = tokio::select! {
            biased;
            outcome = &mut work => return settle(outcome),
            () = gone.cancelled() => ToolError::new(ErrorKind::Cancelled, "the call was cancelled"),
            () = self.stopping.cancelled() => ToolError::new(ErrorKind::Cancelled, "the server is stopping")
                .hint("call again; another replica or the restarted server will answer"),
            () = tokio::time::sleep_until(deadline.instant().into()) => {
                ToolError::new(ErrorKind::TimedOut, "the call took too long and was ended")
                    .hint("ask for less at once, or start the work in the background where the toolset can")
            }
        };
        cancel.cancel();
        match tokio::time::timeout(GRACE, &mut work).await {
            // What it had by then (a command's output so far) is worth more than our sentence.
            Ok(outcome) => match settle(outcome) {
                Err(error) if error.kind == ErrorKind::Cancelled => Err(interruption),
                outcome => outcome,
            },
            Err(_) => Err(interruption.detail(format!("`{}` ignored its cancellation", entry.name))),
        }
    }

    async fn shape(&self, rules: &Rules, entry: &Entry, caller: &Caller, reply: Reply) -> Result<Answer, ToolError> {
        let mut output = match reply {
            Reply::Done(output) => output,
            Reply::NeedsInput(needs) => return Ok(Answer { response: needs.into(), bytes: 0, failed: false }),
            Reply::Task(task) => {
                return Ok(Answer { response: mcp::CallToolResponse::Task(task), bytes: 0, failed: false });
            }
        };
        // A promise checked in every test; in production the client's own check is enough.
        if cfg!(debug_assertions)
            && let (Some(schema), Some(structured), false) = (&entry.output, &output.structured, output.is_error)
            && let Some(problems) = schema.problems(structured)
        {
            return Err(ToolError::internal(format!("`{}` broke its output schema: {problems}", entry.name)));
        }
        let cap = rules.live.limits.output.0;
        let bytes = shape::cap(&mut output, cap, self.outputs.as_ref(), &caller.principal).await?;
        let failed = output.is_error;
        Ok(Answer { response: shape::result(output).into(), bytes, failed })
    }

    fn unknown_tool(&self, caller: &Caller, scope: Option<&str>, name: &str) -> mcp::ErrorData {
        let visible = self.tools(caller, scope);
        let name: String = name.chars().take(128).collect();
        let name = name.as_str();
        let hint = match similar(name, &visible) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => "tools/list shows what there is".to_owned(),
        };
        mcp::ErrorData::invalid_params(format!("unknown tool `{name}`; {hint}"), None)
    }
}

/// What leaves the gate, and what the audit line says of it.
struct Answer {
    response: mcp::CallToolResponse,
    bytes: u64,
    /// The tool reported a failure of its own (`isError`).
    failed: bool,
}

impl Rules {
    fn derive(live: Live, metrics: &Metrics) -> Result<Self, CatalogError> {
        Ok(Self {
            catalog: ArcSwap::from_pointee(Catalog::build(&live.toolsets, metrics)?),
            limits: Limits::new(&live.limits),
            live,
        })
    }
}

fn settle(outcome: std::thread::Result<Result<Reply, ToolError>>) -> Result<Reply, ToolError> {
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(ToolError::internal(format!("the toolset panicked: {text}")))
    })
}
