//! The two system calls that no library we use offers safely.

use std::{io, os::unix::process::CommandExt, process::Command};

use nix::libc;

/// Makes every descriptor from 3 on close at the next `exec`, whoever opened it and however.
///
/// They are marked and not closed: the standard library still needs its own one to report a failed `exec`.
pub(super) fn close_all_on_exec() -> io::Result<()> {
    #[expect(unsafe_code, reason = "no safe wrapper exists")]
    // SAFETY: passes three integers; with CLOSE_RANGE_CLOEXEC no descriptor is closed, so none can dangle.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 {
        return Ok(());
    }
    // Before Linux 5.11.
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        if number > 2 {
            #[expect(unsafe_code, reason = "the descriptor is known by its number only")]
            // SAFETY: sets a flag on a descriptor number; a number that is closed by now gives EBADF.
            unsafe {
                libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
    Ok(())
}

/// Runs `prepare` in the child of `command`, after its descriptors and directory are set and before `exec`.
pub(super) fn before_exec(command: &mut Command, prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    #[expect(unsafe_code, reason = "the standard library marks this unsafe for programs with threads")]
    // SAFETY: the supervisor has one thread, so the forked child is a whole copy: no lock is held by a thread that does
    // not exist there, and any code may run. `prepare` borrows nothing.
    unsafe {
        command.pre_exec(prepare);
    }
}
