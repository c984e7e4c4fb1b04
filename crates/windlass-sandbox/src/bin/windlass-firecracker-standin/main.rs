//! Stands in for the programs of Firecracker in this crate's tests, where there is no KVM: it takes what they take, and
//! refuses what they refuse. In its machines are no machines but this machine's programs, in the jailer's directory.
//!
//! It plays the one that it is called. What a test wants of it is at the end of its own file, because nothing else of a
//! test reaches it there.

mod api;
mod files;
mod guest;
mod jailer;
mod machine;
mod shapes;
mod told;

use std::{path::Path, process::ExitCode};

use told::Told;

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let name = arguments.next().unwrap_or_default();
    let told = match Told::read() {
        Ok(told) => told,
        Err(error) => return fail(&format!("what the test says cannot be read: {error}")),
    };
    let arguments: Vec<String> = arguments.collect();
    let played = match Path::new(&name).file_name().and_then(|name| name.to_str()) {
        Some("jailer") => jailer::play(&told, &arguments),
        Some("firecracker") => play_firecracker(told, &arguments),
        _ => Err("it has to be called `jailer` or `firecracker`".into()),
    };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &str) -> ExitCode {
    eprintln!("Error: {error}");
    ExitCode::FAILURE
}

fn play_firecracker(told: Told, arguments: &[String]) -> Result<(), String> {
    if arguments == ["--version"] {
        say(&format!("Firecracker v{}\n", told.version));
        return Ok(());
    }
    let mut id = None;
    let mut socket = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let value = rest.next().ok_or_else(|| format!("The argument '{argument}' requires a value"))?;
        match argument.as_str() {
            "--id" => id = Some(value.clone()),
            "--api-sock" => socket = Some(value.clone()),
            "--level" if ["Off", "Error", "Warning", "Info"].contains(&&**value) => {}
            "--start-time-us" | "--start-time-cpu-us" | "--parent-cpu-time-us" => {}
            other => return Err(format!("Found argument '{other}' which wasn't expected, or isn't valid here")),
        }
    }
    let (Some(id), Some(socket)) = (id, socket) else { return Err("an argument is missing".into()) };
    if rustix::process::getuid().is_root() {
        return Err("it was not jailed".into());
    }
    say(&format!("Running Firecracker v{}", told.version));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(api::serve(told, id, &socket))
}

/// Tells whoever started it, who may be gone.
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}
