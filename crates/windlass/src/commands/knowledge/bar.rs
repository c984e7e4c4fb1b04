//! How far a refresh is.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use windlass_knowledge::refresh::{Phase, Progress};

/// Between two lines where there is no terminal.
const LINE: Duration = Duration::from_secs(5);

/// A bar on a terminal, a line every few seconds anywhere else: on standard error, so that standard output is the
/// result.
pub struct Bar {
    collection: String,
    bar: ProgressBar,
    said: Mutex<Instant>,
}

impl Bar {
    pub fn new(collection: &str) -> Self {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{prefix}: {msg} {bar:32} {pos} of {len}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(collection.to_owned());
        Self { collection: collection.to_owned(), bar, said: Mutex::new(Instant::now()) }
    }

    pub fn tell(&self, progress: Progress) {
        let Progress { phase, done, total } = progress;
        let (doing, what) = match phase {
            Phase::Looking => ("looking", "sources"),
            Phase::Reading => ("reading", "documents"),
            Phase::Publishing => ("publishing", "generation"),
        };
        if !self.bar.is_hidden() {
            self.bar.set_message(doing);
            self.bar.set_length(total);
            return self.bar.set_position(done);
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.elapsed() >= LINE {
            *said = Instant::now();
            // Nobody may be reading any more, which is no reason to stop half-way.
            drop(writeln!(io::stderr(), "{}: {doing}, {done} of {total} {what}", self.collection));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
