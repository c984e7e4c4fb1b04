//! Where a machine writes: a file system made once, and for each machine a layer of its own over it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags, SeekFrom, ioctl_ficlone, open, seek},
    io::Errno,
};
use tokio::process::Command;

use super::{memory_file, reopen, seal};
use crate::backend::{BackendError, find};

/// A file system that is full of nothing, and what an empty layer over it looks like.
#[derive(Debug)]
pub(crate) struct Disk {
    /// The file system itself. Written by the machine it was made for, then frozen.
    base: File,
    layer: Vec<u8>,
    directory: PathBuf,
}

impl Disk {
    /// Makes one of so many bytes. Layers over it will lie in `directory`, without a name.
    pub async fn make(directory: &Path, bytes: u64) -> Result<Self, BackendError> {
        let name = directory.join(format!("disk-{:016x}", rand::random::<u64>()));
        let made = make_named(&name, bytes).await;
        // The files stay for whoever has them open.
        let _ = fs::remove_file(&name);
        let (base, layer) = made?;
        Ok(Self { base, layer, directory: directory.to_owned() })
    }

    /// From now on nobody changes the file system, whoever has it.
    pub fn freeze(&mut self) -> io::Result<()> {
        let frozen = memory_file("disk")?;
        copy_written(&self.base, &frozen)?;
        seal(&frozen)?;
        self.base = frozen;
        Ok(())
    }

    /// To be written by the one machine it was made for.
    pub fn writable(&self) -> io::Result<OwnedFd> {
        Ok(self.base.try_clone()?.into())
    }

    /// To be read by all the others.
    pub fn readable(&self) -> io::Result<OwnedFd> {
        reopen(&self.base)
    }

    /// A new layer over it, which is gone with the last process that has it.
    pub fn layer(&self) -> io::Result<File> {
        let mut layer = self.nameless()?;
        layer.write_all(&self.layer)?;
        Ok(layer)
    }

    /// A layer like `layer`, which does not change any longer when that does.
    pub fn copy_of(&self, layer: &File) -> io::Result<File> {
        let copy = self.nameless()?;
        clone(layer, &copy)?;
        Ok(copy)
    }

    /// A new file where layers lie, without a name.
    pub fn nameless(&self) -> io::Result<File> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        Ok(open(&self.directory, flags, Mode::RUSR | Mode::WUSR)?.into())
    }
}

/// Makes an empty file the same as another: by sharing its blocks, where that is possible.
pub(crate) fn clone(from: &File, to: &File) -> io::Result<()> {
    if ioctl_ficlone(to, from).is_err() {
        copy_written(from, to)?;
    }
    Ok(())
}

/// Copies what is written of a file, and leaves its holes.
fn copy_written(from: &File, to: &File) -> io::Result<()> {
    let length = from.metadata()?.len();
    to.set_len(length)?;
    let (mut source, mut target) = (reopen(from).map(File::from)?, to);
    let mut at = 0;
    while at < length {
        let data = match seek(&source, SeekFrom::Data(at)) {
            Ok(data) => data,
            // Nothing but a hole is left.
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let hole = seek(&source, SeekFrom::Hole(data))?;
        source.seek(io::SeekFrom::Start(data))?;
        target.seek(io::SeekFrom::Start(data))?;
        io::copy(&mut (&mut source).take(hole - data), &mut target)?;
        at = hole;
    }
    Ok(())
}

/// A file of so many bytes with an empty file system in it.
pub(crate) async fn format(name: &Path, bytes: u64) -> Result<File, BackendError> {
    let making = || BackendError::io("making the disk of virtual machines");
    let base = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(name).map_err(making())?;
    base.set_len(bytes).map_err(making())?;
    let name = name.to_string_lossy();
    // No journal: what was not written when a sandbox ends is gone with it.
    run("mke2fs", "e2fsprogs", &["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0", &name]).await?;
    Ok(base)
}

async fn make_named(name: &Path, bytes: u64) -> Result<(File, Vec<u8>), BackendError> {
    let making = || BackendError::io("making the disk of virtual machines");
    let base = format(name, bytes).await?;
    let name = name.to_string_lossy();
    let layer = format!("{name}.layer");
    run("qemu-img", "qemu-utils", &["create", "-q", "-f", "qcow2", &layer, &bytes.to_string()]).await?;
    let empty = fs::read(&layer).map_err(making());
    let _ = fs::remove_file(&layer);
    Ok((base, empty?))
}

async fn run(program: &str, package: &str, arguments: &[&str]) -> Result<(), BackendError> {
    let path = find(program).or_else(|| Some(Path::new("/usr/sbin").join(program)).filter(|path| path.is_file()));
    let path = path.ok_or_else(|| BackendError::Missing {
        what: format!("there is no program `{program}`"),
        hint: format!("install the package {package}"),
    })?;
    let output = Command::new(path).args(arguments).env_clear().kill_on_drop(true).output().await;
    let output = output.map_err(BackendError::io(format!("running {program}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(BackendError::Ended(format!("{program} failed: {}", said.trim())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    #[test]
    fn a_copy_has_what_was_written_and_the_same_holes() {
        let (from, to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        from.set_len(64 << 20).unwrap();
        from.write_all_at(b"begin", 0).unwrap();
        from.write_all_at(b"middle", 32 << 20).unwrap();
        copy_written(&from, &to).unwrap();
        assert_eq!(to.metadata().unwrap().len(), 64 << 20);
        assert!(to.metadata().unwrap().blocks() < 1 << 10);
        let mut bytes = [0; 6];
        to.read_exact_at(&mut bytes, 32 << 20).unwrap();
        assert_eq!(&bytes, b"middle");
    }
}
