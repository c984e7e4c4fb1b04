//! What stands in the layers.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read},
};

use flate2::bufread::MultiGzDecoder;
use tar::EntryType;

use super::{Layout, open_blob};
use crate::{Descriptor, ImageError, manifest::Packing};

/// A layer that unpacks to more is an attack, or no layer.
const MAX_LAYER: u64 = 16 << 30;
/// [`Layout::entry`] gives its answer in memory.
const MAX_ENTRY: u64 = 1 << 30;

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// What an entry of a layer is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A file with bytes.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, and where it leads.
    Symlink(String),
    /// Another name of an entry of the same layer.
    HardLink(String),
    /// A device, a pipe.
    Other,
}

/// An entry of a layer, as it stands there: also what a higher layer hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFile {
    /// Which layer, from the bottom, counted from 0.
    pub layer: usize,
    /// Where, without a leading slash.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner and group.
    pub owner: (u64, u64),
    /// How many bytes it has.
    pub size: u64,
}

impl Layout {
    /// Shows `visitor` every entry of every layer, from the bottom up, with its bytes. Nothing is merged: what a higher
    /// layer replaced or removed can still be read by whoever has the image, so it is shown as well.
    pub fn files(
        &self,
        mut visitor: impl FnMut(&LayerFile, &mut dyn Read) -> io::Result<()>,
    ) -> Result<(), ImageError> {
        for (number, layer) in self.layers().iter().enumerate() {
            let failed = || ImageError::io("read the layer", self.blob_path(&layer.digest));
            let mut archive = tar::Archive::new(self.unpack(layer)?);
            for entry in archive.entries().map_err(failed())? {
                let mut entry = entry.map_err(failed())?;
                let file = describe(number, &entry).map_err(failed())?;
                visitor(&file, &mut entry).map_err(failed())?;
            }
        }
        Ok(())
    }

    /// The bytes of the file at `path` as a container would see them. `None`: there is no such file, or it is a link.
    pub fn entry(&self, path: &str) -> Result<Option<Vec<u8>>, ImageError> {
        let wanted = normal(path);
        let mut found = None;
        let mut too_large = false;
        let mut found_in = 0;
        self.files(|file, content| {
            if file.path == wanted {
                (found, found_in) = (None, file.layer);
                if file.kind == FileKind::File {
                    let mut bytes = Vec::new();
                    content.take(MAX_ENTRY + 1).read_to_end(&mut bytes)?;
                    too_large = bytes.len() as u64 > MAX_ENTRY;
                    found = Some(bytes);
                }
            } else if found_in < file.layer && hides(&file.path, &wanted) {
                found = None;
            }
            Ok(())
        })?;
        if too_large {
            return Err(ImageError::TooLarge { what: format!("`{path}`"), limit: MAX_ENTRY });
        }
        Ok(found)
    }

    /// Every path a container would see, and what is there.
    pub(crate) fn merged(&self) -> Result<BTreeMap<String, FileKind>, ImageError> {
        let mut seen: BTreeMap<String, (usize, FileKind)> = BTreeMap::new();
        self.files(|file, _| {
            if is_whiteout(&file.path) {
                seen.retain(|path, (layer, _)| *layer == file.layer || !hides(&file.path, path));
            } else {
                seen.insert(file.path.clone(), (file.layer, file.kind.clone()));
            }
            Ok(())
        })?;
        Ok(seen.into_iter().map(|(path, (_, kind))| (path, kind)).collect())
    }

    /// The tar of `layer`.
    pub(super) fn unpack(&self, layer: &Descriptor) -> Result<impl Read + use<>, ImageError> {
        let blob = open_blob(self.path(), &layer.digest)?;
        let reader: Box<dyn Read> = match Packing::of(&layer.media_type) {
            Some(Packing::Gzip) => Box::new(MultiGzDecoder::new(BufReader::new(blob))),
            _ => Box::new(BufReader::<File>::new(blob)),
        };
        Ok(Capped { reader, left: MAX_LAYER })
    }
}

fn describe<R: Read>(layer: usize, entry: &tar::Entry<'_, R>) -> io::Result<LayerFile> {
    let header = entry.header();
    let link = || -> io::Result<String> {
        Ok(entry.link_name_bytes().map(|name| String::from_utf8_lossy(&name).into_owned()).unwrap_or_default())
    };
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => FileKind::File,
        EntryType::Directory => FileKind::Directory,
        EntryType::Symlink => FileKind::Symlink(link()?),
        EntryType::Link => FileKind::HardLink(link()?),
        _ => FileKind::Other,
    };
    Ok(LayerFile {
        layer,
        path: normal(&String::from_utf8_lossy(&entry.path_bytes())),
        kind,
        mode: header.mode()? & 0o7777,
        owner: (header.uid()?, header.gid()?),
        size: entry.size(),
    })
}

/// `./etc//passwd`, `/etc/passwd` and `etc/passwd` are one place.
fn normal(path: &str) -> String {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn is_whiteout(path: &str) -> bool {
    split(path).1.starts_with(WHITEOUT)
}

/// Whether an entry at `path` removes what a lower layer has at `other`.
fn hides(path: &str, other: &str) -> bool {
    let (directory, name) = split(path);
    let Some(name) = name.strip_prefix(WHITEOUT) else { return false };
    let beneath = |root: &str| root.is_empty() || other.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
    if path.ends_with(OPAQUE) {
        return beneath(directory);
    }
    let removed = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
    other == removed || beneath(&removed)
}

/// An error, not an early end: half a layer must not look like a whole one.
struct Capped {
    reader: Box<dyn Read>,
    left: u64,
}

impl Read for Capped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::FileTooLarge, format!("it unpacks to more than {MAX_LAYER} bytes"))
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whiteouts_hide_what_lies_below() {
        assert!(hides("etc/.wh.passwd", "etc/passwd"));
        assert!(hides("etc/.wh.ssl", "etc/ssl/certs/x"));
        assert!(!hides("etc/.wh.ssl", "etc/ssl2"));
        assert!(hides("etc/.wh..wh..opq", "etc/ssl/certs"));
        assert!(!hides("etc/.wh..wh..opq", "etc"));
        assert!(hides(".wh.tmp", "tmp"));
        assert!(hides(".wh..wh..opq", "anything"));
        assert!(!hides("etc/passwd", "etc/passwd"));
    }

    #[test]
    fn one_place_has_one_path() {
        for path in ["./etc//passwd", "/etc/passwd", "etc/./passwd"] {
            assert_eq!(normal(path), "etc/passwd");
        }
        assert_eq!(normal("etc/ssl/"), "etc/ssl");
    }
}
