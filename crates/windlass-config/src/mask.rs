//! Keeps secrets that were written in the wrong place out of error texts.

const SECRET_WORDS: [&str; 9] =
    ["token", "secret", "password", "passwd", "credential", "hash", "api_key", "apikey", "private_key"];

/// Whether a key of this name holds, or might by mistake hold, a secret.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

/// A line of windlass.yaml fit to be printed: the value after a secret's key is blotted out, and so is the user part of
/// a URL.
pub(crate) fn line(text: &str) -> String {
    let lower = text.to_ascii_lowercase().replace('-', "_");
    let first = SECRET_WORDS.iter().filter_map(|word| lower.find(word)).min();
    match first.and_then(|at| text[at..].find([':', '=', ' ']).map(|colon| at + colon + 1)) {
        Some(end) if !text[end..].trim().is_empty() => format!("{} ********", &text[..end]),
        _ => user_info(text),
    }
}

/// Blots out `user:password@` of URLs.
pub(crate) fn user_info(text: &str) -> String {
    let Some(scheme) = text.find("://") else { return text.into() };
    let start = scheme + 3;
    let end = text[start..].find(['/', '?', '#', ' ', '"', '`']).map_or(text.len(), |end| start + end);
    match text[start..end].rfind('@') {
        Some(at) => format!("{}********{}", &text[..start], user_info(&text[start + at..])),
        None => format!("{}{}", &text[..end], user_info(&text[end..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_blotted_out() {
        for (given, shown) in [
            ("  token: hunter2", "  token: ********"),
            ("{ name: x, hash: hunter2 }", "{ name: x, hash: ********"),
            ("  client-secret : hunter2", "  client-secret ********"),
            ("  token:", "  token:"),
            ("  port: 80", "  port: 80"),
            ("url: https://me:hunter2@host/x", "url: https://********@host/x"),
            ("token hunter2", "token  ********"),
        ] {
            assert_eq!(line(given), shown);
            assert!(!line(given).contains("hunter2"));
        }
    }
}
