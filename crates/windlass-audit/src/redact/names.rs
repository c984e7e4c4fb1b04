//! Names that say their value is a secret.

/// Anywhere in a name, whatever the spelling: `DB_PASSWORD`, `clientSecret`, `x-api-key`.
const PARTS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "authorization",
    "cookie",
    "credential",
    "private",
    "signature",
];

/// Only as a word of its own: `ssh_key` and `sshKey`, but not `monkey` or `keyboard`.
const WORDS: [&str; 10] = ["key", "keys", "pwd", "pass", "auth", "bearer", "jwt", "otp", "pin", "sas"];

/// A name as it is compared: lower case, letters and digits only.
pub(super) fn normal(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

pub(super) fn is_secret(name: &str, extra: &[String]) -> bool {
    let normal = normal(name);
    PARTS.iter().any(|part| normal.contains(part))
        || extra.iter().any(|part| normal.contains(part.as_str()))
        || words(name).any(|word| WORDS.iter().any(|secret| word.eq_ignore_ascii_case(secret)))
}

/// `max_tokens: 4096` counts something. A token itself is never a bare number.
pub(super) fn is_count(name: &str) -> bool {
    normal(name).ends_with("tokens")
}

/// The words of `snake_case`, `kebab-case` and `camelCase`.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|character: char| !character.is_alphanumeric()).flat_map(|part| {
        let bytes = part.as_bytes();
        let starts =
            (1..bytes.len()).filter(|at| bytes[*at].is_ascii_uppercase() && !bytes[at - 1].is_ascii_uppercase());
        let bounds: Vec<usize> = [0].into_iter().chain(starts).chain([part.len()]).collect();
        bounds.windows(2).map(|bound| &part[bound[0]..bound[1]]).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names() {
        for name in [
            "password",
            "DB_PASSWORD",
            "clientSecret",
            "x-api-key",
            "key",
            "sshKey",
            "SSH_KEY",
            "Authorization",
            "Set-Cookie",
            "access_token",
            "AWS_SECRET_ACCESS_KEY",
            "privatePem",
            "pwd",
            "apiKeys",
            "aws-credentials",
            "user pass",
        ] {
            assert!(is_secret(name, &[]), "{name}");
        }
        for name in ["monkey", "keyboard", "command", "path", "author", "compass", "pinned", "spinner", "", "日本"] {
            assert!(!is_secret(name, &[]), "{name}");
        }
        assert!(is_secret("Customer-IBAN", &[normal("iban")]));
    }
}
