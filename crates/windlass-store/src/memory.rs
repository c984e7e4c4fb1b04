use std::{
    collections::VecDeque,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use windlass_core::Check;

use crate::{
    entry::{Entry, Handle},
    shelf::{Keeper, Kept, Shelf, Source, full},
};

/// All outputs together. Small, because a server without a directory is usually one with little memory too.
const TOTAL: usize = 16 << 20;
/// One output.
const LARGEST: usize = 4 << 20;

/// Keeps outputs in memory, for a server that may write nowhere.
pub(crate) struct Memory {
    kept: Arc<Mutex<Contents>>,
    why: String,
}

#[derive(Default)]
struct Contents {
    /// Oldest first.
    outputs: VecDeque<(Handle, Entry, Arc<Vec<u8>>)>,
    /// Bytes of finished and unfinished outputs.
    used: usize,
}

impl Contents {
    fn reserve(&mut self, bytes: usize) -> bool {
        while self.used + bytes > TOTAL {
            let Some((_, _, oldest)) = self.outputs.pop_front() else { return false };
            self.used -= oldest.len();
        }
        self.used += bytes;
        true
    }
}

fn lock(contents: &Mutex<Contents>) -> MutexGuard<'_, Contents> {
    // Nothing in here panics between two writes that belong together.
    contents.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// `why` says to the operator what kept us from the disk.
    pub(crate) fn new(why: String) -> Self {
        Self { kept: Arc::default(), why }
    }
}

impl Shelf for Memory {
    fn begin(&self, handle: &Handle, _entry: &Entry) -> io::Result<Box<dyn Keeper>> {
        Ok(Box::new(MemoryKeeper { shelf: self.kept.clone(), handle: handle.clone(), bytes: Vec::new() }))
    }

    fn find(&self, handle: &Handle) -> io::Result<Option<Kept>> {
        let contents = lock(&self.kept);
        let found = contents.outputs.iter().find(|(name, ..)| name == handle);
        Ok(found.map(|(_, entry, bytes)| Kept { entry: entry.clone(), source: Box::new(InMemory(bytes.clone())) }))
    }

    fn sweep(&self) {
        let mut contents = lock(&self.kept);
        let Contents { outputs, used } = &mut *contents;
        outputs.retain(|(_, entry, bytes)| {
            let expired = entry.expired();
            if expired {
                *used -= bytes.len();
            }
            !expired
        });
    }

    fn largest(&self) -> u64 {
        LARGEST as u64
    }

    fn directory(&self) -> Option<&Path> {
        None
    }

    fn ready(&self) -> Check {
        let detail = format!(
            "long output is kept in memory only, up to {} MiB and until the server stops: {}; set store.directory",
            TOTAL >> 20,
            self.why
        );
        Check::degraded("store", detail)
    }
}

struct MemoryKeeper {
    shelf: Arc<Mutex<Contents>>,
    handle: Handle,
    bytes: Vec<u8>,
}

#[async_trait]
impl Keeper for MemoryKeeper {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !lock(&self.shelf).reserve(bytes.len()) {
            return Err(full());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn kept(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn seal(mut self: Box<Self>, entry: &mut Entry) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.shrink_to_fit();
        lock(&self.shelf).outputs.push_back((self.handle.clone(), entry.clone(), Arc::new(bytes)));
        Ok(())
    }
}

impl Drop for MemoryKeeper {
    fn drop(&mut self) {
        // Sealed bytes have been taken out by now; what is still here was given up.
        lock(&self.shelf).used -= self.bytes.len();
    }
}

struct InMemory(Arc<Vec<u8>>);

impl Source for InMemory {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let length = buffer.len().min(self.0.len() - start);
        buffer[..length].copy_from_slice(&self.0[start..start + length]);
        Ok(length)
    }
}
