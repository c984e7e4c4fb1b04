//! AsciiDoc as text.

use crate::{
    Document, Limits, Refused,
    date::date,
    decode::decode,
    lines::{self, lines as split},
    outline::{Outline, tags_of, tidy},
};

use super::bare;

/// Lines of a document's header at most.
const HEAD: usize = 60;

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    let text = decode(bytes, limits)?;
    let mut outline = Outline::new(limits);
    let mut document = bare(String::new());
    let mut fence: Option<&str> = None;
    for (index, line) in split(&text).into_iter().enumerate() {
        let line = line.trim_end();
        if is_fence(line) {
            match fence {
                None => fence = Some(line),
                Some(open) if open == line => fence = None,
                Some(_) => {}
            }
            continue;
        }
        if fence.is_some() {
            continue;
        }
        if let Some((level, title)) = heading(line) {
            outline.add(level, title, lines::number(index));
        } else if let Some((key, value)) = line.strip_prefix(':').and_then(|line| line.split_once(':'))
            && index < HEAD
        {
            match key {
                "keywords" | "tags" if document.tags.is_empty() => document.tags = tags_of(value),
                "revdate" | "date" | "docdate" => document.date = document.date.or_else(|| date(value)),
                "title" | "doctitle" => document.title = Some(tidy(value)).filter(|title| !title.is_empty()),
                _ => {}
            }
        }
    }
    let title = document.title.or_else(|| outline.title());
    Ok(Document { title, sections: outline.done(), text, ..document })
}

/// Listings, literals, passthroughs and comments.
fn is_fence(line: &str) -> bool {
    let mark = line.chars().next().unwrap_or(' ');
    let one = line.len() >= 4 && matches!(mark, '-' | '.' | '+' | '/') && line.chars().all(|c| c == mark);
    one || line == "```"
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let mark = line.chars().next().filter(|c| matches!(c, '=' | '#'))?;
    let level = line.chars().take_while(|c| *c == mark).count();
    let title = line[level..].strip_prefix(' ')?.trim();
    (level <= 6).then(|| (level, title.trim_end_matches(mark).trim_end()))
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::Limits;

    #[test]
    fn headings_and_attributes_are_found_outside_of_blocks() {
        let source =
            "= The Guide\n:revdate: 2024-05-17\n:keywords: a, b\n\n== One\n\n----\n== no\n----\n\n=== Two ===\n";
        let document = read(source.as_bytes(), &Limits::default()).unwrap();
        let found: Vec<_> = document.sections.iter().map(|s| (s.level, s.title.as_str(), s.line)).collect();
        assert_eq!(found, [(1, "The Guide", 1), (2, "One", 5), (3, "Two", 11)]);
        assert_eq!(document.tags, ["a", "b"]);
        assert_eq!(document.text, source);
    }
}
