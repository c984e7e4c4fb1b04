use globset::GlobBuilder;

use crate::IndexError;

/// A class of which nothing is left, as `globset` writes it; PostgreSQL has no such class.
const NOTHING: (&str, &str) = (r"[^\s\S]", "(?!)");

/// The same as a regular expression of PostgreSQL. `globset` says what a glob means, here as in the index of files.
pub(super) fn regex(glob: &str) -> Result<String, IndexError> {
    let invalid = |why: String| IndexError::Invalid(format!("the path {glob:?} is no glob: {why}"));
    if glob.contains('\0') {
        return Err(invalid("it has a character U+0000".to_owned()));
    }
    let glob =
        GlobBuilder::new(glob).literal_separator(true).build().map_err(|error| invalid(error.kind().to_string()))?;
    let regex = glob.regex();
    let regex = regex.strip_prefix("(?-u)").unwrap_or(regex).replace(NOTHING.0, NOTHING.1);
    characters(&regex).ok_or_else(|| invalid("it cannot be said to PostgreSQL".to_owned()))
}

/// `globset` matches bytes and writes those beyond ASCII as `\xC3\xA9`; here they are characters again.
fn characters(regex: &str) -> Option<String> {
    let mut out = Vec::with_capacity(regex.len());
    let mut rest = regex.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = std::str::from_utf8(&[*high, *low]).ok().map(str::to_owned)?;
                out.push(u8::from_str_radix(&digits, 16).ok()?);
                rest = after;
            }
            // Two characters that belong together, so that the second is not taken for a beginning.
            (b'\\', [escaped, after @ ..]) => {
                out.extend([b'\\', *escaped]);
                rest = after;
            }
            _ => {
                out.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_become_regular_expressions() {
        for (glob, expected) in [
            ("guides/**", "^guides/.*$"),
            ("**/*.md", r"^(?:/?|.*/)[^/]*\.md$"),
            ("a/**/b", "^a(?:/|/.*/)b$"),
            ("**", "^.*$"),
            ("{a,b}?", "^(?:a|b)[^/]$"),
            ("[!a-c]", "^[^/a-c]$"),
            ("é\\*", r"^é\*$"),
            ("[/]", "^(?!)$"),
            ("it's 100%_", "^it's 100%_$"),
        ] {
            assert_eq!(regex(glob).unwrap(), expected, "{glob}");
        }
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        for glob in ["[", "{a", "[b-a]", "a\0b"] {
            assert!(matches!(regex(glob), Err(IndexError::Invalid(_))), "{glob}");
        }
    }
}
