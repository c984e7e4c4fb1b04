//! The lines of a chunk that answer best.

/// Characters of a snippet.
const LONGEST: usize = 400;
/// Characters before the first word that was asked for, in a line that has to be cut.
const LEAD: usize = 80;

/// Lines of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// Its first line, from 1.
    pub first_line: u32,
    /// Its last line, inclusive.
    pub last_line: u32,
    /// These lines. A single one that is too long is cut, with `…` where something is missing.
    pub text: String,
}

struct Line<'a> {
    text: &'a str,
    chars: usize,
    /// Which terms it has, one bit each.
    terms: u64,
}

/// The whole lines of `text` that have most of the terms, up to [`LONGEST`] characters. `text` begins at `first_line`.
pub(super) fn best(text: &str, first_line: u32, terms: &[String]) -> Snippet {
    let lines: Vec<Line<'_>> = text
        .lines()
        .map(|line| {
            let lower = line.to_lowercase();
            let has = terms.iter().take(64).enumerate().filter(|(_, term)| lower.contains(term.as_str()));
            Line { text: line, chars: line.chars().count() + 1, terms: has.fold(0, |set, (at, _)| set | 1 << at) }
        })
        .collect();
    let (from, to) = window(&lines);
    let number = |at: usize| first_line + u32::try_from(at).unwrap_or(u32::MAX - first_line);
    let text = match &lines[from..to] {
        [] => String::new(),
        [one] if one.chars > LONGEST => cut(one.text, terms),
        some => some.iter().map(|line| line.text).collect::<Vec<_>>().join("\n"),
    };
    Snippet { first_line: number(from), last_line: number(to.saturating_sub(1).max(from)), text }
}

/// The lines to show: where most of the terms come together, then where they come most often, then the earliest. They
/// begin with one that has a term, where any does.
fn window(lines: &[Line<'_>]) -> (usize, usize) {
    let mut best = ((0, 0), (0, 0));
    let any = lines.iter().any(|line| line.terms != 0);
    for from in (0..lines.len()).filter(|at| lines[*at].terms != 0 || !any && !lines[*at].text.trim().is_empty()) {
        let (mut to, mut chars, mut terms, mut often) = (from, 0, 0, 0);
        while to < lines.len() && (to == from || chars + lines[to].chars <= LONGEST) {
            chars += lines[to].chars;
            terms |= lines[to].terms;
            often += lines[to].terms.count_ones();
            to += 1;
        }
        while to > from + 1 && lines[to - 1].text.trim().is_empty() {
            to -= 1;
        }
        let worth = (terms.count_ones(), often);
        if best.1 == (0, 0) || worth > best.0 {
            best = (worth, (from, to));
        }
    }
    best.1
}

/// A line that is too long, from a little before the first term.
fn cut(line: &str, terms: &[String]) -> String {
    let lower = line.to_lowercase();
    let first = terms.iter().filter_map(|term| lower.find(term.as_str())).min();
    // Lower case may have another length; as a place to begin it is near enough.
    let start = first.map_or(0, |at| lower[..at].chars().count().saturating_sub(LEAD));
    let total = line.chars().count();
    let start = start.min(total.saturating_sub(LONGEST));
    let text: String = line.chars().skip(start).take(LONGEST).collect();
    let (before, after) = (if start > 0 { "…" } else { "" }, if start + LONGEST < total { "…" } else { "" });
    format!("{before}{text}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_lines_with_most_terms_are_shown() {
        let filler = "nothing of note stands in this line of text, which is long enough to fill a window\n".repeat(6);
        let text = format!("The vpn.\n\n{filler}\nSet up the vpn\nwith your token.\n\n");
        let snippet = best(&text, 10, &terms(&["vpn", "token"]));
        assert!(snippet.text.ends_with("Set up the vpn\nwith your token."), "{}", snippet.text);
        assert!(snippet.text.chars().count() <= LONGEST);
        assert_eq!(snippet.last_line, 20);
        assert_eq!(snippet.text.lines().count() as u32, snippet.last_line - snippet.first_line + 1);
    }

    #[test]
    fn without_terms_it_is_the_beginning() {
        let snippet = best("\nfirst\nsecond\n", 1, &[]);
        assert_eq!(snippet, Snippet { first_line: 2, last_line: 3, text: "first\nsecond".into() });
        assert_eq!(best("", 5, &terms(&["a"])), Snippet { first_line: 5, last_line: 5, text: String::new() });
    }

    #[test]
    fn a_line_without_end_is_cut_around_its_first_term() {
        let line = format!("{}needle {}", "é ".repeat(1000), "x".repeat(1000));
        let snippet = best(&line, 1, &terms(&["needle"]));
        assert!(snippet.text.starts_with("…é") && snippet.text.ends_with("x…"));
        assert!(snippet.text.contains("needle") && snippet.text.chars().count() == LONGEST + 2);
        let end = best(&format!("{}needle", "a ".repeat(1000)), 1, &terms(&["needle"])).text;
        assert!(end.ends_with("needle") && end.chars().count() == LONGEST + 1);
    }
}
