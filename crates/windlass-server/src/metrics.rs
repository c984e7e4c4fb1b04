//! Prometheus metrics, named after the MCP semantic conventions. The recorder is the server's own, not the process's, so
//! that several servers in one process (tests, the agent) do not mix.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use windlass_core::Decision;

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);
const DURATION: &str = "mcp_server_operation_duration_seconds";
const BUCKETS: [f64; 14] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];

/// The server's metrics.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    /// Open connections.
    pub connections: Gauge,
    /// Connections closed to make room for new ones.
    pub shed: Counter,
    /// Requests refused with 401.
    pub unauthenticated: Counter,
    /// Requests refused for their Host or Origin.
    pub rebinding: Counter,
}

/// The metrics of one tool, looked up once.
pub(crate) struct ToolMetrics {
    allowed: Histogram,
    denied: Histogram,
    failed: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).expect("the buckets are not empty");
        let recorder = builder.build_recorder();
        let describe = |name: &'static str, unit, text: &'static str| {
            recorder.describe_histogram(KeyName::from_const_str(name), unit, SharedString::const_str(text));
        };
        describe(DURATION, Some(Unit::Seconds), "Time from a request's arrival at the gate to its answer");
        let counter = |name: &'static str| recorder.register_counter(&Key::from_static_name(name), &METADATA);
        Self {
            handle: recorder.handle(),
            connections: recorder.register_gauge(&Key::from_static_name("windlass_connections"), &METADATA),
            shed: counter("windlass_connections_shed_total"),
            unauthenticated: counter("windlass_unauthenticated_total"),
            rebinding: counter("windlass_rebinding_refused_total"),
            recorder,
        }
    }
}

impl Metrics {
    pub(crate) fn tool(&self, name: &str) -> ToolMetrics {
        let histogram = |outcome: &'static str| {
            let key = Key::from_parts(
                DURATION,
                vec![
                    Label::from_static_parts("mcp_method_name", "tools/call"),
                    Label::new("gen_ai_tool_name", name.to_owned()),
                    Label::from_static_parts("outcome", outcome),
                ],
            );
            self.recorder.register_histogram(&key, &METADATA)
        };
        ToolMetrics { allowed: histogram("allowed"), denied: histogram("denied"), failed: histogram("failed") }
    }

    /// The text Prometheus scrapes.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds samples into buckets; without it, a server nobody scrapes would grow.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

impl ToolMetrics {
    pub fn record(&self, decision: Decision, took: Duration) {
        let histogram = match decision {
            Decision::Denied | Decision::Unauthenticated => &self.denied,
            Decision::Failed => &self.failed,
            Decision::Allowed | Decision::Operated => &self.allowed,
        };
        histogram.record(took.as_secs_f64());
    }
}
