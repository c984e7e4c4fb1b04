#![doc = include_str!("../PROTOCOL.md")]

mod decode;
mod error;
mod frame;
mod hello;
mod name;
mod reply;
mod request;

pub use decode::Decoder;
pub use error::{ErrorKind, GuestError, ProtocolError};
pub use frame::{Frame, HEADER_LEN, Kind, MAX_DATA, MAX_JSON, Stream};
pub use hello::{Hello, MAGIC, MAX_SKIPPED, Welcome, find_hello, find_welcome};
pub use name::Name;
pub use reply::{About, Done, Entry, EntryKind, Exit, Listing, Metadata, Outcome, Started, Usage};
pub use request::{Control, ExecRequest, Limits, PtySize, ReadRequest, RenewRequest, Request, WriteMode, WriteRequest};

/// The version that is spoken.
pub const VERSION: u16 = 1;

/// What may be sent on a stream before the other side gives more.
pub const INITIAL_CREDIT: u32 = 256 * 1024;

/// The most credit a stream may have at once.
pub const MAX_CREDIT: u64 = 16 * 1024 * 1024;
