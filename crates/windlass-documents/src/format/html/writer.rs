//! The text of a page while it is written.

use crate::{Document, Limits, Refused, lines, outline::Outline};

use super::{super::bare, roles::Role, table::Table};

/// Lists within each other that are indented.
const MAX_INDENT: usize = 6;

pub(super) struct Writer {
    out: String,
    outline: Outline,
    /// Newlines that are written before the next word.
    breaks: usize,
    lists: usize,
    /// The level of the heading that is open, and where its words begin.
    heading: Option<(u8, usize)>,
    /// Whether a heading's mark or an item's dash was just written.
    fresh: bool,
    pre: Option<usize>,
    table: Option<Table>,
    newlines: u32,
    /// How far `newlines` has counted.
    counted: usize,
}

impl Writer {
    pub fn new(limits: &Limits) -> Self {
        Self {
            out: String::new(),
            outline: Outline::new(limits),
            breaks: 0,
            lists: 0,
            heading: None,
            fresh: false,
            pre: None,
            table: None,
            newlines: 0,
            counted: 0,
        }
    }

    /// Bytes that are kept by now.
    pub fn len(&self) -> usize {
        self.out.len() + self.table.as_ref().map_or(0, |table| table.size)
    }

    pub fn start(&mut self, role: Role) {
        if self.in_table(role, true) {
            return;
        }
        match role {
            Role::Heading(level) if self.pre.is_none() => {
                self.close_heading();
                self.parted(2);
                self.flush();
                self.heading = Some((level, self.out.len()));
            }
            Role::Block | Role::Rule => {
                self.end_words_of_heading();
                self.parted(2);
            }
            // Those of a table that turned out to be none.
            Role::Row | Role::Cell => self.parted(1),
            Role::List => {
                self.end_words_of_heading();
                self.parted(if self.lists == 0 { 2 } else { 1 });
                self.lists += 1;
            }
            Role::Item => {
                self.end_words_of_heading();
                self.parted(1);
                self.flush();
                self.out.push_str(&"  ".repeat(self.lists.saturating_sub(1).min(MAX_INDENT)));
                self.out.push_str("- ");
                self.fresh = true;
            }
            Role::Preformatted if self.pre.is_none() => {
                self.close_heading();
                self.parted(2);
                self.flush();
                self.pre = Some(self.out.len());
            }
            Role::Table => {
                self.close_heading();
                self.table = Some(Table::default());
            }
            Role::Break => self.line_break(),
            _ => {}
        }
    }

    pub fn end(&mut self, role: Role) {
        if self.in_table(role, false) {
            return;
        }
        match role {
            Role::Heading(_) => self.close_heading(),
            Role::Block => self.parted(2),
            Role::List => {
                self.lists = self.lists.saturating_sub(1);
                self.parted(if self.lists == 0 { 2 } else { 1 });
            }
            Role::Item => self.parted(1),
            Role::Preformatted => self.close_pre(),
            // `</br>` and `</p>` without a start mean what they mean alone.
            Role::Break => self.line_break(),
            _ => {}
        }
    }

    pub fn text(&mut self, text: &str) {
        if let Some(table) = &mut self.table {
            return table.text(text);
        }
        if self.pre.is_some() {
            return self.out.push_str(text);
        }
        if text.chars().all(char::is_whitespace) {
            if self.breaks == 0 && !self.fresh && !self.out.is_empty() && !self.out.ends_with(char::is_whitespace) {
                self.out.push(' ');
            }
            return;
        }
        self.flush();
        self.fresh = false;
        collapse(&mut self.out, text);
    }

    /// What happens inside of a table stays in it; but one with headings, listings or tables in it is a page's layout.
    fn in_table(&mut self, role: Role, start: bool) -> bool {
        let Some(table) = &mut self.table else { return false };
        match (role, start) {
            (Role::Heading(_) | Role::Preformatted | Role::Table, true) => {
                self.close_table();
                return false;
            }
            (Role::Table, false) => self.close_table(),
            (Role::Row, true) => table.row(),
            (Role::Cell, true) => table.cell(),
            (Role::Code | Role::Transparent | Role::Row | Role::Cell, _) => {}
            _ => table.text(" "),
        }
        true
    }

    /// A box behind the words of a heading that was not closed is not part of it.
    fn end_words_of_heading(&mut self) {
        if self.heading.is_some_and(|(_, start)| !self.out[start..].trim().is_empty()) {
            self.close_heading();
        }
    }

    fn close_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        let text = table.done();
        if !text.trim().is_empty() {
            self.parted(2);
            self.flush();
            self.out.push_str(text.trim_end());
            self.parted(2);
        }
    }

    fn close_heading(&mut self) {
        let Some((level, start)) = self.heading.take() else { return };
        let words = self.out[start..].split_whitespace().collect::<Vec<_>>().join(" ");
        self.out.truncate(start);
        if words.is_empty() {
            return;
        }
        // Lines are counted as they come: counting all of them again for each heading would be slow.
        self.newlines += u32::try_from(self.out[self.counted..].matches('\n').count()).unwrap_or(u32::MAX);
        self.counted = self.out.len();
        self.outline.add(level.into(), &words, lines::number(self.newlines as usize));
        self.out.push_str(&"#".repeat(level.into()));
        self.out.push(' ');
        self.out.push_str(&words);
        self.parted(2);
    }

    fn close_pre(&mut self) {
        let Some(start) = self.pre.take() else { return };
        let text = self.out.split_off(start);
        let text = text.trim_start_matches(['\n', '\r']).trim_end();
        if text.is_empty() {
            return;
        }
        // The fence is longer than any inside.
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        for part in [&fence, "\n", text, "\n", &fence] {
            self.out.push_str(part);
        }
        self.parted(2);
    }

    fn line_break(&mut self) {
        if self.pre.is_some() {
            self.out.push('\n');
        } else if self.heading.is_some() {
            self.out.push(' ');
        } else {
            self.parted(self.breaks.max(1));
        }
    }

    /// At least so many newlines come before what is next.
    fn parted(&mut self, breaks: usize) {
        if self.pre.is_none() && self.heading.is_none() && !self.fresh {
            self.breaks = self.breaks.max(breaks);
        }
    }

    fn flush(&mut self) {
        if self.breaks == 0 {
            return;
        }
        let floor = self.pre.or(self.heading.map(|(_, start)| start)).unwrap_or(0);
        let end = self.out.trim_end_matches(' ').len().max(floor);
        self.out.truncate(end);
        if !self.out.is_empty() {
            self.out.push_str(&"\n\n"[..self.breaks.min(2)]);
        }
        self.breaks = 0;
        self.fresh = false;
    }

    /// The document that came of it.
    pub fn done(mut self, limits: &Limits) -> Result<Document, Refused> {
        self.close_heading();
        self.close_pre();
        self.close_table();
        let mut text = self.out;
        text.truncate(text.trim_end().len());
        text.push('\n');
        limits.text(text.len())?;
        if text.trim().is_empty() {
            return Err(Refused::NoText("a page without words".to_owned()));
        }
        Ok(Document { title: self.outline.title(), sections: self.outline.done(), converted: true, ..bare(text) })
    }
}

/// Adds `text` with every run of white space as one space, and without control characters.
pub(super) fn collapse(out: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_whitespace() {
            if !out.ends_with(char::is_whitespace) && !out.is_empty() {
                out.push(' ');
            }
        } else if !character.is_control() {
            out.push(character);
        }
    }
}
