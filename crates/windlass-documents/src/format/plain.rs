//! Plain text, and reStructuredText as text: headings are lines with a line of punctuation below.

use crate::{
    Document, Limits, Refused,
    date::date,
    decode::decode,
    lines::{self, lines as split},
    outline::{Outline, tags_of, tidy},
};

use super::bare;

/// Lines at the top that may say what a document is about.
const HEAD: usize = 60;

pub(super) fn text(bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    let text = decode(bytes, limits)?;
    let mut outline = Outline::new(limits);
    underlined(&split(&text), true, &mut outline);
    Ok(Document { title: outline.title(), sections: outline.done(), ..bare(text) })
}

pub(super) fn rst(bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    let text = decode(bytes, limits)?;
    let lines = split(&text);
    let mut outline = Outline::new(limits);
    underlined(&lines, false, &mut outline);
    let mut document = bare(String::new());
    for line in lines.iter().take(HEAD) {
        // `:Date: 2024-05-17`, `.. date: 2024-05-17`, `.. meta::` and its `   :keywords: a, b`
        let field = line.trim().trim_start_matches(".. ").trim_start_matches(':');
        let Some((key, value)) = field.split_once(':') else { continue };
        match key.to_lowercase().as_str() {
            "date" => document.date = document.date.or_else(|| date(value)),
            "tags" | "keywords" if document.tags.is_empty() => document.tags = tags_of(value),
            "title" if document.title.is_none() => document.title = Some(tidy(value)).filter(|title| !title.is_empty()),
            _ => {}
        }
    }
    let title = document.title.or_else(|| outline.title());
    Ok(Document { title, sections: outline.done(), text, ..document })
}

/// Which adornments there were, in order: the first is the highest.
#[derive(Default)]
struct Levels(Vec<(char, bool)>);

impl Levels {
    fn of(&mut self, adornment: (char, bool)) -> usize {
        let known = self.0.iter().position(|known| *known == adornment);
        known.unwrap_or_else(|| {
            self.0.push(adornment);
            self.0.len() - 1
        }) + 1
    }
}

/// Adds headings with a line of punctuation below, and maybe above. `strict` is for text that nobody promised to mean
/// anything by it.
fn underlined(lines: &[&str], strict: bool, outline: &mut Outline) {
    let mut levels = Levels::default();
    let mut index = 0;
    while index + 1 < lines.len() {
        let (title, below) = (lines[index].trim_end(), lines[index + 1]);
        let above = index.checked_sub(1).map(|above| lines[above]);
        let overline = above.and_then(adornment);
        let alone = index == 0 || above.is_none_or(|line| line.trim().is_empty());
        let Some((mark, length)) = adornment(below)
            .filter(|_| !title.is_empty() && adornment(title).is_none() && title.contains(char::is_alphanumeric))
        else {
            index += 1;
            continue;
        };
        let width = title.chars().count();
        let overlined = overline.is_some_and(|(over, _)| over == mark);
        let indented = title.starts_with([' ', '\t']);
        let fits = if strict {
            // The rows of a table have rules below and above too.
            (overlined || (alone && (width..=width + 2).contains(&length))) && !title.contains("  ")
        } else {
            length >= width.min(4) && (alone || overlined)
        };
        let after = lines.get(index + 2).is_none_or(|line| line.trim().is_empty());
        if fits && length >= 3 && (!indented || overlined) && (!strict || after || mark == '=') {
            let level = levels.of((mark, overlined));
            let line = if overlined { index - 1 } else { index };
            outline.add(level, title, lines::number(line));
            index += 2;
        } else {
            index += 1;
        }
    }
}

/// A line of one punctuation character, and how often.
fn adornment(line: &str) -> Option<(char, usize)> {
    let line = line.trim_end();
    let mark = line.chars().next().filter(char::is_ascii_punctuation)?;
    (line.len() >= 2 && line.chars().all(|c| c == mark)).then_some((mark, line.len()))
}

#[cfg(test)]
mod tests {
    use super::{rst, text};
    use crate::{Document, Limits};

    fn found(document: &Document) -> Vec<(u8, &str, u32)> {
        document.sections.iter().map(|s| (s.level, s.title.as_str(), s.line)).collect()
    }

    #[test]
    fn rst_headings_take_their_level_from_their_order() {
        let source = "=====\nTitle\n=====\n\n:Date: 2024-05-17\n:Tags: a, b\n\nFirst\n-----\n\nDeep\n~~~~\nx\n\nSecond\n------\n";
        let document = rst(source.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(found(&document), [(1, "Title", 1), (2, "First", 8), (3, "Deep", 11), (2, "Second", 15)]);
        assert_eq!(document.title.as_deref(), Some("Title"));
        assert_eq!(document.tags, ["a", "b"]);
        assert_eq!(document.date.map(|date| date.to_string()).as_deref(), Some("2024-05-17"));
    }

    #[test]
    fn tables_in_text_are_no_headings() {
        let source = "Notes\n=====\n\nName     Size\n-------------\na        1\n\nmore\nwords\n-----\n";
        let document = text(source.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(found(&document), [(1, "Notes", 1)]);
    }
}
