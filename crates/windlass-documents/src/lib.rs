//! Documents as a model can read and a search can find them: text with lines and headings, and chunks of it.
//!
//! [`read`] turns the bytes of one file into a [`Document`], whatever its format; [`chunks`] cuts that into pieces that keep
//! their place: the headings above them and the lines they cover. Nothing here opens a file or a connection, and whatever
//! the bytes are, both end within [`Limits`].

#![forbid(unsafe_code)]

mod chunk;
mod date;
mod decode;
mod format;
mod limits;
mod lines;
mod outline;
mod section;

pub use chunk::{Chunking, chunks};
pub use format::{Format, format, read};
pub use limits::{Limits, Refused};
pub use section::section;

use serde::{Deserialize, Serialize};
use time::Date;

/// One file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it calls itself: its front matter, its title element, its first heading.
    pub title: Option<String>,
    /// All of its text, lines ending in `\n`. Where `converted` is false these are the very lines of the file.
    pub text: String,
    /// Its headings, in order.
    pub sections: Vec<Section>,
    /// What it is written in: `markdown`, `html`, `pdf`, `rust`, ...
    pub language: String,
    /// The tags of its front matter or head.
    pub tags: Vec<String>,
    /// The date it gives itself.
    pub date: Option<Date>,
    /// Whether the text was made from something without lines (PDF, DOCX, HTML), so that its lines are ours.
    pub converted: bool,
}

/// A heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// 1 is the highest.
    pub level: u8,
    /// Its words, without markup.
    pub title: String,
    /// The line of the text it stands on, from 1.
    pub line: u32,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The title of the document and the headings it is under, the highest first.
    pub breadcrumb: Vec<String>,
    /// Its first line, from 1.
    pub first_line: u32,
    /// Its last line, inclusive.
    pub last_line: u32,
    /// Those lines.
    pub text: String,
}
