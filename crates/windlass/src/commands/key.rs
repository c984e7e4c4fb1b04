//! `windlass key`.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt};

use anyhow::Context;
use time::OffsetDateTime;
use windlass_auth::keys::NewKey;
use windlass_core::ExposeSecret;

use crate::{
    cli::KeyCommand,
    exit::{Exit, Failure},
    output::say,
};

pub fn run(command: KeyCommand) -> Result<Exit, Failure> {
    let KeyCommand::New { name, named, expires, groups, file } = command;
    let name = name.or(named).context("a key needs a name")?;
    let expires = match expires {
        Some(span) => Some(
            OffsetDateTime::now_utc().checked_add(span.0.try_into()?).context("--expires is too far in the future")?,
        ),
        None => None,
    };
    let key = NewKey::generate(&name, expires, groups.into_iter().collect())
        .map_err(|error| Failure::usage(anyhow::anyhow!("--{}: {}", error.place, error.message)).hint(error.hint))?;
    match file {
        Some(path) => {
            let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
            writeln!(file, "{}", key.yaml()).with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!("added key:{name} to {}", path.display());
        }
        None => {
            eprintln!("Put this into windlass.yaml; it holds only the key's hash:\n");
            eprintln!("auth:\n  keys:\n    {}\n", key.yaml());
        }
    }
    eprintln!("The key itself, shown this once. Clients send it as `Authorization: Bearer KEY`:\n");
    say!("{}", key.text.expose_secret());
    Ok(Exit::Done)
}
