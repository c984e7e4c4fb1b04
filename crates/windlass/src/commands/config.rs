//! `windlass config`.

use windlass_config::Format;

use super::{Exit, Failure};
use crate::{
    cli::{ConfigArgs, ConfigCommand},
    wiring,
};

pub async fn run(config: &ConfigArgs, command: ConfigCommand) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Schema => println!("{:#}", windlass_config::schema()),
        ConfigCommand::Reference => print!("{}", windlass_config::reference()),
        ConfigCommand::Check => check(config)?,
        ConfigCommand::Show { policy, json } => {
            let loaded = wiring::load(&wiring::sources(config, Vec::new())?)?;
            match policy {
                true => print!("{}", wiring::policy(&loaded)?.cedar()),
                false => println!("{}", windlass_config::show(&loaded, if json { Format::Json } else { Format::Yaml })),
            }
        }
    }
    Ok(Exit::Done)
}

fn check(config: &ConfigArgs) -> Result<(), Failure> {
    let loaded = wiring::load(&wiring::sources(config, Vec::new())?)?;
    windlass_config::exposure(&loaded.settings).map_err(Failure::usage)?;
    for notice in &loaded.notices {
        println!("note: {notice}");
    }
    for warning in wiring::authenticator(&loaded)?.warnings() {
        println!("warning: {warning}");
    }
    for warning in wiring::policy(&loaded)?.warnings() {
        println!("warning: policy: {warning}");
    }
    let (rules, notes) = wiring::shell_rules(&loaded)?;
    for note in notes {
        println!("note: {note}");
    }
    match &loaded.file {
        Some(file) => println!("{} is good", file.display()),
        None => println!("there is no windlass.yaml; the defaults are good"),
    }
    if let Some(rules) = rules {
        println!("{} commands are approved", rules.list().len());
    }
    Ok(())
}
