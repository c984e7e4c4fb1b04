//! A real guest, in a process of its own, and a real host.

mod commands;
mod files;
mod flow;
mod guest;
mod hostile_guest;
mod hostile_host;
mod leaks;
mod trees;
