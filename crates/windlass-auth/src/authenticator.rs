use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;
use url::Url;
use windlass_config::settings::{AuthSettings, KeySettings};
use windlass_core::{Check, ExposeSecret, Principal, PrincipalSource, SecretString};

use crate::{
    AuthError, AuthErrorKind, SetupError, SetupErrors, Timing,
    credential::credential,
    jwt::Tokens,
    keys::{self, Digest, KeyTable},
    metadata,
};

/// A shared token shorter than this can be guessed by a patient stranger.
const SHORTEST_GOOD_TOKEN: usize = 24;

/// Knows who is calling.
pub struct Authenticator {
    open: bool,
    local: Arc<Principal>,
    keys: ArcSwap<KeyTable>,
    key_settings: Vec<KeySettings>,
    keys_file: Option<PathBuf>,
    reload_error: Mutex<Option<String>>,
    token: Option<SharedToken>,
    tokens: Tokens,
    scopes: String,
    warnings: Vec<String>,
}

struct SharedToken {
    hash: Digest,
    principal: Arc<Principal>,
}

/// What can be said of a credential without asking anybody.
enum Known<'a> {
    Principal(Arc<Principal>),
    /// A JWT not seen before.
    Token(&'a str, Digest),
}

impl Authenticator {
    /// Reads and checks the settings. `token` is what `settings.token` refers to, already resolved.
    pub fn new(settings: &AuthSettings, token: Option<SecretString>) -> Result<Self, SetupErrors> {
        Self::with_timing(settings, token, Timing::default())
    }

    /// The same with other times.
    pub fn with_timing(
        settings: &AuthSettings,
        token: Option<SecretString>,
        timing: Timing,
    ) -> Result<Self, SetupErrors> {
        let mut errors = Vec::new();
        let mut warnings = Vec::new();
        let table = key_table(&settings.keys, settings.keys_file.as_ref()).unwrap_or_else(|found| {
            errors.extend(found);
            KeyTable::default()
        });
        let token = shared_token(settings, token, &mut warnings).unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let tokens = Tokens::new(&settings.oidc, timing).map_err(|found| errors.extend(found));
        let Ok(tokens) = tokens else { return Err(SetupErrors(errors)) };
        if !errors.is_empty() {
            return Err(SetupErrors(errors));
        }
        let mut scopes: Vec<&str> =
            settings.oidc.iter().flat_map(|oidc| &oidc.required_scopes).map(String::as_str).collect();
        scopes.sort_unstable();
        scopes.dedup();
        Ok(Self {
            // By what is configured, not by what is there: a keys file that is empty today lets nobody in.
            open: settings.keys.is_empty()
                && settings.keys_file.is_none()
                && settings.token.is_none()
                && token.is_none()
                && settings.oidc.is_empty(),
            local: Arc::new(Principal::local()),
            keys: ArcSwap::from_pointee(table),
            key_settings: settings.keys.clone(),
            keys_file: settings.keys_file.clone(),
            reload_error: Mutex::default(),
            token,
            tokens,
            scopes: scopes.join(" "),
            warnings,
        })
    }

    /// Whether no credential is configured at all, and everyone who reaches the server is `local`. Such a server must
    /// listen on loopback only.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// What is legal and unwise: a shared token that can be guessed.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Who sent these headers.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Principal>, AuthError> {
        match self.known(headers)? {
            Known::Principal(principal) => Ok(principal),
            Known::Token(token, hash) => self.tokens.verify(token, hash).await,
        }
    }

    /// [`Authenticator::authenticate`] without waiting; `None` where a token has to be verified first.
    pub fn authenticate_now(&self, headers: &HeaderMap) -> Option<Result<Arc<Principal>, AuthError>> {
        match self.known(headers) {
            Ok(Known::Principal(principal)) => Some(Ok(principal)),
            Ok(Known::Token(..)) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn known<'a>(&self, headers: &'a HeaderMap) -> Result<Known<'a>, AuthError> {
        if self.open {
            return Ok(Known::Principal(self.local.clone()));
        }
        let text = credential(headers)?;
        let hash = keys::digest(text);
        if let Some(found) = self.keys.load().find(&hash) {
            return found.cloned().map(Known::Principal);
        }
        // A token is chosen by people, so unlike a key it could be found bit by bit through timing. Comparing hashes
        // already hides the token; comparing them in constant time hides how much of a hash was right.
        if let Some(token) = &self.token
            && bool::from(token.hash.ct_eq(&hash))
        {
            return Ok(Known::Principal(token.principal.clone()));
        }
        if !self.tokens.is_empty() && Tokens::looks_like_one(text) {
            return Ok(match self.tokens.remembered(&hash) {
                Some(principal) => Known::Principal(principal),
                None => Known::Token(text, hash),
            });
        }
        Err(match text.starts_with(keys::PREFIX) {
            true if !keys::is_complete(text) => AuthError::malformed("a key that was mistyped or cut off"),
            true => AuthError::unknown("a key that is not, or no longer, configured"),
            false => AuthError::unknown("a credential that is not configured"),
        })
    }

    /// Reads the keys file again and answers how many keys there are now. Where it cannot be read, or one line of it is
    /// wrong, the keys stay as they were and readiness says so.
    pub fn reload_keys(&self) -> Result<usize, SetupErrors> {
        let table = key_table(&self.key_settings, self.keys_file.as_ref()).map_err(SetupErrors);
        *self.reload_error.lock().unwrap_or_else(PoisonError::into_inner) =
            table.as_ref().err().map(ToString::to_string);
        let table = table?;
        let count = table.len();
        self.keys.store(Arc::new(table));
        Ok(count)
    }

    /// The value of `WWW-Authenticate` for a refusal; `None` where authenticating again cannot help. `resource` is the
    /// URL clients know the endpoint by.
    pub fn challenge(&self, error: &AuthError, resource: Option<&Url>) -> Option<HeaderValue> {
        let mut value = r#"Bearer realm="windlass""#.to_owned();
        let mut add = |name: &str, text: &str| value += &format!(", {name}=\"{text}\"");
        match &error.kind {
            AuthErrorKind::IssuerUnavailable { .. } => return None,
            AuthErrorKind::InsufficientScope { required } => {
                add("scope", &required.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
            }
            _ if !self.scopes.is_empty() => add("scope", &self.scopes),
            _ => {}
        }
        if let Some(code) = error.code() {
            add("error", code);
            add("error_description", &error.description().replace('`', "'"));
        }
        if let Some(resource) = resource.filter(|_| !self.tokens.is_empty()) {
            add("resource_metadata", metadata::url(resource).as_str());
        }
        // A URL is ASCII without quotes, scopes were checked, and the rest is our own text.
        HeaderValue::from_str(&value).ok()
    }

    /// Whether it can do its work: keys at hand, issuers reachable.
    pub async fn ready(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        if self.open {
            checks.push(Check::ok("auth", "open: everyone is `local`"));
        }
        if self.keys_file.is_some() || !self.key_settings.is_empty() {
            checks.push(self.keys_ready());
        }
        checks.extend(self.tokens.ready().await);
        checks
    }

    fn keys_ready(&self) -> Check {
        let keys = self.keys.load();
        let detail = match keys.expired() {
            0 => format!("{} keys", keys.len()),
            expired => format!("{} keys, {expired} of them expired", keys.len()),
        };
        match &*self.reload_error.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Check::degraded("auth.keys", format!("{detail}; the keys file was not taken: {error}")),
            None => Check::ok("auth.keys", detail),
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("open", &self.open)
            .field("keys", &self.keys.load().len())
            .field("token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

fn key_table(keys: &[KeySettings], file: Option<&PathBuf>) -> Result<KeyTable, Vec<SetupError>> {
    let from_file = file.map(|path| keys::read_keys_file(path)).transpose().map_err(|error| vec![error])?;
    let place = file.map(|path| path.display().to_string()).unwrap_or_default();
    let placed = keys.iter().enumerate().map(|(n, key)| (format!("auth.keys[{n}]"), key));
    let from_file = from_file.iter().flatten().enumerate().map(|(n, key)| (format!("{place}[{n}]"), key));
    KeyTable::build(placed.chain(from_file))
}

fn shared_token(
    settings: &AuthSettings,
    token: Option<SecretString>,
    warnings: &mut Vec<String>,
) -> Result<Option<SharedToken>, SetupError> {
    let Some(token) = token else {
        return match settings.token {
            None => Ok(None),
            // To go on without it would open the door that the setting was meant to close.
            Some(_) => Err(SetupError::new("auth.token", "refers to nothing", "set what it refers to, or remove it")),
        };
    };
    let text = token.expose_secret().trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = "is empty, or holds characters that no header can carry";
        return Err(SetupError::new("auth.token", message, "use visible ASCII, for example from `windlass key new`"));
    }
    if text.len() < SHORTEST_GOOD_TOKEN {
        warnings.push(format!(
            "auth.token has {} characters and can be guessed: use {SHORTEST_GOOD_TOKEN} or more, or keys",
            text.len()
        ));
    }
    let principal = Principal {
        id: "key:token".into(),
        source: PrincipalSource::Key,
        groups: Default::default(),
        scopes: Default::default(),
    };
    Ok(Some(SharedToken { hash: keys::digest(text), principal: Arc::new(principal) }))
}
