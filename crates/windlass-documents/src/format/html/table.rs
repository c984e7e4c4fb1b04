//! A table, while its cells come in.

use std::fmt::Write;

/// What an empty row or cell takes in memory.
const ROW: usize = 24;

/// Rows of cells.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// What it takes: bytes of words, and something for each row and cell.
    pub size: usize,
}

impl Table {
    pub fn row(&mut self) {
        self.rows.push(Vec::new());
        self.size += ROW;
    }

    pub fn cell(&mut self) {
        if self.rows.is_empty() {
            self.rows.push(Vec::new());
        }
        if let Some(row) = self.rows.last_mut() {
            row.push(String::new());
            self.size += ROW;
        }
    }

    /// Adds words to the cell that is open.
    pub fn text(&mut self, text: &str) {
        if self.rows.is_empty() {
            self.rows.push(Vec::new());
        }
        let Some(row) = self.rows.last_mut() else { return };
        if row.is_empty() {
            if text.trim().is_empty() {
                return;
            }
            row.push(String::new());
        }
        let Some(cell) = row.last_mut() else { return };
        let before = cell.len();
        super::writer::collapse(cell, text);
        self.size += cell.len() - before;
    }

    /// As lines: a table where there is one, else paragraphs.
    pub fn done(self) -> String {
        let mut rows = self.rows;
        for cell in rows.iter_mut().flatten() {
            cell.truncate(cell.trim_end().len());
        }
        rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut out = String::new();
        // Long cells, or nothing beside them, are a page's layout and no data.
        let layout = columns < 2 || rows.iter().flatten().any(|cell| cell.len() > 2000);
        for (index, row) in rows.iter().enumerate() {
            if layout {
                for cell in row.iter().filter(|cell| !cell.is_empty()) {
                    let _ = write!(out, "{cell}\n\n");
                }
                continue;
            }
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
            if index == 0 {
                let _ = writeln!(out, "|{}", " --- |".repeat(row.len()));
            }
        }
        out
    }
}
