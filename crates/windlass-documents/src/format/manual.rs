//! Manual pages (man and mdoc) as text: headings with `#`, tables with `|`, fonts and requests gone.
//!
//! No formatter: requests that lay out are dropped, those that say something are reduced to their words.

mod escapes;
mod mdoc;
mod page;

use crate::{Document, Limits, Refused, decode};

use page::Page;

/// Whether an extension is that of a section of the manual: `1`, `3pm`, `8`, `n`.
pub(super) fn is_section(extension: &str) -> bool {
    let mut characters = extension.chars();
    match characters.next() {
        Some('1'..='9') => characters.all(|c| c.is_ascii_alphabetic()) && extension.len() <= 8,
        Some('n' | 'l') => extension.len() == 1,
        _ => false,
    }
}

/// Whether a text begins as a manual page does.
pub(super) fn is_page(head: &str) -> bool {
    const REQUESTS: [&str; 11] = [".TH", ".Dd", ".\\\"", "'\\\"", ".so ", ".de", ".ig", ".if", ".ie", ".nh", ".Dt"];
    head.lines().take(20).any(|line| REQUESTS.iter().any(|request| line.starts_with(request)))
}

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    let source = decode::decode(bytes, limits)?;
    if let Some(target) = source.lines().find_map(|line| line.strip_prefix(".so ")) {
        let only = source
            .lines()
            .all(|line| line.trim().is_empty() || line.starts_with(".so ") || line.starts_with(['.', '\'']));
        if only {
            return Err(Refused::NoText(format!("it only points to {}", target.trim())));
        }
    }
    let mut page = Page::new(limits);
    for line in source.lines() {
        page.line(line);
        limits.text(page.len())?;
    }
    page.done(limits)
}
