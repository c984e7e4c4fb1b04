//! What can go wrong with an index.

/// Why an index did not do what it was asked for. What is current stays so.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Another refresh published first.
    #[error("another refresh published generation {0} meanwhile")]
    Overtaken(u64),
    /// There is no such generation.
    #[error("there is no generation {0} to go back to")]
    NoGeneration(String),
    /// The vector is not one of this index's model.
    #[error("the index has vectors of {has}, not of {given}")]
    OtherModel {
        /// The model in the index.
        has: String,
        /// The one it was asked with.
        given: String,
    },
    /// A glob, for example.
    #[error("{0}")]
    Invalid(String),
    /// What was stored is not what was written: a file is missing, cut, or has another content.
    #[error("the index is damaged: {0}")]
    Damaged(String),
    /// The disk, the bucket, the database.
    #[error("the index cannot be reached: {0}")]
    Unreachable(String),
}
