//! What is kept.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::{Date, OffsetDateTime};

/// A SHA-256, in hexadecimal where it is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Of these bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What makes vectors. Those of two models do not go together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name, with who serves it: `bedrock/amazon.titan-embed-text-v2:0`.
    pub name: String,
    /// Numbers in a vector.
    pub dimensions: usize,
    /// Whether every vector has length 1.
    pub normalised: bool,
}

/// A document, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentEntry {
    /// Its path in the collection, with `/`; unique in it.
    pub path: String,
    /// What its source says of it that changes when it changes: a time and a size, an object's id, an ETag.
    pub stamp: String,
    /// Of its bytes.
    pub content: Hash,
    /// What it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is written in: `markdown`, `pdf`, `rust`, ...
    pub language: String,
    /// The tags of its front matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The date it gives itself, else that of its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// When this content came into the index.
    #[serde(with = "time::serde::rfc3339")]
    pub indexed: OffsetDateTime,
    /// Which source it is from: the name in [`crate::About::sources`].
    pub source: String,
    /// Where a person finds it, without a line: the page of that very commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Bytes of the file.
    pub bytes: u64,
    /// Lines of its text.
    pub lines: u32,
    /// Whether the lines are those of a text that was made from the file (PDF, DOCX, HTML).
    #[serde(default)]
    pub converted: bool,
    /// Its headings as (level, title, line from 1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<(u8, String, u32)>,
}

/// A document to be kept.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// What is said of it.
    pub entry: DocumentEntry,
    /// All of its text.
    pub text: String,
    /// Its chunks, in order.
    pub chunks: Vec<NewChunk>,
}

/// A chunk to be kept.
#[derive(Debug, Clone)]
pub struct NewChunk {
    /// Of what its vector was made of.
    pub hash: Hash,
    /// The title of the document and the headings above it.
    pub breadcrumb: Vec<String>,
    /// From 1.
    pub first_line: u32,
    /// Inclusive.
    pub last_line: u32,
    /// Its text.
    pub text: String,
    /// As long as the model's dimensions.
    pub vector: Vec<f32>,
}

/// A document that is kept.
#[derive(Debug, Clone)]
pub struct StoredDocument {
    /// What is said of it.
    pub entry: DocumentEntry,
    /// All of its text.
    pub text: String,
}

/// Names a chunk within one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub u64);

/// A chunk that matches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Which.
    pub chunk: ChunkId,
    /// How well: BM25, or the cosine.
    pub score: f32,
}

/// A chunk that is kept.
#[derive(Debug, Clone)]
pub struct StoredChunk {
    /// Which.
    pub id: ChunkId,
    /// Of what its vector was made of: two that are alike have the same.
    pub hash: Hash,
    /// Its document.
    pub document: DocumentEntry,
    /// The title of the document and the headings above it.
    pub breadcrumb: Vec<String>,
    /// From 1.
    pub first_line: u32,
    /// Inclusive.
    pub last_line: u32,
    /// Its text.
    pub text: String,
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Documents.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
}

/// What was published once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// From 1; each one published has a higher one.
    pub number: u64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub published: OffsetDateTime,
    /// What made its vectors.
    pub model: Model,
    /// How much is in it.
    pub counts: Counts,
    /// What each source was at, by its name.
    #[serde(default)]
    pub sources: BTreeMap<String, String>,
    /// What changed last, the newest first; of earlier generations too, a few hundred at most.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// How many documents were passed over, by why.
    #[serde(default)]
    pub skipped: BTreeMap<String, u64>,
    /// The generation this one brought back, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_to: Option<u64>,
}

/// What happened to a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub kind: ChangeKind,
    /// Where it is, or was.
    pub path: String,
    /// Where it was before it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// When a refresh saw it.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// See [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It has another content.
    Changed,
    /// It has another path.
    Moved,
    /// It is gone.
    Removed,
}
