//! The small program inside a sandbox: serves a host over one stream, as the first process or as a child of one.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    windlass_guest::program::main(std::env::args_os().skip(1))
}
