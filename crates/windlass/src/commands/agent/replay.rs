//! `windlass agent replay`.

use std::{fs::File, io::BufReader, path::Path};

use anyhow::Context;
use serde_json::json;
use windlass_agent::transcript::{ReplayError, Replayed, replay};

use crate::{
    exit::{Exit, Failure},
    output::say,
};

pub fn run(file: &Path, json: bool) -> Result<Exit, Failure> {
    let transcript = File::open(file).with_context(|| file.display().to_string()).map_err(Failure::usage)?;
    match replay(BufReader::new(transcript)) {
        Ok(Replayed { steps, state }) => {
            let end = state.end().map(|end| end.explain(&state.spec.budget));
            match json {
                true => say!("{:#}", json!({ "same": true, "steps": steps, "end": end })),
                false => say!("{steps} steps went as they went then; {}", end.as_deref().unwrap_or("it is not over")),
            }
            Ok(Exit::Done)
        }
        Err(ReplayError::Differs(difference)) => {
            match json {
                true => say!(
                    "{:#}",
                    json!({
                        "same": false,
                        "line": difference.line,
                        "event": difference.event,
                        "then": difference.then,
                        "now": difference.now,
                    })
                ),
                false => say!("{difference}"),
            }
            Ok(Exit::Failed)
        }
        Err(error) => Err(Failure::usage(error)),
    }
}
