//! Toolset `fetch`: read a page of a host the owner named, and nothing else.
//!
//! What may be reached is decided by `windlass-guard`. [`Fetcher`] reads: it follows redirects itself, judging each hop like the first, and caps time, size and type while
//! reading. `html` turns pages into Markdown or text. [`FetchToolset`] is the tool a model sees.

#![forbid(unsafe_code)]

mod fetch;
mod html;
mod toolset;

pub use fetch::{Fetched, Fetcher, Request};
pub use html::{markdown, text};
pub use toolset::FetchToolset;
