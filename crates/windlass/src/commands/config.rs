//! `windlass config`.

use windlass_config::Format;
use windlass_core::Health;
use windlass_sql::databases::Databases;

use crate::{
    cli::{ConfigArgs, ConfigCommand},
    exit::{Exit, Failure},
    knowledge::Knowledge,
    output::{self, say},
    wiring,
};

pub async fn run(config: &ConfigArgs, command: ConfigCommand) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Schema => say!("{:#}", windlass_config::schema()),
        ConfigCommand::Reference => output::print(format_args!("{}", windlass_config::reference())),
        ConfigCommand::Check => check(config).await?,
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

async fn check(config: &ConfigArgs) -> Result<(), Failure> {
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
    if let Some(databases) = wiring::databases(&loaded, None)? {
        tell_unknown(&databases).await;
    }
    let collections = Knowledge::check(&loaded)?;
    match &loaded.file {
        Some(file) => say!("{} is good", file.display()),
        None => say!("there is no windlass.yaml; the defaults are good"),
    }
    if let Some(rules) = rules {
        say!("{} commands are approved", rules.list().len());
    }
    if collections > 0 {
        say!("{collections} collections of documents are named");
    }
    Ok(())
}

/// Says which databases the tools could not be compared with: what is good then is the file, and nothing is known of its
/// statements.
async fn tell_unknown(databases: &Databases) {
    for toolset in databases.toolsets() {
        for check in toolset.ready().await.into_iter().filter(|check| check.health == Health::Failed) {
            let source = check.name.strip_prefix("sql.").unwrap_or(&check.name);
            eprintln!("note: not compared: {source}: {}", check.detail);
        }
    }
}
