//! The text of the body.

use std::time::Instant;

use crate::{Document, Limits, Refused, lines, outline::Outline};

use super::{
    super::bare,
    style::{Levels, outline_level},
    xml::{Event, Xml},
};

/// Lists within each other that are indented.
const MAX_INDENT: usize = 6;
/// Cells of a row; what is in those behind goes into the last one.
const MAX_CELLS: usize = 1000;
/// Elements between two looks at the clock.
const BETWEEN_LOOKS: u32 = 4096;

pub(super) struct Body<'a> {
    styles: &'a Levels,
    out: String,
    lines: usize,
    outline: Outline,
    paragraph: Paragraph,
    /// Tables that are open within each other.
    tables: usize,
    /// Cells of the row that is open in the outermost of them.
    row: Vec<String>,
    rows: usize,
    /// Whether runs are text now: inside of `w:t`.
    in_text: bool,
    /// Elements that are open inside of one that is dropped.
    dropped: usize,
    /// Whether the last paragraph was an item of a list.
    listed: bool,
}

/// The paragraph that is open.
#[derive(Default)]
struct Paragraph {
    text: String,
    level: Option<u8>,
    item: bool,
    indent: usize,
}

impl<'a> Body<'a> {
    pub fn read(xml: &[u8], styles: &'a Levels, limits: &Limits) -> Result<Document, Refused> {
        let deadline = Instant::now() + limits.time;
        let mut body = Self {
            styles,
            out: String::new(),
            lines: 0,
            outline: Outline::new(limits),
            paragraph: Paragraph::default(),
            tables: 0,
            row: Vec::new(),
            rows: 0,
            in_text: false,
            dropped: 0,
            listed: false,
        };
        let mut xml = Xml::new(xml);
        let mut seen = 0_u32;
        while let Some(event) = xml.next()? {
            match event {
                Event::Start(name, value) => body.start(&name, value.as_deref()),
                Event::End(name) => body.end(&name),
                Event::Text(text) if body.in_text && body.dropped == 0 => body.paragraph.text.push_str(&text),
                Event::Text(_) => {}
            }
            seen = seen.wrapping_add(1);
            if seen.is_multiple_of(BETWEEN_LOOKS) {
                limits.text(body.out.len() + body.paragraph.text.len() + body.row.len())?;
                if Instant::now() > deadline {
                    return Err(Refused::TooSlow("its body".to_owned()));
                }
            }
        }
        body.end_paragraph();
        body.end_row();
        body.done(limits)
    }

    fn start(&mut self, name: &str, value: Option<&str>) {
        // What was deleted, and second versions of drawings for older programs.
        if self.dropped > 0 || matches!(name, "del" | "moveFrom" | "Fallback") {
            self.dropped += 1;
            return;
        }
        match (name, value) {
            ("p", _) => self.end_paragraph(),
            ("pStyle", Some(style)) => self.paragraph.level = self.styles.of(style).or(self.paragraph.level),
            ("outlineLvl", Some(level)) => self.paragraph.level = self.paragraph.level.or(outline_level(level)),
            ("numId", Some(list)) => self.paragraph.item = list != "0",
            ("ilvl", Some(depth)) => self.paragraph.indent = depth.parse().unwrap_or(0),
            ("t", _) => self.in_text = true,
            ("tab", None) => self.paragraph.text.push('\t'),
            ("br" | "cr", _) => self.paragraph.text.push('\n'),
            ("noBreakHyphen", _) => self.paragraph.text.push('-'),
            ("tbl", _) => {
                self.end_paragraph();
                self.tables += 1;
                if self.tables == 1 {
                    self.rows = 0;
                    self.part();
                }
            }
            ("tr", _) if self.tables == 1 => self.row.clear(),
            ("tc", _) if self.tables == 1 && self.row.len() < MAX_CELLS => self.row.push(String::new()),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if self.dropped > 0 {
            self.dropped -= 1;
            return;
        }
        match name {
            "p" => self.end_paragraph(),
            "t" => self.in_text = false,
            "tr" if self.tables == 1 => self.end_row(),
            "tbl" => {
                self.end_paragraph();
                if self.tables == 1 {
                    self.end_row();
                    self.listed = false;
                }
                self.tables = self.tables.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let Paragraph { text, level, item, indent } = std::mem::take(&mut self.paragraph);
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if self.tables > 0 {
            // Of tables within tables the words are kept.
            if self.row.is_empty() {
                self.row.push(String::new());
            }
            if let Some(cell) = self.row.last_mut() {
                if !cell.is_empty() {
                    cell.push(' ');
                }
                cell.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|"));
            }
            return;
        }
        // Items of a list follow each other without a gap.
        if !(item && self.listed) {
            self.part();
        }
        self.listed = item;
        if let Some(level) = level {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let level = usize::from(level).clamp(1, 6);
            self.outline.add(level, &words, lines::number(self.lines));
            self.push(&format!("{} {words}\n", "#".repeat(level)));
        } else if item {
            self.push(&format!("{}- {text}\n", "  ".repeat(indent.min(MAX_INDENT))));
        } else {
            self.push(&format!("{text}\n"));
        }
    }

    fn end_row(&mut self) {
        let cells = std::mem::take(&mut self.row);
        if cells.iter().all(String::is_empty) {
            return;
        }
        self.push(&format!("| {} |\n", cells.join(" | ")));
        if self.rows == 0 {
            self.push(&format!("|{}\n", " --- |".repeat(cells.len())));
        }
        self.rows += 1;
    }

    /// An empty line between what was and what comes.
    fn part(&mut self) {
        self.listed = false;
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.push("\n");
        }
    }

    fn push(&mut self, text: &str) {
        self.lines += text.matches('\n').count();
        self.out.push_str(text);
    }

    fn done(self, limits: &Limits) -> Result<Document, Refused> {
        limits.text(self.out.len())?;
        if self.out.trim().is_empty() {
            return Err(Refused::NoText("a document without words".to_owned()));
        }
        Ok(Document { title: self.outline.title(), sections: self.outline.done(), converted: true, ..bare(self.out) })
    }
}
