//! An answer as it goes over the line: cut, slow, broken off.

use std::{io, time::Duration};

use axum::body::{Body, Bytes};
use tokio::sync::mpsc;

use super::{
    asked::Asked,
    door::{self, Door},
    script::{Fault, Said, Script, Turn},
};

/// What happens next on the line.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// The line is cut.
    HangUp,
    /// The line stays open.
    Silence,
    /// The same again and again.
    Forever(Vec<u8>),
}

/// All of a turn. `number` makes the ids of calls.
pub(super) fn steps(turn: &Turn, door: Door, asked: &Asked, number: usize) -> Vec<Step> {
    let mut voice = door.voice(asked);
    let mut steps: Vec<Step> = match turn.fault {
        Some(Fault::Page) => {
            return vec![Step::Send(b"<!doctype html><title>Sign in</title>".to_vec())];
        }
        Some(Fault::EndlessEvent) => {
            let (first, more) = voice.endless();
            return vec![Step::Send(first), Step::Forever(more)];
        }
        _ => voice.begin().into_iter().map(Step::Send).collect(),
    };
    for (at, said) in turn.say.iter().enumerate() {
        match said {
            Said::Pause(milliseconds) => steps.push(Step::Wait(Duration::from_millis(*milliseconds))),
            said => {
                let id = format!("call_{number}_{at}");
                steps.extend(door::said(voice.as_mut(), said, &id).into_iter().map(Step::Send));
            }
        }
    }
    match turn.fault {
        Some(Fault::OverloadedInTheMiddle) => steps.push(Step::Send(voice.overloaded())),
        Some(Fault::Garbage) => steps.push(Step::Send(voice.garbage())),
        Some(Fault::EndlessAnswer) => {
            steps.push(Step::Forever(voice.text(&"endless".repeat(10_000)).concat()));
        }
        fault => {
            steps.extend(voice.end(turn.stop(), turn.usage).into_iter().map(Step::Send));
            match fault {
                Some(Fault::HangUp { after }) => cut_off(&mut steps, after, Step::HangUp),
                Some(Fault::Silence { after }) => cut_off(&mut steps, after, Step::Silence),
                _ => {}
            }
        }
    }
    steps
}

/// Leaves so many bytes, and then `end`.
fn cut_off(steps: &mut Vec<Step>, mut left: usize, end: Step) {
    for at in 0..steps.len() {
        if let Step::Send(bytes) = &mut steps[at] {
            if bytes.len() >= left {
                bytes.truncate(left);
                steps.truncate(at + 1);
                break;
            }
            left -= bytes.len();
        }
    }
    steps.push(end);
}

/// Plays them. `gone` is called if the other side leaves before the end.
pub(super) fn body(steps: Vec<Step>, script: &Script, gone: impl FnOnce() + Send + 'static) -> Body {
    // One at a time, so that each write is one of its own.
    let (line, mut other) = mpsc::channel::<io::Result<Bytes>>(1);
    let (cut, pause) = (script.cut, Duration::from_millis(script.pause_ms));
    tokio::spawn(async move {
        if play(steps, cut, pause, &line).await.is_none() {
            gone();
        }
    });
    Body::from_stream(futures::stream::poll_fn(move |context| other.poll_recv(context)))
}

/// `None` if nobody listens any more.
async fn play(
    steps: Vec<Step>,
    cut: Option<usize>,
    pause: Duration,
    line: &mpsc::Sender<io::Result<Bytes>>,
) -> Option<()> {
    for step in steps {
        match step {
            Step::Send(bytes) => {
                for part in bytes.chunks(cut.unwrap_or(bytes.len()).max(1)) {
                    line.send(Ok(Bytes::copy_from_slice(part))).await.ok()?;
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                }
            }
            Step::Wait(time) => tokio::select! {
                () = tokio::time::sleep(time) => {}
                () = line.closed() => return None,
            },
            Step::HangUp => {
                // Whatever it is called, the connection ends without the end of the answer.
                return line.send(Err(io::Error::other("the script hangs up"))).await.ok();
            }
            Step::Silence => {
                line.closed().await;
                return None;
            }
            Step::Forever(bytes) => {
                let bytes = Bytes::from(bytes);
                loop {
                    line.send(Ok(bytes.clone())).await.ok()?;
                }
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cut_off_at_a_byte() {
        let check = |after: usize, expected: &[&str]| {
            let mut steps = vec![Step::Send(b"abc".to_vec()), Step::Send(b"def".to_vec())];
            cut_off(&mut steps, after, Step::HangUp);
            assert_eq!(steps.pop(), Some(Step::HangUp));
            let expected: Vec<Step> = expected.iter().map(|text| Step::Send(text.as_bytes().to_vec())).collect();
            assert_eq!(steps, expected, "{after}");
        };
        check(0, &[""]);
        check(2, &["ab"]);
        check(3, &["abc"]);
        check(4, &["abc", "d"]);
        check(99, &["abc", "def"]);
    }
}
