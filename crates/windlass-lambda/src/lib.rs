//! The server as a Lambda function: events of API Gateway's HTTP APIs and of Function URLs, answered by the same handler
//! that a listener has. A function beside it refreshes the index when a schedule asks ([`refreshes`]), and answers nobody.
//!
//! What always holds here:
//!
//! - A function is reached from outside, so one without authentication does not start, whatever address is configured.
//! - An event is answered before Lambda's own deadline, with what there is by then.
//! - The audit log is written out before an answer is complete: afterwards the process is frozen, perhaps for good.
//! - A request keeps its path, its Host and its peer, so that every check sees what the client sent. Nothing is taken from
//!   headers that a client can write.

#![forbid(unsafe_code)]

mod answer;
mod answering;
mod error;
mod event;
mod extension;
mod function;
mod patience;
mod refreshes;

use std::{convert::Infallible, sync::Arc};

use http::uri::Authority;
use lambda_http::{LambdaEvent, lambda_runtime::Runtime};
use serde::de::IgnoredAny;
use windlass_config::{Settings, settings::Transport};
use windlass_server::Server;

pub use error::LambdaError;
pub use refreshes::{RUNS, Refresh, is_refresh, refreshes};

use answering::Answering;
use function::Function;

/// The variable that says how the Function URL is invoked (`RESPONSE_STREAM`, which is assumed, or `BUFFERED`): events do
/// not.
pub const INVOKE_MODE: &str = "WINDLASS_LAMBDA_INVOKE_MODE";

/// Where Lambda says that a process is to serve its events.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// What Lambda tells each runtime; the library ends the process where one is missing.
const VARIABLES: [&str; 3] =
    ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"];

/// Writes out what is on its way to the audit log. Called off the async threads.
pub type Flush = Arc<dyn Fn() + Send + Sync>;

/// Whether this process was started as a Lambda function.
pub fn is_function() -> bool {
    std::env::var_os(RUNTIME_API).is_some_and(|address| !address.is_empty())
}

/// Refuses a function that nobody would have to prove who they are to. The address in the settings counts for nothing:
/// what is in front of the function listens elsewhere.
pub fn exposure(settings: &Settings) -> Result<(), LambdaError> {
    let mut public = settings.clone();
    public.server.host = std::net::Ipv4Addr::UNSPECIFIED.into();
    public.server.transport = Transport::Http;
    windlass_config::exposure(&public).map_err(|_| LambdaError::Open)
}

/// Answers events until [`Server::drain`].
///
/// # Errors
/// Where it must not start, or cannot speak with Lambda.
pub async fn run(server: Arc<Server>, flush: Flush) -> Result<(), LambdaError> {
    if server.gate().is_open() {
        return Err(LambdaError::Open);
    }
    let api = check_environment()?;
    let streams = streams(std::env::var(INVOKE_MODE).ok().as_deref())?;
    extension::register().await;
    let answering = Answering::new(Function::new(server.handler(), flush, streams), api);
    let runtime = Runtime::new(lambda_http::service_fn(never)).layer(answering);
    tokio::select! {
        ended = runtime.run_concurrent() => ended.map_err(|error| LambdaError::Runtime(error.to_string())),
        () = server.draining().cancelled() => Ok(()),
    }
}

/// The handler the library wants; [`Answering`] stands in front of it and never asks it.
async fn never(_event: LambdaEvent<IgnoredAny>) -> Result<(), Infallible> {
    Ok(())
}

/// Where the runtime API is.
fn check_environment() -> Result<Authority, LambdaError> {
    for name in VARIABLES {
        match std::env::var(name) {
            Ok(value) if name != "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" || value.parse::<i32>().is_ok() => {}
            _ => return Err(LambdaError::Environment(name)),
        }
    }
    let api = std::env::var(RUNTIME_API).ok().and_then(|address| address.parse().ok());
    api.ok_or(LambdaError::Environment(RUNTIME_API))
}

fn streams(mode: Option<&str>) -> Result<bool, LambdaError> {
    match mode {
        None | Some("" | "RESPONSE_STREAM") => Ok(true),
        Some("BUFFERED") => Ok(false),
        Some(_) => Err(LambdaError::InvokeMode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_and_no_transport_makes_an_open_function_safe() {
        let mut settings = Settings::default();
        for (host, transport) in
            [("127.0.0.1", Transport::Http), ("::1", Transport::Both), ("127.0.0.1", Transport::Stdio)]
        {
            settings.server.host = host.parse().unwrap();
            settings.server.transport = transport;
            assert!(matches!(exposure(&settings), Err(LambdaError::Open)), "{host} {transport:?}");
        }
        settings.auth.token = Some("env:TOKEN".into());
        exposure(&settings).unwrap();
    }

    #[test]
    fn only_the_two_words_of_aws_are_modes() {
        assert!(streams(None).unwrap() && streams(Some("")).unwrap() && streams(Some("RESPONSE_STREAM")).unwrap());
        assert!(!streams(Some("BUFFERED")).unwrap());
        assert!(matches!(streams(Some("buffered")), Err(LambdaError::InvokeMode)));
    }
}
