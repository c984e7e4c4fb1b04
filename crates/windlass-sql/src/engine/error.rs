/// Why a database did not do as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Nobody answers there, or the name leads nowhere, or TLS failed.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It answers, and does not let this login in (wrong password, unknown user or database). A new password may help.
    #[error("refuses the login: {0}")]
    LoginRefused(String),
    /// It has no connection to spare.
    #[error("has no connection left: {0}")]
    Full(String),
    /// The statement is at fault: grammar, names, types, rights, values. The model can mend it.
    #[error("{message}")]
    Statement {
        /// The database's own words.
        message: String,
        /// Its code: an SQLSTATE, or a number.
        code: String,
        /// What it advises.
        hint: Option<String>,
        /// Where in the text, in characters from 1.
        position: Option<u32>,
    },
    /// It would have changed something where nothing may be changed; the engine itself refused.
    #[error("{0}")]
    ReadOnly(String),
    /// The server ended it because its time was over.
    #[error("the statement took too long")]
    TimedOut,
    /// The server ended it because it was asked to.
    #[error("the statement was cancelled")]
    Cancelled,
    /// The connection broke. Whether the statement had an effect is unknown.
    #[error("the connection broke: {0}")]
    Lost(String),
    /// A value that this engine cannot bind: which, and why.
    #[error("{0}")]
    Argument(String),
    /// A surprise.
    #[error("{0}")]
    Internal(String),
}
