//! The toolset `sql`: databases an agent may query.
//!
//! A [`Source`](source::Source) is a database with its limits. It speaks to it through an [`Engine`](engine::Engine), one
//! for each kind. What a model writes passes the [`guard`] first; what an operator wrote is a [`template`] with
//! [`parameter`]s. Rows become an answer in [`rows`].

#![forbid(unsafe_code)]

mod answer;
pub mod catalog;
pub mod databases;
pub mod declared;
pub mod engine;
pub mod guard;
pub mod import;
pub mod parameter;
pub mod rows;
pub mod source;
pub mod template;
pub mod toolset;
