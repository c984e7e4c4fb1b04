use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use windlass_core::{Captured, Sink};

use crate::{
    entry::{Entry, Handle},
    shelf::{Keeper, Shelf},
    text,
};

/// Bytes gathered before they are written: sinks are fed from async code in small pieces.
const BUFFER: usize = 64 << 10;

/// How much of one stream goes where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    /// Text in an answer, the note in the middle included.
    pub(crate) answer: usize,
    /// Bytes kept behind the handle.
    pub(crate) spill: u64,
    /// How long the handle is valid.
    pub(crate) ttl: Duration,
}

impl Caps {
    /// Room set aside for the note that stands between head and tail.
    const NOTE: usize = 256;

    /// Two thirds for the beginning, which says what the output is; one third for the end, which says how it went.
    fn head(self) -> usize {
        self.text() * 2 / 3
    }

    fn tail(self) -> usize {
        self.text() - self.head()
    }

    fn text(self) -> usize {
        self.answer - Self::NOTE.min(self.answer / 4)
    }
}

/// One stream: in memory while it fits an answer, then its head and tail in memory and all of it on the shelf.
pub(crate) struct Spill {
    shelf: Arc<dyn Shelf>,
    caps: Caps,
    entry: Entry,
    seen: u64,
    /// All there is until `tail` is used, then the first bytes only.
    head: Vec<u8>,
    tail: Option<VecDeque<u8>>,
    /// Bytes that may be shown; the rest is only kept.
    shown: Option<u64>,
    keeping: Option<Keeping>,
}

struct Keeping {
    handle: Handle,
    keeper: Box<dyn Keeper>,
    pending: Vec<u8>,
    room: u64,
}

impl Spill {
    pub(crate) fn new(shelf: Arc<dyn Shelf>, caps: Caps, entry: Entry) -> Self {
        Self { shelf, caps, entry, seen: 0, head: Vec::new(), tail: None, shown: None, keeping: None }
    }

    /// The stream turned out too long for an answer.
    fn overflow(&mut self) {
        self.keep();
        let rest = self.head.split_off(self.head.len().min(self.caps.head()));
        self.tail = Some(VecDeque::with_capacity(self.caps.tail()));
        self.remember_tail(&rest);
    }

    /// Begins to keep what will not be shown, with all there was so far.
    fn keep(&mut self) {
        let handle = Handle::new();
        match self.shelf.begin(&handle, &self.entry) {
            Ok(keeper) => {
                let room = self.caps.spill.min(self.shelf.largest());
                let mut keeping = Keeping { handle, keeper, pending: Vec::new(), room };
                if keeping.take(&self.head) {
                    self.keeping = Some(keeping);
                }
            }
            Err(error) => tracing::warn!(%error, "long output cannot be kept"),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if let Some(keeping) = &mut self.keeping
            && !keeping.take(bytes)
        {
            self.keeping = None;
        }
    }

    fn remember_tail(&mut self, bytes: &[u8]) {
        let cap = self.caps.tail();
        let Some(tail) = &mut self.tail else { return };
        let bytes = &bytes[bytes.len().saturating_sub(cap)..];
        let excess = (tail.len() + bytes.len()).saturating_sub(cap);
        tail.drain(..excess);
        tail.extend(bytes);
    }

    fn note(&self, left_out: u64, at: usize, kept: Option<(&Handle, u64)>) -> String {
        let left_out = text::grouped(left_out);
        match kept {
            None => format!("\n[... {left_out} bytes left out, and not kept ...]\n"),
            Some((handle, kept)) => {
                let handle = handle.as_str();
                let only = match kept == self.seen {
                    true => String::new(),
                    false => format!(" (only the first {} bytes were kept)", text::grouped(kept)),
                };
                format!("\n[... {left_out} bytes left out; read_output handle=\"{handle}\" offset={at}{only} ...]\n")
            }
        }
    }
}

impl Keeping {
    /// False when nothing can be kept at all. A shelf that is full has what came before.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let fits = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        self.room -= fits as u64;
        for piece in bytes[..fits].chunks(BUFFER) {
            self.pending.extend_from_slice(piece);
            if self.pending.len() >= BUFFER && !self.flush() {
                return false;
            }
        }
        true
    }

    fn flush(&mut self) -> bool {
        if let Err(error) = self.keeper.append(&self.pending) {
            tracing::warn!(%error, kept = self.keeper.kept(), "long output is kept only in part");
            self.room = 0;
        }
        self.pending.clear();
        self.keeper.kept() > 0
    }

    async fn seal(mut self, mut entry: Entry, seen: u64, ttl: Duration) -> Option<(Handle, u64)> {
        if !self.flush() {
            return None;
        }
        entry.finish(seen, self.keeper.kept(), ttl);
        match self.keeper.seal(&mut entry).await {
            Ok(()) => Some((self.handle, entry.kept)),
            Err(error) => {
                tracing::warn!(%error, "long output could not be kept");
                None
            }
        }
    }
}

#[async_trait]
impl Sink for Spill {
    fn write(&mut self, bytes: &[u8]) {
        let is_first_hidden = self.shown == Some(self.seen);
        self.seen += bytes.len() as u64;
        if self.shown.is_some() {
            if is_first_hidden && self.tail.is_none() {
                self.keep();
            }
            return self.take(bytes);
        }
        if self.tail.is_none() {
            if self.head.len() + bytes.len() <= self.caps.answer {
                self.head.extend_from_slice(bytes);
                return;
            }
            self.overflow();
        }
        self.take(bytes);
        // The first write may be longer than the whole answer, so the head can still have room.
        let to_head = self.caps.head().saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..to_head]);
        self.remember_tail(&bytes[to_head..]);
    }

    fn hide_rest(&mut self) {
        self.shown.get_or_insert(self.seen);
    }

    async fn finish(mut self: Box<Self>) -> Captured {
        let shown = self.shown.unwrap_or(self.seen);
        if self.tail.is_none() {
            let whole = String::from_utf8_lossy(&self.head);
            // Binary can be small and its text long.
            if whole.len() <= self.caps.answer && shown == self.seen {
                return Captured { text: whole.into_owned(), bytes: self.seen, truncated: false, handle: None };
            }
            if shown == self.seen {
                self.overflow();
            }
        }
        let kept = match self.keeping.take() {
            Some(keeping) => keeping.seal(self.entry.clone(), self.seen, self.caps.ttl).await,
            None => None,
        };
        let found = kept.as_ref().map(|(handle, kept)| (handle, *kept));
        let mut text = match self.tail.take() {
            Some(tail) => {
                let tail = Vec::from(tail);
                let (head, head_used) = text::head(text::without_cut_end(&self.head), self.caps.head());
                let (tail, tail_used) = text::tail(text::without_cut_start(&tail), self.caps.tail());
                let left_out = shown - head_used as u64 - tail_used as u64;
                head + &self.note(left_out, head_used, found) + &tail
            }
            // It all fits, and more follows that is not to be shown.
            None => String::from_utf8_lossy(&self.head).into_owned(),
        };
        if shown < self.seen {
            text += &self.note(self.seen - shown, usize::try_from(shown).unwrap_or(usize::MAX), found);
        }
        Captured { text, bytes: self.seen, truncated: true, handle: kept.map(|(handle, _)| handle.as_str().to_owned()) }
    }
}
