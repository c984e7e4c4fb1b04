//! The directory, and how anything below it is opened.

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    path::{Component, Path},
    sync::Mutex,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, Metadata, OpenOptions, OpenOptionsExt},
};
use rustix::fs::{FileType, OFlags};
use windlass_config::settings::FilesSettings;

use crate::{
    error::FileError,
    path::{Place, is_served},
};

/// The directory, as the settings have it.
pub(crate) struct Root {
    pub settings: FilesSettings,
    /// Writes are one after the other, so that none comes between another's look and its change.
    pub writing: Mutex<()>,
}

impl Root {
    pub fn new(settings: FilesSettings) -> Self {
        Self { settings, writing: Mutex::new(()) }
    }

    /// A path of a caller.
    pub fn place(&self, text: &str) -> Result<Place, FileError> {
        let (directory, hidden) = (&self.settings.directory, self.settings.hidden);
        match Place::parse(text, directory, hidden) {
            // The directory may be known by the path that it really has.
            Err(FileError::Outside(_)) if text.starts_with('/') => {
                let real = std::fs::canonicalize(directory).unwrap_or_else(|_| directory.clone());
                Place::parse(text, &real, hidden)
            }
            parsed => parsed,
        }
    }

    /// The directory, opened anew each time: it may be mounted later, or be replaced by its owner.
    pub fn open(&self) -> Result<Dir, FileError> {
        Dir::open_ambient_dir(&self.settings.directory, ambient_authority()).map_err(FileError::Root)
    }

    /// Opens a regular file for reading.
    pub fn file(&self, place: &Place) -> Result<(File, Metadata), FileError> {
        let name = place.text();
        let told = |error| FileError::of(&name, error);
        if place.is_root() {
            return Err(FileError::Directory(name));
        }
        let root = self.open()?;
        self.refuse_hidden(&root, place)?;
        let path = place.as_path();
        // A look first: opening alone can do something to a device. Whatever comes into its place after that is opened
        // without waiting for anything, and looked at again.
        only_file(&name, &root.metadata(&path).map_err(told)?)?;
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(flags.bits().cast_signed());
        let file = root.open_with(&path, &options).map_err(told)?;
        let metadata = file.metadata().map_err(told)?;
        only_file(&name, &metadata)?;
        Ok((file.into_std(), metadata))
    }

    /// Opens a directory.
    pub fn directory(&self, root: &Dir, place: &Place) -> Result<Dir, FileError> {
        self.refuse_hidden(root, place)?;
        root.open_dir(place.as_path()).map_err(|error| FileError::of(&place.text(), error))
    }

    /// What is hidden is so by every name it has: also by that of a link.
    ///
    /// Where a path leads is only looked at, and not opened by: of a file that is just being replaced it is a name that
    /// there is no longer.
    fn refuse_hidden(&self, root: &Dir, place: &Place) -> Result<(), FileError> {
        let real = root.canonicalize(place.as_path()).map_err(|error| FileError::of(&place.text(), error))?;
        let is_hidden = |part: Component| match part {
            Component::Normal(name) => !is_served(&name.to_string_lossy(), self.settings.hidden),
            _ => false,
        };
        if real.components().any(is_hidden) { Err(FileError::Hidden(place.text())) } else { Ok(()) }
    }
}

fn only_file(name: &str, metadata: &Metadata) -> Result<(), FileError> {
    if metadata.is_dir() {
        return Err(FileError::Directory(name.to_owned()));
    }
    if !metadata.is_file() {
        return Err(FileError::NoFile { path: name.to_owned(), what: "a pipe, a socket or a device" });
    }
    Ok(())
}

/// Opens a directory by its name in another, and never by a link.
pub(crate) fn subdirectory(above: impl AsFd, name: &Path) -> io::Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(above, name, flags, rustix::fs::Mode::empty())?;
    Ok(Dir::from_std_file(File::from(opened)))
}

/// What a model calls it.
pub(crate) fn kind(found: FileType) -> &'static str {
    match found {
        FileType::RegularFile => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "link",
        _ => "other",
    }
}
