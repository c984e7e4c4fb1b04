//! Logs to stderr, traces to an OTLP collector where one is named.

use std::io::IsTerminal;

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::{
    Resource, runtime,
    trace::{SdkTracerProvider, span_processor_with_async_runtime::BatchSpanProcessor},
};
use tracing_subscriber::{EnvFilter, Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};
use windlass_config::settings::{LogFormat, TelemetrySettings};

/// Flushes traces when dropped.
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = self.traces.take()
            && let Err(error) = traces.shutdown()
        {
            eprintln!("windlass: the last traces could not be sent: {error}");
        }
    }
}

/// What other crates say of requests stays out unless it is asked for by their name: the audit log says it, without the
/// secrets. rmcp tells of every request at `info` and quotes errors at `warn`; the shell parser quotes whole lines;
/// Lambda's runtime quotes whole events, with the callers' credentials; PostgreSQL's driver hands on every notice, such as
/// that a rollback was not needed.
const QUIET: &str = "rmcp=warn,rmcp::service=error,tokenize=off,parse=off,expansion=off,arithmetic=off,\
                     lambda_runtime=warn,aws_smithy_runtime=warn,tokio_postgres=warn";

/// Starts both. Call spans (`windlass_server::CALLS`) go to the collector only, so that without one they cost nothing.
pub fn start(settings: &TelemetrySettings) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(format!("{QUIET},{},{}=off", settings.log, windlass_server::CALLS))
        .with_context(|| format!("telemetry.log: `{}` is no log filter; try `info`", settings.log))?;
    let text = match settings.log_format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let format = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match text {
        true => format.with_target(false).boxed(),
        false => format.json().flatten_event(true).boxed(),
    };
    let traces = settings.otlp_endpoint.as_ref().map(|url| provider(url.as_str())).transpose()?;
    let spans = traces.as_ref().map(|provider| {
        let calls = Targets::new().with_target(windlass_server::CALLS, tracing::Level::INFO);
        tracing_opentelemetry::layer().with_tracer(provider.tracer("windlass")).with_filter(calls)
    });
    tracing_subscriber::registry().with(spans).with(lines.with_filter(filter)).try_init()?;
    Ok(Telemetry { traces })
}

fn provider(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .with_context(|| format!("telemetry.otlp_endpoint: {endpoint}"))?;
    let resource = Resource::builder().with_service_name("windlass").build();
    // The exporter speaks HTTP on this process's runtime; the plain batch processor's own thread has none.
    let processor = BatchSpanProcessor::builder(exporter, runtime::Tokio).build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_span_processor(processor).build())
}
