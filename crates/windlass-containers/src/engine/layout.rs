//! An OCI image layout on disk: which of its images is for this machine, and its blobs.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::EngineError;

/// Largest index or manifest that is read; real ones are a few kilobytes.
const MAX_DOCUMENT: u64 = 4 << 20;
/// How deep indexes may name indexes.
const MAX_DEPTH: usize = 4;

/// What is needed of an image: its configuration and layers, by digest.
pub(super) struct Layout {
    pub directory: PathBuf,
    pub manifest: Descriptor,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
}

#[derive(Debug, Clone, Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
    #[serde(default, skip_serializing)]
    artifact_type: Option<String>,
}

#[derive(Debug, Clone, Deserialize, serde::Serialize)]
struct Platform {
    architecture: String,
    os: String,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

impl Layout {
    pub fn open(directory: &Path) -> Result<Self, EngineError> {
        let wrong = |problem: String| EngineError::Layout { path: directory.to_owned(), problem };
        let path = directory.join("index.json");
        let unreadable = |error| wrong(format!("index.json cannot be read: {error}"));
        let mut text = Vec::new();
        let file = File::open(&path).map_err(unreadable)?;
        file.take(MAX_DOCUMENT).read_to_end(&mut text).map_err(unreadable)?;
        let index: Index = serde_json::from_slice(&text).map_err(|error| wrong(format!("index.json: {error}")))?;

        let mut images = Vec::new();
        collect(directory, index, MAX_DEPTH, &mut images).map_err(wrong)?;
        match images.len() {
            1 => images.pop().ok_or_else(|| wrong("it is empty".into())),
            0 => Err(wrong(format!("it holds no image for linux/{}", architecture()))),
            count => Err(wrong(format!("it holds {count} images for linux/{}; which one?", architecture()))),
        }
    }

    /// The digest that engines name the image by.
    pub fn config_digest(&self) -> &str {
        &self.config.digest
    }
}

impl Descriptor {
    /// The digest's own part, which is also the file's name; nothing else may become part of a path.
    pub fn hex(&self) -> Result<&str, String> {
        let hex = self.digest.strip_prefix("sha256:").unwrap_or_default();
        let valid = hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if valid { Ok(hex) } else { Err(format!("`{}` is no SHA-256 digest", self.digest)) }
    }

    fn is_for_this_machine(&self) -> bool {
        self.artifact_type.is_none()
            && self.platform.as_ref().is_none_or(|platform| {
                (platform.os.as_str(), platform.architecture.as_str()) == ("linux", architecture())
            })
    }

    /// The blob, which must be what its digest says.
    fn document<T: serde::de::DeserializeOwned>(&self, directory: &Path) -> Result<T, String> {
        let mut text = Vec::new();
        let mut blob = Blob::open(directory, self)?;
        if self.size > MAX_DOCUMENT {
            return Err(format!("{} is {} bytes, more than any manifest", self.digest, self.size));
        }
        blob.read_to_end(&mut text).map_err(|error| error.to_string())?;
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", self.digest))
    }
}

fn collect(directory: &Path, index: Index, depth: usize, found: &mut Vec<Layout>) -> Result<(), String> {
    for descriptor in index.manifests.into_iter().filter(Descriptor::is_for_this_machine) {
        if descriptor.media_type.contains("image.index") || descriptor.media_type.contains("manifest.list") {
            let depth = depth.checked_sub(1).ok_or("its indexes name each other")?;
            collect(directory, descriptor.document(directory)?, depth, found)?;
            continue;
        }
        let manifest: Manifest = descriptor.document(directory)?;
        // What is attached to an image (a list of its parts, a signature) looks like one, but for this.
        let kind = manifest.config.media_type.as_str();
        if !kind.contains("image.config") && !kind.contains("container.image") {
            continue;
        }
        let Manifest { config, layers } = manifest;
        for blob in layers.iter().chain([&config]) {
            blob.hex()?;
        }
        found.push(Layout { directory: directory.to_owned(), manifest: descriptor, config, layers });
    }
    Ok(())
}

/// The name images use for this machine's architecture.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A blob that is compared with its digest while it is read: reading its end fails where it differs.
pub(super) struct Blob {
    file: std::io::Take<File>,
    hash: Sha256,
    expected: String,
}

impl Blob {
    pub fn open(directory: &Path, descriptor: &Descriptor) -> Result<Self, String> {
        let hex = descriptor.hex()?.to_owned();
        let missing = |error| format!("the blob {} cannot be read: {error}", descriptor.digest);
        let file = File::open(directory.join("blobs/sha256").join(&hex)).map_err(missing)?;
        let size = file.metadata().map_err(missing)?.len();
        if size != descriptor.size {
            return Err(format!("the blob {} has {size} bytes, not {}", descriptor.digest, descriptor.size));
        }
        Ok(Self { file: file.take(size), hash: Sha256::new(), expected: hex })
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hash.update(&buffer[..count]);
        if count == 0 && !buffer.is_empty() {
            let found = hex::encode(self.hash.clone().finalize());
            if found != self.expected {
                let problem = format!("the blob sha256:{} has other content: sha256:{found}", self.expected);
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, problem));
            }
        }
        Ok(count)
    }
}
