//! `windlass serve` as a Lambda function.

mod refresh;

use std::sync::Arc;

use anyhow::Context;
use windlass_audit::Stream;
use windlass_config::{Reloader, Sources};
use windlass_lambda::LambdaError;
use windlass_server::Server;

use super::serve::Signals;
use crate::{
    exit::{Exit, Failure},
    telemetry,
    wiring::{self, House},
};

/// Answers events until Lambda ends the process. Settings are read once: a function's files do not change.
pub async fn run(mut sources: Sources) -> Result<Exit, Failure> {
    if let Some(root) = std::env::var_os("LAMBDA_TASK_ROOT") {
        sources.directory = root.into();
    }
    sources.other_variables.extend([windlass_lambda::INVOKE_MODE, windlass_lambda::RUNS].map(str::to_owned));
    if windlass_lambda::is_refresh().map_err(refused)? {
        return refresh::run(&sources).await;
    }
    let loaded = wiring::load(&sources)?;
    windlass_lambda::exposure(&loaded.settings).map_err(refused)?;
    let _telemetry = telemetry::start(&loaded.settings.telemetry).map_err(Failure::usage)?;
    for notice in &loaded.notices {
        tracing::info!("{notice}");
    }
    let signals = Signals::listen().context("signals cannot be received")?;
    let house = House::build(&loaded, Stream::Stdout)?;
    let server = Arc::new(Server::new(house.parts(&loaded)?).map_err(Failure::usage)?);
    house.started(&loaded);
    let signals = tokio::spawn(signals.obey(server.clone(), house.clone(), Reloader::new(sources, &loaded)));
    house.sweep();

    let flush = {
        let house = house.clone();
        Arc::new(move || house.close())
    };
    let outcome = windlass_lambda::run(server.clone(), flush).await;
    signals.abort();
    server.shutdown().await;
    house.close();
    outcome.map(|()| Exit::Done).map_err(refused)
}

fn refused(error: LambdaError) -> Failure {
    let hint = error.hint();
    match error {
        LambdaError::Runtime(_) => Failure::with(Exit::Failed, error),
        _ => Failure::usage(error),
    }
    .hint(hint)
}
