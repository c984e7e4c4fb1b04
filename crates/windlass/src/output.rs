//! What commands print on standard output. `println!` panics when the reader has gone (`windlass tools | head`); here that
//! simply ends the process, as it does for other programs.

use std::{
    fmt,
    io::{self, Write},
};

/// `println!` for commands.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::print(format_args!("{}\n", format_args!($($text)*))) };
}
pub(crate) use say;

/// Prints `text` as it is.
pub(crate) fn print(text: fmt::Arguments<'_>) {
    if let Err(error) = io::stdout().lock().write_fmt(text) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            eprintln!("windlass: standard output: {error}");
        }
        std::process::exit(i32::from(error.kind() != io::ErrorKind::BrokenPipe));
    }
}
