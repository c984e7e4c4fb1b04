//! Names as they are shown: on one line, with nothing in them that a terminal or a model would take for something else.

use std::fmt::Write as _;

/// A name or path. Where there is anything unusual in it, it is quoted as JSON has it, and so can be given back.
pub(crate) fn shown(name: &str) -> String {
    let usual = |c: char| matches!(c, '\'') || (!matches!(c, '"' | '\\') && is_printed(c));
    let spaced = name.starts_with(' ') || name.ends_with(' ');
    if !name.is_empty() && !spaced && name.chars().all(usual) {
        return name.to_owned();
    }
    let mut quoted = String::with_capacity(name.len() + 8);
    quoted.push('"');
    for c in name.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if is_printed(c) => quoted.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(quoted, "\\u{unit:04x}");
                }
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Not a control character, not invisible, and turns no text around.
fn is_printed(c: char) -> bool {
    c == ' ' || c == '\'' || c == '"' || c == '\\' || c.escape_debug().eq([c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_stays_and_the_rest_is_json() {
        for plain in ["a.txt", "Grüße/日本.md", "it's (1) [x].md", "..."] {
            assert_eq!(shown(plain), plain);
        }
        for (name, expected) in [
            ("", "\"\""),
            ("a\nb", "\"a\\nb\""),
            ("\u{1b}[31m", "\"\\u001b[31m\""),
            ("x\u{202e}gpj.exe", "\"x\\u202egpj.exe\""),
            ("a\u{200b}", "\"a\\u200b\""),
            ("say \"x\"", "\"say \\\"x\\\"\""),
            ("a\\b", "\"a\\\\b\""),
            (" a", "\" a\""),
            ("\u{e0001}", "\"\\udb40\\udc01\""),
        ] {
            assert_eq!(shown(name), expected);
            assert_eq!(serde_json::from_str::<String>(expected).unwrap(), name);
        }
    }
}
