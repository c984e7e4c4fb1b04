//! What turns text into vectors.

mod bedrock;
mod hashed;
mod make;
mod model;
mod openai;
mod vector;

use async_trait::async_trait;
use windlass_index::Model;

pub use make::make;

/// Turns text into vectors.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// What it is. The first time, a service may have to be asked for it.
    async fn model(&self) -> Result<Model, EmbedError>;

    /// How many texts one request takes.
    fn batch(&self) -> usize;

    /// The vectors of these texts of documents, in order; at most [`Embedder::batch`].
    async fn documents(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// The vector of a question.
    async fn query(&self, text: &str) -> Result<Vec<f32>, EmbedError>;
}

/// Why there is no vector.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// Who makes them refuses: the key, the model, the account.
    #[error("{0}")]
    Refused(String),
    /// It does not answer, or not now.
    #[error("{0}")]
    Unreachable(String),
    /// What it answered are no vectors of this model.
    #[error("{0}")]
    Wrong(String),
}
