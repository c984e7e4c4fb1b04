//! The proof of a program that speaks MCP on its standard input and output.

use std::time::Duration;

use serde_json::json;

use super::{
    CheckOptions,
    handshake::{self, server_info},
    pipe::{Exit, Pipe},
    protocol::{LEGACY, MODERN, Outcome, Peer, initialize_params},
    recorder::{Recorder, Verdict, fail, pass, skip, warn},
    tools::{self, Listing},
};
use crate::{error::ClientError, target::StdioTarget, text::count};

/// What the processes of one check leave behind.
#[derive(Default)]
struct Traces {
    noise: Vec<String>,
    exits: Vec<Exit>,
}

impl Traces {
    async fn close(&mut self, pipe: Pipe) {
        let (exit, noise) = pipe.close().await;
        self.exits.push(exit);
        self.noise.extend(noise);
    }
}

/// One process per era and revision: a server is greeted only once.
pub(super) async fn check(
    target: &StdioTarget,
    options: &CheckOptions,
    recorder: &mut Recorder,
) -> Result<(), ClientError> {
    let spawn = || Pipe::spawn(target, options.timeout);
    let mut traces = Traces::default();

    let mut main = match spawn() {
        Ok(pipe) => pipe,
        Err(error @ ClientError::Unreachable { .. }) => {
            recorder.reachable = false;
            recorder.add("reach", fail(error.to_string(), error.hint()), Duration::ZERO);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    main.modern = true;
    let reply = main.request("server/discover", json!({})).await;
    let (mut verdict, modern) = handshake::discover(&reply);
    // Servers from before this revision may also leave, or say nothing at all.
    if let Outcome::Nothing(what) = &reply.outcome {
        verdict = skip(format!("the server does not speak {MODERN} ({what})"));
    }
    let mut has_tools = false;
    if let (true, Ok(result)) = (modern, reply.result()) {
        recorder.speaks(MODERN, server_info(result));
        has_tools |= result.pointer("/capabilities/tools").is_some();
    }
    recorder.add("discover", verdict, reply.took);

    let mut legacy: Option<Pipe> = None;
    let mut first_failure = None;
    for version in LEGACY {
        let mut pipe = spawn()?;
        let reply = pipe.request("initialize", initialize_params(version)).await;
        let (verdict, negotiated) = handshake::initialize(&reply, version, modern);
        if first_failure.is_none()
            && let Outcome::Nothing(what) = &reply.outcome
        {
            first_failure = Some(what.clone());
        }
        recorder.add(&format!("initialize.{version}"), verdict, reply.took);
        let (Some(negotiated), Ok(result)) = (negotiated, reply.result()) else {
            traces.close(pipe).await;
            if !modern && legacy.is_none() {
                // One revision without any answer is enough: the others would only repeat the wait.
                break;
            }
            continue;
        };
        recorder.speaks(&negotiated, server_info(result));
        has_tools |= result.pointer("/capabilities/tools").is_some();
        // What becomes of the notification shows in the answers that follow it.
        let _ = pipe.notify("notifications/initialized").await;
        if legacy.is_none() {
            legacy = Some(pipe);
        } else {
            traces.close(pipe).await;
        }
    }

    if !modern && legacy.is_none() {
        recorder.reachable = false;
        let what = first_failure.unwrap_or_else(|| "no handshake succeeds".into());
        recorder.add("reach", fail(what, "start the command by hand to see what it says"), Duration::ZERO);
        traces.close(main).await;
        return Ok(());
    }
    recorder.add("reach", pass("started and answers"), reply.took);
    eras(main, modern, legacy, has_tools, options, recorder, &mut traces).await;
    recorder.add("stdio.clean", clean(&traces.noise), Duration::ZERO);
    recorder.add("stdio.exit", exit(&traces.exits), Duration::ZERO);
    Ok(())
}

async fn eras(
    mut main: Pipe,
    modern: bool,
    legacy: Option<Pipe>,
    has_tools: bool,
    options: &CheckOptions,
    recorder: &mut Recorder,
    traces: &mut Traces,
) {
    let modern_list = match modern {
        true => list(&mut main, "tools.2026-07-28", has_tools, recorder).await,
        false => {
            recorder.add("tools.2026-07-28", skip(format!("the server does not speak {MODERN}")), Duration::ZERO);
            None
        }
    };
    let (mut legacy, mut legacy_list) = (legacy, None);
    match &mut legacy {
        Some(pipe) => legacy_list = list(pipe, "tools.2025", has_tools, recorder).await,
        None => recorder.add("tools.2025", skip("the server has no initialize handshake"), Duration::ZERO),
    }
    let same = match (&modern_list, &legacy_list) {
        (Some(a), Some(b)) if a.names() == b.names() => pass("the same names"),
        (Some(_), Some(_)) => warn("the names differ", "clients of both eras expect the same tools"),
        _ => skip("needs a list from both eras"),
    };
    recorder.add("tools.same", same, Duration::ZERO);

    // The stateless process is the one to judge where there is one; the other has done its part.
    let (mut judged, listing, spare) = match (modern, legacy) {
        (true, legacy) => (main, modern_list, legacy),
        (false, Some(legacy)) => (legacy, legacy_list, Some(main)),
        (false, None) => (main, None, None),
    };
    if let Some(listing) = &listing {
        tools::judge(&mut judged, listing, options, recorder).await;
        tools::measure(&mut judged, options.samples, true, recorder).await;
    } else if !has_tools {
        recorder.add("latency", skip("the server declares no tools"), Duration::ZERO);
    }
    let malformed = match judged.stumble().await {
        Ok(true) => pass("error -32700"),
        Ok(false) => warn("passed over in silence", "answer what you cannot read with error -32700"),
        Err(what) => fail(what, "one bad line must not end the server"),
    };
    recorder.add("error.json", malformed, Duration::ZERO);
    if let Some(spare) = spare {
        traces.close(spare).await;
    }
    traces.close(judged).await;
}

async fn list(pipe: &mut Pipe, id: &str, has_tools: bool, recorder: &mut Recorder) -> Option<Listing> {
    match tools::list(pipe).await {
        Ok(listing) => {
            let verdict =
                if pipe.modern { tools::modern_page(&listing) } else { pass(count(listing.tools.len(), "tool")) };
            recorder.add(id, verdict, listing.took);
            Some(listing)
        }
        Err((what, took)) => {
            let verdict = if has_tools { fail(what, "") } else { skip("the server declares no tools") };
            recorder.add(id, verdict, took);
            None
        }
    }
}

fn clean(noise: &[String]) -> Verdict {
    match noise.first() {
        None => pass("messages only"),
        Some(first) => fail(
            format!(
                "{} that {} no message: `{first}`",
                count(noise.len(), "line"),
                if noise.len() == 1 { "is" } else { "are" }
            ),
            "write logs to standard error; clients drop the connection over such lines",
        ),
    }
}

fn exit(exits: &[Exit]) -> Verdict {
    let hint = "end when standard input closes, or servers pile up on people's machines";
    if exits.iter().any(|exit| matches!(exit, Exit::Killed)) {
        fail("had to be killed", hint)
    } else if exits.iter().any(|exit| matches!(exit, Exit::AfterSignal)) {
        warn("left only on SIGTERM", hint)
    } else {
        pass("left by itself")
    }
}

#[cfg(test)]
mod tests {
    use super::{super::report::Status, *};

    #[test]
    fn exits() {
        for (exits, status) in [
            (vec![Exit::Alone], Status::Pass),
            (vec![Exit::Alone, Exit::AfterSignal], Status::Warn),
            (vec![Exit::Killed, Exit::Alone], Status::Fail),
        ] {
            assert_eq!(exit(&exits).status, status);
        }
        assert_eq!(clean(&["Hello".into()]).status, Status::Fail);
    }
}
