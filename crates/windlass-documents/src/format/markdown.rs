//! Markdown: its lines stay as they are; headings and front matter are found in them.

use crate::{
    Document, Limits, Refused,
    decode::decode,
    lines::{self, Fences, indent, lines as split},
    outline::Outline,
};

use super::{bare, front_matter::front_matter};

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    let text = decode(bytes, limits)?;
    let lines = split(&text);
    let front = front_matter(&lines);
    let mut outline = Outline::new(limits);
    headings(&lines, front.lines, &mut outline);
    let title = front.title.or_else(|| outline.title());
    Ok(Document { title, sections: outline.done(), tags: front.tags, date: front.date, ..bare(text) })
}

fn headings(lines: &[&str], start: usize, outline: &mut Outline) {
    let mut fences = Fences::default();
    let mut comment = false;
    let mut paragraph = None;
    for (index, line) in lines.iter().enumerate().skip(start) {
        if !comment && fences.covers(line) {
            paragraph = None;
            continue;
        }
        let trimmed = line.trim();
        if comment || trimmed.starts_with("<!--") {
            comment = !trimmed.contains("-->");
            paragraph = None;
            continue;
        }
        // Further to the right it is code, or goes on with a paragraph.
        if indent(line) > 3 {
            continue;
        }
        if let Some((level, title)) = atx(trimmed).or_else(|| element(trimmed)) {
            outline.add(level, &words(title), lines::number(index));
            paragraph = None;
        } else if let (Some(level), Some(above)) = (underline(trimmed), paragraph) {
            let above: usize = above;
            // A paragraph of several lines above a rule is a paragraph above a rule to whoever wrote it.
            if above + 1 == index {
                outline.add(level, &words(lines[above].trim()), lines::number(above));
            }
            paragraph = None;
        } else if trimmed.is_empty() || trimmed.starts_with(['|', '>', '-', '+', '*']) {
            paragraph = None;
        } else if paragraph.is_none() {
            paragraph = Some(index);
        }
    }
}

/// `## Title ##`
fn atx(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let rest = &line[level..];
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let rest = rest.trim();
    let closed = rest.trim_end_matches('#');
    let title = if closed.is_empty() || closed.ends_with([' ', '\t']) { closed.trim_end() } else { rest };
    Some((level, title))
}

/// `<h1 align="center">Title</h1>`, as many a README begins.
fn element(line: &str) -> Option<(usize, &str)> {
    let rest = line.strip_prefix("<h").or_else(|| line.strip_prefix("<H"))?;
    let level = rest.bytes().next().filter(|byte| (b'1'..=b'6').contains(byte))? - b'0';
    let (_, content) = rest.split_once('>')?;
    let end = content.to_ascii_lowercase().find(&format!("</h{level}>"))?;
    Some((level.into(), &content[..end]))
}

/// The line below a heading.
fn underline(line: &str) -> Option<usize> {
    match line.as_bytes() {
        [b'=', rest @ ..] if rest.iter().all(|byte| *byte == b'=') => Some(1),
        [b'-', rest @ ..] if rest.iter().all(|byte| *byte == b'-') => Some(2),
        _ => None,
    }
}

/// The words of a heading without what marks them up: `[Use](x.md) **it** {#id}` is `Use it`.
fn words(title: &str) -> String {
    let title = match title.rfind("{#") {
        Some(start) if title.ends_with('}') => title[..start].trim_end(),
        _ => title,
    };
    let mut out = String::with_capacity(title.len());
    let mut rest = title.chars().peekable();
    let mut code = false;
    while let Some(character) = rest.next() {
        match character {
            '\\' if !code => out.extend(rest.next()),
            '`' => code = !code,
            _ if code => out.push(character),
            '*' => {}
            '_' => {
                // In the middle of a word it is part of it.
                let within = out.ends_with(char::is_alphanumeric) && rest.peek().is_some_and(|c| c.is_alphanumeric());
                if within {
                    out.push('_');
                }
            }
            '<' if rest.peek().is_some_and(|c| c.is_ascii_alphabetic() || *c == '/') => {
                while rest.next().is_some_and(|c| c != '>') {}
            }
            '!' if rest.peek() == Some(&'[') => {}
            '[' => {}
            ']' => {
                let close = match rest.peek() {
                    Some('(') => ')',
                    Some('[') => ']',
                    _ => continue,
                };
                while rest.next().is_some_and(|c| c != close) {}
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{read, words};
    use crate::Limits;

    #[test]
    fn headings_lose_their_markup() {
        assert_eq!(words("[Use](x.md) **it** {#id}"), "Use it");
        assert_eq!(words("`a_b*c` and _d_ snake_case"), "a_b*c and d snake_case");
        assert_eq!(words("Title <a name=\"x\"></a>"), "Title ");
        assert_eq!(words(r"C\# \*"), "C# *");
        assert_eq!(words("![logo](x.png) Name"), "logo Name");
        assert_eq!(words("a < b"), "a < b");
    }

    #[test]
    fn only_headings_are_headings() {
        let text = "---\ntitle: T\n---\n# One #\n\n```\n# no\n~~~\n```\n~~~ text\n## no\n~~~\n    # no\n\nTwo\n===\n\
                    a\nb\n---\n- item\n---\n| a |\n---\n#no\n<!-- # no\n# no -->\n####### no\n<h2>Three</h2>\n##\n";
        let document = read(text.as_bytes(), &Limits::default()).unwrap();
        let found: Vec<_> = document.sections.iter().map(|s| (s.level, s.title.as_str(), s.line)).collect();
        assert_eq!(found, [(1, "One", 4), (1, "Two", 15), (2, "Three", 28)]);
        assert_eq!(document.title.as_deref(), Some("T"));
        assert_eq!(document.text, text);
    }
}
