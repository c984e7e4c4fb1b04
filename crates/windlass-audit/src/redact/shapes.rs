//! Secrets that are known by what they look like, in any string.

use std::{borrow::Cow, sync::LazyLock};

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Nothing shorter has a shape.
const SHORTEST: usize = 6;

/// A name of a secret as it stands in command lines, headers and files.
const NAME: &str = r"[A-Za-z0-9_.-]*(?:passw(?:or)?d|passphrase|passcode|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|credential|authorization|cookie|mysql_pwd)[A-Za-z0-9_.-]*";

/// A value: taken out already, quoted, quoted within a quoted text, or up to the next blank.
const VALUE: &str = r#"(?:\[redacted\]|"(?:[^"\\]|\\.)*"?|'[^']*'?|\\+"[^"]*"?|\S+)"#;

struct Shapes {
    /// Tells in one pass which rules have work, which for nearly every string is none.
    which: RegexSet,
    rules: Vec<(Regex, &'static str)>,
}

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    let rules: Vec<(String, &'static str)> = vec![
        // PEM blocks, also cut off ones.
        (r"(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z)".into(), "[redacted]"),
        // JSON web tokens.
        (r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)*".into(), "[redacted]"),
        // Our own keys, AWS key ids, and the prefixes other services chose so that tools like this one find them.
        (
            [
                r"\bwdl_[A-Za-z0-9_-]{8,}",
                r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
                r"\bgh[opsur]_[A-Za-z0-9]{20,}",
                r"\bgithub_pat_[A-Za-z0-9_]{20,}",
                r"\bglpat-[A-Za-z0-9_-]{16,}",
                r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
                r"\b[spr]k[-_][A-Za-z0-9_-]{20,}",
                r"\bnpm_[A-Za-z0-9]{30,}",
                r"\bAIza[A-Za-z0-9_-]{30,}",
            ]
            .join("|"),
            "[redacted]",
        ),
        // user:password@host, or a token before the @, in any URL.
        (r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#"'<>]*@"#.into(), "${1}[redacted]@"),
        // Headers whose value has blanks in it.
        (r#"(?i)((?:authorization|cookie)["'\\]*\s*[:=]\s*["'\\]*)[^\r\n"'\\]+"#.into(), "${1}[redacted]"),
        (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}".into(), "${1} [redacted]"),
        // name=value, name: value, "name": "value".
        (format!(r#"(?i)({NAME}["'\\]*\s*[:=]\s*){VALUE}"#), "${1}[redacted]"),
        // --name value.
        (format!(r"(?i)((?:^|\s)--?{NAME}\s+){VALUE}"), "${1}[redacted]"),
        // The options of common programs that take a password right away.
        (format!(r"(\b(?:mysql|mariadb)[a-z-]*\b[^\n;|&]*?\s-p){VALUE}"), "${1}[redacted]"),
        (format!(r"(\bsshpass\s+-p\s*){VALUE}"), "${1}[redacted]"),
        (format!(r"(\bredis-cli\b[^\n;|&]*?\s-a\s+){VALUE}"), "${1}[redacted]"),
        (format!(r"(\bcurl\b[^\n;|&]*?\s(?:-[uU]\s*|--(?:proxy-)?user[\s=]+)){VALUE}"), "${1}[redacted]"),
    ];
    // On bytes and without Unicode classes the automata stay small, and quick on text in any script. Every rule begins and
    // ends at ASCII, so no character is cut.
    let compiled = |rule: &String| RegexBuilder::new(rule).unicode(false).build();
    let which = RegexSetBuilder::new(rules.iter().map(|(rule, _)| rule)).unicode(false).dfa_size_limit(8 << 20).build();
    Shapes {
        which: which.expect("the rules are constants, compiled in every test"),
        rules: rules.iter().map(|(rule, to)| (compiled(rule).expect("compiled in the set already"), *to)).collect(),
    }
});

/// What finds `name=value`, `name: value` and `--name value` for names of the operator's own, in any spelling.
pub(super) fn named(names: &[String]) -> Option<regex::Regex> {
    let spelled = |name: &String| {
        let letters: Vec<String> = name.chars().map(|letter| regex::escape(&letter.to_string())).collect();
        letters.join("[_.-]?")
    };
    let any = names.iter().map(spelled).collect::<Vec<_>>().join("|");
    let name = format!(r"[\w.-]*(?:{any})[\w.-]*");
    let pattern = format!(r#"(?i)({name}["'\\]*\s*[:=]\s*|(?:^|\s)--?{name}\s+){VALUE}"#);
    // As with known secrets, only a list of thousands could be too long.
    (!names.is_empty())
        .then(|| regex::RegexBuilder::new(&pattern).size_limit(64 << 20).build().expect("escaped literals"))
}

pub(super) fn scrub(text: &str) -> Cow<'_, str> {
    if text.len() < SHORTEST {
        return Cow::Borrowed(text);
    }
    let hits = SHAPES.which.matches(text.as_bytes());
    if !hits.matched_any() {
        return Cow::Borrowed(text);
    }
    let mut scrubbed = Cow::Borrowed(text.as_bytes());
    for rule in hits.iter() {
        let (pattern, replacement) = &SHAPES.rules[rule];
        if let Cow::Owned(replaced) = pattern.replace_all(&scrubbed, replacement.as_bytes()) {
            scrubbed = Cow::Owned(replaced);
        }
    }
    Cow::Owned(String::from_utf8_lossy(&scrubbed).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_taken_out() {
        for (text, expected) in [
            ("curl -H 'Authorization: Bearer abc.def-123456' x", "curl -H 'Authorization: [redacted]' x"),
            ("use bearer abcdefgh12345 now", "use bearer [redacted] now"),
            ("wdl_ci_0123456789abcdef", "[redacted]"),
            ("id AKIAIOSFODNN7EXAMPLE.", "id [redacted]."),
            ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl!", "jwt [redacted]!"),
            ("a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b", "a [redacted] b"),
            ("-----BEGIN PRIVATE KEY-----\nMIIEcut off", "[redacted]"),
            ("postgres://app:hunter2@db:5432/x", "postgres://[redacted]@db:5432/x"),
            ("https://ghp_0123456789abcdef0123@github.com/a/b", "https://[redacted]@github.com/a/b"),
            ("--password=hunter2 -v", "--password=[redacted] -v"),
            ("--api-key hunter2 -v", "--api-key [redacted] -v"),
            ("PGPASSWORD='two words' psql", "PGPASSWORD=[redacted] psql"),
            (r#"{"client_secret": "a\"b", "x": 1}"#, r#"{"client_secret": [redacted], "x": 1}"#),
            (r#"'{\"token\": \"a b\", \"x\": 1}'"#, r#"'{\"token\": [redacted], \"x\": 1}'"#),
            ("mysqldump -u root -phunter2 db", "mysqldump -u root -p[redacted] db"),
            ("sshpass -p hunter2 ssh h", "sshpass -p [redacted] ssh h"),
            ("curl -s -u me:hunter2 https://x", "curl -s -u [redacted] https://x"),
            ("日本 token=日本語 é", "日本 token=[redacted] é"),
            ("redis-cli -h r -a hunter2 ping", "redis-cli -h r -a [redacted] ping"),
        ] {
            assert_eq!(scrub(text), expected);
        }
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "git log -p --since=yesterday",
            "tar -xpf archive.tar",
            "https://example.com/a@b?x=1",
            "grep -rn password src",
            "ls -la /home/me/.ssh",
            "ssh -p 22 host",
            "the basic idea: keys, tokens and cookies",
            "mkdir -p a/b",
        ] {
            assert_eq!(scrub(text), text);
        }
    }
}
