//! The toolset and its engines, against real databases.

mod guard;
mod import;
mod mssql;
mod mysql;
mod postgres;
mod source;
mod sqlite;
mod toolset;
