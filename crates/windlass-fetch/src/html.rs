//! Pages as a model wants them.
//!
//! A page is hostile until shown otherwise: a hundred thousand nested elements, tags closed in the wrong order to make a
//! browser's repair rules multiply them, a million attributes. So nothing here builds a tree from the page itself. `tidy`
//! goes through its tokens once, in linear time, and writes a small, well-nested, shallow page with the few elements that
//! mean something in Markdown; only that is parsed and converted.

mod elements;
mod tables;
mod tidy;
mod write;

use std::time::Duration;

use url::Url;

use tidy::Tidy;

/// Longest time spent on reading one page's tokens. Real pages of many megabytes need a fraction of it.
const BUDGET: Duration = Duration::from_secs(5);

/// A page, converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The page's `<title>`.
    pub title: Option<String>,
    /// The page.
    pub text: String,
    /// Whether reading stopped early because the page took too much time.
    pub incomplete: bool,
}

/// HTML as Markdown, links made absolute against `base`.
pub fn markdown(html: &str, base: &Url) -> Converted {
    let tidied = Tidy::markup(base).run(html, BUDGET);
    let converter = tables::handlers(htmd::HtmlToMarkdown::builder()).build();
    // The only error there can be is one of reading, and there is nothing to read here but a string.
    let text = converter.convert(&tidied.text).unwrap_or_default();
    Converted { text, ..tidied }
}

/// The text of HTML, a line for each block.
pub fn text(html: &str) -> Converted {
    let tidied = Tidy::plain().run(html, BUDGET);
    Converted { text: squeeze(&tidied.text), ..tidied }
}

/// No more than one empty line in a row, none at the ends, no trailing spaces.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 && !(out.is_empty() && line.is_empty()) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}
