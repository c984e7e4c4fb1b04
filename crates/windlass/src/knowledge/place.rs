//! Where the index is kept.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::anyhow;
use windlass_config::{
    Loaded,
    settings::{IndexSettings, KnowledgeSettings},
};
use windlass_index::{
    Hash, Index,
    embedded::FileIndex,
    postgres::{self, PostgresIndex},
};
use windlass_knowledge::secrets::Secrets;

use crate::exit::Failure;

/// What the names of an index's objects begin with in a bucket that has other things too.
const PREFIX: &str = "index/";

/// Where the index is kept.
#[derive(Debug, Clone)]
pub enum Place {
    /// A folder, with one of each collection in it.
    Directory(PathBuf),
    /// A bucket of S3, and the folder for what was read from it.
    Bucket {
        /// Its name.
        bucket: String,
        /// Ends with `/`.
        prefix: String,
        /// The folder.
        cache: PathBuf,
    },
    /// A PostgreSQL database.
    Postgres(IndexSettings),
}

impl Place {
    /// What `settings` say, and below the state directory where they say nothing. A Lambda function has no disk to keep
    /// anything on: there it is the store's bucket, if there is one.
    pub fn of(loaded: &Loaded, settings: &KnowledgeSettings, state: Option<&Path>) -> Result<Self, Failure> {
        let index = &settings.index;
        let directory = index.directory.clone();
        let store = loaded.settings.store.bucket.as_ref().filter(|_| windlass_lambda::is_function());
        if index.postgres.is_some() {
            return Ok(Self::Postgres(index.clone()));
        }
        if let Some(bucket) = index.bucket.as_ref().or(store.filter(|_| directory.is_none())) {
            let prefix = index.prefix.clone().unwrap_or_else(|| PREFIX.to_owned());
            let cache = directory.unwrap_or_else(|| cache(state).join("index"));
            return Ok(Self::Bucket { bucket: bucket.clone(), prefix, cache });
        }
        let own = directory.or_else(|| state.map(|state| own(state, &loaded.base)));
        own.map(Self::Directory).ok_or_else(|| {
            let error = anyhow!("there is no directory to keep the index of `knowledge` in");
            Failure::usage(error)
                .hint("set `knowledge.index.directory`, `store.directory`, or another place of `knowledge.index`")
        })
    }
}

impl Place {
    /// Where this collection is kept. Nothing is asked for but a secret and AWS's settings.
    pub async fn index(&self, collection: &str, secrets: &Arc<dyn Secrets>) -> anyhow::Result<Arc<dyn Index>> {
        Ok(match self {
            Self::Directory(directory) => Arc::new(FileIndex::folder(&directory.join(collection))?),
            Self::Bucket { bucket, prefix, cache } => {
                let client = windlass_cloud::s3(&windlass_cloud::config().await);
                let prefix = format!("{prefix}{collection}/");
                Arc::new(FileIndex::bucket(client, bucket, prefix, &cache.join(collection))?)
            }
            Self::Postgres(index) => {
                let password = match &index.password {
                    Some(reference) => Some(secrets.secret("knowledge.index.password", reference).await?),
                    None => None,
                };
                let url = index.postgres.clone().unwrap_or_default();
                let settings =
                    postgres::Settings { url, password, ca: index.ca.clone(), collection: collection.to_owned() };
                Arc::new(PostgresIndex::new(settings)?)
            }
        })
    }
}

/// Below the state directory, which all configurations of one user share: each has a place of its own, so that two
/// collections of one name do not take each other's documents for deleted ones.
fn own(state: &Path, base: &Path) -> PathBuf {
    let base = std::path::absolute(base).unwrap_or_else(|_| base.to_owned());
    let hash = Hash::of(base.as_os_str().as_encoded_bytes()).to_string();
    state.join("knowledge").join(&hash[..12])
}

/// Where copies are kept that can be had again.
pub fn cache(state: Option<&Path>) -> PathBuf {
    let state = state.map(Path::to_owned).unwrap_or_else(std::env::temp_dir);
    state.join("knowledge-cache")
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => write!(f, "{}", directory.display()),
            Self::Bucket { bucket, prefix, cache } => {
                write!(f, "s3://{bucket}/{prefix}, with a cache in {}", cache.display())
            }
            Self::Postgres(index) => f.write_str(index.postgres.as_deref().unwrap_or("a database")),
        }
    }
}
