//! Writing a layer: a tar, packed with gzip, that depends on nothing but what is in it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use flate2::{Compression, GzBuilder, write::GzEncoder};
use tar::{EntryType, Header};
use tempfile::NamedTempFile;

use crate::{Descriptor, Digest, ImageError, Source, digest::Hashing, layout::Staged, manifest::LAYER_GZIP};

/// What zlib's own tools take by default: more costs several times the time and saves a hundredth.
pub(crate) const LEVEL: u32 = 6;

type Packed = GzEncoder<Hashing<BufWriter<NamedTempFile>>>;

/// A layer being written.
pub(crate) struct LayerWriter<'staged> {
    staged: &'staged Staged,
    tar: tar::Builder<Hashing<Packed>>,
    directories: BTreeSet<String>,
}

/// A layer in its layout.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) descriptor: Descriptor,
    /// The digest of its tar.
    pub(crate) diff_id: Digest,
}

impl<'staged> LayerWriter<'staged> {
    pub(crate) fn new(staged: &'staged Staged) -> Result<Self, ImageError> {
        let file = Hashing::new(BufWriter::new(staged.file()?));
        // No time and no system in the header.
        let packed = GzBuilder::new().mtime(0).operating_system(255).write(file, Compression::new(LEVEL));
        Ok(Self { staged, tar: tar::Builder::new(Hashing::new(packed)), directories: BTreeSet::new() })
    }

    /// Enters a directory, once.
    pub(crate) fn directory(&mut self, path: &str, mode: u32) -> Result<(), ImageError> {
        if self.directories.insert(path.to_owned()) {
            let mut header = header(EntryType::Directory, mode, 0);
            self.tar.append_data(&mut header, format!("{path}/"), io::empty()).map_err(ImageError::io("pack", path))?;
        }
        Ok(())
    }

    /// Enters a file.
    pub(crate) fn file(&mut self, path: &str, mode: u32, source: &Source) -> Result<(), ImageError> {
        match source {
            Source::Bytes(bytes) => self.append(path, mode, bytes.len() as u64, bytes.as_slice()),
            Source::Path(from) => {
                let (file, size) = open_regular(from)?;
                self.append(path, mode, size, Exactly { reader: file, left: size })
            }
        }
    }

    fn append(&mut self, path: &str, mode: u32, size: u64, content: impl Read) -> Result<(), ImageError> {
        let mut header = header(EntryType::Regular, mode, size);
        self.tar.append_data(&mut header, path, content).map_err(ImageError::io("pack", path))
    }

    pub(crate) fn finish(self) -> Result<Layer, ImageError> {
        let failed = || ImageError::io("write", "a layer");
        let (diff_id, _, packed) = self.tar.into_inner().map_err(failed())?.finish();
        let (digest, size, file) = packed.finish().map_err(failed())?.finish();
        let mut file = file.into_inner().map_err(|error| failed()(error.into_error()))?;
        file.flush().map_err(failed())?;
        self.staged.keep(file, &digest)?;
        Ok(Layer { descriptor: Descriptor::new(LAYER_GZIP, digest, size), diff_id })
    }
}

/// Owned by root, made in 1970: who built an image and when is no part of it.
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// Opens a regular file, and no link to one.
pub(crate) fn open_regular(path: &Path) -> Result<(File, u64), ImageError> {
    let refuse = |why| ImageError::Place { path: path.display().to_string(), why };
    let named = fs::symlink_metadata(path).map_err(ImageError::io("read", path))?;
    if named.is_symlink() {
        return Err(refuse("it is a link, and could lead to what nobody meant to give away"));
    }
    let file = File::open(path).map_err(ImageError::io("read", path))?;
    let opened = file.metadata().map_err(ImageError::io("read", path))?;
    if !opened.is_file() || !same_file(&named, &opened) {
        return Err(refuse("it is not a regular file"));
    }
    Ok((file, opened.len()))
}

fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// A tar says how long a file is before it has the file: a file that changes meanwhile must not make a tar that cannot be
/// read.
pub(crate) struct Exactly<R> {
    pub(crate) reader: R,
    pub(crate) left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.reader.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        self.left -= read as u64;
        if read == 0 && self.left > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read"));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_shrinks_is_an_error_and_one_that_grows_is_cut() {
        let mut read = Vec::new();
        assert_eq!(Exactly { reader: &b"abc"[..], left: 2 }.read_to_end(&mut read).unwrap(), 2);
        let error = Exactly { reader: &b"abc"[..], left: 4 }.read_to_end(&mut read).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn links_and_directories_are_not_packed() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(open_regular(&link).is_err());
        assert!(open_regular(place.path()).is_err());
        assert!(open_regular(&place.path().join("none")).is_err());
    }
}
