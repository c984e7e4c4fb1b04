//! Toolset `fetch`: read a page of a host the owner named, and nothing else.
//!
//! [`guard`] decides what may be reached and is meant to be used by every toolset that opens connections: a host must be
//! on the list ([`guard::HostRules`]), and every address its name resolves to must be one that [`guard::AddressGuard`]
//! lets through. Check and connection use the same answer of the resolver ([`guard::GuardedResolver`]), so there is no
//! moment between the two in which the name could change its mind.
//!
//! [`Fetcher`] reads: it follows redirects itself, judging each hop like the first, and caps time, size and type while
//! reading. `html` turns pages into Markdown or text. [`FetchToolset`] is the tool a model sees.

#![forbid(unsafe_code)]

pub mod guard;

mod fetch;
mod html;
mod toolset;

pub use fetch::{Fetched, Fetcher, Request};
pub use html::{markdown, text};
pub use toolset::FetchToolset;
