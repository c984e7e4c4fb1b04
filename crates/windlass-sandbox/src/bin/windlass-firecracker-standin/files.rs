//! The files of a machine: what is shared must not be writable, and what is written must not be shared.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::MetadataExt,
};

/// A file that can be read here, and not be written: machines share it.
pub fn read_only(path: &str) -> Result<(), String> {
    File::open(path).map_err(|error| format!("{path}: {error}"))?;
    match OpenOptions::new().write(true).open(path) {
        Ok(_) => Err(format!("{path} is shared, and can be written")),
        Err(_) => Ok(()),
    }
}

/// A disk that is this machine's own, unless it is only read.
pub fn open_drive(path: &str, only: bool) -> Result<(), String> {
    if only {
        return read_only(path);
    }
    let disk = OpenOptions::new().read(true).write(true).open(path).map_err(|error| format!("{path}: {error}"))?;
    match disk.metadata().map(|found| found.nlink()) {
        Ok(1) => Ok(()),
        _ => Err(format!("{path} has another name, by which others write it")),
    }
}
