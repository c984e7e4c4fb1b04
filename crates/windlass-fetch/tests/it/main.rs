//! Against real servers on loopback, which is opened with `allowed_private`; everything else stays refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod attacks;
mod html;
mod limits;
mod redirects;
mod server;
mod tool;
