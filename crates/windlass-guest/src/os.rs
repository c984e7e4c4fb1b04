//! What no library we use offers safely: a second process between us and each command, and waiting for a descriptor.
//!
//! The *keeper* of a command is a fork of the guest that never executes anything. It adopts whatever the command leaves
//! behind (`PR_SET_CHILD_SUBREAPER`), so everything the command started stays below it in the tree, however often it
//! forked or changed its session; it reports how the command ended and goes when nothing is left.

use std::{
    io,
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::Command,
};

use nix::libc;
use rustix::process::{Pid, Signal, set_child_subreaper, set_parent_process_death_signal, setsid};
use tokio::io::unix::AsyncFd;

/// Lets the runtime wait for `fd`.
pub(crate) fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(unsafe_code, reason = "the library asks for a promise about the descriptor")]
    // SAFETY: an `OwnedFd` stays open and keeps its number until it is dropped, and it is only ever lent from here.
    unsafe {
        Ok(AsyncFd::register(fd)?)
    }
}

/// Brings up an interface of the machine, such as `lo`.
pub(crate) fn bring_up(interface: &str) -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    let mut name = [0; libc::IFNAMSIZ];
    for (place, byte) in name.iter_mut().zip(interface.bytes().take(libc::IFNAMSIZ - 1)) {
        *place = byte.cast_signed();
    }
    let up = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    let request = libc::ifreq { ifr_name: name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: up } };
    #[expect(unsafe_code, reason = "no safe wrapper exists")]
    // SAFETY: the request is of the type that this call reads, and lives until it returns.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives the kernel's generator these random bytes, to be used from now on.
pub(crate) fn add_entropy(random: &std::fs::File, bytes: [u8; 32]) -> io::Result<()> {
    /// `RNDADDENTROPY` and `RNDRESEEDCRNG` of <linux/random.h>.
    const ADD: u32 = 0x4008_5203;
    const RESEED: u32 = 0x5207;
    #[repr(C)]
    struct Pool {
        bits: libc::c_int,
        size: libc::c_int,
        bytes: [u8; 32],
    }
    let pool = Pool { bits: 256, size: 32, bytes };
    #[expect(unsafe_code, reason = "no safe wrapper exists")]
    // SAFETY: `Pool` is laid out as the first call reads it and lives until it returns; the second takes no argument.
    let done = unsafe {
        libc::ioctl(random.as_raw_fd(), ADD as _, &raw const pool) == 0
            && libc::ioctl(random.as_raw_fd(), RESEED as _) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What a keeper writes when its command ended, and, with `pid` only, when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) pid: i32,
    /// The status as `wait4` gives it; -1 when the command has just started.
    pub(crate) status: i32,
    pub(crate) cpu_micros: u64,
    pub(crate) peak_rss_kib: u64,
}

/// The length of a report on the pipe.
pub(crate) const REPORT_LEN: usize = 24;

impl Report {
    /// From the bytes on the pipe.
    pub(crate) fn from_bytes(bytes: &[u8; REPORT_LEN]) -> Self {
        let half = |at: usize| bytes[at..].first_chunk().map_or(0, |word| i32::from_ne_bytes(*word));
        let whole = |at: usize| bytes[at..].first_chunk().map_or(0, |word| u64::from_ne_bytes(*word));
        Self { pid: half(0), status: half(4), cpu_micros: whole(8), peak_rss_kib: whole(16) }
    }

    fn to_bytes(self) -> [u8; REPORT_LEN] {
        let mut bytes = [0; REPORT_LEN];
        bytes[..4].copy_from_slice(&self.pid.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.status.to_ne_bytes());
        bytes[8..16].copy_from_slice(&self.cpu_micros.to_ne_bytes());
        bytes[16..].copy_from_slice(&self.peak_rss_kib.to_ne_bytes());
        bytes
    }
}

/// Puts a keeper between us and `command`, which then runs `prepare` in a session of its own just before `exec`.
///
/// `prepare` runs after a fork and must not allocate or lock.
pub(crate) fn keep(
    command: &mut Command,
    report: OwnedFd,
    prepare: impl Fn() -> io::Result<()> + Send + Sync + 'static,
) {
    let become_kept = move || {
        let keeper = std::process::id();
        set_parent_process_death_signal(Some(Signal::KILL))?;
        set_child_subreaper(Pid::from_raw(1))?;
        #[expect(unsafe_code, reason = "no safe wrapper exists")]
        // SAFETY: we are the child of a fork, with one thread; both copies go on with system calls only.
        let child = unsafe { libc::fork() };
        match child {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                // The keeper may have died before we asked to die with it.
                if rustix::process::getppid().is_none_or(|parent| parent.as_raw_pid().cast_unsigned() != keeper) {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                setsid()?;
                heed_all_signals();
                close_all_on_exec()?;
                prepare()
            }
            child => keep_watch(child, report.as_raw_fd()),
        }
    };
    #[expect(unsafe_code, reason = "the standard library marks this unsafe for programs with threads")]
    // SAFETY: the closure and `prepare` make system calls and build errors from numbers; they neither allocate nor lock.
    unsafe {
        command.pre_exec(become_kept);
    }
}

/// A signal that someone above the guest ignores would be ignored by every command too, and control-C do nothing.
fn heed_all_signals() {
    for signal in 1..=31 {
        #[expect(unsafe_code, reason = "it could name a function of ours, and does not")]
        // SAFETY: asks for the default; for the two signals that cannot be changed it fails and does nothing.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}

/// What a keeper does until nothing is left to keep.
fn keep_watch(child: i32, report: RawFd) -> ! {
    #[expect(unsafe_code, reason = "plain system calls between fork and exit")]
    // SAFETY: this process has one thread and shares no memory with its parent. It calls only what is allowed after a
    // fork, gives each call valid pointers to its own stack, and leaves by `_exit`, so nothing is dropped twice.
    unsafe {
        for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            libc::signal(signal, libc::SIG_DFL);
        }
        // Also the pipe over which the standard library learns of a failed `exec`: it must not stay open here.
        close_all_but(report);
        tell(report, Report { pid: child, status: -1, cpu_micros: 0, peak_rss_kib: 0 });
        loop {
            let mut status = 0;
            let mut usage: libc::rusage = std::mem::zeroed();
            let pid = libc::wait4(-1, &raw mut status, libc::__WALL, &raw mut usage);
            if pid == child {
                let micros = |time: libc::timeval| time.tv_sec.cast_unsigned() * 1_000_000 + time.tv_usec as u64;
                let cpu_micros = micros(usage.ru_utime) + micros(usage.ru_stime);
                tell(report, Report { pid, status, cpu_micros, peak_rss_kib: usage.ru_maxrss.cast_unsigned() });
            } else if pid == -1 && *libc::__errno_location() != libc::EINTR {
                libc::_exit(0);
            }
        }
    }
}

fn tell(report: RawFd, what: Report) {
    let bytes = what.to_bytes();
    #[expect(unsafe_code, reason = "the descriptor is known by its number only")]
    // SAFETY: the pointer and the length are those of `bytes`. A pipe takes so few bytes at once or not at all.
    unsafe {
        libc::write(report, bytes.as_ptr().cast(), bytes.len());
    }
}

fn close_all_but(keep: RawFd) {
    let keep = keep.cast_unsigned();
    let ranges = [(0, keep.wrapping_sub(1)), (keep + 1, libc::c_uint::MAX)];
    for (first, last) in ranges {
        if keep == 0 && first == 0 {
            continue;
        }
        #[expect(unsafe_code, reason = "no safe wrapper exists")]
        // SAFETY: passes integers; this process uses no descriptor but `keep` from here on.
        unsafe {
            if libc::syscall(libc::SYS_close_range, first, last, 0) != 0 {
                // Before Linux 5.9; no more than this are open there.
                (first..last.min(4096)).for_each(|fd| _ = libc::close(fd.cast_signed()));
            }
        }
    }
}

/// Makes every descriptor from 3 on close at `exec`, whoever opened it: the guest's own stream above all.
///
/// They are marked and not closed: the standard library still needs its own one to report a failed `exec`.
fn close_all_on_exec() -> io::Result<()> {
    #[expect(unsafe_code, reason = "no safe wrapper exists")]
    // SAFETY: passes integers; with CLOSE_RANGE_CLOEXEC no descriptor is closed, so none can dangle.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) != 0 {
            // Before Linux 5.11. A number that is not open gives EBADF.
            (3..4096).for_each(|fd| _ = libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC));
        }
    }
    Ok(())
}
