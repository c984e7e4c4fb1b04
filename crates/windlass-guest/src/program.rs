//! The program itself: arguments, one stream, an exit code.

use std::{ffi::OsString, io::Write, os::fd::OwnedFd, path::PathBuf, process::ExitCode};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    guest::{Guest, Options, ServeError},
    init, parts, transport,
};

const USAGE: &str = "\
usage: windlass-guest [--init] (--stdio | --unix PATH | --serial DEVICE | --vsock PORT | --port NAME) [--once]

  --stdio          serve the host on standard input and output, and end with it
  --unix PATH      listen on a unix socket
  --serial DEVICE  serve the host at a serial device, such as /dev/virtio-ports/NAME
  --vsock PORT     listen on a port of vsock
  --port NAME      serve the host at a virtio port, by its name; only with --init
  --init           be the first process of a virtual machine, and make the place that code runs in
  --processes N    how many processes of code there may be; only with --init
  --once           end with the first host instead of waiting for the next
";

enum Stream {
    Stdio,
    Unix(PathBuf),
    Serial(PathBuf),
    Vsock(u32),
    Port(String),
}

/// What the arguments say.
struct Told {
    stream: Stream,
    once: bool,
    init: bool,
    processes: u64,
}

/// The whole program, with its arguments. Call it where nothing else runs: it takes the process over.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut args: Vec<OsString> = args.collect();
    if let Some(part) = parts::named(&args) {
        if let Err(error) = part.play() {
            say(&format!("windlass: {error}\n"));
            return ExitCode::from(70);
        }
        args = vec!["--stdio".into()];
    }
    let Some(told) = parse(args.into_iter()) else {
        say(USAGE);
        return ExitCode::from(64);
    };
    let mut options = Options::default();
    let mut opened = None;
    if told.init {
        let way = match &told.stream {
            Stream::Port(name) => Some(init::Way::Port(name)),
            Stream::Vsock(port) => Some(init::Way::Vsock(*port)),
            _ => None,
        };
        match init::begin(told.processes, way) {
            Ok(begun) => (options.steward, opened) = (Some(begun.steward), begun.opened),
            Err(error) => {
                say(&format!("windlass-guest: {error}\n"));
                return ExitCode::FAILURE;
            }
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build();
    let ended = runtime.map_err(ServeError::from).and_then(|runtime| {
        let ended = runtime.block_on(run(&told, options, opened));
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
async fn run(told: &Told, options: Options, opened: Option<OwnedFd>) -> Result<(), ServeError> {
    // The first process of a system gets no signal that it does not ask for.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let guest = Guest::new(options)?;
    let ended = tokio::select! {
        ended = serve(&guest, told, opened) => ended,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    guest.end_all().await;
    ended
}

async fn serve(guest: &Guest, told: &Told, opened: Option<OwnedFd>) -> Result<(), ServeError> {
    let once = told.once;
    match &told.stream {
        Stream::Stdio => transport::stdio(guest).await,
        Stream::Unix(path) => transport::unix(guest, path, once).await,
        Stream::Serial(device) => transport::serial(guest, device, once).await,
        Stream::Vsock(port) => match opened {
            Some(listener) => transport::vsock_at(guest, listener, once).await,
            None => transport::vsock(guest, *port, once).await,
        },
        Stream::Port(_) => match opened {
            Some(port) => transport::port(guest, port, once).await,
            None => Err(std::io::Error::other("--port goes with --init").into()),
        },
    }
}

fn parse(mut args: impl Iterator<Item = OsString>) -> Option<Told> {
    let (mut stream, mut once) = (None, false);
    let (mut init, mut processes) = (false, 256);
    while let Some(arg) = args.next() {
        let chosen = match arg.to_str()? {
            "--once" => {
                once = true;
                continue;
            }
            "--init" => {
                init = true;
                continue;
            }
            "--processes" => {
                processes = args.next()?.to_str()?.parse().ok()?;
                continue;
            }
            "--port" => Stream::Port(args.next()?.to_str()?.into()),
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
    Some(Told { stream: stream?, once, init, processes })
}

fn say(text: &str) {
    // There may be nobody to hear it.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
