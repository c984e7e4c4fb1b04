//! Where the files of running sandboxes lie: `DIRECTORY/SERVER/`, with the guest's program, the files of `/etc`, and what
//! each sandbox holds of the machine. A lock that dies with the server tells a living one's from what a killed one left.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    io::Errno,
};
use windlass_confine::Cgroups;
use windlass_guest::home::ETC;

use crate::backend::BackendError;

/// The directory of one server.
#[derive(Debug)]
pub(crate) struct Home {
    directory: PathBuf,
    guest: PathBuf,
    /// Held for as long as the server lives.
    _lock: File,
}

impl Home {
    /// Makes one, and takes away what killed servers left beside it.
    pub fn open(directory: Option<PathBuf>, program: &Path) -> Result<Self, BackendError> {
        let own = rustix::process::getuid().as_raw();
        let above = directory.unwrap_or_else(|| std::env::temp_dir().join(format!("windlass-sandboxes-{own}")));
        let doing = |what: &str, path: &Path| BackendError::io(format!("{what} {}", path.display()));
        let passable = |path: &Path| match DirBuilder::new().mode(0o711).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        };
        passable(&above).map_err(doing("making", &above))?;
        // The default lies where everybody may write: another user could have made it first.
        let owner = fs::symlink_metadata(&above).map_err(doing("looking at", &above))?;
        if owner.uid() != own || !owner.is_dir() || owner.mode() & 0o022 != 0 {
            return Err(BackendError::Missing {
                what: format!("{} is not a directory that only this user can write", above.display()),
                hint: "set `sandbox.directory` to a directory of this server's own".into(),
            });
        }
        // One server at a time: what another is just making is not what a killed one left.
        let alone = above.join("making");
        let alone =
            File::create(&alone).and_then(|file| Ok(flock(&file, FlockOperation::LockExclusive).map(|()| file)?));
        let _alone = alone.map_err(doing("locking", &above))?;
        sweep(&above);
        let directory = above.join(format!("{}-{:08x}", std::process::id(), rand::random::<u32>()));
        passable(&directory).map_err(doing("making", &directory))?;
        let lock = directory.join("lock");
        let lock = File::create(&lock).and_then(|file| {
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            Ok(file)
        });
        let lock = lock.map_err(doing("locking", &directory))?;
        let guest = directory.join("guest");
        copy(program, &guest).map_err(doing("copying the guest's program to", &guest))?;
        let this = Self { directory, guest, _lock: lock };
        passable(&this.tree()).map_err(doing("making", &this.directory))?;
        this.write_etc().map_err(doing("writing below", &this.directory))?;
        Ok(this)
    }

    /// The guest's program, where every user can run it.
    pub fn guest(&self) -> &Path {
        &self.guest
    }

    /// Where the tree of an image is shown to users who cannot reach it.
    pub fn tree(&self) -> PathBuf {
        self.directory.join("tree")
    }

    /// The files that take the place of `/etc`'s, by their names there.
    pub fn etc(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        ETC.into_iter().map(|(name, _)| (name, self.directory.join(name)))
    }

    /// The directory itself: files that only this server needs.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes down what sandbox `id` holds of the machine, before it holds it.
    pub fn hold(&self, id: &str, cgroups: &Cgroups) -> io::Result<()> {
        fs::write(self.record(id), serde_json::to_vec(cgroups)?)
    }

    /// Sandbox `id` holds nothing any longer.
    pub fn release(&self, id: &str) {
        let _ = fs::remove_file(self.record(id));
    }

    fn record(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    fn write_etc(&self) -> io::Result<()> {
        for (name, text) in ETC {
            let path = self.directory.join(name);
            fs::write(&path, text)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        }
        Ok(())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What could not be taken away yet is for the next start.
        if records(&self.directory).next().is_none() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// What sandboxes hold, as it was written down.
fn records(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "json"))
}

/// The program as a file of the same file system, by a second name where that is allowed.
fn copy(program: &Path, to: &Path) -> io::Result<()> {
    let program = fs::canonicalize(program)?;
    let passable = |file: &Path| fs::metadata(file).is_ok_and(|found| found.mode() & 0o5 == 0o5);
    if !(passable(&program) && fs::hard_link(&program, to).is_ok()) {
        fs::copy(&program, to)?;
        fs::set_permissions(to, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Takes away what servers left that do not live any longer.
fn sweep(above: &Path) {
    let Ok(entries) = fs::read_dir(above) else { return };
    for directory in entries.flatten().map(|entry| entry.path()).filter(|path| is_servers(path)) {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match open(directory.join("lock"), flags, Mode::empty()) {
            Ok(lock) if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() => continue,
            // Killed before it had one: nobody else is making a directory now.
            Ok(_) | Err(Errno::NOENT) => {}
            Err(_) => continue,
        }
        let freed = records(&directory).filter(|record| free(record)).count();
        if records(&directory).next().is_none() {
            let _ = fs::remove_dir_all(&directory);
        }
        tracing::info!(sandboxes = freed, "took away what a killed server left");
    }
}

/// Whether it is the directory of a server of this user, by its name and its owner.
fn is_servers(path: &Path) -> bool {
    let named = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('-'));
    let named = named.is_some_and(|(pid, random)| {
        pid.parse::<u32>().is_ok() && random.len() == 8 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let own = rustix::process::getuid().as_raw();
    named && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == own)
}

/// Ends what is left of a sandbox, and takes away what it held.
fn free(record: &Path) -> bool {
    let held = fs::read(record).ok().and_then(|text| serde_json::from_slice::<Cgroups>(&text).ok());
    let Some(cgroups) = held else { return fs::remove_file(record).is_ok() };
    if emptied(&cgroups, std::time::Duration::from_secs(2)) {
        return fs::remove_file(record).is_ok();
    }
    tracing::warn!(record = %record.display(), "a sandbox that a killed server left cannot be taken away");
    false
}

/// Kills what is in the groups and removes them, `within` that time: the dead take a moment to leave.
pub(super) fn emptied(cgroups: &Cgroups, within: std::time::Duration) -> bool {
    let step = std::time::Duration::from_millis(20);
    cgroups.kill();
    for _ in 0..within.as_millis() / step.as_millis() {
        if cgroups.remove() {
            return true;
        }
        std::thread::sleep(step);
    }
    false
}
