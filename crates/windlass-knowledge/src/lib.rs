//! Toolset `knowledge`: search a company's documents, grounded and fresh.
//!
//! A collection has [`source`]s; a refresh reads what changed in them, cuts it into chunks, has an [`embed`]der make their
//! vectors and publishes the next generation of its index. Search asks words and vectors and fuses both.

#![forbid(unsafe_code)]

pub mod collections;
pub mod embed;
pub mod import;
pub mod refresh;
pub mod search;
pub mod secrets;
pub mod source;
mod toolset;

mod surroundings;
mod words;

pub use collections::Collections;
pub use surroundings::{SettingError, Surroundings};
pub use toolset::KnowledgeToolset;
