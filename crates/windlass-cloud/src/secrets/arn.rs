//! How a variable names a secret.

use super::SecretProblem;

const PREFIX: &str = "secretsmanager:";

/// A secret, and which part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub arn: String,
    /// Where the secret is kept, whatever region the process works in.
    pub region: String,
    /// One member of a secret that is a JSON object.
    pub key: Option<String>,
}

impl Reference {
    /// `None` where `value` is an ordinary value. What begins like a reference must be one: used as it stands it would be
    /// a secret that anybody can guess.
    pub fn parse(value: &str) -> Option<Result<Self, SecretProblem>> {
        let rest = value.trim().strip_prefix(PREFIX)?;
        let (arn, key) = match rest.split_once('#') {
            Some((_, "")) => return Some(Err(SecretProblem::NotAnArn)),
            Some((arn, key)) => (arn, Some(key.to_owned())),
            None => (rest, None),
        };
        Some(match region(arn) {
            Some(region) => Ok(Self { arn: arn.to_owned(), region: region.to_owned(), key }),
            None => Err(SecretProblem::NotAnArn),
        })
    }
}

/// The region of `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME`.
fn region(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    let &["arn", partition, "secretsmanager", region, account, "secret", name] = parts.as_slice() else { return None };
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte));
    // The region becomes part of a host name.
    (partition.starts_with("aws") && word(partition) && word(region) && word(account) && named).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_its_region_and_perhaps_a_key() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/token-AbCdEf";
        let reference = Reference::parse(&format!("secretsmanager:{arn}")).unwrap().unwrap();
        assert_eq!((reference.arn.as_str(), reference.region.as_str(), reference.key), (arn, "eu-west-1", None));
        let reference = Reference::parse(&format!("secretsmanager:{arn}#token ")).unwrap().unwrap();
        assert_eq!(reference.key.as_deref(), Some("token"));
    }

    #[test]
    fn nothing_but_an_arn_of_a_secret_is_taken() {
        assert_eq!(Reference::parse("hunter2"), None);
        assert_eq!(Reference::parse("SECRETSMANAGER:arn"), None);
        for text in [
            "secretsmanager:",
            "secretsmanager:name",
            "secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:",
            "secretsmanager:arn:aws:secretsmanager::1:secret:name",
            "secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:name#",
            "secretsmanager:arn:aws:secretsmanager:evil.example.com/:1:secret:name",
            "secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:name:key:AWSCURRENT:",
            "secretsmanager:arn:aws:ssm:eu-west-1:1:parameter:name",
        ] {
            assert_eq!(Reference::parse(text), Some(Err(SecretProblem::NotAnArn)), "{text}");
        }
    }
}
