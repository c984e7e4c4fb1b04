//! `windlass doctor`: everything a server would need, asked without serving.

mod knowledge;

use std::io::IsTerminal;

use serde_json::json;
use windlass_audit::Stream;
use windlass_core::{Check, Health};
use windlass_server::Server;

use crate::{
    cli::ConfigArgs,
    exit::{Exit, Failure},
    output::say,
    wiring::{self, House},
};

pub async fn run(config: &ConfigArgs, json: bool) -> Result<Exit, Failure> {
    let loaded = wiring::load(&wiring::sources(config, Vec::new())?)?;
    let mut checks = vec![match &loaded.file {
        Some(file) => Check::ok("config", format!("{} is good", file.display())),
        None => Check::degraded("config", "no windlass.yaml found; `windlass init` writes one to start from"),
    }];
    checks.push(match windlass_config::exposure(&loaded.settings) {
        Ok(()) => Check::ok("server.exposure", format!("{} may be served", loaded.settings.server.host)),
        Err(error) => Check::failed("server.exposure", error.to_string()),
    });
    checks.push(port(&loaded.settings.server).await);
    let house = House::build(&loaded, Stream::None)?;
    let server = Server::new(house.parts(&loaded)?).map_err(Failure::usage)?;
    // The store and the audit log are among them.
    checks.extend(server.gate().ready().await);
    if let Some(collections) = house.collections() {
        checks.extend(knowledge::checks(&collections).await);
    }
    server.shutdown().await;

    let failed = checks.iter().any(|check| check.health == Health::Failed);
    match json {
        true => say!("{:#}", json!({ "ready": !failed, "checks": checks })),
        false => print(&checks),
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

async fn port(server: &windlass_config::settings::ServerSettings) -> Check {
    match tokio::net::TcpListener::bind((server.host, server.port)).await {
        Ok(_) => Check::ok("server.port", format!("{}:{} is free", server.host, server.port)),
        Err(error) => Check::degraded(
            "server.port",
            format!("{}:{}: {error}; is a server running already? --port chooses another", server.host, server.port),
        ),
    }
}

fn print(checks: &[Check]) {
    let colour = std::io::stdout().is_terminal();
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in checks {
        let (word, code) = match check.health {
            Health::Ok => ("ok  ", "32"),
            Health::Degraded => ("less", "33"),
            Health::Failed => ("FAIL", "31"),
        };
        let word = if colour { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() };
        say!("{word}  {:width$}  {}", check.name, check.detail);
    }
}
