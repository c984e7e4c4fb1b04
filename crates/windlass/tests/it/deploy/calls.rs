//! A client that calls every 50 ms, whatever else happens.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::json;

/// What it saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub calls: usize,
    pub failed: Vec<String>,
    /// Releases that answered, with how often.
    pub releases: BTreeMap<String, usize>,
    pub slowest: Duration,
}

pub struct Calls {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Calls {
    /// Calls `tools/list` and `/healthz` of an endpoint, in turn, over connections that stay open.
    pub fn start(endpoint: String, token: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(call(&endpoint, &token, &stopped))
        });
        Self { stop, thread }
    }

    pub fn finish(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

async fn call(endpoint: &str, token: &str, stopped: &AtomicBool) -> Seen {
    windlass_client::install_tls();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20));
    let client = client.dns_resolver(windlass_client::Localhost::resolver()).build().unwrap();
    let mut seen = Seen::default();
    let mut every = tokio::time::interval(Duration::from_millis(50));
    while !stopped.load(Ordering::Relaxed) {
        every.tick().await;
        let begun = Instant::now();
        let body = json!({ "jsonrpc": "2.0", "id": seen.calls, "method": "tools/list", "params": {} });
        let request = match seen.calls % 2 {
            0 => client.get(format!("{endpoint}healthz")),
            _ => client
                .post(format!("{endpoint}mcp"))
                .bearer_auth(token)
                .json(&body)
                .header("accept", "application/json, text/event-stream"),
        };
        let answer = async { request.send().await?.error_for_status()?.text().await };
        match answer.await {
            Ok(text) => {
                if let Ok(body) = serde_json::from_str::<serde_json::Value>(&text)
                    && let Some(release) = body["release"].as_str()
                {
                    *seen.releases.entry(release.to_owned()).or_default() += 1;
                }
                if seen.calls % 2 == 1 && !text.contains("\"tools\"") {
                    seen.failed.push(format!("{:?}: {text}", begun.elapsed()));
                }
            }
            Err(error) => seen.failed.push(format!("after {:?}: {error:?}", begun.elapsed())),
        }
        seen.slowest = seen.slowest.max(begun.elapsed());
        seen.calls += 1;
    }
    seen
}
