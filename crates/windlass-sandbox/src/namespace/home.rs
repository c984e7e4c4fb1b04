//! Where the files of running sandboxes lie: `DIRECTORY/SERVER/`, with the guest's program, the files of `/etc`, and what
//! each sandbox holds of the machine. A lock that dies with the server tells a living one's from what a killed one left.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use windlass_confine::Cgroups;

use crate::backend::{BackendError, HOME, USER};

/// The directory of one server.
#[derive(Debug)]
pub(super) struct Home {
    directory: PathBuf,
    guest: PathBuf,
    /// Held for as long as the server lives.
    _lock: File,
}

/// The files of `/etc` inside.
const ETC: [&str; 4] = ["passwd", "group", "hosts", "nsswitch.conf"];

impl Home {
    /// Makes one, and takes away what killed servers left beside it.
    pub(super) fn open(directory: Option<PathBuf>, program: &Path) -> Result<Self, BackendError> {
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
        if owner.uid() != own || !owner.is_dir() {
            return Err(BackendError::Missing {
                what: format!("{} is not a directory of this user", above.display()),
                hint: "set `sandbox.directory` to a directory of this server's own".into(),
            });
        }
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
        this.write_etc().map_err(doing("writing below", &this.directory))?;
        Ok(this)
    }

    /// The guest's program, where every user can run it.
    pub(super) fn guest(&self) -> &Path {
        &self.guest
    }

    /// The files that take the place of `/etc`'s, by their names there.
    pub(super) fn etc(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        ETC.into_iter().map(|name| (name, self.directory.join(name)))
    }

    /// Writes down what sandbox `id` holds of the machine, before it holds it.
    pub(super) fn hold(&self, id: &str, cgroups: &Cgroups) -> io::Result<()> {
        fs::write(self.record(id), serde_json::to_vec(cgroups)?)
    }

    /// Sandbox `id` holds nothing any longer.
    pub(super) fn release(&self, id: &str) {
        let _ = fs::remove_file(self.record(id));
    }

    fn record(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    fn write_etc(&self) -> io::Result<()> {
        let user = format!("sandbox:x:{USER}:{USER}::{HOME}:/bin/bash\n");
        let nobody = "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n";
        let texts = [
            format!("{user}{nobody}"),
            format!("sandbox:x:{USER}:\nnogroup:x:65534:\n"),
            "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n".into(),
            "passwd: files\ngroup: files\nhosts: files dns\n".into(),
        ];
        for (name, text) in ETC.into_iter().zip(texts) {
            let path = self.directory.join(name);
            fs::write(&path, text)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        }
        Ok(())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
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
    for directory in entries.flatten().map(|entry| entry.path()) {
        let Ok(lock) = File::open(directory.join("lock")) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        let mut freed = 0;
        for record in fs::read_dir(&directory).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if record.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let held = fs::read(&record).ok().and_then(|text| serde_json::from_slice::<Cgroups>(&text).ok());
            let Some(cgroups) = held else { continue };
            cgroups.kill();
            // The dead leave their group when they have been taken leave of.
            let gone = (0..100).any(|_| {
                cgroups.remove() || {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    false
                }
            });
            if !gone {
                tracing::warn!(record = %record.display(), "a sandbox that a killed server left cannot be taken away");
                continue;
            }
            freed += 1;
            let _ = fs::remove_file(record);
        }
        let _ = fs::remove_dir_all(&directory);
        tracing::info!(sandboxes = freed, "took away what a killed server left");
    }
}
