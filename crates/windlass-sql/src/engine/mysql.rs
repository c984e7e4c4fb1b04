//! MySQL and MariaDB.
//!
//! What keeps a reader from writing, layer over layer:
//! - what a model wrote goes through `COM_STMT_PREPARE` alone, which takes one statement;
//! - it has to begin as a query does and, prepared, to promise rows, or it is not run: that leaves no `COMMIT`, no
//!   `SET`, no `CALL`, no `BEGIN NOT ATOMIC ... END`, no `INTO OUTFILE`, no DDL;
//! - it runs inside `START TRANSACTION READ ONLY`, in a session whose transactions are read-only;
//! - afterwards the connection is reset, which rolls back and forgets what the session had: variables, locks, temporary
//!   tables, prepared statements. Roles and the current database, which a reset leaves, are put right before the next.
//!
//! What that does not stop: reading files of the server where the login has `FILE` (`LOAD_FILE`), and what the function
//! of a plugin does outside of tables. `Connection::rights` tells.

mod argument;
mod cancel;
mod cell;
mod connection;
mod door;
mod failure;
mod grants;
mod rights;
mod session;
mod stream;
mod wkb;

use async_trait::async_trait;
use windlass_core::SecretString;

use super::{Access, Address, Connection, Engine, EngineError};
use connection::MysqlConnection;
use door::Door;

/// A database of MySQL or MariaDB.
///
/// Placeholders are `?`. Arrays cannot be bound there: they arrive as JSON text, for `JSON_TABLE`, `JSON_CONTAINS` and
/// `MEMBER OF`. So does JSON. Moments arrive as `DATETIME(6)` in UTC, which is the time zone of each session.
#[derive(Debug)]
pub struct Mysql {
    door: Door,
}

impl Mysql {
    /// Asks nothing of the server.
    pub fn new(address: Address) -> Result<Self, EngineError> {
        if address.host.is_empty() {
            return Err(EngineError::Argument("it has no host".to_owned()));
        }
        // The driver asks for the process's provider. Whoever was first meant the same one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Ok(Self { door: Door::new(address) })
    }
}

#[async_trait]
impl Engine for Mysql {
    async fn connect(
        &self,
        password: Option<&SecretString>,
        access: Access,
    ) -> Result<Box<dyn Connection>, EngineError> {
        let connection = self.door.open(password).await?;
        Ok(Box::new(MysqlConnection::new(connection, access, self.door.patience()).await?))
    }
}
