//! The bytes, over as many connections as it takes.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{
    Object, Progress, PullProblem, Shared, Told,
    part::{Note, Part},
    source::{Failure, Opened, Source},
    within,
};

/// Tries in a row that bring not one byte.
const TRIES: u32 = 7;
/// Tries altogether.
const MOST_TRIES: u32 = 200;
/// How often an object may change while it is fetched.
const CHANGES: u32 = 5;
/// A connection on which nothing came for so long is given up.
const STALL: Duration = Duration::from_secs(60);
/// Bytes that are written at a time.
const PIECE: usize = 1 << 20;

impl Object {
    /// Gets all bytes that are missing, over as many connections as it takes.
    pub(super) async fn fill(&self, source: &Source, part: &Shared, told: Told<'_>) -> Result<(), PullProblem> {
        let (mut tries, mut all, mut changes) = (0, 0, 0);
        loop {
            let (before, note) = within(part, |part| Ok((part.length(), part.note().cloned()))).await?;
            if note.as_ref().is_some_and(|note| note.bytes == before) {
                return Ok(());
            }
            let failure = match source.open(before, note.as_ref().map(|note| &note.mark)).await {
                Ok(opened) => self.drain(opened, part, told).await,
                Err(failure) => Err(failure),
            };
            match failure {
                Ok(()) => {}
                Err(Failure::Last(problem)) => return Err(problem),
                Err(Failure::Changed) if changes < CHANGES => {
                    changes += 1;
                    within(part, Part::clear).await?;
                }
                Err(Failure::Changed) => return Err(PullProblem::Restless),
                Err(Failure::Again(why)) => {
                    let (now, note) = within(part, |part| Ok((part.length(), part.note().cloned()))).await?;
                    tries = if now == before { tries + 1 } else { 1 };
                    all += 1;
                    if tries == TRIES || all == MOST_TRIES {
                        let total = note.map_or(0, |note| note.bytes);
                        return Err(PullProblem::Broken { why, done: now, total });
                    }
                    sleep(Duration::from_millis(250 << tries.min(5))).await;
                }
            }
        }
    }

    /// Writes what one connection brings.
    async fn drain(&self, opened: Opened, part: &Shared, told: Told<'_>) -> Result<(), Failure> {
        let Opened { start, total, mark, mut body } = opened;
        let note = Note { url: self.url.to_string(), bytes: total, mark };
        let mut done = within(part, move |part| part.go_on(start, note)).await?.ok_or(Failure::Changed)?;
        told(Progress { done, total, waiting: false });
        let mut piece = Vec::with_capacity(PIECE);
        loop {
            let next = match timeout(STALL, body.next()).await {
                Ok(next) => next,
                Err(_) => Err(format!("nothing came for {} s", STALL.as_secs())),
            };
            if let Ok(Some(bytes)) = &next {
                piece.extend_from_slice(bytes);
                done += bytes.len() as u64;
            }
            if done > total {
                return Err(Failure::Last(PullProblem::Failed("more bytes came than were announced".into())));
            }
            let ended = !matches!(next, Ok(Some(_)));
            if ended || piece.len() >= PIECE {
                let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE));
                within(part, move |part| part.write(&full)).await?;
            }
            told(Progress { done, total, waiting: false });
            match next {
                Ok(Some(_)) => {}
                Ok(None) if done == total => return Ok(()),
                Ok(None) => return Err(Failure::Again("the connection ended before the file did".into())),
                Err(why) => return Err(Failure::Again(why)),
            }
        }
    }
}
