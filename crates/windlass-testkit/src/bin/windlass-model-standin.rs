//! A scripted model on the loopback interface, for tests that are shell scripts. Not a product: it says what a file says.

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use windlass_testkit::models::{ModelStandin, Script};

/// Speaks as Bedrock, Anthropic and OpenAI do, and says what a script says.
///
/// The first line of output is its URL. `GET /standin/violations` lists what was wrong with requests, `GET /standin/asked`
/// has the requests themselves. It ends when it is told to, with exit code 1 if a request was wrong.
#[derive(Parser)]
struct Options {
    /// The script, a JSON file.
    script: PathBuf,
    /// Port to bind; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the address is this program's output")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let name = options.script.display();
    let text = std::fs::read_to_string(&options.script).with_context(|| format!("{name} cannot be read"))?;
    let script: Script = serde_json::from_str(&text).with_context(|| format!("{name} is no script"))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let standin = ModelStandin::bind(options.port, script).await.context("cannot bind")?;
    println!("{}", standin.url());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let violations = standin.violations();
    anyhow::ensure!(violations.is_empty(), "requests were wrong:\n{}", violations.join("\n"));
    Ok(())
}
