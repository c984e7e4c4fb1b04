//! A git repository: over HTTPS, or on this machine.
//!
//! Of a remote one the newest commit of a branch is fetched into a bare repository of our own; nothing is checked out, and
//! neither a configuration but that of this copy, nor a hook, a filter or another program plays a part.

mod copy;
mod fetch;
mod link;
mod open;
mod remote;
mod tree;
mod web;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use tokio::runtime::Handle;
use windlass_config::settings::KnowledgeSourceSettings;

use super::{Opened, Source, SourceError, place::Place};
use crate::{SettingError, Surroundings, secrets::Secrets};
use link::Links;
use remote::Remote;
use tree::Wanted;

/// The source that `url` names.
pub(super) fn make(
    url: &str,
    settings: &KnowledgeSourceSettings,
    surroundings: &Surroundings,
    place: Place,
) -> Result<Arc<dyn Source>, SettingError> {
    let branch = settings.branch.clone();
    if branch.as_deref().is_some_and(|branch| !is_branch(branch)) {
        return Err(SettingError::new("branch", "it is not the name of a branch"));
    }
    let subfolder = match &settings.subfolder {
        Some(subfolder) => subfolder_of(subfolder)?,
        None => String::new(),
    };
    let kind = remote::parse(url, &surroundings.base)?;
    let shown = match &kind {
        remote::Kind::Web(remote) => remote.url.to_string(),
        remote::Kind::Local(_) => url.to_owned(),
    };
    let mut name = format!("git {shown}");
    if let Some(branch) = &branch {
        name.push_str(&format!(" @{branch}"));
    }
    if !subfolder.is_empty() {
        name.push_str(&format!(" /{subfolder}"));
    }
    let links = match &kind {
        remote::Kind::Web(remote) => Links::of(&remote.url),
        remote::Kind::Local(_) => Links::None,
    };
    let wanted = Wanted { name: name.clone(), place, links, subfolder };
    match kind {
        remote::Kind::Local(_) if settings.token.is_some() => {
            Err(SettingError::new("token", "it means nothing for a repository on this machine"))
        }
        remote::Kind::Local(path) => Ok(Arc::new(Local { path, branch, wanted })),
        remote::Kind::Web(remote) => {
            if settings.token.is_some() && !remote.is_private() {
                return Err(SettingError::new("git", "a token goes only to an address that begins with https://"));
            }
            let (token, secrets) = (settings.token.clone(), surroundings.secrets.clone());
            let cache = surroundings.cache.join("git");
            Ok(Arc::new(Hosted { remote, branch, token, secrets, cache, wanted }))
        }
    }
}

/// A repository on this machine.
struct Local {
    path: PathBuf,
    branch: Option<String>,
    wanted: Wanted,
}

#[async_trait]
impl Source for Local {
    fn name(&self) -> &str {
        &self.wanted.name
    }

    async fn open(&self) -> Result<Box<dyn Opened>, SourceError> {
        let (path, branch, wanted) = (self.path.clone(), self.branch.clone(), self.wanted.clone());
        super::blocking(move |stop| {
            let (repository, commit) = copy::local(&path, branch.as_deref(), &wanted.name)?;
            open::open(repository, commit, wanted, None, stop)
        })
        .await
    }
}

/// A repository on a server.
struct Hosted {
    remote: Remote,
    branch: Option<String>,
    token: Option<String>,
    secrets: Arc<dyn Secrets>,
    cache: PathBuf,
    wanted: Wanted,
}

#[async_trait]
impl Source for Hosted {
    fn name(&self) -> &str {
        &self.wanted.name
    }

    async fn open(&self) -> Result<Box<dyn Opened>, SourceError> {
        let token = match &self.token {
            Some(reference) => {
                let token = self.secrets.secret(&format!("the token of {}", self.wanted.name), reference).await;
                Some(token.map_err(|error| SourceError::Refused(error.to_string()))?)
            }
            None => None,
        };
        let runtime = Handle::current();
        let (remote, branch, wanted) = (self.remote.clone(), self.branch.clone(), self.wanted.clone());
        let cache = self.cache.join(copy::key(&remote.url, branch.as_deref(), &wanted.subfolder));
        super::blocking(move |stop| {
            let web = web::Web::new(&runtime, &remote, token.as_ref(), &wanted.name, stop)?;
            let order =
                fetch::Order { remote: &remote, branch: branch.as_deref(), name: &wanted.name, web: &web, stop };
            copy::refreshed(&cache, &order, &wanted)
        })
        .await
    }
}

/// As git has it, and no pattern.
fn is_branch(name: &str) -> bool {
    let odd = |character: char| character.is_control() || " ~^:?*[\\".contains(character);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    !name.starts_with('-')
        && !name.contains(odd)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name.split('/').all(part)
}

fn subfolder_of(subfolder: &str) -> Result<String, SettingError> {
    let parts: Vec<&str> = subfolder.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    match parts.contains(&"..") {
        true => Err(SettingError::new("subfolder", "it must not lead out of the repository")),
        false => Ok(parts.join("/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_told_from_patterns() {
        for name in ["main", "feature/x-1", "v1.0", "ä"] {
            assert!(is_branch(name), "{name}");
        }
        for name in ["", "-x", "a b", "a..b", "a:b", "*", "a/", "/a", "a.lock", "a@{1}", "a^", "a\nb", ".a", "a."] {
            assert!(!is_branch(name), "{name:?}");
        }
    }

    #[test]
    fn a_subfolder_stays_inside() {
        assert_eq!(subfolder_of("/docs//a/./b/").unwrap(), "docs/a/b");
        assert_eq!(subfolder_of("/").unwrap(), "");
        assert!(subfolder_of("docs/../..").is_err());
    }
}
