//! One span per call, by the MCP and GenAI semantic conventions, continuing the trace the client began.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use windlass_core::ToolError;

use super::{Answer, Caller};

/// Starts the span. Costs nothing where no collector is configured: the target is off then.
pub(super) fn begin(caller: &Caller, tool: &str) -> Span {
    let span = tracing::info_span!(
        target: crate::CALLS,
        "tools/call",
        otel.name = format_args!("tools/call {tool}"),
        otel.kind = "server",
        otel.status_code = Empty,
        mcp.method.name = "tools/call",
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = tool,
        network.transport = caller.transport,
        enduser.id = caller.principal.id,
        error.type = Empty,
    );
    if !span.is_disabled()
        && let Some(parent) = caller.trace.as_deref().and_then(parse)
    {
        // Fails only without an OpenTelemetry layer, and then there is no trace to continue.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    span
}

/// Notes how it ended. HTTP says 200 even where the tool failed, so `error.type` is what tells.
pub(super) fn end(span: &Span, outcome: &Result<Answer, ToolError>) {
    let error = match outcome {
        Ok(answer) if answer.failed => "tool_error",
        Ok(_) => return,
        Err(error) => error.kind.as_str(),
    };
    span.record("error.type", error);
    span.record("otel.status_code", "ERROR");
}

/// The trace id of a `traceparent`, for the audit line.
pub(super) fn id(traceparent: &str) -> Option<String> {
    parse(traceparent).map(|context| context.trace_id().to_string())
}

/// W3C trace context: `00-<trace id>-<parent id>-<flags>`.
fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || version == "ff" || trace.len() != 32 || parent.len() != 16 || flags.len() != 2 {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let (trace, parent) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(parent).ok()?);
    let context = SpanContext::new(trace, parent, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_trace_contexts_count() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(id(good).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319\n-b7ad6b7169203331-01",
        ] {
            assert_eq!(id(bad), None, "{bad}");
        }
    }
}
