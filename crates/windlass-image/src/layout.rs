//! An image as a directory.

mod files;
mod write;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    Descriptor, Digest, ImageError,
    manifest::{DOCKER_MANIFEST, INDEX, Index, MANIFEST, MAX_DOCUMENT, Manifest, Packing},
};
pub use files::{FileKind, LayerFile};
pub(crate) use write::Staged;

/// An OCI image layout: a directory with `oci-layout`, `index.json` and `blobs/sha256/`, holding one image. A value of
/// this type was verified when it was opened.
#[derive(Debug, Clone)]
pub struct Layout {
    path: PathBuf,
    digest: Digest,
    manifest: Manifest,
    manifest_bytes: Vec<u8>,
    config: Value,
}

impl Layout {
    /// Opens `path` and verifies all of it: every blob that index, manifest and configuration lead to is there, and its
    /// bytes hash to its name.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ImageError> {
        let path = path.into();
        let wrong = |why: String| ImageError::Layout { path: path.clone(), why };

        let marker: Value = document(&path, &path.join("oci-layout"))?;
        if marker.get("imageLayoutVersion").and_then(Value::as_str) != Some("1.0.0") {
            return Err(wrong("`oci-layout` does not say version 1.0.0".into()));
        }
        let index: Index = document(&path, &path.join("index.json"))?;
        let [entry] = index.manifests.as_slice() else {
            return Err(wrong(format!("it holds {} images, not one", index.manifests.len())));
        };
        if !matches!(entry.media_type.as_str(), MANIFEST | DOCKER_MANIFEST) {
            return Err(wrong(format!("its image is of the kind `{}`, not one manifest", entry.media_type)));
        }
        let manifest_bytes = small_blob(&path, entry)?;
        let manifest = parse_manifest(&manifest_bytes).map_err(wrong)?;
        let config = serde_json::from_slice(&small_blob(&path, &manifest.config)?)
            .map_err(|error| wrong(format!("its configuration is no JSON: {error}")))?;
        for layer in &manifest.layers {
            verify(&path, layer)?;
        }
        Ok(Self { digest: entry.digest.clone(), path, manifest, manifest_bytes, config })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The digest of the manifest: the name of the image, here and in any registry.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The configuration, as it stands there.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// The labels of the configuration.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.config.pointer("/config/Labels").and_then(Value::as_object);
        let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        labels.into_iter().flatten().filter_map(text).collect()
    }

    /// What the image runs on, as `linux/amd64`.
    pub fn platform(&self) -> String {
        let field = |name| self.config.get(name).and_then(Value::as_str).unwrap_or("unknown");
        format!("{}/{}", field("os"), field("architecture"))
    }

    /// The layers, from the bottom up.
    pub fn layers(&self) -> &[Descriptor] {
        &self.manifest.layers
    }

    /// What a registry stores and a host fetches: manifest, configuration and layers.
    pub fn compressed_size(&self) -> u64 {
        self.manifest.blobs().map(|blob| blob.size).sum::<u64>() + self.manifest_bytes.len() as u64
    }

    /// What the layers are when unpacked. They are, to find out, and compared with the digests the configuration has of
    /// them.
    pub fn uncompressed_size(&self) -> Result<u64, ImageError> {
        let expected: Vec<Digest> = self
            .config
            .pointer("/rootfs/diff_ids")
            .and_then(|ids| serde_json::from_value(ids.clone()).ok())
            .unwrap_or_default();
        if expected.len() != self.manifest.layers.len() {
            let why = format!("{} layers, {} digests of them", self.manifest.layers.len(), expected.len());
            return Err(ImageError::Layout { path: self.path.clone(), why });
        }
        let mut total = 0;
        for (layer, expected) in self.manifest.layers.iter().zip(expected) {
            let mut tar = self.unpack(layer)?;
            let blob = blob_path(&self.path, &layer.digest);
            let (found, size) = Digest::of_reader(&mut tar).map_err(ImageError::io("unpack the layer", blob))?;
            if found != expected {
                return Err(ImageError::Corrupted { path: self.path.clone(), blob: expected, found });
            }
            total += size;
        }
        Ok(total)
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// The kind the manifest says it is; registries want it said again.
    pub(crate) fn media_type(&self) -> &str {
        self.manifest.media_type.as_deref().unwrap_or(MANIFEST)
    }

    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        blob_path(&self.path, digest)
    }
}

pub(crate) fn parse_manifest(bytes: &[u8]) -> Result<Manifest, String> {
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| format!("its manifest: {error}"))?;
    if manifest.schema_version != 2 {
        return Err(format!("its manifest has version {}, not 2", manifest.schema_version));
    }
    if let Some(layer) = manifest.layers.iter().find(|layer| Packing::of(&layer.media_type).is_none()) {
        return Err(format!("a layer is of the kind `{}`; tar and tar with gzip are read", layer.media_type));
    }
    if manifest.media_type.as_deref().is_some_and(|kind| kind == INDEX) {
        return Err("it is an index, not one image".into());
    }
    Ok(manifest)
}

/// A digest has hexadecimal digits only, so nothing here leads out of the directory.
fn blob_path(layout: &Path, digest: &Digest) -> PathBuf {
    layout.join("blobs").join("sha256").join(digest.hex())
}

/// A small file of JSON.
fn document<T: serde::de::DeserializeOwned>(layout: &Path, path: &Path) -> Result<T, ImageError> {
    let file = File::open(path).map_err(ImageError::io("read", path))?;
    let bytes = read_capped(file, path, MAX_DOCUMENT)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ImageError::Layout { path: layout.to_owned(), why: format!("{}: {error}", path.display()) })
}

fn read_capped(reader: impl Read, path: &Path, limit: u64) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes).map_err(ImageError::io("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(ImageError::TooLarge { what: format!("`{}`", path.display()), limit });
    }
    Ok(bytes)
}

fn open_blob(layout: &Path, digest: &Digest) -> Result<File, ImageError> {
    let path = blob_path(layout, digest);
    File::open(&path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => ImageError::Missing { path: layout.to_owned(), blob: digest.clone() },
        _ => ImageError::Io { what: "read", path, source },
    })
}

fn small_blob(layout: &Path, descriptor: &Descriptor) -> Result<Vec<u8>, ImageError> {
    let file = open_blob(layout, &descriptor.digest)?;
    let bytes = read_capped(file, &blob_path(layout, &descriptor.digest), MAX_DOCUMENT)?;
    same(layout, descriptor, Digest::of(&bytes), bytes.len() as u64)?;
    Ok(bytes)
}

fn verify(layout: &Path, descriptor: &Descriptor) -> Result<(), ImageError> {
    let mut file = open_blob(layout, &descriptor.digest)?;
    let path = blob_path(layout, &descriptor.digest);
    let (found, size) = Digest::of_reader(&mut file).map_err(ImageError::io("read", path))?;
    same(layout, descriptor, found, size)
}

fn same(layout: &Path, descriptor: &Descriptor, found: Digest, size: u64) -> Result<(), ImageError> {
    if found != descriptor.digest {
        return Err(ImageError::Corrupted { path: layout.to_owned(), blob: descriptor.digest.clone(), found });
    }
    if size != descriptor.size {
        let why = format!("{found} has {size} bytes, and is said to have {}", descriptor.size);
        return Err(ImageError::Layout { path: layout.to_owned(), why });
    }
    Ok(())
}
