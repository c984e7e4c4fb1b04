//! `windlass call` and `windlass tools`.

use std::io::IsTerminal;

use windlass_client::{Arguments, CallOptions, HttpTarget, ListOptions, Target};

use crate::{
    cli::{CallArgs, ConfigArgs, TargetArgs},
    exit::{Exit, Failure},
    output::{self, say},
};

pub async fn call(config: &ConfigArgs, args: CallArgs) -> Result<Exit, Failure> {
    let target = target(config, &args.target)?;
    let arguments = match args.arguments_json {
        Some(json) => Arguments::Json(json),
        None => Arguments::Pairs(args.arguments),
    };
    let options = CallOptions { tool: args.tool, arguments, timeout: args.timeout.0 };
    let called = windlass_client::call(&target, &options, |progress| {
        if let Some(message) = progress.message {
            eprintln!("{message}");
        }
    });
    let called = called.await.map_err(Failure::client)?;
    match args.target.json {
        true => say!("{:#}", called.json()),
        false => say!("{}", called.text(std::io::stdout().is_terminal())),
    }
    Ok(Exit::of_code(called.exit_code()))
}

pub async fn tools(config: &ConfigArgs, args: TargetArgs) -> Result<Exit, Failure> {
    let target = target(config, &args)?;
    let listed = windlass_client::list(&target, &ListOptions::default()).await.map_err(Failure::client)?;
    match args.json {
        true => say!("{:#}", listed.json()),
        false => output::print(format_args!("{}", listed.text())),
    }
    Ok(Exit::Done)
}

/// A URL, a command, or this very binary with the configuration at hand.
fn target(config: &ConfigArgs, args: &TargetArgs) -> Result<Target, Failure> {
    if let Some(url) = &args.url {
        return http(url, &args.token_env).map(Target::Http);
    }
    if let Some(command) = &args.stdio {
        return Target::stdio(command.split_whitespace()).map_err(Failure::client);
    }
    let mut argv = vec![std::env::current_exe()?.display().to_string()];
    if let Some(file) = &config.config {
        argv.extend(["--config".to_owned(), file.display().to_string()]);
    }
    for assignment in &config.set {
        argv.extend(["--set".to_owned(), assignment.clone()]);
    }
    argv.extend(["serve", "--transport", "stdio"].map(str::to_owned));
    Target::stdio(argv).map_err(Failure::client)
}

/// The server at `url`, with the token of the variable where it is set.
pub fn http(url: &str, token_env: &str) -> Result<HttpTarget, Failure> {
    let mut target = HttpTarget::new(url).map_err(Failure::client)?;
    target.bearer = std::env::var(token_env).ok().filter(|token| !token.is_empty()).map(Into::into);
    Ok(target)
}
