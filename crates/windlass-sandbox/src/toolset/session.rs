//! Interpreters that stay: what one piece of code leaves in them, the next one finds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use tokio::time::Instant;
use windlass_core::{Call, CommandAnswer, ErrorKind, News, Sink, ToolError};
use windlass_guest::client::{ClientError, Command, InputSink, OutputStream, Running};

use super::{
    arguments::Language,
    or_discard,
    run::{self, Job},
};
use crate::{Sandboxes, backend::HOME, life::Sandbox};

/// How long code that was interrupted may take to heed it.
const HEED: Duration = Duration::from_secs(2);
/// How long an interpreter may take to begin, and one that ended to be gone.
const GUEST: Duration = Duration::from_secs(20);
/// What a mark in the output begins with.
const BEGINS: u8 = 0x1e;

/// The interpreters of one sandbox, by language. One that runs something is not in its place.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<&'static str, Arc<tokio::sync::Mutex<Option<Session>>>>>);

struct Session {
    running: Running,
    input: InputSink,
    outputs: [Tail; 2],
}

/// An output, and what was read of it beyond the last mark.
struct Tail {
    from: OutputStream,
    rest: Vec<u8>,
    /// What stands behind the mark, once that has come: the other output may still lack it.
    status: Option<i32>,
}

/// How a piece of code ended.
enum End {
    /// With this status; the interpreter is as good as before.
    Status(i32),
    /// So did the interpreter.
    Interpreter,
}

impl Language {
    /// The interpreter, the argument that takes a program, and the program that runs one piece of code after the other.
    fn driver(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Python | Self::Python3 => ("python3", "-c", include_str!("session/driver.py")),
            Self::Javascript | Self::Js | Self::Node => ("node", "-e", include_str!("session/driver.js")),
            Self::Bash | Self::Sh => ("bash", "-c", include_str!("session/driver.sh")),
        }
    }
}

/// Runs `code` in the interpreter that stays in `sandbox`, after whatever runs there already. False if that interpreter is
/// gone now, and what it had with it.
pub(super) async fn run(
    sandboxes: &Sandboxes,
    sandbox: &Sandbox,
    call: &Call,
    language: Language,
    code: &str,
    job: Job,
) -> Result<(CommandAnswer, bool), ToolError> {
    let limit = run::limit(sandbox, call, job.limit);
    let (program, flag, driver) = language.driver();
    let place = {
        let mut sessions = sandbox.sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.entry(program).or_default().clone()
    };
    let cancelled = || ToolError::new(ErrorKind::Cancelled, "it was ended because its call was cancelled");
    let mut place = tokio::select! {
        place = place.lock() => place,
        () = call.cancel.cancelled() => return Err(cancelled()),
    };
    // Whatever drops this future in the middle ends the interpreter: nobody knows what it is doing.
    let mut session = match place.take() {
        Some(session) => session,
        None => {
            let command = run::prepare(sandboxes, sandbox, Command::new(program).arg(flag).arg(driver), &job);
            let started = Session::start(sandbox, command).await;
            or_discard(sandboxes, sandbox, started).await?
        }
    };
    let began = Instant::now();
    session.outputs.iter_mut().for_each(|output| output.status = None);
    let mark = format!("{:032x}", rand::random::<u128>());
    session.input.write(Bytes::from(format!("{mark} {}\n", BASE64_STANDARD.encode(code)))).await;
    let news = News::default();
    let mut sinks = ["stdout", "stderr"].map(|name| call.outputs.open(&call.principal, name));
    let (mut timed_out, mut is_cancelled) = (false, false);
    let ended = {
        let ending = session.until(&mark, &mut sinks, &news);
        tokio::pin!(ending);
        tokio::select! {
            ended = &mut ending => Some(ended),
            never = news.tell(&*call.client) => never,
            () = tokio::time::sleep(limit) => { timed_out = true; None }
            () = call.cancel.cancelled() => { is_cancelled = true; None }
        }
    };
    let ended = match ended {
        Some(ended) => Some(ended),
        None => {
            let _ = session.running.signal("INT");
            tokio::time::timeout(HEED, session.until(&mark, &mut sinks, &news)).await.ok()
        }
    };
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let end = match ended {
        None => End::Interpreter,
        Some(end) => or_discard(sandboxes, sandbox, end).await?,
    };
    let (exit_code, signal, stays) = match end {
        End::Status(status) => {
            *place = Some(session);
            (Some(status), None, true)
        }
        End::Interpreter if timed_out || is_cancelled => (None, Some(9), false),
        End::Interpreter => {
            let exit = or_discard(sandboxes, sandbox, session.running.wait(GUEST).await).await?;
            (exit.code, exit.signal, false)
        }
    };
    if is_cancelled {
        return Err(cancelled());
    }
    let [out, err] = sinks;
    let (out, err) = (out.finish().await, err.finish().await);
    let answer = run::answer(out, err, exit_code, signal, timed_out, duration_ms);
    Ok((answer, stays))
}

impl Session {
    async fn start(sandbox: &Sandbox, command: Command) -> Result<Self, ClientError> {
        let mut running = sandbox.guest.exec(command.cwd(HOME).stdin(), GUEST).await?;
        let streams = (running.take_stdin(), running.take_stdout(), running.take_stderr());
        let (Some(input), Some(out), Some(err)) = streams else { return Err(ClientError::Timeout) };
        let tail = |from| Tail { from, rest: Vec::new(), status: None };
        Ok(Self { running, input, outputs: [tail(out), tail(err)] })
    }

    /// Reads on until both outputs have the mark.
    async fn until(&mut self, mark: &str, sinks: &mut [Box<dyn Sink>; 2], news: &News) -> Result<End, ClientError> {
        let ([out, err], [out_sink, err_sink]) = (&mut self.outputs, sinks);
        let (out, err) = tokio::join!(out.until(mark, out_sink, news), err.until(mark, err_sink, news));
        Ok(match (out?, err?) {
            (Some(status), Some(_)) => End::Status(status),
            _ => End::Interpreter,
        })
    }
}

impl Tail {
    /// Reads on until the mark and returns what stands behind it; `None` where the output ends without.
    async fn until(&mut self, mark: &str, sink: &mut Box<dyn Sink>, news: &News) -> Result<Option<i32>, ClientError> {
        while self.status.is_none() {
            if let Some((length, status)) = find(&self.rest, mark) {
                let line = self.rest.split_off(length);
                sink.write(&self.rest);
                self.rest = line.split(|byte| *byte == b'\n').skip(1).collect::<Vec<_>>().join(&b'\n');
                self.status = Some(status);
                break;
            }
            // What may be the beginning of a mark waits for its end.
            let keep = self.rest.iter().rposition(|byte| *byte == BEGINS).filter(|at| self.rest.len() - at < 64);
            let rest = self.rest.split_off(keep.unwrap_or(self.rest.len()));
            let said = std::mem::replace(&mut self.rest, rest);
            sink.write(&said);
            news.take(&said);
            match self.from.next().await? {
                Some(bytes) => self.rest.extend_from_slice(&bytes),
                None => {
                    sink.write(&std::mem::take(&mut self.rest));
                    return Ok(None);
                }
            }
        }
        Ok(self.status)
    }
}

/// Where the line of the mark begins, and its status, once all of it is there.
fn find(said: &[u8], mark: &str) -> Option<(usize, i32)> {
    let begins = said.iter().enumerate().filter(|(_, byte)| **byte == BEGINS).map(|(at, _)| at);
    for at in begins {
        let Some(rest) = said[at + 1..].strip_prefix(mark.as_bytes()).and_then(|rest| rest.strip_prefix(b":")) else {
            continue;
        };
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        return Some((at, std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn only_a_whole_mark_is_one() {
        assert_eq!(find(b"text\x1eabc:7\nmore", "abc"), Some((4, 7)));
        assert_eq!(find(b"\x1ezzz:1\n\x1eabc:0\n", "abc"), Some((7, 0)));
        for other in [&b"text\x1eabc:7"[..], b"\x1eabd:7\n", b"\x1eabc 7\n", b"abc:7\n", b""] {
            assert_eq!(find(other, "abc"), None);
        }
    }
}
