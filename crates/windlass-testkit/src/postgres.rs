//! PostgreSQL, as it is installed: on a free port, with its data in a temporary directory. The superuser is `postgres`;
//! over TCP a password is asked for (SCRAM), over the unix socket it is not.

mod vectors;

use std::{
    fs, io,
    os::unix::{fs as unix, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::database::{copy, ready};

/// Where Debian puts what does not belong on `PATH`: a directory for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The programs refuse to run as root: `nobody`.
const UNPRIVILEGED: u32 = 65534;
/// It takes some 200 ms; a machine full of builds needs longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// What its log says then.
const READY: &str = "database system is ready to accept connections";
/// Somebody else may take the free port first.
const PORTS_TO_TRY: usize = 8;
/// Quick, and safe against a crash of its own: only the machine must go on.
const SETTINGS: [&str; 4] = ["fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=200"];

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    directory: TempDir,
    port: u16,
    password: String,
    ca: Option<PathBuf>,
    process: Option<Child>,
}

impl Server {
    /// One without TLS. `None`, said loudly, where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        Self::begin(false)
    }

    /// One that offers TLS as well, with a certificate for `localhost` and for nothing else; see [`Server::ca`].
    pub fn start_tls() -> Option<Self> {
        Self::begin(true)
    }

    /// One that has pgvector; nothing is made of it yet. `None`, said loudly, where there is none and none can be
    /// installed.
    pub fn start_with_vectors() -> Option<Self> {
        Self::of(vectors::programs()?, false)
    }

    /// `127.0.0.1`.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Its port. The same after [`Server::start_again`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of its unix socket, over which everybody is let in without a password.
    pub fn socket_directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// What the user `postgres` has to know over TCP.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The authority that signed its certificate, as PEM.
    pub fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// `postgres://USER@127.0.0.1:PORT/DATABASE`, without a password.
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@{}:{}/{database}", self.host(), self.port)
    }

    /// Runs statements as the superuser by PostgreSQL's own client; what it printed, without headings. Panics where
    /// they fail.
    #[track_caller]
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-h"])
            .arg(self.directory.path())
            .args(["-p", &self.port.to_string(), "-c", statements])
            .stdin(Stdio::null())
            .output();
        let output = output.unwrap_or_else(|error| panic!("psql does not start: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "psql fails: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Ends it at once, as a crash would: connections break without a word.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            end(&mut process);
        }
    }

    /// Starts it again, on the same port with the same data.
    pub fn start_again(&mut self) {
        self.stop();
        match self.run(self.port) {
            Ok(process) => self.process = Some(process),
            Err(error) => panic!("PostgreSQL does not start again: {error}"),
        }
    }

    fn begin(tls: bool) -> Option<Self> {
        let Some(programs) = programs() else {
            crate::skip("PostgreSQL", "it is not installed (apt-get install postgresql)");
            return None;
        };
        Self::of(programs, tls)
    }

    fn of(programs: PathBuf, tls: bool) -> Option<Self> {
        match Self::prepared(programs, tls).and_then(Self::on_a_free_port) {
            Ok(server) => Some(server),
            Err(error) => panic!("PostgreSQL does not start: {error}"),
        }
    }

    fn prepared(programs: PathBuf, tls: bool) -> io::Result<Self> {
        let template = template(&programs)?;
        let directory = tempfile::Builder::new().prefix("pg").tempdir()?;
        let at = directory.path();
        copy(&template, &at.join("data"))?;
        let password = fs::read_to_string(template.join(PASSWORD))?;
        let ca = if tls { Some(crate::certify::certify(at, &["localhost"])?) } else { None };
        own(at)?;
        Ok(Self { programs, directory, port: 0, password, ca, process: None })
    }

    fn on_a_free_port(mut self) -> io::Result<Self> {
        let mut last = io::Error::other("no port was free");
        for _ in 0..PORTS_TO_TRY {
            self.port = crate::free_port()?;
            match self.run(self.port) {
                Ok(process) => {
                    self.process = Some(process);
                    return Ok(self);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn run(&self, port: u16) -> io::Result<Child> {
        let at = self.directory.path();
        let mut command = unprivileged(&self.programs.join("postgres"), at);
        command.arg("-D").arg(at.join("data")).arg("-k").arg(at);
        command.args(["-h", self.host(), "-p", &port.to_string()]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        if self.ca.is_some() {
            command.args(["-c", "ssl=on"]);
            command.arg("-c").arg(format!("ssl_cert_file={}", at.join("server.pem").display()));
            command.arg("-c").arg(format!("ssl_key_file={}", at.join("server.key").display()));
        }
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        ready(&mut process, READY, PATIENCE).inspect_err(|_| end(&mut process))?;
        Ok(process)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The file in the template that has the superuser's password.
const PASSWORD: &str = "windlass-password";

/// The newest version's programs: Debian's, or those on `PATH`, which may be links to where the others are as well.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter_map(|place| {
        let program = fs::canonicalize(place.join("initdb")).ok()?;
        program.parent().map(Path::to_owned)
    });
    debian().into_iter().map(|(_, place)| place).chain(on_path).find(|place| has_all(place))
}

/// Debian's versions with where their programs are, the newest first.
fn debian() -> Vec<(u32, PathBuf)> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    versions.sort();
    versions.reverse();
    versions
}

fn has_all(place: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|name| place.join(name).is_file())
}

/// A data directory as `initdb` makes it. That takes seconds, and each test has a process of its own, so it is kept in
/// the target directory.
fn template(programs: &Path) -> io::Result<PathBuf> {
    let version = Command::new(programs.join("postgres")).arg("--version").output()?.stdout;
    let version = String::from_utf8_lossy(&version).split(' ').nth(2).unwrap_or_default().trim_end().to_owned();
    let binary = std::env::current_exe()?;
    let target = binary.ancestors().nth(3).ok_or_else(|| io::Error::other("not run from a target directory"))?;
    let template = target.join(format!("postgres-template-{version}"));
    if template.exists() {
        return Ok(template);
    }
    let directory = tempfile::Builder::new().prefix("pg").tempdir()?;
    let (data, password) = (directory.path().join("data"), directory.path().join("password"));
    fs::write(&password, format!("{:032x}", rand::random::<u128>()))?;
    own(directory.path())?;
    let output = unprivileged(&programs.join("initdb"), directory.path())
        .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-instructions"])
        .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
        .arg("--pwfile")
        .arg(&password)
        .arg("-D")
        .arg(&data)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let mine = tempfile::Builder::new().prefix("postgres-template").tempdir_in(target)?;
    copy(&data, mine.path())?;
    fs::copy(&password, mine.path().join(PASSWORD))?;
    match fs::rename(mine.path(), &template) {
        // Another process was quicker: its template is as good.
        Err(error) if !template.exists() => Err(error),
        _ => Ok(template),
    }
}

/// A program as somebody it agrees to run for, with nothing of this process's environment but what it needs.
fn unprivileged(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).stdin(Stdio::null()).env_clear().env("LC_ALL", "C").env("TZ", "UTC");
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    if geteuid().is_root() {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    command
}

/// Gives a directory and all in it to who runs the programs.
fn own(path: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    unix::chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            own(&entry?.path())?;
        }
    }
    Ok(())
}

/// Ends it and, through it, its processes: it waits for them.
fn end(process: &mut Child) {
    // Whatever goes wrong here, it has ended or will not.
    if let Some(pid) = i32::try_from(process.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::QUIT);
    }
    let _ = process.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_its_data_over_a_crash_and_refuses_a_wrong_password() {
        let Some(mut server) = Server::start() else { return };
        server.sql("postgres", "create table kept(n int); insert into kept values (7); checkpoint");
        let port = server.port();
        let pid = server.process.as_ref().unwrap().id();
        server.stop();
        assert!(!crate::process::is_running(pid));
        server.start_again();
        assert_eq!(server.port(), port);
        assert_eq!(server.sql("postgres", "select n from kept"), "7");
        let login = |password: &str| {
            let mut command = Command::new(server.programs.join("psql"));
            command.args(["-w", "-d", &server.url("postgres", "postgres"), "-c", "select"]).env("PGPASSWORD", password);
            command.output().unwrap().status.success()
        };
        assert!(login(server.password()));
        assert!(!login("wrong"));
    }
}
