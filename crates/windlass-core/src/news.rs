//! What goes on in a long call, for people who watch.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::Client;

/// Progress is told at most this often, where there is news.
const PROGRESS: Duration = Duration::from_secs(1);
/// And this often where there is none.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Bytes of a line worth showing as progress.
const LINE: usize = 200;

/// The last line of output, told to the client now and then.
#[derive(Default)]
pub struct News(Mutex<Line>);

impl News {
    /// Takes the next bytes of output.
    pub fn take(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(bytes);
    }

    /// Tells the client what goes on until it is dropped.
    pub async fn tell<T>(&self, client: &dyn Client) -> T {
        let start = Instant::now();
        let mut last = start;
        let mut ticks = interval(PROGRESS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            let now = ticks.tick().await;
            let line = self.0.lock().unwrap_or_else(PoisonError::into_inner).fresh();
            if line.is_some() || now.duration_since(last) >= KEEP_ALIVE {
                last = now;
                let message = line.unwrap_or_else(|| "still running".into());
                client.progress(start.elapsed().as_secs_f64(), None, Some(message)).await;
            }
        }
    }
}

/// The last line.
#[derive(Default)]
struct Line {
    line: Vec<u8>,
    ended: bool,
    fresh: bool,
}

impl Line {
    fn take(&mut self, bytes: &[u8]) {
        let end = bytes.trim_ascii_end();
        if end.is_empty() {
            self.ended |= bytes.contains(&b'\n');
            return;
        }
        let start = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        if start > 0 || self.ended {
            self.line.clear();
        }
        self.line.extend_from_slice(&end[start..]);
        self.line.truncate(LINE);
        self.ended = bytes.len() > end.len();
        self.fresh = true;
    }

    fn fresh(&mut self) -> Option<String> {
        std::mem::take(&mut self.fresh).then(|| String::from_utf8_lossy(&self.line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_the_last_line() {
        let mut news = Line::default();
        assert_eq!(news.fresh(), None);
        for (piece, line) in [("one\ntw", "tw"), ("o", "two"), ("\n", "two"), ("three\n\n", "three")] {
            news.take(piece.as_bytes());
            news.fresh = true;
            assert_eq!(news.fresh().unwrap(), line);
        }
        news.take(&[b'x'; 100_000]);
        assert_eq!(news.fresh().unwrap().len(), LINE);
    }
}
