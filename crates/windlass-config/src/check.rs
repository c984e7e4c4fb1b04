//! What the types alone cannot say: ranges, forms, references, and the rules between settings.

mod access;
mod agent;
mod auth;
mod files;
mod knowledge;
mod limits;
mod sandboxes;
mod server;
mod shell;
mod sql;
mod store;

pub(crate) use knowledge::is_remote;
pub(crate) use limits::bad_level;

use std::path::Path as FilePath;

use url::Url;

use crate::{
    ConfigError, Env, Notice, Origin, Settings, exposure,
    node::{Node, Path},
};

/// Everything wrong with `settings`, each with its place in `tree`.
pub(crate) fn check(
    settings: &Settings,
    tree: &Node,
    env: &dyn Env,
    base: &FilePath,
    notices: &mut Vec<Notice>,
) -> Vec<ConfigError> {
    let mut checker = Checker { tree, env, base, notices, errors: Vec::new() };
    server::check(&mut checker, &settings.server);
    auth::check(&mut checker, &settings.auth);
    access::policy(&mut checker, settings);
    access::fetch(&mut checker, settings.fetch.as_ref());
    shell::check(&mut checker, settings.shell.as_ref());
    sandboxes::check(&mut checker, settings.sandbox.as_ref());
    sql::check(&mut checker, settings.sql.as_ref());
    knowledge::check(&mut checker, settings.knowledge.as_ref());
    files::check(&mut checker, settings);
    limits::check(&mut checker, settings);
    store::check(&mut checker, &settings.store);
    agent::check(&mut checker, &settings.agent);
    if let Err(error) = exposure(settings) {
        let path = Path::dotted(&error.setting);
        checker.errors.push(checker.located(error, &path));
    }
    checker.errors
}

struct Checker<'a> {
    tree: &'a Node,
    env: &'a dyn Env,
    base: &'a FilePath,
    notices: &'a mut Vec<Notice>,
    errors: Vec<ConfigError>,
}

impl Checker<'_> {
    fn located(&self, error: ConfigError, path: &Path) -> ConfigError {
        let origin = self.tree.nearest(path).origin.clone();
        let error = error.setting(path);
        if origin == Origin::Default { error } else { error.at(origin) }
    }

    /// Reports `message` at `path`.
    fn refuse(&mut self, path: &Path, message: impl Into<String>, hint: impl Into<String>) {
        let error = self.located(ConfigError::new(message).hint(hint), path);
        self.errors.push(error);
    }

    fn notice(&mut self, path: &Path, message: impl Into<String>) {
        self.notices.push(Notice::new(path.to_string(), message));
    }

    /// A URL of the web with nothing secret and nothing loose in it.
    fn web_url(&mut self, path: &Path, url: &Url, https: bool) {
        if !matches!(url.scheme(), "http" | "https") {
            self.refuse(path, format!("`{}:` is not a web address", url.scheme()), "write https://...");
        } else if https && url.scheme() != "https" && !exposure::is_loopback(url) {
            self.refuse(path, "anyone on the way could change what comes from here", "write https://...");
        }
        if !url.username().is_empty() || url.password().is_some() {
            self.refuse(
                path,
                "a user name or password does not belong into a URL here",
                "take out the part before `@`",
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            self.refuse(path, "nothing may follow `?` or `#` here", "write the address alone");
        }
    }

    /// A file that must be there and readable.
    fn file(&mut self, path: &Path, file: &FilePath) {
        match std::fs::File::open(file).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_dir() => {
                self.refuse(path, format!("{} is a directory", file.display()), "name a file");
            }
            Ok(_) => {}
            Err(error) => {
                let message = format!("cannot read {}: {error}", file.display());
                self.refuse(path, message, "relative paths start from the directory of windlass.yaml");
            }
        }
    }
}

/// `example.com`, `10.0.0.1` or `[::1]`: a host and nothing else.
fn host(text: &str) -> bool {
    // The URL parser would also take `0x7f.1` and percent signs; a host in a rule is written as it is compared.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !text.is_empty() && text.chars().all(plain) && url::Host::parse(text).is_ok(),
    }
}
