//! `windlass init`.

use std::{fs::OpenOptions, io::Write, path::Path};

use anyhow::Context;

use crate::{
    exit::{Exit, Failure},
    output::say,
};

pub fn run(file: &Path, force: bool) -> Result<Exit, Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut opened =
        options.open(file).with_context(|| format!("cannot write {}", file.display())).map_err(|error| {
            let failure = Failure::from(error);
            if file.exists() { failure.hint("it exists already: --force replaces it") } else { failure }
        })?;
    opened.write_all(windlass_config::template().as_bytes())?;
    say!("wrote {}", file.display());
    say!("next: `windlass config check`, then `windlass serve`");
    Ok(Exit::Done)
}
