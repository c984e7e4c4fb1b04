//! The parts of a sandbox as a program of their own, for this crate's tests. In windlass they are the
//! binary itself.

fn main() -> std::process::ExitCode {
    windlass_sandbox::program::main(std::env::args_os().skip(1))
}
