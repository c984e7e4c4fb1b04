//! `windlass import`.

use std::fs;

use anyhow::{Context, anyhow};
use windlass_config::import::{ImportError, Imported};

use crate::{
    cli::{ImportArgs, ImportCommand},
    exit::{Exit, Failure},
    output,
};

pub fn run(command: ImportCommand) -> Result<Exit, Failure> {
    match command {
        ImportCommand::Toolbox(args) => {
            import(args, windlass_sql::import::toolbox, "name the tools.yaml of the Toolbox")
        }
        ImportCommand::Thoth(args) => {
            import(args, windlass_knowledge::import::thoth, "name the config.yaml or config.json of Thoth")
        }
    }
}

fn import(
    args: ImportArgs,
    convert: impl FnOnce(&str, &str) -> Result<Imported, ImportError>,
    hint: &str,
) -> Result<Exit, Failure> {
    let ImportArgs { file, out, force } = args;
    let text = fs::read_to_string(&file)
        .with_context(|| format!("{} cannot be read", file.display()))
        .map_err(|error| Failure::usage(error).hint(hint))?;
    let name = file.display().to_string();
    let imported = convert(&text, &name).map_err(Failure::usage)?;
    match &out {
        None => output::print(format_args!("{}", imported.yaml)),
        Some(out) if out.exists() && !force => {
            let error = anyhow!("{} is there already", out.display());
            return Err(Failure::usage(error).hint("--force replaces it; without --out it is printed"));
        }
        Some(out) => fs::write(out, &imported.yaml).with_context(|| format!("{} cannot be written", out.display()))?,
    }
    // Beside what is printed, so that it can be piped into a file.
    for note in &imported.notes {
        eprintln!("{name}:{}: {}", note.line, note.message);
    }
    if let Some(out) = out {
        eprintln!("wrote {}; next: windlass --config {} config check", out.display(), out.display());
    }
    Ok(Exit::Done)
}
