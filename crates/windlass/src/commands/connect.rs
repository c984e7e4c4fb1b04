//! `windlass connect`.

use anyhow::Context;
use windlass_client::connect::{App, ConnectOptions, Places, Server, Token, Written, plan};

use crate::{
    cli::{ConfigArgs, ConnectArgs},
    exit::{Exit, Failure},
    output::{self, say},
    wiring,
};

pub fn run(config: &ConfigArgs, args: &ConnectArgs) -> Result<Exit, Failure> {
    let app: App = args.client.parse().map_err(Failure::client)?;
    let project = std::env::current_dir()?;
    let places = Places::from_env(|name| std::env::var_os(name).map(Into::into), project).map_err(Failure::client)?;
    let options = ConnectOptions { app, name: args.name.clone(), server: server(config, args)?, places };
    let plan = plan(&options).map_err(Failure::client)?;
    if !args.write {
        output::print(format_args!("{}", plan.text()));
        return Ok(Exit::Done);
    }
    match plan.write().map_err(Failure::client)? {
        Written::Unchanged => say!("{} has it already", plan.path.display()),
        written => {
            say!("wrote {}", plan.path.display());
            if let Written::Changed { backup } = written {
                say!("the former file is {}", backup.display());
            }
        }
    }
    for note in &plan.notes {
        say!("{note}");
    }
    Ok(Exit::Done)
}

fn server(config: &ConfigArgs, args: &ConnectArgs) -> Result<Server, Failure> {
    if let Some(url) = &args.url {
        let url = url.parse().with_context(|| format!("`{url}` is not a URL")).map_err(Failure::usage)?;
        let token = args.token_env.clone().map_or(Token::None, Token::Env);
        return Ok(Server::Http { url, token });
    }
    let mut arguments = vec!["serve".to_owned(), "--transport".to_owned(), "stdio".to_owned()];
    // The client starts it from a directory of its own choosing, and whatever windlass.yaml lies there must not be taken:
    // the file in force here is named.
    let here = wiring::load(&wiring::sources(config, Vec::new())?)?;
    if let Some(file) = here.file {
        let file = std::path::absolute(file)?;
        arguments.extend(["--config".to_owned(), file.display().to_string()]);
    }
    Ok(Server::Stdio { command: std::env::current_exe()?, args: arguments })
}
