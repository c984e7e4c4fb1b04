//! Secrets are named in windlass.yaml, never written there.

use std::{
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
    str::FromStr,
};

use windlass_core::SecretString;

use crate::Env;

/// Where a secret is kept: `env:NAME` or `file:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable of the server.
    Variable(String),
    /// A file; a trailing line end does not belong to the secret.
    File(PathBuf),
}

/// Why there is no secret. Never says what was given: it may be the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The text is no reference; most likely it is the secret.
    #[error("this must name a secret, not be one: write `env:NAME` or `file:PATH`")]
    NotAReference,
    /// The variable is unset or empty.
    #[error("the environment variable {0} is not set, or empty")]
    Unset(String),
    /// The file cannot be read.
    #[error("the file {0} cannot be read: {1}")]
    Unreadable(PathBuf, String),
    /// The file has nothing in it.
    #[error("the file {0} is empty")]
    Empty(PathBuf),
}

/// A secret longer than this is some other file.
const MAX_SECRET: u64 = 64 << 10;

impl FromStr for SecretRef {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        if let Some(name) = text.strip_prefix("env:") {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !name.is_empty() && name.chars().all(plain) {
                return Ok(Self::Variable(name.into()));
            }
        } else if let Some(path) = text.strip_prefix("file:")
            && !path.is_empty()
        {
            return Ok(Self::File(path.into()));
        }
        Err(SecretError::NotAReference)
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl SecretRef {
    /// Fetches the secret. Relative files are taken from `base` ([`crate::Loaded::base`]).
    pub fn resolve(&self, env: &dyn Env, base: &Path) -> Result<SecretString, SecretError> {
        match self {
            Self::Variable(name) => {
                let value = env.get(name).filter(|value| !value.trim().is_empty());
                Ok(value.ok_or_else(|| SecretError::Unset(name.clone()))?.into())
            }
            Self::File(path) => {
                let path = base.join(path);
                let mut text = String::new();
                fs::File::open(&path)
                    .and_then(|file| file.take(MAX_SECRET).read_to_string(&mut text))
                    .map_err(|error| SecretError::Unreadable(path.clone(), error.to_string()))?;
                match text.trim_end_matches(['\r', '\n']) {
                    secret if secret.trim().is_empty() => Err(SecretError::Empty(path)),
                    secret => Ok(secret.into()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use windlass_core::ExposeSecret;

    use super::*;
    use crate::Variables;

    #[test]
    fn references_are_told_from_secrets() {
        for text in ["env:TOKEN", "file:/run/secrets/token", "file:token"] {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
        for text in ["hunter2", "env:", "file:", "env:A B", "env:$X", "", "ENV:TOKEN"] {
            let error = text.parse::<SecretRef>().unwrap_err();
            assert!(text.is_empty() || !error.to_string().contains(text) || text.len() < 6, "{text}");
        }
    }

    #[test]
    fn a_secret_is_fetched_from_where_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "from-file\r\n").unwrap();
        fs::write(folder.path().join("blank"), " \n").unwrap();
        let env = Variables::from_iter([("TOKEN", "from-env"), ("BLANK", "  ")]);
        let get = |text: &str| {
            let secret = text.parse::<SecretRef>().unwrap().resolve(&env, folder.path());
            secret.map(|secret| secret.expose_secret().to_owned()).map_err(|error| error.to_string())
        };
        assert_eq!(get("env:TOKEN").unwrap(), "from-env");
        assert_eq!(get("file:token").unwrap(), "from-file");
        assert_eq!(get("env:BLANK").unwrap_err(), "the environment variable BLANK is not set, or empty");
        assert!(get("env:GONE").is_err());
        assert!(get("file:blank").unwrap_err().ends_with("is empty"));
        assert!(get("file:gone").unwrap_err().contains("cannot be read"));
    }
}
