//! What each client's configuration looks like.

use std::path::Path;

use serde_json::{Map, Value, json};
use windlass_core::ExposeSecret;

use super::{
    App, ConnectOptions, Plan, Server, Token,
    app::input_id,
    file::{Edit, JsonEdit, TomlEdit},
};
use crate::error::ClientError;

pub(super) fn plan(options: &ConnectOptions) -> Result<Plan, ClientError> {
    let app = options.app;
    let mut notes = Vec::new();
    let edit = if app == App::Codex {
        Edit::Toml(TomlEdit { name: options.name.clone(), entry: codex_entry(&options.server)? })
    } else {
        let mut edit = JsonEdit {
            section: match app {
                App::VsCode => "servers",
                App::Zed => "context_servers",
                _ => "mcpServers",
            },
            name: options.name.clone(),
            entry: entry(app, &options.server)?,
            input: None,
        };
        if let (App::VsCode, Server::Http { token: Token::Env(variable), .. }) = (app, &options.server) {
            edit.input = Some(json!({
                "type": "promptString",
                "id": input_id(variable),
                "description": format!("The API key for {}", options.name),
                "password": true,
            }));
            notes.push("VS Code asks for the token once and keeps it in its secret store.".into());
        }
        Edit::Json(edit)
    };
    match &options.server {
        Server::Http { token: Token::Env(variable), .. } if app != App::VsCode => {
            notes.push(format!("Set {variable} where {} starts; the file only refers to it.", app.title()));
        }
        Server::Http { token: Token::Raw(_), .. } => {
            notes.push("The token is in this file in the clear: keep it out of version control.".into());
        }
        _ => {}
    }
    let secret = match &options.server {
        Server::Http { token: Token::Raw(token), .. } => Some(token.clone()),
        _ => None,
    };
    let path = app.path(&options.places);
    Ok(Plan { app, path, command: command(options), notes, edit, secret })
}

/// What the client keeps about one server.
fn entry(app: App, server: &Server) -> Result<Map<String, Value>, ClientError> {
    let mut entry = Map::new();
    let typed = matches!(app, App::Claude | App::VsCode);
    match server {
        Server::Stdio { command, args } => {
            if typed {
                entry.insert("type".into(), "stdio".into());
            }
            entry.insert("command".into(), path_text(command)?.into());
            entry.insert("args".into(), args.clone().into());
        }
        Server::Http { .. } if app == App::ClaudeDesktop => {
            return Err(ClientError::usage(
                "Claude Desktop's file holds only programs that it starts",
                "connect it over stdio, or add the URL in the app under Settings, Connectors",
            ));
        }
        Server::Http { url, token } => {
            let kind = match app {
                App::Claude | App::VsCode => Some("http"),
                App::Cline => Some("streamableHttp"),
                _ => None,
            };
            if let Some(kind) = kind {
                entry.insert("type".into(), kind.into());
            }
            let key = match app {
                App::Windsurf => "serverUrl",
                App::Gemini => "httpUrl",
                _ => "url",
            };
            entry.insert(key.into(), url.as_str().into());
            if let Some(value) = token_text(app, token)? {
                entry.insert("headers".into(), json!({ "Authorization": format!("Bearer {value}") }));
            }
        }
    }
    Ok(entry)
}

/// The token as it stands in the file.
fn token_text(app: App, token: &Token) -> Result<Option<String>, ClientError> {
    match token {
        Token::None => Ok(None),
        Token::Raw(token) => Ok(Some(token.expose_secret().to_owned())),
        Token::Env(variable) => match app.reference(&variable_name(variable)?) {
            Some(reference) => Ok(Some(reference)),
            None => Err(ClientError::usage(
                format!("{} cannot refer to an environment variable in its file", app.title()),
                "connect over stdio, or ask for the token to be written into the file",
            )),
        },
    }
}

fn variable_name(variable: &str) -> Result<String, ClientError> {
    let fits = variable.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if fits {
        return Ok(variable.to_owned());
    }
    // What was given may well be the token itself, so it is not repeated.
    Err(ClientError::usage("that is no name of an environment variable", "give the name, not the token"))
}

fn codex_entry(server: &Server) -> Result<toml_edit::Table, ClientError> {
    let mut entry = toml_edit::Table::new();
    match server {
        Server::Stdio { command, args } => {
            entry["command"] = toml_edit::value(path_text(command)?);
            entry["args"] = toml_edit::value(args.iter().collect::<toml_edit::Array>());
        }
        Server::Http { url, token } => {
            entry["url"] = toml_edit::value(url.as_str());
            match token {
                Token::None => {}
                Token::Env(variable) => {
                    entry["bearer_token_env_var"] = toml_edit::value(variable_name(variable)?);
                }
                Token::Raw(_) => {
                    return Err(ClientError::usage(
                        "Codex refuses a token in its file",
                        "put it in an environment variable and name that",
                    ));
                }
            }
        }
    }
    Ok(entry)
}

fn path_text(path: &Path) -> Result<&str, ClientError> {
    path.to_str().ok_or_else(|| {
        ClientError::usage(format!("`{}` is not Unicode", path.display()), "install the program elsewhere")
    })
}

/// The client's own command for the same, where it has one and it needs no secret on the command line.
fn command(options: &ConnectOptions) -> Option<String> {
    let name = &options.name;
    let words: Vec<String> = match (options.app, &options.server) {
        (App::Claude, Server::Stdio { command, args }) => {
            let start = ["claude", "mcp", "add", "--scope", "project", "--transport", "stdio", name, "--"];
            start.iter().map(|word| (*word).to_owned()).chain(program(command, args)).collect()
        }
        (App::Claude, Server::Http { url, token }) => {
            let start = ["claude", "mcp", "add", "--scope", "project", "--transport", "http", name, url.as_str()];
            let mut words: Vec<String> = start.iter().map(|word| (*word).to_owned()).collect();
            match token {
                Token::None => {}
                Token::Env(variable) => {
                    words.extend(["--header".into(), format!("Authorization: Bearer ${{{variable}}}")]);
                }
                Token::Raw(_) => return None,
            }
            words
        }
        (App::Codex, Server::Stdio { command, args }) => {
            let start = ["codex", "mcp", "add", name, "--"];
            start.iter().map(|word| (*word).to_owned()).chain(program(command, args)).collect()
        }
        (App::Codex, Server::Http { url, token: Token::None }) => {
            ["codex", "mcp", "add", name, "--url", url.as_str()].iter().map(|word| (*word).to_owned()).collect()
        }
        _ => return None,
    };
    Some(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
}

fn program(command: &Path, args: &[String]) -> impl Iterator<Item = String> {
    std::iter::once(command.display().to_string()).chain(args.to_vec())
}

/// A word as a POSIX shell takes it for itself.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_words() {
        assert_eq!(quoted("/usr/bin/windlass"), "/usr/bin/windlass");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
