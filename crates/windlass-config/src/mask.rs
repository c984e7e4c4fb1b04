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
        Some(end) if !text[end..].trim().is_empty() => format!("{} ********", user_info(text[..end].trim_end())),
        _ => user_info(text),
    }
}

/// Blots out `user:password@` of URLs, well-formed or not, and what follows `?` where it looks like a signature.
pub(crate) fn user_info(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',');
    text.split_inclusive(ends).map(word_without_user).map(|word| without_query(word, ends)).collect()
}

fn without_query(word: String, ends: impl Fn(char) -> bool) -> String {
    let query = ["http://", "https://"].iter().find_map(|scheme| {
        let host = word.find(scheme)? + scheme.len();
        Some(host + word[host..].find('?')? + 1)
    });
    let Some(query) = query else { return word };
    let end = word[query..].find(ends).map_or(word.len(), |end| query + end);
    let asked = word[query..end].to_ascii_lowercase();
    if !asked.contains("sig") && !SECRET_WORDS.iter().any(|word| asked.contains(word)) {
        return word;
    }
    format!("{}********{}", &word[..query], &word[end..])
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
            ("{ url: 'https://u:hunter2@x', token: hunter2 }", "{ url: 'https://********@x', token: ********"),
            ("  token: hunter2", "  token: ********"),
            ("{ name: x, hash: hunter2 }", "{ name: x, hash: ********"),
            ("  client-secret : hunter2", "  client-secret ********"),
            ("  token:", "  token:"),
            ("  port: 80", "  port: 80"),
            ("url: https://me:hunter2@host/x", "url: https://********@host/x"),
            ("token hunter2", "token ********"),
            ("a: 'http//me:hunter2@://x:hunter2@y', b: http://z", "a: 'http//********@y', b: http://z"),
            ("to: [key:ada@example.com]", "to: [key:ada@example.com]"),
            ("url: 'https://host/x?sig=hunter2', b: 1", "url: 'https://host/x?********', b: 1"),
            ("url: https://host/x?sig=hunter2", "url: https://host/x?********"),
            ("url: https://host/x?y=1", "url: https://host/x?y=1"),
            ("is it so? see //x?sig", "is it so? see //x?sig"),
        ] {
            assert_eq!(line(given), shown);
            assert!(!line(given).contains("hunter2"));
        }
    }
}
