mod arguments;

use std::{fmt::Write, io};

use async_trait::async_trait;
use windlass_core::{Call, Check, ErrorKind, Output, Reply, ToolError, ToolSpec, Toolset, mcp};

use crate::{
    Store,
    page::{self, PageError, Start},
    search::{self, Search},
    shelf::Kept,
    text::grouped,
};
use arguments::{PageReply, ReadOutput, SearchOutput, SearchReply, schema};

/// Room in an answer for what stands around the text.
const FRAME: usize = 256;
const DEFAULT_MATCHES: u64 = 50;

/// The tools that give back what did not fit an answer.
pub struct OutputToolset {
    store: Store,
}

impl OutputToolset {
    /// Reads from `store`, which must be the one that calls write to, or share its directory.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    fn find(&self, call: &Call, handle: &str) -> Result<Kept, ToolError> {
        self.store.find(&call.principal, handle).map_err(unreadable)?.ok_or_else(unknown)
    }

    fn room(&self) -> usize {
        self.store.answer().saturating_sub(FRAME).max(page::SMALLEST)
    }

    fn read(&self, call: &Call, wanted: &ReadOutput) -> Result<Output, ToolError> {
        let start = match (wanted.offset, wanted.from_line) {
            (Some(_), Some(_)) => {
                return Err(ToolError::invalid("offset and from_line exclude each other").hint("give one of them"));
            }
            (_, Some(line)) => Start::Line(line.max(1)),
            (offset, None) => Start::Offset(offset.unwrap_or(0)),
        };
        let kept = self.find(call, &wanted.handle)?;
        let asked = wanted.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let stopped = || call.cancel.is_cancelled();
        let page = page::read(&kept, start, asked.min(self.room()), wanted.lines, &stopped).map_err(page_error)?;
        let end = page.next.unwrap_or(kept.entry.kept);
        let mut text = page.text.clone();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let _ = write!(text, "[bytes {} to {} of {}", grouped(page.offset), grouped(end), grouped(kept.entry.bytes));
        match page.next {
            Some(next) => text.push_str(&format!("; go on with offset={next}]")),
            None if kept.entry.kept < kept.entry.bytes => text.push_str("; the rest was not kept]"),
            None => text.push_str("; this is the end]"),
        }
        let reply = PageReply {
            text: page.text,
            offset: page.offset,
            next_offset: page.next,
            total_bytes: kept.entry.bytes,
            kept_bytes: kept.entry.kept,
            label: kept.entry.label,
        };
        Output::structured(text, reply)
    }

    fn search(&self, call: &Call, wanted: &SearchOutput) -> Result<Output, ToolError> {
        let pattern = search::pattern(&wanted.pattern).map_err(pattern_error)?;
        let kept = self.find(call, &wanted.handle)?;
        let search = Search {
            pattern,
            context: wanted.context_lines.unwrap_or(0).min(SearchOutput::MOST_CONTEXT) as usize,
            max_matches: wanted.max_matches.unwrap_or(DEFAULT_MATCHES).clamp(1, SearchOutput::MOST_MATCHES),
            budget: self.room(),
        };
        let found = search.run(&kept, &|| call.cancel.is_cancelled()).map_err(unreadable)?;
        let mut text = String::new();
        let mut previous = None;
        for row in &found.rows {
            if search.context > 0 && previous.is_some_and(|line| line + 1 < row.line) {
                text.push_str("--\n");
            }
            let mark = if row.matched { ':' } else { '-' };
            let _ = writeln!(text, "{}{mark}{}", row.line, row.text);
            previous = Some(row.line);
        }
        let more = if found.more { "; there are more, narrow the pattern or read on from a line" } else { "" };
        let _ = write!(text, "[{} matches in {} bytes{more}]", grouped(found.matches), grouped(kept.entry.kept));
        Output::structured(text, SearchReply { rows: found.rows, matches: found.matches, more: found.more })
    }

    fn answer(&self, call: &Call) -> Result<Output, ToolError> {
        match &*call.tool {
            "read_output" => self.read(call, &call.arguments()?),
            "search_output" => self.search(call, &call.arguments()?),
            other => Err(ToolError::not_found(format!("there is no tool `{other}` here"))),
        }
    }
}

fn unknown() -> ToolError {
    ToolError::not_found("no output has this handle")
        .hint("handles expire and open only for the caller that got them; run the call that made it again")
}

/// Not the same as [`unknown`]: the output may well be there.
fn unreadable(error: io::Error) -> ToolError {
    match error.kind() {
        io::ErrorKind::NotFound => unknown(),
        _ => ToolError::new(ErrorKind::Unavailable, "kept output cannot be reached now")
            .hint("try again in a moment")
            .detail(error.to_string()),
    }
}

fn page_error(error: PageError) -> ToolError {
    match error {
        PageError::NoSuchLine(_) => ToolError::invalid(error.to_string()).hint("ask for an earlier from_line"),
        PageError::Stopped => ToolError::new(ErrorKind::Cancelled, "the call was cancelled"),
        PageError::Io(error) => unreadable(error),
    }
}

fn pattern_error(error: regex::Error) -> ToolError {
    match error {
        regex::Error::CompiledTooBig(_) => {
            ToolError::invalid("the pattern is too large once compiled").hint("use smaller repetition counts")
        }
        error => ToolError::invalid(format!("the pattern cannot be used: {error}")).hint(
            "patterns are regular expressions without look-around and back-references; escape . ( [ * + ? to find them",
        ),
    }
}

#[async_trait]
impl Toolset for OutputToolset {
    fn name(&self) -> &str {
        "output"
    }

    fn tools(&self) -> Vec<ToolSpec> {
        let hints = mcp::ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false);
        let read = mcp::Tool::new(
            "read_output",
            "Reads more of an output that was too long for its answer. Give the handle from that answer, and either a \
             byte offset (the answer names where its gap begins) or from_line. Each page says where the next begins.",
            schema::<ReadOutput>(),
        )
        .with_title("Read long output")
        .with_raw_output_schema(schema::<PageReply>())
        .with_annotations(hints.clone());
        let search = mcp::Tool::new(
            "search_output",
            "Finds the lines of a long output that match a regular expression, like grep -n. Quicker than paging when \
             you know what to look for (error, warning, a name). (?i) at the start ignores case.",
            schema::<SearchOutput>(),
        )
        .with_title("Search long output")
        .with_raw_output_schema(schema::<SearchReply>())
        .with_annotations(hints);
        vec![ToolSpec::new(read), ToolSpec::new(search)]
    }

    async fn call(&self, call: Call) -> Result<Reply, ToolError> {
        let this = Self::new(self.store.clone());
        // Reads whole files; the check of `cancel` between chunks ends it when nobody waits any more.
        let work = tokio::task::spawn_blocking(move || this.answer(&call));
        Ok(work.await.map_err(ToolError::internal)??.into())
    }

    async fn ready(&self) -> Vec<Check> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || store.ready()).await {
            Ok(check) => vec![check],
            Err(error) => vec![Check::failed("store", error.to_string())],
        }
    }
}
