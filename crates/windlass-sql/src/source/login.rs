//! Getting in, as whoever the settings name now.

use std::sync::{Arc, Mutex, PoisonError};

use windlass_config::settings::SourceSettings;
use windlass_core::{ExposeSecret, SecretString};

use super::{Freshness, PasswordError, Passwords, SourceError};
use crate::engine::{Access, Connection, Engine, EngineError};

/// Makes connections of one source.
pub(super) struct Login {
    settings: SourceSettings,
    passwords: Arc<dyn Passwords>,
    /// The engine of the last login. It is kept for what it knows: authorities that it has read, how the server takes TLS,
    /// how many statements it cannot end.
    engine: Mutex<Option<Kept>>,
}

struct Kept {
    user: Option<String>,
    engine: Arc<dyn Engine>,
}

/// Who logs in, and how that is proved.
struct Credentials {
    user: Option<String>,
    password: Option<SecretString>,
}

impl Login {
    pub(super) fn new(settings: &SourceSettings, passwords: Arc<dyn Passwords>) -> Self {
        Self { settings: settings.clone(), passwords, engine: Mutex::default() }
    }

    /// A connection. Who was refused asks once more, with what the references stand for now.
    pub(super) async fn connect(&self, access: Access) -> Result<Box<dyn Connection>, SourceError> {
        let remembered = self.credentials(Freshness::Remembered).await?;
        match self.enter(&remembered, access).await {
            Err(SourceError::Engine(EngineError::LoginRefused(why))) => {
                let new = self.credentials(Freshness::New).await?;
                if new.are(&remembered) {
                    return Err(EngineError::LoginRefused(why).into());
                }
                self.enter(&new, access).await
            }
            entered => entered,
        }
    }

    async fn credentials(&self, freshness: Freshness) -> Result<Credentials, PasswordError> {
        let user = match super::user(&self.settings) {
            Some(user) => Some(self.passwords.resolve(&user, freshness).await?),
            None => None,
        };
        let password = self.passwords.password(&self.settings, user.as_deref(), freshness).await?;
        Ok(Credentials { user, password })
    }

    async fn enter(&self, who: &Credentials, access: Access) -> Result<Box<dyn Connection>, SourceError> {
        let engine = self.engine(&who.user)?;
        let entered = engine.connect(who.password.as_ref(), access).await;
        if matches!(entered, Err(EngineError::Unreachable(_))) {
            // What it knows may be what is wrong: a new authority, a server that has other ways now.
            *self.kept() = None;
        }
        Ok(entered?)
    }

    fn engine(&self, user: &Option<String>) -> Result<Arc<dyn Engine>, EngineError> {
        let mut kept = self.kept();
        if let Some(kept) = kept.as_ref().filter(|kept| kept.user == *user) {
            return Ok(kept.engine.clone());
        }
        let engine = super::engine(&self.settings, user.clone())?;
        *kept = Some(Kept { user: user.clone(), engine: engine.clone() });
        Ok(engine)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Credentials {
    fn are(&self, other: &Self) -> bool {
        let text = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        self.user == other.user && text(&self.password) == text(&other.password)
    }
}
