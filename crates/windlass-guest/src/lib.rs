//! The small program inside a sandbox, the protocol it speaks, and the host's side of it.
//!
//! - [`protocol`] is what goes over the one stream between them, and reads it from a stranger;
//! - [`client`] is the host's side: run a command, move a file, ask how the guest is;
//! - [`guest`] is the guest's side: it runs the commands and ends them, whole trees at a time;
//! - [`home`] is what code finds where it runs;
//! - [`parts`] is what the program does before it serves;
//! - [`program`] is all of that as a program of its own, or as a part of one;
//! - [`transport`] opens the stream inside the guest: a unix socket, a serial device, vsock, standard input and output.
//!
//! **Invariants.** The host believes nothing a guest sends: every size is bounded before it is allocated, and what breaks
//! the rules ends that guest's own connection and nothing else. No channel waits for another. A command ends with
//! everything it started, however it hid, and the connection stays in step.

pub mod client;
pub mod guest;
pub mod home;
pub mod parts;
pub mod program;
pub mod protocol;
pub mod transport;

mod fd;
mod init;
mod mux;
mod os;
mod steward;
