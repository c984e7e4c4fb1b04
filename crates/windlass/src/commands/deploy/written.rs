//! Commands that only write or print something: they need no commit and no account.

use windlass_config::{Loaded, settings::TargetKind};
use windlass_deploy::{Forge, estimate};
use windlass_terraform::{Stack, eject};

use super::failure;
use crate::{
    cli::DeployCommand,
    exit::{Exit, Failure},
    output::say,
};

/// `None` for every other command.
pub(super) fn run(command: &DeployCommand, loaded: &Loaded, json: bool) -> Option<Result<Exit, Failure>> {
    match command {
        DeployCommand::Cost => Some(cost(loaded, json)),
        DeployCommand::Init { forge, force } => Some(init(forge, loaded, *force)),
        DeployCommand::Eject { directory, force } => Some(eject_stack(loaded, directory, *force)),
        _ => None,
    }
}

fn cost(loaded: &Loaded, json: bool) -> Result<Exit, Failure> {
    let estimate = estimate(&loaded.settings.deploy);
    if json {
        say!("{}", serde_json::to_string_pretty(&estimate)?);
        return Ok(Exit::Done);
    }
    for item in &estimate.items {
        let dollars = item.dollars.map_or("?".to_owned(), |dollars| format!("{dollars:.2}"));
        say!("{dollars:>9}  {:<26} {}", item.what, item.how_much);
    }
    let unknown: Vec<&str> =
        estimate.items.iter().filter(|item| item.dollars.is_none()).map(|item| item.what.as_str()).collect();
    let without = if unknown.is_empty() { String::new() } else { format!(", without {}", unknown.join(" and ")) };
    say!("{:>9.2}  dollars a month{without}, by the list prices of us-east-1 known to this release", estimate.dollars);
    say!("           {}", estimate.beside);
    Ok(Exit::Done)
}

fn init(forge: &str, loaded: &Loaded, force: bool) -> Result<Exit, Failure> {
    let forge: Forge = forge.parse().map_err(|error: String| Failure::usage(anyhow::anyhow!(error)))?;
    let path = forge.write(&loaded.base, force).map_err(failure)?;
    say!("wrote {}; what it needs is listed at its end", path.display());
    Ok(Exit::Done)
}

fn eject_stack(loaded: &Loaded, directory: &std::path::Path, force: bool) -> Result<Exit, Failure> {
    let stack = match loaded.settings.deploy.target {
        TargetKind::Ecs => Stack::Ecs,
        TargetKind::Lambda => Stack::Lambda,
        TargetKind::Ec2 => Stack::Ec2,
        TargetKind::Local => {
            return Err(Failure::usage(anyhow::anyhow!("the target `local` has no stack"))
                .hint("name another one, e.g. `windlass deploy eject --target ecs`"));
        }
    };
    for stack in [Stack::Bootstrap, stack] {
        let ejected = eject(stack, directory, force).map_err(|error| {
            let hint = error.hint();
            Failure::usage(error).hint(hint)
        })?;
        say!("wrote {} files of {stack} to {}", ejected.written.len(), ejected.root.display());
    }
    Ok(Exit::Done)
}
