use regex::Regex;

/// A glob over a whole argument or file name: `*`, `?`, `[abc]`, `[!a-z]`, and `\` before a character that means itself.
/// `*` stands for anything, slashes included; file names are matched one path segment at a time.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    pub(crate) fn new(glob: &str) -> Result<Self, String> {
        let mut regex = String::from("(?s)^");
        let mut rest = glob.chars();
        while let Some(c) = rest.next() {
            match c {
                '*' => regex.push_str(".*"),
                '?' => regex.push('.'),
                '[' => match class(rest.as_str()) {
                    Some((class, length)) => {
                        regex.push_str(&class);
                        rest = rest.as_str()[length..].chars();
                    }
                    None => regex.push_str(r"\["),
                },
                '\\' => regex.push_str(&regex::escape(rest.next().unwrap_or('\\').encode_utf8(&mut [0; 4]))),
                c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        regex.push('$');
        let regex = Regex::new(&regex).map_err(|_| format!("`{glob}` is not a pattern"))?;
        Ok(Self { source: glob.to_owned(), regex })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// `text` as a pattern that matches only itself.
    pub(crate) fn escape(text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            if matches!(c, '*' | '?' | '[' | ']' | '\\') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped
    }

    /// The one text a pattern without wildcards matches.
    pub(crate) fn literal(glob: &str) -> Option<String> {
        let mut text = String::with_capacity(glob.len());
        let mut chars = glob.chars();
        while let Some(c) = chars.next() {
            match c {
                '*' | '?' => return None,
                '[' if class(chars.as_str()).is_some() => return None,
                '\\' => text.push(chars.next().unwrap_or('\\')),
                c => text.push(c),
            }
        }
        Some(text)
    }
}

/// A bracket expression as a regular expression, and the bytes it takes after its `[`.
fn class(rest: &str) -> Option<(String, usize)> {
    let negated = rest.starts_with(['!', '^']);
    let body = &rest[usize::from(negated)..];
    // A `]` in first place is a member.
    let first = body.chars().next()?.len_utf8();
    let end = first + body.get(first..)?.find(']')?;
    let mut class = String::from(if negated { "[^" } else { "[" });
    for c in body[..end].chars().filter(|c| *c != '\\') {
        if c == '-' { class.push('-') } else { class.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))) }
    }
    class.push(']');
    Some((class, usize::from(negated) + end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(glob: &str, yes: &[&str], no: &[&str]) {
        let pattern = Pattern::new(glob).unwrap();
        for text in yes {
            assert!(pattern.matches(text), "{glob} should match {text}");
        }
        for text in no {
            assert!(!pattern.matches(text), "{glob} should not match {text}");
        }
    }

    #[test]
    fn globs() {
        check("*.txt", &["a.txt", ".txt", "a/b.txt", "a\n.txt"], &["a.txt\n", "atxt"]);
        check("--jobs=?", &["--jobs=4"], &["--jobs=", "--jobs=12"]);
        check("[a-c]x", &["ax"], &["dx", "-x"]);
        check("[!a]x", &["bx"], &["ax"]);
        check("a[b", &["a[b"], &["ab"]);
        check(r"\*", &["*"], &["a"]);
        check("a.b|c", &["a.b|c"], &["axb", "c"]);
    }

    #[test]
    fn escaping_makes_text_literal() {
        for text in ["a*b", "[x]", r"\", "?", "plain"] {
            let escaped = Pattern::escape(text);
            assert_eq!(Pattern::literal(&escaped).as_deref(), Some(text));
            assert!(Pattern::new(&escaped).unwrap().matches(text));
        }
        assert_eq!(Pattern::literal("a*"), None);
        assert_eq!(Pattern::literal("[ab]"), None);
    }
}
