//! Parts of the kernel that it does not bring along.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::{io::Errno, system::finit_module};

use super::{Doing, InitError};

/// The kernel is to unpack it itself.
const COMPRESSED: i32 = 4;

/// Loads what is in `directory`. One that needs another is tried again after it.
pub(super) fn load(directory: &Path) -> Result<(), InitError> {
    let mut waiting: Vec<PathBuf> = match fs::read_dir(directory) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).doing("looking for modules"),
    };
    waiting.sort();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut missing = Vec::new();
        for module in waiting {
            match load_one(&module) {
                // The second is built in, after all.
                Ok(()) | Err(Errno::EXIST) => {}
                Err(Errno::NOENT) => missing.push(module),
                other => other.doing(format!("loading {}", module.display()))?,
            }
        }
        if missing.len() == before {
            return Err(Errno::NOENT).doing(format!("loading what {} needs", missing[0].display()));
        }
        waiting = missing;
    }
    Ok(())
}

fn load_one(module: &Path) -> rustix::io::Result<()> {
    let compressed = module.extension().is_some_and(|extension| extension != "ko");
    let file = File::open(module).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    finit_module(file, c"", if compressed { COMPRESSED } else { 0 })
}
