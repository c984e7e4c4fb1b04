//! What is deployed: the directory with windlass.yaml, at a commit.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use windlass_config::{Env, Loaded, SecretRef, Settings, exposure, settings::DeploySettings};
use windlass_core::{ExposeSecret, SecretString};

use crate::{DeployError, Kind, seal::Seal, version::Commit};

/// The port the server has inside its container.
pub(crate) const PORT: u16 = 8080;
/// As the stacks have it.
const NAME_LENGTH: usize = 24;
/// The variable whose value is the shared token.
const TOKEN: &str = "WINDLASS_AUTH_TOKEN";
/// What a user of seed 4 has set and the deployed server needs as well.
const CARRIED: [&str; 3] = ["MCP_ALLOWED_COMMANDS", "MCP_BLOCKED_COMMANDS", "MCP_DEFAULT_TIMEOUT"];

/// The directory, its settings and its commit.
pub struct Project {
    /// Where windlass.yaml lies, or would.
    pub root: PathBuf,
    /// The file itself, if there is one.
    pub file: Option<PathBuf>,
    /// The settings.
    pub settings: Settings,
    /// The commit.
    pub commit: Commit,
    /// Where receipts, artifacts and local state are kept: `.windlass`.
    pub state: PathBuf,
    environment: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretString>,
    /// Secrets that are not to be had here, and why. Whoever only asks how things stand needs none.
    missing: BTreeMap<String, DeployError>,
    /// Nothing says who may connect, so a token is made.
    makes_token: bool,
    /// Tells the secrets' values from other ones, and nobody what they are.
    mark: Option<String>,
}

impl Project {
    /// Of what was loaded. Also prepares `.windlass`, which git does not see.
    pub fn new(loaded: &Loaded, env: &dyn Env) -> Result<Self, DeployError> {
        check_name(&loaded.settings.deploy.name)?;
        let commit = Commit::of(&loaded.base)?;
        let state = loaded.base.join(".windlass");
        refuse_foreign(&state, &loaded.base)?;
        hide(&state).map_err(|error| DeployError::file("the directory", &state, &error))?;
        let mut project = Self {
            root: loaded.base.clone(),
            file: loaded.file.clone(),
            settings: loaded.settings.clone(),
            commit,
            state,
            environment: loaded.settings.deploy.environment.clone(),
            secrets: BTreeMap::new(),
            missing: BTreeMap::new(),
            makes_token: false,
            mark: None,
        };
        if loaded.seed_commands.is_some() {
            let carried = CARRIED.into_iter().filter_map(|name| Some((name.to_owned(), env.get(name)?)));
            project.environment.extend(carried);
        }
        project.gather(env)?;
        project.refuse_plain_secrets()?;
        Ok(project)
    }

    /// The deployment's own settings.
    pub fn deploy(&self) -> &DeploySettings {
        &self.settings.deploy
    }

    /// Secrets this machine hands over, and the token where one has to be made.
    fn gather(&mut self, env: &dyn Env) -> Result<(), DeployError> {
        for (name, reference) in &self.settings.deploy.secrets {
            let secret = reference.parse::<SecretRef>().and_then(|reference| reference.resolve(env, &self.root));
            let secret = secret.map_err(|error| {
                DeployError::new(Kind::Usage, format!("deploy.secrets.{name}: {error}"))
                    .hint("each entry names where this machine keeps the secret: `env:NAME` or `file:PATH`")
            });
            keep(name, secret, &mut self.secrets, &mut self.missing);
        }
        match self.settings.auth.token.as_deref().map(str::parse::<SecretRef>) {
            Some(Ok(SecretRef::Variable(name))) if !self.names(&name) => {
                let secret = SecretRef::Variable(name.clone()).resolve(env, &self.root).map_err(|error| {
                    DeployError::new(Kind::Usage, format!("auth.token: {error}"))
                        .hint(format!("set {name} here, or name another source under deploy.secrets.{name}"))
                });
                keep(&name, secret, &mut self.secrets, &mut self.missing);
            }
            Some(Ok(SecretRef::File(path))) => {
                let message = format!("auth.token is the file {}, which is not on the target", path.display());
                return Err(DeployError::new(Kind::Usage, message).hint(format!(
                    "leave auth.token out and write deploy.secrets: {{ {TOKEN}: file:{} }}",
                    path.display()
                )));
            }
            _ => {}
        }
        let mut exposed = self.settings.clone();
        exposed.server.host = [0, 0, 0, 0].into();
        self.makes_token = exposure(&exposed).is_err() && !self.names(TOKEN);
        Ok(())
    }

    /// Whether a secret of this name is among those the release has.
    fn names(&self, name: &str) -> bool {
        self.secrets.contains_key(name) || self.missing.contains_key(name)
    }

    /// An error where a secret is not to be had here, for those who hand them over.
    pub fn require_secrets(&self) -> Result<(), DeployError> {
        self.missing.values().next().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// A secret in `deploy.environment` would be readable in the image, the state and the console of the target.
    fn refuse_plain_secrets(&self) -> Result<(), DeployError> {
        let telling = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PRIVATE_KEY", "API_KEY", "ACCESS_KEY"];
        let found = self.environment.keys().find(|name| {
            let name = name.to_ascii_uppercase();
            telling.iter().any(|word| name.contains(word))
        });
        match found {
            None => Ok(()),
            Some(name) => Err(DeployError::new(Kind::Usage, format!("deploy.environment.{name} looks like a secret"))
                .hint(format!(
                    "move it: deploy.secrets: {{ {name}: env:{name} }} takes it from this machine's environment"
                ))),
        }
    }

    /// What the server is told on its target, beside what the image says already.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// What the image says: where to listen, and which release it is.
    pub fn image_environment(&self) -> BTreeMap<String, String> {
        let release = self.commit.version.to_string();
        [
            ("WINDLASS_SERVER_HOST", "0.0.0.0".to_owned()),
            ("WINDLASS_SERVER_PORT", PORT.to_string()),
            ("WINDLASS_SERVER_TRANSPORT", "http".to_owned()),
            ("WINDLASS_SERVER_RELEASE", release),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Secrets by the variable they become. `token` is the made one, where one is.
    pub fn secrets(&self, token: Option<&SecretString>) -> BTreeMap<String, SecretString> {
        let mut secrets = self.secrets.clone();
        if let Some(token) = token.filter(|_| self.makes_token) {
            secrets.insert(TOKEN.to_owned(), token.clone());
        }
        secrets
    }

    /// Marks the secrets with a key, so that a changed value is a change.
    pub(crate) fn seal_secrets(&mut self, seal: &Seal) {
        let values: Vec<(&str, &str)> =
            self.secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose_secret())).collect();
        // Texts; writing them cannot fail.
        let text = serde_json::to_string(&values).unwrap_or_default();
        self.mark = (!values.is_empty()).then(|| seal.of(&text).chars().take(12).collect());
    }

    /// Changes with the values of the secrets; `None` where there are none.
    pub fn secrets_mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// The names of all of them.
    pub fn secret_names(&self) -> Vec<String> {
        let made = self.makes_token.then(|| TOKEN.to_owned());
        self.secrets.keys().chain(self.missing.keys()).cloned().chain(made).collect()
    }

    /// Whether the deployment has a token that nobody chose.
    pub fn makes_token(&self) -> bool {
        self.makes_token
    }

    /// The credential to prove the endpoint with: the shared token, else a key of the caller's in `WINDLASS_TOKEN`.
    pub fn credential(&self, token: Option<&SecretString>, env: &dyn Env) -> Option<SecretString> {
        let named = match self.settings.auth.token.as_deref().map(str::parse::<SecretRef>) {
            Some(Ok(SecretRef::Variable(name))) => self.secrets.get(&name).cloned(),
            _ => self.secrets.get(TOKEN).cloned(),
        };
        named
            .or_else(|| token.filter(|_| self.makes_token).cloned())
            .or_else(|| env.get("WINDLASS_TOKEN").map(Into::into))
    }

    /// Where what is built of this version lies.
    pub fn artifacts(&self) -> PathBuf {
        self.state.join("artifacts").join(self.commit.version.as_str())
    }
}

fn keep(
    name: &str,
    secret: Result<SecretString, DeployError>,
    secrets: &mut BTreeMap<String, SecretString>,
    missing: &mut BTreeMap<String, DeployError>,
) {
    match secret {
        Ok(secret) => drop(secrets.insert(name.to_owned(), secret)),
        Err(error) => drop(missing.insert(name.to_owned(), error)),
    }
}

/// The name becomes part of paths, of names at the target and of a bucket's: the strictest of them counts.
fn check_name(name: &str) -> Result<(), DeployError> {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let fits = name.len() <= NAME_LENGTH
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('-').all(word);
    match fits {
        true => Ok(()),
        false => {
            Err(DeployError::new(Kind::Usage, format!("deploy.name: `{name}` cannot name a deployment")).hint(format!(
                "use lower-case letters, digits and single hyphens, a letter first, at most {NAME_LENGTH} characters"
            )))
        }
    }
}

/// State comes from deploys of this user, never with a checkout: what git brought along is somebody else's word.
fn refuse_foreign(state: &Path, root: &Path) -> Result<(), DeployError> {
    let is_link = fs::symlink_metadata(state).is_ok_and(|facts| facts.is_symlink());
    if is_link || crate::version::tracks(root, ".windlass")? {
        let what = if is_link { "is a link" } else { "is tracked by git" };
        return Err(DeployError::new(Kind::Usage, format!("{} {what}", state.display()))
            .hint("remove it (`git rm -r --cached .windlass`): windlass makes it anew, and git does not see it"));
    }
    Ok(())
}

/// Makes the state directory, and keeps git from seeing it: it must not make the tree dirty.
fn hide(state: &Path) -> io::Result<()> {
    fs::create_dir_all(state)?;
    let ignore = state.join(".gitignore");
    if ignore.exists() { Ok(()) } else { fs::write(ignore, "*\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_and_fits_everywhere() {
        for name in ["a", "tools", "my-tools-2", "a23456789012345678901234"] {
            check_name(name).unwrap();
        }
        for name in
            ["", ".", "..", "/home/somebody", "a/b", "A", "2a", "-a", "a-", "a--b", "a_b", "a b", &"a".repeat(25)]
        {
            let error = check_name(name).unwrap_err();
            assert_eq!(error.kind, Kind::Usage, "{name}");
            assert!(error.hint.unwrap().contains("lower-case"), "{name}");
        }
    }

    #[test]
    fn state_that_came_with_a_checkout_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let git = |arguments: &[&str]| {
            assert!(std::process::Command::new("git").current_dir(root).args(arguments).status().unwrap().success());
        };
        git(&["init", "-q"]);
        let state = root.join(".windlass");
        refuse_foreign(&state, root).unwrap();
        fs::create_dir(&state).unwrap();
        fs::write(state.join("lock.json"), "{}").unwrap();
        refuse_foreign(&state, root).unwrap();
        git(&["add", "-f", ".windlass"]);
        assert!(refuse_foreign(&state, root).unwrap_err().message.contains("tracked by git"));
        git(&["rm", "-rq", "--cached", ".windlass"]);
        fs::remove_dir_all(&state).unwrap();
        std::os::unix::fs::symlink("/", &state).unwrap();
        assert!(refuse_foreign(&state, root).unwrap_err().message.contains("is a link"));
    }
}
