//! What leads to the files of a generation: the head names manifests, a manifest names files.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::objects::Object;
use crate::{Generation, IndexError};

/// What this code reads and writes. Another number is another program's.
const FORMAT: u32 = 1;

/// The one object that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    format: u32,
    /// How many generations are kept.
    pub keep: usize,
    /// Those that are, the newest first: the current one.
    pub kept: Vec<Kept>,
}

/// A generation that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Its number.
    pub number: u64,
    /// Its manifest.
    pub manifest: Object,
}

impl Head {
    /// With this generation before those that were kept.
    pub fn after(before: Option<&Self>, new: Kept, keep: usize) -> Self {
        let keep = keep.max(1);
        let older = before.into_iter().flat_map(|head| &head.kept).cloned();
        Self { format: FORMAT, keep, kept: [new].into_iter().chain(older).take(keep).collect() }
    }

    /// The number of the current generation.
    pub fn number(&self) -> u64 {
        self.kept.first().map_or(0, |kept| kept.number)
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        parse("the head", bytes)
    }
}

/// What a generation consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// What is said of it.
    pub generation: Generation,
    /// The segments of the text index and its schema, as tantivy writes them to `meta.json`.
    pub text: String,
    /// All of its files.
    pub files: Vec<Object>,
}

impl Manifest {
    pub fn new(generation: Generation, text: String, files: Vec<Object>) -> Self {
        Self { format: FORMAT, generation, text, files }
    }

    /// The file of this name.
    pub fn file(&self, name: &str) -> Result<&Object, IndexError> {
        let missing = || IndexError::Damaged(format!("generation {} has no {name}", self.generation.number));
        self.files.iter().find(|file| file.name == name).ok_or_else(missing)
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        parse("a manifest", bytes)
    }
}

fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, IndexError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let damaged = |error: serde_json::Error| IndexError::Damaged(format!("{what} is not one: {error}"));
    let Format { format } = serde_json::from_slice(bytes).map_err(damaged)?;
    if format != FORMAT {
        return Err(IndexError::Damaged(format!("{what} is of format {format}, and this program reads {FORMAT}")));
    }
    serde_json::from_slice(bytes).map_err(damaged)
}

/// As it is kept.
pub(super) fn written(value: &impl Serialize) -> Result<Vec<u8>, IndexError> {
    serde_json::to_vec(value).map_err(|error| IndexError::Invalid(format!("this cannot be written: {error}")))
}
