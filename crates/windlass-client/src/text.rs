//! Text that came from a server, made fit for a terminal and a report.

/// The longest detail a report keeps.
const LONGEST: usize = 400;

/// One line without control characters (a server must not steer the reader's terminal), cut at [`LONGEST`] characters.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::new();
    let mut blank = false;
    for (kept, c) in text.trim().chars().map(visible).enumerate() {
        if kept == LONGEST {
            out.push('…');
            break;
        }
        if c == ' ' && blank {
            continue;
        }
        blank = c == ' ';
        out.push(c);
    }
    out
}

/// Replaces what a terminal would obey: C0 and C1 controls, and the characters that reorder text.
fn visible(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Text of several lines without anything a terminal would obey; line breaks and tabs stay.
pub(crate) fn lines(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\t') { c } else { visible(c) }).collect()
}

/// `1 tool`, `2 tools`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_steer_the_terminal() {
        assert_eq!(one_line("a\x1b[31mb\r\n\tc\u{202e}d\u{9b}e"), "a\u{fffd}[31mb c\u{fffd}d\u{fffd}e");
        assert_eq!(lines("a\n\x07b\x1b]0;pwned"), "a\n\u{fffd}b\u{fffd}]0;pwned");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let cut = one_line(&"é".repeat(1000));
        assert_eq!(cut.chars().count(), LONGEST + 1);
        assert!(cut.ends_with('…'));
    }
}
