//! How much reading one file may cost, and what is said of a file that is not read.

use std::{borrow::Cow, time::Duration};

/// How much one file may cost. What needs more is [`Refused`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file, and of what a compressed one unfolds to.
    pub bytes: usize,
    /// Bytes of the text that is made of it.
    pub text_bytes: usize,
    /// Pages of a PDF.
    pub pages: usize,
    /// Headings that are told apart; those after them are text like any other.
    pub sections: usize,
    /// Steps of the readers that could go in circles (PDF). A step is about ten bytes looked at.
    pub steps: u64,
    /// The longest time on one file: a backstop behind the other limits, looked at every few kilobytes.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 32 << 20,
            text_bytes: 16 << 20,
            pages: 5_000,
            sections: 10_000,
            steps: 40_000_000,
            time: Duration::from_secs(20),
        }
    }
}

impl Limits {
    /// Refuses text that has become too long.
    pub(crate) fn text(&self, bytes: usize) -> Result<(), Refused> {
        if bytes > self.text_bytes {
            return Err(Refused::TooLarge(format!("its text is longer than {}", size(self.text_bytes))));
        }
        Ok(())
    }
}

/// Bytes as people say them.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        mib if mib >= 1 << 20 => format!("{} MiB", mib >> 20),
        kib if kib >= 1 << 10 => format!("{} KiB", kib >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No format that is known: what it is called by, `.xyz` or its name.
    #[error("no format that is known: {0}")]
    Unknown(String),
    /// No text, whatever its name says.
    #[error("it is no text: {0}")]
    Binary(String),
    /// It asks for a password, or for rights.
    #[error("it is encrypted: {0}")]
    Encrypted(String),
    /// It has no words: an empty file, a scanned page.
    #[error("there is no text in it: {0}")]
    NoText(String),
    /// It needs more than [`Limits`] give.
    #[error("it is too large: {0}")]
    TooLarge(String),
    /// It needs more time than [`Limits`] give.
    #[error("it takes too long to read: {0}")]
    TooSlow(String),
    /// It is not what its format asks for.
    #[error("it is broken: {0}")]
    Broken(String),
}

impl Refused {
    /// A file of this path, whose format nobody knows.
    pub fn unknown(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name.rsplit_once('.').filter(|(stem, extension)| {
            !stem.is_empty()
                && (1..=12).contains(&extension.len())
                && extension.chars().all(|c| c.is_ascii_alphanumeric())
        });
        Self::Unknown(
            extension.map_or_else(|| "without extension".to_owned(), |(_, e)| format!(".{}", e.to_lowercase())),
        )
    }

    /// One or two words to count by; they stay the same.
    pub fn reason(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Unknown(what) => return Cow::Owned(format!("unknown {what}")),
            Self::Binary(_) => "binary",
            Self::Encrypted(_) => "encrypted",
            Self::NoText(_) => "no_text",
            Self::TooLarge(_) => "too_large",
            Self::TooSlow(_) => "too_slow",
            Self::Broken(_) => "broken",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Refused;

    #[test]
    fn unknown_files_are_counted_by_extension() {
        let reason = |path| Refused::unknown(path).reason().into_owned();
        assert_eq!(reason("a/b.XYZ"), "unknown .xyz");
        assert_eq!(reason("a.b/c"), "unknown without extension");
        assert_eq!(reason(".hidden"), "unknown without extension");
        assert_eq!(reason("mail.from you@example.com"), "unknown .com");
        assert_eq!(reason("x.with space"), "unknown without extension");
    }
}
