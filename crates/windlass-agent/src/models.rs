//! Models that can be asked: Amazon Bedrock, Anthropic, and whatever speaks as OpenAI's chat does.
//!
//! Each client makes a request of what a conversation is, reads the answer while it comes, and says why there is none. What
//! they share: `outgoing` leaves out what no provider takes, `draft` puts an answer together, `http` and `sse` read
//! from a provider no more than an answer can be, `failure` says what to change. Nothing here asks twice: when to ask again
//! is known to the loop alone.

mod anthropic;
mod bedrock;
mod choice;
mod draft;
mod failure;
mod http;
mod openai;
mod outgoing;
mod sse;
mod words;

pub use choice::{Caching, Choice, ChoiceError, Provider, open};

use std::time::Duration;

/// Bytes of an answer. Services send some 300 of them for each token, and no model writes more than 128,000 tokens.
const MAX_ANSWER: usize = 64 << 20;
/// Bytes of one event: some services send the arguments of a call, a whole file perhaps, as one.
const MAX_EVENT: usize = 8 << 20;
/// A model that says nothing for so long will not say anything. One that has to be loaded first needs minutes.
const SILENCE: Duration = Duration::from_secs(300);
const CONNECT: Duration = Duration::from_secs(10);
