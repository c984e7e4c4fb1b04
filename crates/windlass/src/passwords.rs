//! Where logins to databases get what they need: the environment, files, AWS.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use windlass_config::{
    Env, SecretRef,
    settings::{LoginKind, SourceSettings},
};
use windlass_core::{ExposeSecret, SecretString};
use windlass_sql::source::{Freshness, PasswordError, Passwords, endpoint};

const SECRETS_MANAGER: &str = "secretsmanager:";
/// A secret of AWS is asked for again after so long, or when it was refused.
const HOLDS: Duration = Duration::from_secs(300);

/// All three.
pub struct Logins {
    env: Arc<dyn Env>,
    base: PathBuf,
    remembered: Mutex<HashMap<String, (Instant, SecretString)>>,
}

impl Logins {
    pub fn new(env: Arc<dyn Env>, base: PathBuf) -> Self {
        Self { env, base, remembered: Mutex::default() }
    }

    async fn secret(&self, reference: &str, freshness: Freshness) -> Result<SecretString, PasswordError> {
        if !reference.starts_with(SECRETS_MANAGER) {
            let reference: SecretRef = reference.parse().map_err(failed)?;
            return reference.resolve(self.env.as_ref(), &self.base).map_err(failed);
        }
        let remembered = {
            let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.get(reference).filter(|(since, _)| since.elapsed() < HOLDS).map(|(_, secret)| secret.clone())
        };
        if let (Some(secret), Freshness::Remembered) = (remembered, freshness) {
            return Ok(secret);
        }
        let secret = windlass_cloud::secret("password", reference)
            .await
            .map_err(|error| PasswordError { message: format!("{error}; {}", error.hint()) })?;
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.insert(reference.to_owned(), (Instant::now(), secret.clone()));
        Ok(secret)
    }
}

fn failed(error: impl std::error::Error) -> PasswordError {
    PasswordError { message: error.to_string() }
}

#[async_trait]
impl Passwords for Logins {
    async fn password(
        &self,
        source: &SourceSettings,
        user: Option<&str>,
        freshness: Freshness,
    ) -> Result<Option<SecretString>, PasswordError> {
        if source.login == LoginKind::RdsIam {
            let config = match &source.region {
                Some(region) => windlass_cloud::config_in(region.clone()).await,
                None => windlass_cloud::config().await,
            };
            let (host, port) = endpoint(source);
            let token = windlass_cloud::rds_token(&config, &host, port, user.unwrap_or_default()).await;
            return token.map(Some).map_err(failed);
        }
        match &source.password {
            Some(reference) => self.secret(reference, freshness).await.map(Some),
            None => Ok(None),
        }
    }

    async fn resolve(&self, text: &str, freshness: Freshness) -> Result<String, PasswordError> {
        let is_reference = text.starts_with(SECRETS_MANAGER) || text.parse::<SecretRef>().is_ok();
        match is_reference {
            true => Ok(self.secret(text, freshness).await?.expose_secret().to_owned()),
            false => Ok(text.to_owned()),
        }
    }
}
