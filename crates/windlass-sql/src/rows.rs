//! Rows on their way into an answer: shown as far as they fit, kept as far as they may, and no further.

use std::{fmt::Write as _, ops::ControlFlow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use windlass_core::{Output, Outputs, Principal, Sink, ToolError};

use crate::engine::{Access, Column, Ran, Rows};

/// How much of a result goes where.
#[derive(Debug, Clone, Copy)]
pub struct RowLimits {
    /// Rows of the answer.
    pub rows: usize,
    /// Bytes of rows of the answer.
    pub bytes: usize,
    /// Bytes of rows altogether, those behind the handle included. Reading stops there.
    pub kept: usize,
}

/// Rows that come as data too: models pay for every one of them twice.
const STRUCTURED_BYTES: usize = 32 << 10;

/// Takes a result, row by row, as one line of JSON each. Memory does not grow with it.
pub struct Page {
    limits: RowLimits,
    access: Access,
    sink: Box<dyn Sink>,
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    structured_bytes: usize,
    shown: usize,
    read: usize,
    bytes: usize,
    full: Option<Full>,
    stopped: bool,
    line: Vec<u8>,
}

/// Why an answer has no more rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Full {
    Rows,
    Bytes,
}

/// The rows a statement gave.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RowsAnswer {
    /// The columns, in order.
    pub columns: Vec<ColumnAnswer>,
    /// The rows, each with a value for every column. Only the first ones where they are many: the text has more.
    #[schemars(schema_with = "cells")]
    pub rows: Vec<Vec<Value>>,
    /// Rows in the answer, those that are only in its text or behind the handle's first part included.
    pub row_count: usize,
    /// Rows that were read from the database.
    pub rows_read: usize,
    /// Whether the result has more rows than the answer.
    pub truncated: bool,
    /// Whether reading was stopped, so that nobody knows how many rows there would have been.
    pub stopped: bool,
    /// Where read_output and search_output find all rows that were read, one JSON list a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Rows that were changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affected: Option<u64>,
    /// Milliseconds it took.
    pub duration_ms: u64,
}

/// A column of a result.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ColumnAnswer {
    /// Its name.
    pub name: String,
    /// The database's name for its type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Lists of anything, without the schema `true` that several clients refuse.
fn cells(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "array", "items": {} } })
}

impl Page {
    /// An empty one for a statement that may do so much, whose long text will belong to `owner`.
    pub fn new(outputs: &dyn Outputs, owner: &Principal, limits: RowLimits, access: Access) -> Self {
        Self {
            limits,
            access,
            sink: outputs.open(owner, "rows"),
            columns: Vec::new(),
            rows: Vec::new(),
            structured_bytes: 0,
            shown: 0,
            read: 0,
            bytes: 0,
            full: None,
            stopped: false,
            line: Vec::new(),
        }
    }

    /// Whether nothing has come yet, not even columns.
    pub fn is_untouched(&self) -> bool {
        self.read == 0 && self.columns.is_empty()
    }

    /// Whether there is a row to show.
    pub fn has_rows(&self) -> bool {
        self.shown > 0
    }

    fn print(&mut self, value: &impl Serialize) {
        self.line.clear();
        // Writing values into memory cannot fail.
        let _ = serde_json::to_writer(&mut self.line, value);
        self.line.push(b'\n');
    }

    /// The answer. `broken_off` says why it is not all, where the statement did not come to its end.
    pub async fn finish(self, ran: Ran, took: Duration, broken_off: Option<String>) -> Result<Output, ToolError> {
        let captured = self.sink.finish().await;
        let mut text = captured.text;
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let rows = |count: usize| format!("{count} {}", if count == 1 { "row" } else { "rows" });
        let mut note = match (ran.affected, self.columns.is_empty()) {
            (Some(1), true) => "1 row changed".to_owned(),
            (Some(affected), true) => format!("{affected} rows changed"),
            (Some(affected), false) => format!("{}, {affected} changed", rows(self.shown)),
            (None, _) => rows(self.shown),
        };
        let reads = self.access == Access::Read;
        let under = |handle: &str| format!("under {handle} for read_output and search_output");
        if let Some(full) = self.full {
            let limit = match full {
                Full::Rows => "the most an answer may have",
                Full::Bytes => "as many as an answer has room for",
            };
            let _ = write!(note, ", {limit}; ");
            let _ = match (self.stopped, &captured.handle) {
                (false, Some(handle)) => {
                    write!(note, "the result has {}, all of them {}", rows(self.read), under(handle))
                }
                (true, Some(handle)) => {
                    write!(note, "the result has more, the first {} are {}", rows(self.read), under(handle))
                }
                (_, None) => write!(note, "the result has more, which were not kept"),
            };
            note.push_str(match reads {
                true if self.stopped => {
                    ", and the query was ended there; to get less, filter or aggregate in the statement"
                }
                true => "; to get less, filter or aggregate in the statement",
                // It ran on to its end, whoever took its rows.
                false => "; all of its changes are committed, only the rows shown were cut",
            });
        }
        if let Some(why) = &broken_off {
            let _ = write!(note, "; {why}");
        }
        let _ = write!(text, "[{note}; {} ms]", took.as_millis());
        let is_error = broken_off.is_some();
        let mut answer = serde_json::to_value(RowsAnswer {
            columns: self.columns.into_iter().map(|Column { name, kind }| ColumnAnswer { name, kind }).collect(),
            rows: Vec::new(),
            row_count: self.shown,
            rows_read: self.read,
            truncated: self.full.is_some() || is_error,
            stopped: (self.stopped && reads) || is_error,
            handle: captured.handle,
            affected: ran.affected,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        })
        .map_err(ToolError::internal)?;
        // Moved, because serialising would copy every cell.
        answer["rows"] = Value::Array(self.rows.into_iter().map(Value::Array).collect());
        Ok(Output { is_error, structured: Some(answer), ..Output::text(text) })
    }
}

impl Rows for Page {
    fn columns(&mut self, columns: Vec<Column>) {
        if !columns.is_empty() {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            self.print(&names);
            self.sink.write(&self.line);
        }
        self.columns = columns;
    }

    fn row(&mut self, cells: Vec<Value>) -> ControlFlow<()> {
        self.print(&cells);
        let length = self.line.len();
        if self.full.is_none() {
            let full = match () {
                () if self.shown == self.limits.rows => Some(Full::Rows),
                () if self.bytes + length > self.limits.bytes => Some(Full::Bytes),
                () => None,
            };
            if full.is_some() {
                self.full = full;
                self.sink.hide_rest();
            }
        }
        if self.full.is_some() && self.bytes + length > self.limits.kept {
            self.stopped = true;
            return ControlFlow::Break(());
        }
        self.read += 1;
        self.bytes += length;
        self.sink.write(&self.line);
        if self.full.is_none() {
            self.shown += 1;
            if self.structured_bytes + length <= STRUCTURED_BYTES {
                self.structured_bytes += length;
                self.rows.push(cells);
            } else {
                // A later, shorter row must not stand where this one is missing.
                self.structured_bytes = STRUCTURED_BYTES;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Collects a result of our own making, such as one of the catalogue.
#[derive(Debug, Default)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
    /// Whether there are more.
    pub truncated: bool,
}

/// Rows a [`Table`] has at most: a database may have very many tables.
const MOST: usize = 10_000;

impl Rows for Table {
    fn columns(&mut self, columns: Vec<Column>) {
        self.columns = columns.into_iter().map(|column| column.name).collect();
    }

    fn row(&mut self, cells: Vec<Value>) -> ControlFlow<()> {
        if self.rows.len() == MOST {
            self.truncated = true;
            return ControlFlow::Break(());
        }
        self.rows.push(cells);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_core::NoOutputs;

    use super::*;

    fn page(rows: usize, bytes: usize, kept: usize) -> Page {
        of(Access::Read, RowLimits { rows, bytes, kept })
    }

    fn of(access: Access, limits: RowLimits) -> Page {
        let mut page = Page::new(&NoOutputs, &Principal::local(), limits, access);
        page.columns(vec![Column { name: "id".into(), kind: "int4".into() }]);
        page
    }

    fn text(output: &Output) -> String {
        output.content[0].as_text().unwrap().text.clone()
    }

    #[tokio::test]
    async fn a_small_result_is_whole() {
        let mut page = page(10, 100, 100);
        for id in 1..=3 {
            assert!(page.row(vec![json!(id)]).is_continue());
        }
        let output = page.finish(Ran::default(), Duration::from_millis(4), None).await.unwrap();
        insta::assert_snapshot!(text(&output), @r#"
        ["id"]
        [1]
        [2]
        [3]
        [3 rows; 4 ms]
        "#);
        let structured = output.structured.unwrap();
        assert_eq!((&structured["rows"], &structured["truncated"]), (&json!([[1], [2], [3]]), &json!(false)));
    }

    #[tokio::test]
    async fn exactly_as_many_rows_as_fit_are_no_cut() {
        let mut page = page(3, 12, 12);
        for id in 1..=3 {
            assert!(page.row(vec![json!(id)]).is_continue());
        }
        let output = page.finish(Ran::default(), Duration::ZERO, None).await.unwrap();
        assert_eq!(output.structured.unwrap()["truncated"], json!(false));
    }

    #[tokio::test]
    async fn what_is_cut_says_so_and_reading_stops_where_nothing_more_is_kept() {
        let mut page = page(2, 100, 16);
        let taken = (1..=9).take_while(|id| page.row(vec![json!(id)]).is_continue()).count();
        assert_eq!(taken, 4);
        let output = page.finish(Ran::default(), Duration::ZERO, None).await.unwrap();
        insta::assert_snapshot!(text(&output).lines().last().unwrap(), @"[2 rows, the most an answer may have; the result has more, which were not kept, and the query was ended there; to get less, filter or aggregate in the statement; 0 ms]");
        let structured = output.structured.unwrap();
        assert_eq!(structured["rows"], json!([[1], [2]]));
        assert_eq!((&structured["row_count"], &structured["rows_read"]), (&json!(2), &json!(4)));
    }

    #[tokio::test]
    async fn one_row_too_long_for_an_answer_is_not_cut_in_half() {
        let mut page = page(10, 20, 20);
        assert!(page.row(vec![json!("x".repeat(40))]).is_break());
        let output = page.finish(Ran::default(), Duration::ZERO, None).await.unwrap();
        assert!(text(&output).contains("as many as an answer has room for"), "{}", text(&output));
        assert_eq!(output.structured.unwrap()["rows"], json!([]));
    }

    #[tokio::test]
    async fn a_change_says_how_many() {
        let limits = RowLimits { rows: 1, bytes: 1, kept: 1 };
        let page = Page::new(&NoOutputs, &Principal::local(), limits, Access::Write);
        let output = page.finish(Ran { affected: Some(7) }, Duration::ZERO, None).await.unwrap();
        assert_eq!(text(&output), "[7 rows changed; 0 ms]");
        let page = Page::new(&NoOutputs, &Principal::local(), limits, Access::Write);
        let output = page.finish(Ran { affected: Some(1) }, Duration::ZERO, None).await.unwrap();
        assert_eq!(text(&output), "[1 row changed; 0 ms]");
    }

    #[tokio::test]
    async fn what_was_changed_is_not_told_as_ended_because_its_rows_were_cut() {
        let mut page = of(Access::Write, RowLimits { rows: 2, bytes: 100, kept: 8 });
        while page.row(vec![json!(1)]).is_continue() {}
        let output = page.finish(Ran { affected: Some(9) }, Duration::ZERO, None).await.unwrap();
        insta::assert_snapshot!(text(&output).lines().last().unwrap(), @"[2 rows, 9 changed, the most an answer may have; the result has more, which were not kept; all of its changes are committed, only the rows shown were cut; 0 ms]");
        let structured = output.structured.unwrap();
        assert_eq!((&structured["stopped"], &structured["truncated"]), (&json!(false), &json!(true)));
    }
}
