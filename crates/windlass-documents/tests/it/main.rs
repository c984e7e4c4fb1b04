//! Documents of every format, read and cut into chunks; and hostile ones.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod chunking;
mod formats;
mod hostile;
mod machine;
mod make;
mod properties;
