use std::{
    collections::{HashMap, hash_map::Entry},
    fmt, fs,
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windlass_config::settings::KeySettings;
use windlass_core::{Principal, PrincipalSource};

use super::Digest;
use crate::{AuthError, AuthErrorKind, SetupError};

/// Every key there is, by its hash.
///
/// A map needs no constant-time comparison here. What an attacker could learn from its timing is how much of the SHA-256
/// of a guess agrees with the hash of a key; to use that they would have to choose guesses by their hash, and even a
/// whole hash opens nothing, since a 256-bit random key cannot be found from it.
#[derive(Default)]
pub struct KeyTable {
    by_hash: HashMap<Digest, Key>,
}

struct Key {
    // Made once, so that an authenticated call allocates nothing.
    principal: Arc<Principal>,
    expires: Option<SystemTime>,
}

impl KeyTable {
    /// Reads keys, each given with the place it stands.
    pub fn build<'a>(keys: impl IntoIterator<Item = (String, &'a KeySettings)>) -> Result<Self, Vec<SetupError>> {
        let mut table = Self::default();
        let mut errors = Vec::new();
        for (place, settings) in keys {
            if let Err(error) = table.add(&place, settings) {
                errors.push(error);
            }
        }
        if errors.is_empty() { Ok(table) } else { Err(errors) }
    }

    fn add(&mut self, place: &str, settings: &KeySettings) -> Result<(), SetupError> {
        check_name(&format!("{place}.name"), &settings.name)?;
        let hash = parse_hash(&format!("{place}.hash"), &settings.hash)?;
        let expires = settings.expires.as_deref().map(|text| parse_expiry(place, text)).transpose()?;
        let principal = Principal {
            id: format!("key:{}", settings.name),
            source: PrincipalSource::Key,
            groups: settings.groups.clone(),
            scopes: Default::default(),
        };
        match self.by_hash.entry(hash) {
            Entry::Vacant(free) => drop(free.insert(Key { principal: Arc::new(principal), expires })),
            // One key with two names would leave it to chance who the caller is.
            Entry::Occupied(taken) => {
                let message = format!("the same key is already there as `{}`", taken.get().principal.id);
                return Err(SetupError::new(place, message, "make a second one with `windlass key new`"));
            }
        }
        Ok(())
    }

    /// Who holds the key with this hash, if its time has not passed.
    pub(crate) fn find(&self, hash: &Digest) -> Option<Result<&Arc<Principal>, AuthError>> {
        let Key { principal, expires } = self.by_hash.get(hash)?;
        Some(match expires {
            Some(end) if SystemTime::now() >= *end => {
                Err(AuthError::new(AuthErrorKind::Expired, format!("{} has expired", principal.id)))
            }
            _ => Ok(principal),
        })
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// How many keys have expired, and may be removed.
    pub fn expired(&self) -> usize {
        let now = SystemTime::now();
        self.by_hash.values().filter(|key| key.expires.is_some_and(|end| now >= end)).count()
    }
}

impl fmt::Debug for KeyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyTable").field("keys", &self.len()).finish()
    }
}

/// Reads a keys file: a YAML list of what `windlass key new` prints, one line each.
pub fn read_keys_file(path: &Path) -> Result<Vec<KeySettings>, SetupError> {
    let wrong = |message: String| {
        SetupError::new(path.display().to_string(), message, "write one line per key, as printed by `windlass key new`")
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Vec::new());
    }
    serde_saphyr::from_str(&text).map_err(|error| match error.location() {
        Some(at) => wrong(format!("line {}, column {} does not read as a key", at.line(), at.column())),
        None => wrong("does not read as a list of keys".into()),
    })
}

pub(super) fn check_name(place: &str, name: &str) -> Result<(), SetupError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        let hint = "use 1 to 64 letters, digits, `.`, `_` or `-`";
        return Err(SetupError::new(place, format!("`{}` is no name for a key", name.escape_debug()), hint));
    }
    if name == "token" {
        return Err(SetupError::new(place, "`token` is the name of the shared token", "choose another name"));
    }
    Ok(())
}

fn parse_hash(place: &str, text: &str) -> Result<Digest, SetupError> {
    let mut hash = Digest::default();
    match text.strip_prefix("sha256:").map(|hex| hex::decode_to_slice(hex, &mut hash)) {
        Some(Ok(())) => Ok(hash),
        // The text is not repeated: it may well be the key itself.
        _ if super::is_complete(text) => Err(SetupError::new(
            place,
            "this is a key, not its hash; now that it stands in a file, it is no secret any more",
            "make a new one with `windlass key new` and write the hash it prints",
        )),
        _ => {
            Err(SetupError::new(place, "is not `sha256:` and 64 hex digits", "copy the line `windlass key new` prints"))
        }
    }
}

fn parse_expiry(place: &str, text: &str) -> Result<SystemTime, SetupError> {
    OffsetDateTime::parse(text, &Rfc3339).map(SystemTime::from).map_err(|_| {
        let message = format!("`{}` is not an RFC 3339 time", text.escape_debug());
        SetupError::new(format!("{place}.expires"), message, "write for example 2027-01-31T00:00:00Z")
    })
}
