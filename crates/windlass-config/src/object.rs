//! Where a large file comes from, and what it has to be.

use std::{fmt, str::FromStr};

use url::Url;

use crate::{is_loopback, mask};

/// An object of S3, or a file of the web. Shown without what follows `?`: a signed address is a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectUrl {
    /// `s3://BUCKET/KEY`.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key, as it is: nothing in it is decoded.
        key: String,
    },
    /// `https://...`; of this machine itself also `http://...`.
    Web(Url),
}

/// A SHA-256 sum: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha256Sum(pub [u8; 32]);

/// Text that is neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ObjectError {
    message: String,
    /// What to write.
    pub hint: &'static str,
}

const FORMS: &str = "write s3://BUCKET/KEY or https://...";

impl ObjectError {
    fn new(message: impl Into<String>, hint: &'static str) -> Self {
        Self { message: message.into(), hint }
    }
}

impl FromStr for ObjectUrl {
    type Err = ObjectError;

    fn from_str(text: &str) -> Result<Self, ObjectError> {
        if let Some(path) = text.strip_prefix("s3://") {
            return object(path);
        }
        let shown = mask::user_info(text);
        let url =
            Url::parse(text).map_err(|error| ObjectError::new(format!("`{shown}` is not a URL: {error}"), FORMS))?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(ObjectError::new("anyone on the way could read along", "write https://...")),
            other => return Err(ObjectError::new(format!("nothing is fetched from `{other}:`"), FORMS)),
        }
        if !url.username().is_empty() || url.password().is_some() {
            let message = "a user name or password does not belong into a URL here";
            return Err(ObjectError::new(message, "sign the address instead, or let the bucket's policy decide"));
        }
        if url.fragment().is_some() {
            return Err(ObjectError::new("nothing may follow `#` here", "write the address alone"));
        }
        Ok(Self::Web(url))
    }
}

fn object(path: &str) -> Result<ObjectUrl, ObjectError> {
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !(3..=255).contains(&bucket.len()) || !bucket.chars().all(plain) {
        let message = format!("`{bucket}` is not the name of a bucket");
        return Err(ObjectError::new(message, "write s3://BUCKET/KEY"));
    }
    if key.is_empty() || key.ends_with('/') || key.len() > 1024 || key.chars().any(char::is_control) {
        return Err(ObjectError::new(format!("no object is named in the bucket {bucket}"), "write s3://BUCKET/KEY"));
    }
    Ok(ObjectUrl::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::Web(url) => {
                let mut shown = url.clone();
                shown.set_query(None);
                write!(f, "{shown}")
            }
        }
    }
}

impl FromStr for Sha256Sum {
    type Err = ObjectError;

    fn from_str(text: &str) -> Result<Self, ObjectError> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let mut sum = [0; 32];
        let hex = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        for (byte, at) in sum.iter_mut().zip((0..64).step_by(2)) {
            let pair = hex.then(|| u8::from_str_radix(&digits[at..at + 2], 16).ok()).flatten();
            *byte = pair.ok_or_else(|| {
                ObjectError::new("this is not a SHA-256 sum, 64 hexadecimal digits", "`sha256sum FILE` prints it")
            })?;
        }
        Ok(Self(sum))
    }
}

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_fetched() {
        for (given, shown) in [
            ("s3://images/root.ext4", "s3://images/root.ext4"),
            ("s3://my.images-1/a/b c/%41?x#y", "s3://my.images-1/a/b c/%41?x#y"),
            ("https://mirror.example/root.ext4", "https://mirror.example/root.ext4"),
            ("https://b.example/root.ext4?X-Amz-Signature=hunter2", "https://b.example/root.ext4"),
            ("http://127.0.0.1:8000/root.ext4", "http://127.0.0.1:8000/root.ext4"),
        ] {
            assert_eq!(given.parse::<ObjectUrl>().unwrap().to_string(), shown);
        }
        let key = |text: &str| match text.parse() {
            Ok(ObjectUrl::S3 { bucket, key }) => (bucket, key),
            other => panic!("{other:?}"),
        };
        assert_eq!(key("s3://images/a//b"), ("images".into(), "a//b".into()));
    }

    #[test]
    fn what_cannot() {
        for given in [
            "",
            "root.ext4",
            "s3://",
            "s3:///key",
            "s3://images",
            "s3://images/",
            "s3://images/directory/",
            "s3://a/key",
            "s3://me@images/key",
            "s3://images/a\nb",
            "ftp://mirror.example/x",
            "file:///etc/shadow",
            "http://mirror.example/x",
            "https://me:hunter2@mirror.example/x",
            "https://me:hunter2@mirror.example:bad/x",
            "https://mirror.example/x#y",
        ] {
            let error = given.parse::<ObjectUrl>().unwrap_err();
            assert!(!error.to_string().contains("hunter2") && !error.hint.is_empty(), "{error}");
        }
    }

    #[test]
    fn sums() {
        let text = "E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let sum: Sha256Sum = text.parse().unwrap();
        assert_eq!(sum.to_string(), text.to_lowercase());
        assert_eq!(format!("sha256:{text}").parse(), Ok(sum));
        for wrong in ["", "e3", &text[1..], &format!("{text}0"), &text.replace('E', "+"), &"é".repeat(32)] {
            assert!(wrong.parse::<Sha256Sum>().is_err(), "{wrong}");
        }
    }
}
