//! `windlass deploy`.

mod front;
mod progress;
mod written;

use std::{
    io::{BufRead, IsTerminal, Write},
    sync::Arc,
};

use serde_json::json;
use windlass_config::{Override, ProcessEnv};
use windlass_core::ExposeSecret;
use windlass_deploy::{Action, DeployError, Kind, Phase, Pipeline, Project, Standing, Step, Summary, Version};

use crate::{
    cli::{ConfigArgs, DeployArgs, DeployCommand},
    exit::{Exit, Failure},
    output::say,
    wiring,
};

pub async fn run(config: &ConfigArgs, args: DeployArgs) -> Result<Exit, Failure> {
    if let Some(DeployCommand::Front { listen, control }) = &args.command {
        return front::run(*listen, control).await;
    }
    let target =
        args.target.clone().map(|value| Override { option: "--target".into(), setting: "deploy.target".into(), value });
    let loaded = wiring::load(&wiring::sources(config, target.into_iter().collect())?)?;
    if let Some(done) = args.command.as_ref().and_then(|command| written::run(command, &loaded, args.json)) {
        return done;
    }
    let project = Project::new(&loaded, &ProcessEnv).map_err(failure)?;
    let progress = Arc::new(progress::Bar::new(args.json));
    let pipeline = Pipeline::new(project, Arc::new(ProcessEnv), progress).map_err(failure)?;
    let work = act(&pipeline, &args);
    // Dropping the work ends what it started; the lock of a dead process frees itself.
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        outcome = work => outcome,
        _ = async { tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminate.recv() => {} } } => {
            Err(Failure::with(Exit::Failed, anyhow::anyhow!("interrupted")).hint("run the same again: it goes on where it stopped"))
        }
    }
}

async fn act(pipeline: &Pipeline, args: &DeployArgs) -> Result<Exit, Failure> {
    let (wait, json) = (args.wait.0, args.json);
    let phase = match args.command.as_ref() {
        None => None,
        Some(DeployCommand::Check) => Some(Phase::Check),
        Some(DeployCommand::Build) => Some(Phase::Build),
        Some(DeployCommand::Push) => Some(Phase::Push),
        Some(DeployCommand::Deploy) => Some(Phase::Deploy),
        Some(DeployCommand::Verify) => Some(Phase::Verify),
        Some(command) => return other(pipeline, command, args).await,
    };
    if args.plan {
        let steps = pipeline.plan(phase).await.map_err(failure)?;
        let deploys = steps.iter().any(|step| step.phase == Phase::Deploy && matches!(step.action, Action::Run(_)));
        let changes = if deploys { pipeline.preview().await.map_err(failure)? } else { None };
        if json {
            let version = &pipeline.project().commit.version;
            say!("{:#}", json!({ "version": version, "steps": steps, "changes": changes }));
            return Ok(Exit::Done);
        }
        steps.iter().for_each(show_step);
        if let Some(changes) = changes {
            say!("        {} to make, {} to change, {} to remove:", changes.add, changes.change, changes.destroy);
            changes.resources.iter().for_each(|resource| say!("        {resource}"));
        }
        return Ok(Exit::Done);
    }
    let summary = pipeline.run(phase, wait).await.map_err(failure)?;
    match json {
        true => say!("{}", serde_json::to_string_pretty(&summary)?),
        false => show_summary(&summary),
    }
    Ok(Exit::Done)
}

async fn other(pipeline: &Pipeline, command: &DeployCommand, args: &DeployArgs) -> Result<Exit, Failure> {
    let wait = args.wait.0;
    match command {
        DeployCommand::Status => {
            let standing = pipeline.status().await.map_err(failure)?;
            match args.json {
                true => say!("{}", serde_json::to_string_pretty(&standing)?),
                false => show_status(&standing),
            }
        }
        DeployCommand::History => {
            let all = pipeline.history().await.map_err(failure)?;
            if args.json {
                say!("{}", serde_json::to_string_pretty(&all)?);
            } else if all.releases.is_empty() {
                say!("nothing was ever deployed under this name");
            }
            for release in all.releases.iter().filter(|_| !args.json) {
                let live = if all.live.as_ref() == Some(&release.version) { "  live" } else { "" };
                let state = format!("{:?}", release.state).to_lowercase();
                say!("{:<26} {state:<8} {} by {}{live}", release.version, release.at.date(), release.by);
            }
        }
        DeployCommand::Rollback { version } => {
            let version = version.as_deref().map(str::parse::<Version>).transpose();
            let version = version.map_err(|error| Failure::usage(anyhow::anyhow!(error)))?;
            let back = pipeline.rollback(version.as_ref(), wait).await.map_err(failure)?;
            match args.json {
                true => say!("{}", serde_json::to_string_pretty(&back)?),
                false => say!("release {} takes the requests at {}mcp, and is verified", back.version, back.endpoint),
            }
        }
        DeployCommand::Logs { lines } => {
            crate::output::print(format_args!("{}", pipeline.logs(*lines).await.map_err(failure)?));
        }
        DeployCommand::Token => match pipeline.token().await.map_err(failure)? {
            Some(token) => say!("{}", token.expose_secret()),
            None => {
                let error = anyhow::anyhow!("no token was made: the configuration says who may connect");
                return Err(Failure::usage(error).hint("use one of its keys, or `windlass key new`"));
            }
        },
        DeployCommand::Start | DeployCommand::Stop => {
            let on = matches!(command, DeployCommand::Start);
            say!("{}", pipeline.power(on, wait).await.map_err(failure)?);
        }
        DeployCommand::Destroy { yes } => {
            let deploy = pipeline.project().deploy();
            let what = format!("{} on {}", deploy.name, deploy.target.name());
            if !yes && !confirmed(&what)? {
                return Err(Failure::usage(anyhow::anyhow!("nothing was removed")).hint("say yes, or pass --yes"));
            }
            let removed = pipeline.destroy(wait).await.map_err(failure)?;
            match args.json {
                true => say!("{:#}", json!({ "removed": removed })),
                false => removed.iter().for_each(|thing| say!("removed {thing}")),
            }
        }
        // Phases and the front were dealt with.
        _ => {}
    }
    Ok(Exit::Done)
}

fn confirmed(what: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("remove everything of {what}? [yes/no] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

fn show_step(step: &Step) {
    match &step.action {
        Action::Run(why) => say!("{:<7} runs: {why}", step.phase),
        Action::Skip(why) => say!("{:<7} is skipped: {why}", step.phase),
    }
}

fn show_summary(summary: &Summary) {
    match &summary.endpoint {
        Some(endpoint) if summary.receipts.iter().any(|receipt| receipt.phase == Phase::Verify) => {
            say!("release {} is proven at {endpoint}mcp", summary.version);
        }
        _ => match summary.receipts.last() {
            Some(receipt) => say!("{} of {} is done", receipt.phase, summary.version),
            None => say!("nothing is done of {}", summary.version),
        },
    }
}

fn show_status(standing: &Standing) {
    match &standing.running {
        Some(running) => say!("running  {} at {}mcp\n         {}", running.version, running.endpoint, running.digest),
        None => say!("running  nothing"),
    }
    if let Some(live) = &standing.live {
        say!("proven   {}, brought up {} by {}", live.version, live.at.date(), live.by);
    }
    let done: Vec<&str> = standing.done.iter().map(|phase| phase.name()).collect();
    let done = if done.is_empty() { "nothing yet".to_owned() } else { done.join(", ") };
    say!("here     {}: {done}", standing.here);
}

fn failure(error: DeployError) -> Failure {
    let exit = match error.kind {
        Kind::Usage => Exit::Usage,
        Kind::Credentials => Exit::Unauthenticated,
        _ => Exit::Failed,
    };
    let hint = error.hint.clone();
    let failure = Failure::with(exit, anyhow::Error::new(error));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
