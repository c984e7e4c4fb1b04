//! What the tests of sources and embedders start from.

use std::{path::Path, sync::Arc};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use windlass_config::{Variables, settings::KnowledgeSourceSettings};
use windlass_core::units::Bytes;
use windlass_knowledge::{
    Surroundings,
    secrets::References,
    source::{File, Opened, Source, make},
};

pub const TOKEN: &str = "glpat-5ecr3t";

/// A place of its own, where `env:TOKEN` is a token.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub surroundings: Surroundings,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env = Variables::from_iter([("TOKEN", TOKEN), ("WRONG", "glpat-wr0ng")]);
        let surroundings = Surroundings {
            base: folder.path().to_owned(),
            cache: folder.path().join("cache"),
            max_file: Bytes(100_000),
            secrets: Arc::new(References::new(Arc::new(env), folder.path().to_owned())),
            aws: None,
        };
        Self { folder, surroundings }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file below its place.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn source(&self, settings: &KnowledgeSourceSettings) -> Arc<dyn Source> {
        make(settings, &self.surroundings).unwrap()
    }
}

/// The SDK's configuration for who answers at `endpoint`.
pub async fn aws(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(aws_sdk_s3::config::Credentials::new("test", "test", None, None, "test"))
        .load()
        .await
}

pub fn paths(opened: &dyn Opened) -> Vec<&str> {
    opened.files().iter().map(|file| file.path.as_str()).collect()
}

pub fn file<'a>(opened: &'a dyn Opened, path: &str) -> &'a File {
    opened.files().iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} in {:?}", paths(opened)))
}

pub async fn text(opened: &dyn Opened, path: &str) -> String {
    String::from_utf8(opened.read(file(opened, path)).await.unwrap()).unwrap()
}

/// How many were passed over, by why.
pub fn skipped(opened: &dyn Opened) -> Vec<(&str, u64)> {
    opened.skipped().iter().map(|(why, &count)| (why.as_str(), count)).collect()
}
