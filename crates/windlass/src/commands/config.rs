//! `windlass config`.

use windlass_config::Format;

use crate::{
    cli::{ConfigArgs, ConfigCommand},
    exit::{Exit, Failure},
    output::{self, say},
    wiring,
};

pub async fn run(config: &ConfigArgs, command: ConfigCommand) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Schema => say!("{:#}", windlass_config::schema()),
        ConfigCommand::Reference => output::print(format_args!("{}", windlass_config::reference())),
        ConfigCommand::Check => check(config)?,
        ConfigCommand::Show { policy, json } => {
            let loaded = wiring::load(&wiring::sources(config, Vec::new())?)?;
            match policy {
                true => output::print(format_args!("{}", wiring::policy(&loaded)?.cedar())),
                false => say!("{}", windlass_config::show(&loaded, if json { Format::Json } else { Format::Yaml })),
            }
        }
    }
    Ok(Exit::Done)
}

fn check(config: &ConfigArgs) -> Result<(), Failure> {
    let loaded = wiring::load(&wiring::sources(config, Vec::new())?)?;
    windlass_config::exposure(&loaded.settings).map_err(Failure::usage)?;
    for notice in &loaded.notices {
        say!("note: {notice}");
    }
    for warning in wiring::authenticator(&loaded)?.warnings() {
        say!("warning: {warning}");
    }
    for warning in wiring::policy(&loaded)?.warnings() {
        say!("warning: policy: {warning}");
    }
    let (rules, notes) = wiring::shell_rules(&loaded)?;
    for note in notes {
        say!("note: {note}");
    }
    match &loaded.file {
        Some(file) => say!("{} is good", file.display()),
        None => say!("there is no windlass.yaml; the defaults are good"),
    }
    if let Some(rules) = rules {
        say!("{} commands are approved", rules.list().len());
    }
    Ok(())
}
