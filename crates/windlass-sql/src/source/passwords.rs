use async_trait::async_trait;
use windlass_config::settings::SourceSettings;
use windlass_core::SecretString;

/// Whether what was fetched before will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It will.
    Remembered,
    /// It was refused: it may have been changed since.
    New,
}

/// Fetches what a login needs, from wherever it is kept.
#[async_trait]
pub trait Passwords: Send + Sync + 'static {
    /// The password of a source: what `password` names, or a token where the login is by AWS IAM. `None` = it has none.
    /// `user` is who logs in.
    async fn password(
        &self,
        source: &SourceSettings,
        user: Option<&str>,
        freshness: Freshness,
    ) -> Result<Option<SecretString>, PasswordError>;

    /// What a reference stands for, where `text` is one, such as a user name that is kept with the password.
    async fn resolve(&self, text: &str, freshness: Freshness) -> Result<String, PasswordError>;
}

/// Why there is no password. Never says what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no password: {message}")]
pub struct PasswordError {
    /// What is wrong.
    pub message: String,
}
