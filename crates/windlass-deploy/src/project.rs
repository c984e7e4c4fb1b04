//! What is deployed: the directory with windlass.yaml, at a commit.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use windlass_config::{Env, Loaded, SecretRef, Settings, exposure, settings::DeploySettings};
use windlass_core::SecretString;

use crate::{DeployError, Kind, version::Commit};

/// The port the server has inside its container.
pub(crate) const PORT: u16 = 8080;
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
    /// Nothing says who may connect, so a token is made.
    makes_token: bool,
}

impl Project {
    /// Of what was loaded. Also prepares `.windlass`, which git does not see.
    pub fn new(loaded: &Loaded, env: &dyn Env) -> Result<Self, DeployError> {
        let commit = Commit::of(&loaded.base)?;
        let state = loaded.base.join(".windlass");
        hide(&state).map_err(|error| DeployError::file("the directory", &state, &error))?;
        let mut project = Self {
            root: loaded.base.clone(),
            file: loaded.file.clone(),
            settings: loaded.settings.clone(),
            commit,
            state,
            environment: loaded.settings.deploy.environment.clone(),
            secrets: BTreeMap::new(),
            makes_token: false,
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
            })?;
            self.secrets.insert(name.clone(), secret);
        }
        match self.settings.auth.token.as_deref().map(str::parse::<SecretRef>) {
            Some(Ok(SecretRef::Variable(name))) if !self.secrets.contains_key(&name) => {
                let secret = SecretRef::Variable(name.clone()).resolve(env, &self.root).map_err(|error| {
                    DeployError::new(Kind::Usage, format!("auth.token: {error}"))
                        .hint(format!("set {name} here, or name another source under deploy.secrets.{name}"))
                })?;
                self.secrets.insert(name, secret);
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
        self.makes_token = exposure(&exposed).is_err() && !self.secrets.contains_key(TOKEN);
        Ok(())
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

    /// The names of all of them.
    pub fn secret_names(&self) -> Vec<String> {
        let made = self.makes_token.then(|| TOKEN.to_owned());
        self.secrets.keys().cloned().chain(made).collect()
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

/// Makes the state directory, and keeps git from seeing it: it must not make the tree dirty.
fn hide(state: &Path) -> io::Result<()> {
    fs::create_dir_all(state)?;
    let ignore = state.join(".gitignore");
    if ignore.exists() { Ok(()) } else { fs::write(ignore, "*\n") }
}
