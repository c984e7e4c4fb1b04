//! Making a layout: beside its place, then moved there whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

use super::{Layout, blob_path};
use crate::{Descriptor, Digest, ImageError, json as canonical_json};

/// A layout that is being made. Dropped, it leaves nothing.
#[derive(Debug)]
pub(crate) struct Staged {
    directory: TempDir,
    into: PathBuf,
}

impl Staged {
    /// For a layout that will be at `into`, which must be missing or an empty directory.
    pub(crate) fn new(into: &Path) -> Result<Self, ImageError> {
        match fs::read_dir(into) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(ImageError::Occupied { path: into.to_owned() });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(ImageError::Occupied { path: into.to_owned() });
            }
            Err(error) => return Err(ImageError::io("read", into)(error)),
        }
        let parent = into.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(ImageError::io("make the directory", parent))?;
        let directory = tempfile::Builder::new()
            .prefix(".layout-")
            .tempdir_in(parent)
            .map_err(ImageError::io("make a directory in", parent))?;
        let blobs = directory.path().join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(ImageError::io("make the directory", blobs))?;
        Ok(Self { directory, into: into.to_owned() })
    }

    /// A file for a blob whose name is not known yet.
    pub(crate) fn file(&self) -> Result<NamedTempFile, ImageError> {
        NamedTempFile::new_in(self.directory.path()).map_err(ImageError::io("write in", self.directory.path()))
    }

    /// Gives the bytes in `file` their name.
    pub(crate) fn keep(&self, file: NamedTempFile, digest: &Digest) -> Result<(), ImageError> {
        let path = blob_path(self.directory.path(), digest);
        let file = file.persist(&path).map_err(|error| ImageError::io("write", &path)(error.error))?;
        readable(&path, &file)
    }

    /// Takes small bytes in.
    pub(crate) fn blob(&self, media_type: &str, bytes: &[u8]) -> Result<Descriptor, ImageError> {
        let descriptor = Descriptor::of(media_type, bytes);
        let path = blob_path(self.directory.path(), &descriptor.digest);
        fs::write(&path, bytes).map_err(ImageError::io("write", path))?;
        Ok(descriptor)
    }

    /// Takes a blob of another layout in.
    pub(crate) fn copy(&self, from: &Layout, digest: &Digest) -> Result<(), ImageError> {
        let (source, target) = (from.blob_path(digest), blob_path(self.directory.path(), digest));
        fs::copy(&source, target).map_err(ImageError::io("copy", source))?;
        Ok(())
    }

    /// Writes what leads to the manifest, moves everything to its place and verifies it there.
    pub(crate) fn finish(self, manifest: Descriptor, name: Option<&str>) -> Result<Layout, ImageError> {
        let mut entry = canonical_json::value(&manifest);
        if let (Some(name), Value::Object(entry)) = (name, &mut entry) {
            entry.insert("annotations".into(), json!({ "org.opencontainers.image.ref.name": name }));
        }
        let documents = [
            ("oci-layout", json!({ "imageLayoutVersion": "1.0.0" })),
            ("index.json", json!({ "schemaVersion": 2, "mediaType": crate::manifest::INDEX, "manifests": [entry] })),
        ];
        for (name, document) in documents {
            let path = self.directory.path().join(name);
            fs::write(&path, canonical_json::canonical(document)).map_err(ImageError::io("write", path))?;
        }
        // A temporary directory is its owner's alone; an image is not a secret.
        permit(self.directory.path(), 0o755)?;
        fs::rename(self.directory.path(), &self.into).map_err(ImageError::io("move the layout to", &self.into))?;
        // What was moved must not be swept away from where it was.
        let _ = self.directory.keep();
        Layout::open(self.into)
    }
}

fn readable(path: &Path, file: &fs::File) -> Result<(), ImageError> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644)).map_err(ImageError::io("set the permissions of", path))
}

fn permit(path: &Path, mode: u32) -> Result<(), ImageError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(ImageError::io("set the permissions of", path))
}
