//! A real server in a directory of its own, seen from outside.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::wire::{Answer, Client, PLAIN, Wire};

pub const WINDLASS: &str = env!("CARGO_BIN_EXE_windlass");

/// Long enough for a debug build on a busy machine; nothing waits for it where all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A shell grant and a few harmless programs.
pub const SHELL: &str = "
shell:
  directory: .
  commands: [ls, cat, pwd, echo, sleep, { program: sh, shell: true }]
";

/// The full numbers of the promises instead of those that fit a coffee.
pub fn long() -> bool {
    std::env::var_os("WINDLASS_TEST_LONG").is_some()
}

/// What to start, and where.
pub struct Plan {
    pub yaml: Option<String>,
    pub env: Vec<(String, String)>,
    pub args: Vec<String>,
    pub stdin: bool,
    /// What runs the binary, where it is not run directly.
    pub wrapper: Vec<String>,
    pub binary: PathBuf,
}

/// A server that runs. Ends with the test.
pub struct House {
    pub dir: TempDir,
    pub addr: Option<SocketAddr>,
    pub pid: u32,
    pub stdin: Option<ChildStdin>,
    pub stdout: Stream,
    pub stderr: Stream,
    exit: Exit,
}

/// Everything a process wrote so far, and news of more.
#[derive(Clone, Default)]
pub struct Stream(Arc<(Mutex<(String, bool)>, Condvar)>);

impl Default for Plan {
    fn default() -> Self {
        Self {
            yaml: None,
            env: Vec::new(),
            args: ["serve", "--port", "0"].map(str::to_owned).to_vec(),
            stdin: false,
            wrapper: Vec::new(),
            binary: WINDLASS.into(),
        }
    }
}

impl Plan {
    pub fn yaml(yaml: &str) -> Self {
        Self { yaml: Some(yaml.to_owned()), ..Self::default() }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Instead of `serve --port 0`.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    pub fn piped(mut self) -> Self {
        self.stdin = true;
        self
    }

    /// Starts it and waits for nothing.
    pub fn spawn(self) -> House {
        self.spawn_in(tempfile::tempdir().unwrap())
    }

    pub fn spawn_in(self, dir: TempDir) -> House {
        let work = dir.path().join("work");
        fs::create_dir_all(&work).unwrap();
        if let Some(yaml) = &self.yaml {
            fs::write(work.join("windlass.yaml"), yaml).unwrap();
        }
        let mut words = self.wrapper.clone();
        words.push(self.binary.display().to_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(&self.args).current_dir(&work).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("XDG_STATE_HOME", dir.path().join("state"));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(if self.stdin { Stdio::piped() } else { Stdio::null() });
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Stream::follow(child.stdout.take().unwrap());
        let stderr = Stream::follow(child.stderr.take().unwrap());
        let (pid, stdin) = (child.id(), child.stdin.take());
        House { dir, addr: None, pid, stdin, stdout, stderr, exit: Exit::watch(child) }
    }

    /// Starts it and waits until it says where it listens.
    pub fn start(self) -> House {
        let mut house = self.spawn();
        house.await_banner();
        house
    }
}

impl House {
    /// A server over HTTP alone, with nothing in its environment.
    pub fn start(yaml: &str) -> Self {
        Plan::yaml(yaml).env("WINDLASS_TRANSPORT", "http").start()
    }

    pub fn await_banner(&mut self) {
        let banner = self.stderr.wait("the banner", |text| {
            text.lines().find_map(|line| line.strip_prefix("  http      http://")?.strip_suffix("/mcp")?.parse().ok())
        });
        self.addr = Some(banner);
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr.expect("it listens")
    }

    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// A client without handshake, revision or credential.
    pub fn client(&self) -> Client {
        Client::new(self.addr(), PLAIN)
    }

    /// A call as the documentation writes it: the result.
    pub fn call(&self, tool: &str, arguments: Value) -> Value {
        self.client().call(tool, arguments)
    }

    /// One request on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        Wire::connect(self.addr()).unwrap().send(method, path, headers, body).unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, body: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("POST", "/mcp", &[&[("content-type", "application/json")], headers].concat(), body.as_bytes())
    }

    /// The audit log so far, as written on standard output.
    pub fn audit(&self) -> Vec<Value> {
        lines(&self.stdout.text())
    }

    /// The first audit line that `is` the one.
    pub fn await_audit(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.stdout.wait(what, |text| lines(text).into_iter().find(|line| is(line)))
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid as i32).unwrap(), signal).unwrap();
    }

    /// Waits until it has ended by itself.
    pub fn ended(&self) -> ExitStatus {
        self.exit.wait(PATIENCE).unwrap_or_else(|| panic!("it did not end:\n{}", self.stderr.text()))
    }

    pub fn is_running(&self) -> bool {
        self.exit.wait(Duration::ZERO).is_none()
    }

    /// SIGTERM, and everything it ever said: standard output, standard error.
    pub fn stop(self) -> (String, String) {
        self.signal(Signal::TERM);
        let status = self.ended();
        assert_eq!(status.code(), Some(0), "{status}\n{}", self.stderr.whole());
        (self.stdout.whole(), self.stderr.whole())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if self.is_running() {
            self.signal(Signal::KILL);
            self.exit.wait(PATIENCE);
        }
        if std::thread::panicking() {
            let text = self.stderr.text();
            let from = text.len().saturating_sub(4000);
            eprintln!("--- the server said:\n{}", &text[text.ceil_char_boundary(from)..]);
        }
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

impl Stream {
    fn follow(read: impl Read + Send + 'static) -> Self {
        let stream = Self::default();
        let writer = stream.clone();
        std::thread::spawn(move || {
            let mut read = BufReader::new(read);
            let mut line = Vec::new();
            loop {
                line.clear();
                let ended = read.read_until(b'\n', &mut line).unwrap_or(0) == 0;
                let mut held = writer.0.0.lock().unwrap();
                held.0.push_str(&String::from_utf8_lossy(&line));
                held.1 |= ended;
                writer.0.1.notify_all();
                if ended {
                    return;
                }
            }
        });
        stream
    }

    pub fn text(&self) -> String {
        self.0.0.lock().unwrap().0.clone()
    }

    /// All of it, once it has ended.
    pub fn whole(&self) -> String {
        let held = self.0.0.lock().unwrap();
        self.0.1.wait_timeout_while(held, PATIENCE, |held| !held.1).unwrap().0.0.clone()
    }

    /// Waits until `find` finds something.
    pub fn wait<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut held = self.0.0.lock().unwrap();
        loop {
            if let Some(found) = find(&held.0) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || held.1 {
                let text = held.0.clone();
                // Whoever shows what the server said needs the lock.
                drop(held);
                panic!("waited for {what}, there is only:\n{text}");
            }
            held = self.0.1.wait_timeout(held, left).unwrap().0;
        }
    }

    pub fn wait_for(&self, text: &str) {
        self.wait(text, |all| all.contains(text).then_some(()));
    }
}

/// The end of a process, awaited on a thread of its own.
#[derive(Clone, Default)]
struct Exit(Arc<(Mutex<Option<ExitStatus>>, Condvar)>);

impl Exit {
    fn watch(mut child: Child) -> Self {
        let exit = Self::default();
        let teller = exit.clone();
        std::thread::spawn(move || {
            let status = child.wait().unwrap();
            *teller.0.0.lock().unwrap() = Some(status);
            teller.0.1.notify_all();
        });
        exit
    }

    fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        let held = self.0.0.lock().unwrap();
        *self.0.1.wait_timeout_while(held, patience, |status| status.is_none()).unwrap().0
    }
}

/// Runs a command of the binary in `dir` to its end: exit code, standard output, standard error.
pub fn run(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(WINDLASS);
    command.args(args).current_dir(dir).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.env("XDG_STATE_HOME", dir.join(".state")).envs(env.iter().copied()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Asks until the answer is yes, where nothing tells.
pub fn eventually(what: &str, is: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < until, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
