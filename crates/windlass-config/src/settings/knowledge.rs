use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;
use windlass_core::units::{Bytes, Span};

/// Documents an agent may search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KnowledgeSettings {
    /// Collections of documents, by a name of your own.
    pub collections: BTreeMap<String, CollectionSettings>,
    /// Where the index is kept.
    pub index: IndexSettings,
    /// What turns text into vectors.
    pub embedder: EmbedderSettings,
    /// Refresh every so often while the server runs, and once when it starts. Default: only by `windlass knowledge
    /// refresh`, and when a collection has no index yet.
    pub refresh: Option<Span>,
    /// Generations that are kept to go back to.
    pub keep: usize,
    /// A refresh that would lose more than this share of a collection's documents publishes nothing, in percent.
    pub max_shrink: u8,
    /// A larger file is passed over, and counted.
    pub max_file: Bytes,
}

impl Default for KnowledgeSettings {
    fn default() -> Self {
        Self {
            collections: BTreeMap::new(),
            index: IndexSettings::default(),
            embedder: EmbedderSettings::default(),
            refresh: None,
            keep: 5,
            max_shrink: 50,
            max_file: Bytes(32 << 20),
        }
    }
}

/// Documents that are searched together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CollectionSettings {
    /// What is in it, for the model that has to choose.
    pub description: String,
    /// Where its documents come from.
    pub sources: Vec<KnowledgeSourceSettings>,
}

/// Where documents come from: one of `folder`, `git` and `s3`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KnowledgeSourceSettings {
    /// A directory of this machine. Links that lead out of it are not followed.
    pub folder: Option<PathBuf>,
    /// A git repository: `https://gitlab.example.com/team/handbook.git`, or a path.
    pub git: Option<String>,
    /// The branch of the repository. Default: the one it shows first.
    pub branch: Option<String>,
    /// Only what is below this directory of the repository.
    pub subfolder: Option<String>,
    /// Where the token for the repository is: `env:NAME`, `file:PATH`, or `secretsmanager:ARN#KEY`.
    pub token: Option<String>,
    /// Objects of S3: `s3://BUCKET/PREFIX/`.
    pub s3: Option<Url>,
    /// Region of the bucket. Default: the one AWS's own programs would use.
    pub region: Option<String>,
    /// Only files that match one of these globs. Default: every file of a known format.
    pub include: Vec<String>,
    /// Files that match one of these globs are left out. In a folder, so is what `.gitignore` names.
    pub exclude: Vec<String>,
    /// What the paths of its documents begin with. Needed where two sources have files of one name.
    pub prefix: String,
    /// The address of a document for people, with `{path}` and, for git, `{commit}`. Default for GitHub and GitLab: the
    /// page of the file at that commit.
    pub link: Option<String>,
}

/// Where the index is kept. Default: below the state directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IndexSettings {
    /// A directory; with `bucket`, the cache of what was read from it.
    pub directory: Option<PathBuf>,
    /// A bucket of S3.
    pub bucket: Option<String>,
    /// What the names of all objects in the bucket begin with; ends with `/`. Default: `index/`.
    pub prefix: Option<String>,
    /// A PostgreSQL database with pgvector instead: `postgres://windlass@db.example.com/knowledge`.
    pub postgres: Option<String>,
    /// Where the password for it is: `env:NAME`, `file:PATH`, or `secretsmanager:ARN#KEY`.
    pub password: Option<String>,
    /// Certificates of the authorities that are trusted for it, in PEM. Default: those that web browsers trust.
    pub ca: Option<PathBuf>,
}

/// What turns text into vectors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmbedderSettings {
    /// Which kind.
    pub kind: EmbedderKind,
    /// The model, as who serves it calls it.
    pub model: Option<String>,
    /// Where an OpenAI-compatible service is: `https://api.openai.com/v1`, `http://127.0.0.1:11434/v1` (Ollama).
    pub url: Option<Url>,
    /// Where its key is: `env:NAME`, `file:PATH`, or `secretsmanager:ARN#KEY`.
    pub api_key: Option<String>,
    /// Numbers in a vector, where the model lets one choose.
    pub dimensions: Option<usize>,
    /// Region of Amazon Bedrock. Default: the one AWS's own programs would use.
    pub region: Option<String>,
    /// The directory of a static model: `model.safetensors`, `tokenizer.json` and `config.json` (Model2Vec).
    pub directory: Option<PathBuf>,
}

/// A kind of embedder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmbedderKind {
    /// Words and their parts, hashed: needs nothing, and knows nothing of meaning. Search by words carries it.
    #[default]
    Hashed,
    /// A service that speaks as OpenAI's does: OpenAI, Ollama, vLLM, and others.
    Openai,
    /// Amazon Bedrock: models of Titan and Cohere.
    Bedrock,
    /// A static model in a directory.
    Model,
}
