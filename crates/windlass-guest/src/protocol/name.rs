//! Names of files and arguments: bytes, in JSON.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

/// A path, an argument or a variable: any bytes, shown as text where they are text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Name(OsString);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Text(String),
    Base64(String),
}

impl Name {
    /// As the system takes it.
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }

    /// As a path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// Readable, with replacement characters where it is no text.
    pub fn to_text(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Name> for Written {
    fn from(name: Name) -> Self {
        match name.0.into_string() {
            Ok(text) => Self::Text(text),
            Err(other) => Self::Base64(BASE64_STANDARD.encode(other.as_bytes())),
        }
    }
}

impl TryFrom<Written> for Name {
    type Error = base64::DecodeError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        Ok(match written {
            Written::Text(text) => Self(text.into()),
            Written::Base64(text) => Self(OsString::from_vec(BASE64_STANDARD.decode(text)?)),
        })
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<OsString> for Name {
    fn from(text: OsString) -> Self {
        Self(text)
    }
}

impl From<&OsStr> for Name {
    fn from(text: &OsStr) -> Self {
        Self(text.into())
    }
}

impl From<&Path> for Name {
    fn from(path: &Path) -> Self {
        Self(path.into())
    }
}

impl From<PathBuf> for Name {
    fn from(path: PathBuf) -> Self {
        Self(path.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_and_bytes_stay_bytes() {
        let text = Name::from("naïve 😀");
        assert_eq!(serde_json::to_string(&text).unwrap(), r#"{"text":"naïve 😀"}"#);
        let bytes = Name::from(OsStr::from_bytes(b"\xff\xfe"));
        let wire = serde_json::to_string(&bytes).unwrap();
        assert_eq!(wire, r#"{"base64":"//4="}"#);
        assert_eq!(serde_json::from_str::<Name>(&wire).unwrap(), bytes);
    }
}
