//! One file of the directory.

use std::io::{self, Read};

use cap_std::fs::{Dir, File, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};

use crate::source::{SourceError, place::Place};

/// What changes when it changes. A file that is replaced has another number even where time and size are those of the old.
pub(super) fn stamp(metadata: &Metadata) -> String {
    let nanoseconds = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    format!("{nanoseconds}-{}-{}", metadata.len(), metadata.ino())
}

/// The whole file, if it is still what it was when it was listed, and was not written to meanwhile.
pub(super) fn whole(dir: &Dir, place: &Place, path: &str, listed: &str) -> Result<Vec<u8>, SourceError> {
    observed(dir, place, path, listed, || {})
}

/// [`whole`]; `read` is called when everything is read.
fn observed(dir: &Dir, place: &Place, path: &str, listed: &str, read: impl FnOnce()) -> Result<Vec<u8>, SourceError> {
    let failed = |error: io::Error| SourceError::File(format!("{path} cannot be read: {error}"));
    let changed = |when: &str| SourceError::File(format!("{path} was changed {when}"));
    let (file, before) = open(dir, path).map_err(failed)?;
    if stamp(&before) != listed {
        return Err(changed("since it was listed"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len().min(place.max_file)).unwrap_or(0));
    // Some files say that they are empty and never end.
    (&file).take(place.max_file + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > place.max_file {
        return Err(place.grew(path));
    }
    read();
    let after = file.metadata().map_err(failed)?;
    if stamp(&after) != listed || bytes.len() as u64 != after.len() {
        return Err(changed("while it was read"));
    }
    Ok(bytes)
}

/// Its first bytes.
pub(super) fn head(dir: &Dir, path: &str, bytes: usize) -> io::Result<Vec<u8>> {
    let (file, _) = open(dir, path)?;
    let mut head = Vec::with_capacity(bytes);
    file.take(bytes as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn open(dir: &Dir, path: &str) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    // A pipe that took the place of the file would otherwise wait for its other end.
    options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = dir.open_with(path, &options)?;
    let metadata = file.metadata()?;
    match metadata.is_file() {
        true => Ok((file, metadata)),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;
    use windlass_config::settings::KnowledgeSourceSettings;

    use super::*;

    #[test]
    fn a_file_that_is_written_to_while_it_is_read_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.md");
        fs::write(&file, "half of").unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let place = Place::new(&KnowledgeSourceSettings::default(), 100).unwrap();
        let listed = stamp(&dir.metadata("a.md").unwrap());
        assert_eq!(whole(&dir, &place, "a.md", &listed).unwrap(), b"half of");
        let written = || {
            fs::OpenOptions::new()
                .append(true)
                .open(&file)
                .and_then(|mut file| std::io::Write::write_all(&mut file, b" it"))
                .unwrap();
        };
        let error = observed(&dir, &place, "a.md", &listed, written).unwrap_err();
        assert!(matches!(&error, SourceError::File(told) if told == "a.md was changed while it was read"), "{error}");
        let error = whole(&dir, &place, "a.md", &listed).unwrap_err();
        assert!(matches!(&error, SourceError::File(told) if told == "a.md was changed since it was listed"), "{error}");
    }
}
