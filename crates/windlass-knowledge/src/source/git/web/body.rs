//! The ends of an exchange that git's side writes to and reads from.

use std::{
    io::{self, BufRead, Cursor, Read, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Buf, Bytes};
use reqwest::Response;

use super::{
    Shared,
    exchange::{MAX_QUESTION, Pending},
};

fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is asked.
pub(in crate::source::git) struct Question(Arc<Mutex<Pending>>);

impl Question {
    pub(super) fn new(pending: Arc<Mutex<Pending>>) -> Self {
        Self(pending)
    }
}

impl Write for Question {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let question = &mut lock(&self.0).question;
        if question.len() + bytes.len() > MAX_QUESTION {
            return Err(io::Error::other("there is more to ask than fits into a request"));
        }
        question.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The headers of the answer.
pub(in crate::source::git) struct Headers {
    pending: Arc<Mutex<Pending>>,
    lines: Option<Cursor<Vec<u8>>>,
}

impl Headers {
    pub(super) fn new(pending: Arc<Mutex<Pending>>) -> Self {
        Self { pending, lines: None }
    }
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill_buf()?.read(buffer).inspect(|&read| self.consume(read))
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.lines.is_none() {
            self.lines = Some(Cursor::new(lock(&self.pending).headers()?));
        }
        match &mut self.lines {
            Some(lines) => lines.fill_buf(),
            None => Ok(&[]),
        }
    }

    fn consume(&mut self, bytes: usize) {
        if let Some(lines) = &mut self.lines {
            lines.consume(bytes);
        }
    }
}

/// The body of the answer.
pub(in crate::source::git) struct Body {
    shared: Arc<Shared>,
    pending: Arc<Mutex<Pending>>,
    answer: Option<Response>,
    part: Bytes,
    begun: bool,
}

impl Body {
    pub(super) fn new(shared: Arc<Shared>, pending: Arc<Mutex<Pending>>) -> Self {
        Self { shared, pending, answer: None, part: Bytes::new(), begun: false }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill_buf()?.read(buffer).inspect(|&read| self.consume(read))
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.begun {
            self.answer = lock(&self.pending).answer()?;
            self.begun = true;
        }
        while self.part.is_empty() {
            let Some(answer) = &mut self.answer else { break };
            match self.shared.wait(answer.chunk())? {
                Some(part) => {
                    self.shared.took(part.len())?;
                    self.part = part;
                }
                None => self.answer = None,
            }
        }
        Ok(&self.part)
    }

    fn consume(&mut self, bytes: usize) {
        self.part.advance(bytes);
    }
}
