//! The program itself: arguments, one stream, an exit code.

use std::{ffi::OsString, io::Write, path::PathBuf, process::ExitCode};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    guest::{Guest, Options, ServeError},
    transport,
};

const USAGE: &str = "\
usage: windlass-guest (--stdio | --unix PATH | --serial DEVICE | --vsock PORT) [--once]

  --stdio          serve the host on standard input and output, and end with it
  --unix PATH      listen on a unix socket
  --serial DEVICE  serve the host at a serial device, such as /dev/virtio-ports/NAME
  --vsock PORT     listen on a port of vsock
  --once           end with the first host instead of waiting for the next
";

enum Stream {
    Stdio,
    Unix(PathBuf),
    Serial(PathBuf),
    Vsock(u32),
}

/// The whole program, with its arguments. Call it where nothing else runs: it takes the process over.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let Some((stream, once)) = parse(args) else {
        say(USAGE);
        return ExitCode::from(64);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build();
    let ended = runtime.map_err(ServeError::from).and_then(|runtime| {
        let ended = runtime.block_on(run(&stream, once));
        // A read that hangs in the kernel does not keep us.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("windlass-guest: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Serves until the stream says so, or we are told to end.
async fn run(stream: &Stream, once: bool) -> Result<(), ServeError> {
    // The first process of a system gets no signal that it does not ask for.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let guest = Guest::new(Options::default())?;
    let ended = tokio::select! {
        ended = serve(&guest, stream, once) => ended,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    guest.end_all().await;
    ended
}

async fn serve(guest: &Guest, stream: &Stream, once: bool) -> Result<(), ServeError> {
    match stream {
        Stream::Stdio => transport::stdio(guest).await,
        Stream::Unix(path) => transport::unix(guest, path, once).await,
        Stream::Serial(device) => transport::serial(guest, device, once).await,
        Stream::Vsock(port) => transport::vsock(guest, *port, once).await,
    }
}

fn parse(mut args: impl Iterator<Item = OsString>) -> Option<(Stream, bool)> {
    let (mut stream, mut once) = (None, false);
    while let Some(arg) = args.next() {
        let chosen = match arg.to_str()? {
            "--once" => {
                once = true;
                continue;
            }
            "--stdio" => Stream::Stdio,
            "--unix" => Stream::Unix(args.next()?.into()),
            "--serial" => Stream::Serial(args.next()?.into()),
            "--vsock" => Stream::Vsock(args.next()?.to_str()?.parse().ok()?),
            _ => return None,
        };
        if stream.replace(chosen).is_some() {
            return None;
        }
    }
    Some((stream?, once))
}

fn say(text: &str) {
    // There may be nobody to hear it.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
