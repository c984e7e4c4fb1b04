//! `windlass check`.

use std::io::IsTerminal;

use anyhow::Context;
use windlass_client::{CheckOptions, Target, junit, text};

use super::client;
use crate::{
    cli::CheckArgs,
    exit::{Exit, Failure},
    output::{self, say},
};

pub async fn run(args: CheckArgs) -> Result<Exit, Failure> {
    let target = match &args.url {
        Some(url) => Target::Http(client::http(url, &args.token_env)?),
        None => Target::stdio(args.stdio.clone()).map_err(Failure::client)?,
    };
    let call = match args.call {
        Some(tool) => {
            let arguments = args.arguments.as_deref().unwrap_or("{}");
            let arguments =
                serde_json::from_str(arguments).context("--arguments is not JSON").map_err(Failure::usage)?;
            Some((tool, arguments))
        }
        None => None,
    };
    let options = CheckOptions {
        samples: args.samples,
        timeout: args.timeout.0,
        call,
        require: args.require,
        thorough: args.thorough,
    };
    let report = windlass_client::check(&target, &options).await.map_err(Failure::client)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else if args.junit {
        say!("{}", junit(&report));
    } else {
        output::print(format_args!("{}", text(&report, std::io::stdout().is_terminal())));
    }
    Ok(Exit::of_code(report.exit_code()))
}
