//! PDF as text, page by page.
//!
//! Objects are read one at a time, when they are needed, by a reader of our own (`file`, `lexer`): a library that loads
//! all of a file makes of every pointer in it a copy, and a small hostile file has many pointers to large things.
//! Filters and glyph names are lopdf's. Whatever a file says, each step is counted, and there are only so many.

mod budget;
mod cmap;
mod file;
mod font;
mod glyph;
mod layout;
mod lexer;
mod pages;
mod rebuild;
mod text;
mod xref;

use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::{Dictionary, Object};

use crate::{
    Document, Limits, Refused,
    date::date,
    outline::{Outline, tags_of, tidy},
};

use super::bare;
use budget::Budget;
use file::File;
use layout::Layout;
use pages::Pages;
use text::Interpreter;

/// Where pages stand among the headings: below those that documents have, so that short ones are put together.
const PAGE_LEVEL: usize = 3;

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    // The library's decoders have had panics before.
    catch_unwind(AssertUnwindSafe(|| text_of(bytes, limits)))
        .unwrap_or_else(|_| Err(Refused::Broken("PDF: its reader gave up".to_owned())))
}

fn text_of(bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    let budget = Budget::new(limits);
    let file = File::open(bytes, &budget)?;
    let mut pages = Pages::new(&file)?;
    let mut interpreter = Interpreter::new(&file);
    let mut outline = Outline::new(limits);
    let mut text = String::new();
    let mut line = 0;
    let mut words = false;
    let mut number = 0;
    while let Some(page) = pages.next()? {
        number += 1;
        if number > limits.pages {
            return Err(Refused::TooLarge(format!("PDF: more than {} pages", limits.pages)));
        }
        let mut layout = Layout::new(limits.text_bytes.saturating_sub(text.len()));
        interpreter.page(&page, &mut layout)?;
        let page = layout.done();
        limits.text(text.len() + page.len())?;
        let page = page.trim_matches('\n');
        if page.trim().is_empty() {
            continue;
        }
        words |= page.contains(char::is_alphanumeric);
        if !text.is_empty() {
            text.push('\n');
            line += 1;
        }
        outline.add(PAGE_LEVEL, &format!("page {number}"), crate::lines::number(line));
        text.push_str(&format!("[page {number}]\n{page}\n"));
        line += 2 + page.matches('\n').count();
    }
    limits.text(text.len())?;
    if !words {
        return Err(Refused::NoText(format!("PDF: {number} pages without words; they may be scanned")));
    }
    let info = about(&file);
    Ok(Document { sections: outline.done(), converted: true, text, ..info })
}

/// What it says of itself.
fn about(file: &File) -> Document {
    let mut document = bare(String::new());
    let info = file.trailer.get(b"Info").ok().and_then(|info| file.resolve(info).ok());
    let Some(Object::Dictionary(info)) = info else { return document };
    let field = |key: &[u8]| string(file, &info, key);
    document.title = field(b"Title").map(|title| tidy(&title)).filter(|title| is_title(title));
    document.tags = field(b"Keywords").map(|words| tags_of(&words)).unwrap_or_default();
    document.date = [&b"ModDate"[..], b"CreationDate"].into_iter().filter_map(field).find_map(|text| date(&text));
    document
}

fn string(file: &File, dictionary: &Dictionary, key: &[u8]) -> Option<String> {
    const MAX_BYTES: usize = 8 << 10;
    let value = file.resolve(dictionary.get(key).ok()?).ok()?;
    value.as_str().ok().filter(|bytes| bytes.len() <= MAX_BYTES)?;
    lopdf::decode_text_string(&value).ok()
}

/// Programs write their own idea of a title where nobody gave one.
fn is_title(title: &str) -> bool {
    let lower = title.to_lowercase();
    !lower.is_empty()
        && !lower.starts_with("microsoft word")
        && !lower.starts_with("untitled")
        && lower.contains(char::is_alphanumeric)
}
