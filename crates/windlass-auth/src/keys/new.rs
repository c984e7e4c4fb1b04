use std::collections::BTreeSet;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windlass_config::settings::KeySettings;
use windlass_core::SecretString;

use super::{digest, table, text};
use crate::SetupError;

/// A key just made. [`NewKey::text`] is shown once and kept by nobody here.
#[derive(Debug)]
pub struct NewKey {
    /// The key itself, for its user's eyes.
    pub text: SecretString,
    /// What goes into windlass.yaml or the keys file.
    pub settings: KeySettings,
}

impl NewKey {
    /// Makes a key for the principal `key:NAME`.
    pub fn generate(name: &str, expires: Option<OffsetDateTime>, groups: BTreeSet<String>) -> Result<Self, SetupError> {
        table::check_name("name", name)?;
        let expires = match expires.map(|at| at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339)) {
            Some(Err(_)) => return Err(SetupError::new("expires", "is out of range", "use a year from 0 to 9999")),
            Some(Ok(text)) => Some(text),
            None => None,
        };
        let key = text::write(&rand::random());
        let hash = format!("sha256:{}", hex::encode(digest(&key)));
        Ok(Self { text: key.into(), settings: KeySettings { name: name.into(), hash, expires, groups } })
    }

    /// One line for `auth.keys` and for the keys file alike.
    pub fn yaml(&self) -> String {
        let KeySettings { name, hash, expires, groups } = &self.settings;
        // A JSON string is a YAML string, whatever is in it.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut line = format!("- {{ name: {}, hash: {}", quoted(name), quoted(hash));
        if let Some(expires) = expires {
            line += &format!(", expires: {}", quoted(expires));
        }
        if !groups.is_empty() {
            let groups: Vec<String> = groups.iter().map(|group| quoted(group)).collect();
            line += &format!(", groups: [{}]", groups.join(", "));
        }
        line + " }"
    }
}
