//! The one binary. `main` turns what a command returns into an exit code; the commands wire the crates together.

#![forbid(unsafe_code)]

mod cli;
mod commands;
mod exit;
mod knowledge;
mod output;
mod passwords;
mod rootfs;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

fn main() -> ExitCode {
    // A child on its way to a command's program: nothing else may run first.
    if std::env::args_os().nth(1).is_some_and(|first| first == windlass_shell::launch::ARGUMENT) {
        return windlass_shell::launch::main();
    }
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == windlass_sandbox::program::ARGUMENT) {
        return windlass_sandbox::program::main(args);
    }
    let cli = cli::Cli::parse();
    // Children run as the same user: without this one could read this process's environment and memory through /proc
    // wherever the kernel lacks Landlock. Refused only by kernels that do not know it.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // One crypto provider for the whole process; a second install is the only way this can fail.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("windlass: the runtime did not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(commands::run(cli));
    // A blocking read of standard input must not keep the process from ending.
    runtime.shutdown_background();
    code
}
