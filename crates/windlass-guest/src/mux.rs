//! What both sides need to keep many streams in one: credit to send, a bounded box for what comes, one queue out.

mod credit;
mod inbox;
mod outbox;

pub(crate) use credit::Credit;
pub(crate) use inbox::Inbox;
pub(crate) use outbox::{Outbox, queue, write_all};
