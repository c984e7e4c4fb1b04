//! Where tokens and keys come from: asked for when they are needed, and never kept or printed.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use windlass_config::{Env, SecretRef};
use windlass_core::SecretString;

const SECRETS_MANAGER: &str = "secretsmanager:";

/// Fetches what a reference names, from wherever it is kept.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret. `what` is what it is for, in an error.
    async fn secret(&self, what: &str, reference: &str) -> Result<SecretString, NoSecret>;
}

/// Why there is no secret. Never says what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct NoSecret {
    /// What it is for.
    pub what: String,
    /// What is wrong.
    pub why: String,
}

/// Secrets in the environment (`env:NAME`), in files (`file:PATH`) and in AWS (`secretsmanager:ARN#KEY`).
pub struct References {
    env: Arc<dyn Env>,
    base: PathBuf,
}

impl References {
    /// Relative files are taken from `base`.
    pub fn new(env: Arc<dyn Env>, base: PathBuf) -> Self {
        Self { env, base }
    }
}

#[async_trait]
impl Secrets for References {
    async fn secret(&self, what: &str, reference: &str) -> Result<SecretString, NoSecret> {
        let failed = |why: String| NoSecret { what: what.to_owned(), why };
        if reference.starts_with(SECRETS_MANAGER) {
            let secret = windlass_cloud::secret(what, reference).await;
            return secret.map_err(|error| failed(format!("{}; {}", error.problem, error.hint())));
        }
        let reference: SecretRef = reference.parse().map_err(|error| failed(format!("{error}")))?;
        reference.resolve(self.env.as_ref(), &self.base).map_err(|error| failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use windlass_config::Variables;
    use windlass_core::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn what_is_no_reference_is_not_repeated() {
        let env = Arc::new(Variables::from_iter([("TOKEN", "s3cret")]));
        let secrets = References::new(env, "/nowhere".into());
        assert_eq!(secrets.secret("the token", "env:TOKEN").await.unwrap().expose_secret(), "s3cret");
        let error = secrets.secret("the token", "glpat-hunter2").await.unwrap_err().to_string();
        assert!(error.starts_with("the token: this must name a secret") && !error.contains("hunter2"), "{error}");
        let error = secrets.secret("the token", "secretsmanager:hunter2").await.unwrap_err().to_string();
        assert!(error.contains("not the ARN") && !error.contains("hunter2"), "{error}");
    }
}
