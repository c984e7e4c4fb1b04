//! What every test needs: a guest that runs.

use std::{
    fs,
    os::{fd::OwnedFd, unix::net::UnixStream as Blocking},
    process::{Child, Command as Process, Stdio},
    time::Duration,
};

use tokio::net::UnixStream;
use windlass_guest::client::{ClientError, Command, Finished, GuestClient};

/// Longer than anything takes; a test that needs it fails.
pub const LONG: Duration = Duration::from_secs(60);
/// More than any test prints.
pub const PLENTY: usize = 1 << 20;

/// A guest over one socket, which is its standard input and output.
pub struct Guest {
    pub process: Child,
    pub client: Option<GuestClient>,
}

impl Guest {
    pub async fn start() -> Self {
        let (process, stream) = start_raw();
        let client = Some(GuestClient::new(stream, LONG).await.unwrap());
        Self { process, client }
    }

    pub fn client(&self) -> &GuestClient {
        self.client.as_ref().unwrap()
    }

    pub async fn run(&self, command: Command) -> Result<Finished, ClientError> {
        self.client().exec(command, LONG).await?.collect(PLENTY, LONG).await
    }

    pub async fn sh(&self, script: &str) -> Finished {
        self.run(sh(script)).await.unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends the connection and waits until the guest is gone too.
    pub async fn leave(&mut self) {
        self.client = None;
        let gone = eventually(|| self.process.try_wait().unwrap().is_some()).await;
        assert!(gone, "the guest stays");
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, and the host's end of its stream.
pub fn start_raw() -> (Child, UnixStream) {
    let (ours, theirs) = Blocking::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let process = Process::new(env!("CARGO_BIN_EXE_windlass-guest"))
        .arg("--stdio")
        .stdin(Stdio::from(OwnedFd::from(theirs.try_clone().unwrap())))
        .stdout(Stdio::from(OwnedFd::from(theirs)))
        .spawn()
        .unwrap();
    (process, UnixStream::from_std(ours).unwrap())
}

pub fn sh(script: &str) -> Command {
    Command::new("sh").arg("-c").arg(script)
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap().trim_end()
}

/// Whether a process is there and no zombie.
pub fn lives(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').unwrap()..].starts_with(") Z"))
}

/// The children of a process, zombies too.
pub fn children(parent: u32) -> Vec<String> {
    let own = |pid: &String| {
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
            let after = &stat[stat.rfind(')').unwrap() + 2..];
            after.split(' ').nth(1) == Some(&parent.to_string())
        })
    };
    let entries = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    entries.filter(|name| name.bytes().all(|b| b.is_ascii_digit())).filter(own).collect()
}

pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Waits for something that another process does, and lets the connection go on meanwhile.
pub async fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    for _ in 0..2000 {
        if condition() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}
