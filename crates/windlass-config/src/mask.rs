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
        Some(end) if !text[end..].trim().is_empty() => format!("{} ********", text[..end].trim_end()),
        _ => user_info(text),
    }
}

/// Blots out `user:password@` of URLs, well-formed or not.
pub(crate) fn user_info(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',');
    text.split_inclusive(ends).map(word_without_user).collect()
}

fn word_without_user(word: &str) -> String {
    let Some(start) = word.find("//").map(|slashes| slashes + 2) else { return word.into() };
    match word[start..].rfind('@') {
        Some(at) => format!("{}********{}", &word[..start], &word[start + at..]),
        None => word.into(),
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
            ("token hunter2", "token ********"),
            ("a: 'http//me:hunter2@://x:hunter2@y', b: http://z", "a: 'http//********@y', b: http://z"),
            ("to: [key:ada@example.com]", "to: [key:ada@example.com]"),
        ] {
            assert_eq!(line(given), shown);
            assert!(!line(given).contains("hunter2"));
        }
    }
}
