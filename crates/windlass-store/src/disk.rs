use std::{
    cmp::Reverse,
    collections::HashMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use windlass_core::{Check, units::Bytes};

use crate::{
    entry::{Entry, Handle},
    shelf::{Keeper, Kept, Shelf, Source, full},
};

/// An unfinished output whose writer is gone is left alone for this long, for a writer of another process has created
/// its file a moment before it locks it.
const GRACE: Duration = Duration::from_secs(60);

/// Keeps outputs in a directory: one file each, its [`Entry`] in front, the bytes behind.
pub(crate) struct Disk {
    directory: PathBuf,
    outputs: PathBuf,
    max: u64,
    /// Bytes in the directory as far as this process knows; every sweep counts again, since replicas may share it.
    used: Arc<AtomicU64>,
    sweeping: Mutex<()>,
}

struct Listed {
    path: PathBuf,
    entry: Entry,
    size: u64,
}

impl Disk {
    /// Takes `directory`, which exists, into use.
    pub(crate) fn open(directory: PathBuf, max: u64) -> io::Result<Self> {
        let outputs = directory.join("outputs");
        match DirBuilder::new().mode(0o700).create(&outputs) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            // A link here could lead our writes anywhere.
            _ if !fs::symlink_metadata(&outputs)?.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
            _ => {}
        }
        let disk = Self { directory, outputs, max, used: Arc::default(), sweeping: Mutex::new(()) };
        disk.probe()?;
        disk.sweep();
        Ok(disk)
    }

    fn path(&self, handle: &Handle) -> PathBuf {
        self.outputs.join(handle.as_str())
    }

    /// Writes something and takes it away again: permission bits do not tell whether one may write.
    fn probe(&self) -> io::Result<()> {
        let path = self.outputs.join(format!(".probe-{}", Handle::new().as_str()));
        let written = create(&path).and_then(|mut file| file.write_all(&[b' '; Entry::SIZE]));
        let removed = fs::remove_file(&path);
        written.and(removed)
    }

    /// What is here, and removes what nobody can want any more. Files that are not ours are neither.
    fn list(&self) -> Vec<Listed> {
        let Ok(directory) = fs::read_dir(&self.outputs) else { return Vec::new() };
        let names = directory.flatten().filter_map(|file| Handle::parse(file.file_name().to_str()?));
        names.filter_map(|handle| self.inspect(self.path(&handle))).collect()
    }

    fn inspect(&self, path: PathBuf) -> Option<Listed> {
        let file = open(&path).ok()?;
        let size = file.metadata().ok()?.len();
        let entry = read_entry(&file);
        let dead = match &entry {
            Some(entry) if entry.finished => entry.expired(),
            _ => abandoned(&file),
        };
        if dead && fs::remove_file(&path).is_ok() {
            return None;
        }
        Some(Listed { path, entry: entry?, size })
    }

    /// Counts again, and removes the oldest of whoever keeps most until `more` bytes fit beside a tenth left free, so that the next writer does
    /// not have to do this at once again.
    fn make_room(&self, more: u64) {
        let _one_at_a_time = self.sweeping.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.list();
        let mut used: u64 = all.iter().map(|listed| listed.size).sum();
        if used + more > self.max {
            let target = (self.max - self.max / 10).saturating_sub(more);
            // Else one caller with much output would push out everybody else's.
            let mut kept: HashMap<String, u64> = HashMap::new();
            for listed in &all {
                *kept.entry(listed.entry.owner.clone()).or_default() += listed.size;
            }
            all.retain(|listed| listed.entry.finished);
            all.sort_by_key(|listed| Reverse(listed.entry.created));
            while used > target {
                let most = all.iter().map(|listed| kept[&listed.entry.owner]).max();
                let Some(at) = all.iter().rposition(|listed| Some(kept[&listed.entry.owner]) == most) else { break };
                let oldest = all.remove(at);
                if let Some(bytes) = kept.get_mut(&oldest.entry.owner) {
                    *bytes -= oldest.size;
                }
                if fs::remove_file(&oldest.path).is_ok() {
                    used -= oldest.size;
                }
            }
        }
        self.used.store(used, Ordering::Relaxed);
    }
}

impl Shelf for Arc<Disk> {
    fn begin(&self, handle: &Handle, entry: &Entry) -> io::Result<Box<dyn Keeper>> {
        let path = self.path(handle);
        let mut file = create(&path)?;
        // Tells every sweep that the writer lives. Where a file system has no locks, the file's age has to do.
        let _ = file.try_lock();
        if let Err(error) = file.write_all(&entry.to_block()) {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Box::new(DiskKeeper { disk: self.clone(), path: Some(path), file, kept: 0 }))
    }

    fn find(&self, handle: &Handle) -> io::Result<Option<Kept>> {
        let Ok(file) = open(&self.path(handle)) else { return Ok(None) };
        Ok(read_entry(&file).map(|entry| Kept { entry, source: Box::new(OnDisk(file)) }))
    }

    fn sweep(&self) {
        Disk::sweep(self);
    }

    fn largest(&self) -> u64 {
        u64::MAX
    }

    fn directory(&self) -> Option<&Path> {
        Some(&self.directory)
    }

    fn ready(&self) -> Check {
        let place = self.directory.display();
        match self.probe() {
            Ok(()) => {
                let used = Bytes(self.used.load(Ordering::Relaxed) >> 20 << 20);
                Check::ok("store", format!("{place}, {used} of {} used", Bytes(self.max)))
            }
            Err(error) => Check::degraded("store", format!("{place}: {error}; long output is cut, not kept")),
        }
    }
}

impl Disk {
    fn sweep(&self) {
        self.make_room(0);
    }
}

struct DiskKeeper {
    disk: Arc<Disk>,
    /// Taken away when the output is sealed.
    path: Option<PathBuf>,
    file: File,
    kept: u64,
}

#[async_trait]
impl Keeper for DiskKeeper {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let size = bytes.len() as u64;
        let Disk { used, max, .. } = &*self.disk;
        if used.fetch_add(size, Ordering::Relaxed) + size > *max {
            self.disk.make_room(size);
            if used.fetch_add(size, Ordering::Relaxed) + size > *max {
                used.fetch_sub(size, Ordering::Relaxed);
                return Err(full());
            }
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.kept += written as u64;
                    rest = &rest[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn kept(&self) -> u64 {
        self.kept
    }

    async fn seal(mut self: Box<Self>, entry: &mut Entry) -> io::Result<()> {
        // In place over the block of `begin`: needs no room on a full disk.
        self.file.write_all_at(&entry.to_block(), 0)?;
        self.path = None;
        Ok(())
    }
}

impl Drop for DiskKeeper {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            let _ = fs::remove_file(path);
            let give_back = |used: u64| Some(used.saturating_sub(self.kept));
            let _ = self.disk.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, give_back);
        }
    }
}

struct OnDisk(File);

impl Source for OnDisk {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buffer, offset.saturating_add(Entry::SIZE as u64))
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn open(path: &Path) -> io::Result<File> {
    // Not waiting either: whoever can write here could have put a named pipe in our way.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

fn read_entry(file: &File) -> Option<Entry> {
    let mut block = [0; Entry::SIZE];
    file.read_exact_at(&mut block, 0).ok()?;
    Entry::from_block(&block)
}

fn abandoned(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    let old = modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age >= GRACE));
    old && file.try_lock().is_ok()
}
