//! Makes the small database that `make run` answers questions about: a shop with its customers, products, orders and
//! stock. `windlass-demo PATH`

mod shop;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [path] = arguments.as_slice() else {
        let _ = writeln!(io::stderr(), "usage: windlass-demo PATH");
        return ExitCode::from(2);
    };
    let path = PathBuf::from(path);
    let (mut out, code) = match shop::make(&path) {
        Ok(shop::Made::New) => (format!("made {}", path.display()), ExitCode::SUCCESS),
        Ok(shop::Made::AlreadyThere) => (format!("{} is there", path.display()), ExitCode::SUCCESS),
        Err(error) => (format!("error: {error}"), ExitCode::FAILURE),
    };
    out.push('\n');
    // Where nobody listens, the exit code says it.
    let _ = io::stderr().write_all(out.as_bytes());
    code
}
