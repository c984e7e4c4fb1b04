//! MariaDB, as it is installed: on a free port, with its data in a temporary directory. `root` has a password over TCP,
//! and none over the unix socket.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::database::{copy, ready};

/// Its programs, by the names since 10.5.
const SERVER: &str = "mariadbd";
const CLIENT: &str = "mariadb";
const INSTALL: &str = "mariadb-install-db";
/// Where Debian puts the server, which is not on everybody's `PATH`.
const DEBIAN: &str = "/usr/sbin";
/// It takes about a second; a machine full of builds needs longer.
const PATIENCE: Duration = Duration::from_secs(90);
/// What its log says then.
const READY: &str = "ready for connections";
/// Somebody else may take the free port first.
const PORTS_TO_TRY: usize = 8;
/// What makes it small and quick. A log that is written and not flushed outlives the process, if not the machine.
const SETTINGS: [&str; 10] = [
    "--innodb-buffer-pool-size=24M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
    "--aria-pagecache-buffer-size=8M",
    "--key-buffer-size=1M",
    "--max-connections=200",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--plugin-maturity=experimental",
];

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    directory: TempDir,
    port: u16,
    password: String,
    ca: Option<PathBuf>,
    process: Option<Child>,
}

impl Server {
    /// One without TLS. `None`, said loudly, where MariaDB is not installed.
    pub fn start() -> Option<Self> {
        Self::begin(None)
    }

    /// One that offers TLS as well, with a certificate for `name` and for nothing else; see [`Server::ca`].
    pub fn start_tls(name: &str) -> Option<Self> {
        Self::begin(Some(name))
    }

    /// `127.0.0.1`.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Its port. The same after [`Server::start_again`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its unix socket, over which `root` is let in without a password.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("mysqld.sock")
    }

    /// A directory that it can read and write, as can the test.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What `root` has to know over TCP.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The authority that signed its certificate, as PEM.
    pub fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// Runs statements as `root` by MariaDB's own client; what it printed, tabs between columns, without headings. Panics
    /// where they fail.
    #[track_caller]
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let output = Command::new(CLIENT)
            .args(["--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4", "--user=root"])
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--execute={statements}"))
            .arg(database)
            .stdin(Stdio::null())
            .output();
        let output = output.unwrap_or_else(|error| panic!("{CLIENT} does not start: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{CLIENT} fails: {said}");
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
            Err(error) => panic!("MariaDB does not start again: {error}"),
        }
    }

    fn begin(name: Option<&str>) -> Option<Self> {
        let Some(program) = program() else {
            crate::skip("MariaDB", "it is not installed (apt-get install mariadb-server)");
            return None;
        };
        let started = Self::prepared(program, name).and_then(Self::on_a_free_port);
        let server = started.unwrap_or_else(|error| panic!("MariaDB does not start: {error}"));
        server.sql(
            "mysql",
            &format!(
                "CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{}'; \
                 GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1' WITH GRANT OPTION",
                server.password
            ),
        );
        Some(server)
    }

    fn prepared(program: PathBuf, name: Option<&str>) -> io::Result<Self> {
        let template = template(&program)?;
        let directory = tempfile::Builder::new().prefix("mariadb").tempdir()?;
        copy(&template, &directory.path().join("data"))?;
        let ca = name.map(|name| crate::certify::certify(directory.path(), &[name])).transpose()?;
        let password = format!("{:032x}", rand::random::<u128>());
        Ok(Self { program, directory, port: 0, password, ca, process: None })
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
        let mut command = quiet(&self.program);
        command.args(SETTINGS).arg(format!("--datadir={}", at.join("data").display()));
        command.arg(format!("--socket={}", self.socket().display()));
        // A server that starts sweeps away what others keep in a directory for temporary files that they share.
        command.arg(format!("--tmpdir={}", at.display()));
        command.arg(format!("--pid-file={}", at.join("pid").display()));
        command.arg(format!("--bind-address={}", self.host())).arg(format!("--port={port}"));
        if let Some(ca) = &self.ca {
            command.arg(format!("--ssl-ca={}", ca.display()));
            command.arg(format!("--ssl-cert={}", at.join("server.pem").display()));
            command.arg(format!("--ssl-key={}", at.join("server.key").display()));
        }
        let mut process = command.current_dir(at).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        ready(&mut process, READY, PATIENCE).inspect_err(|_| end(&mut process))?;
        Ok(process)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn program() -> Option<PathBuf> {
    let mut places: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    places.push(DEBIAN.into());
    let has = |name: &str| places.iter().map(|place| place.join(name)).find(|program| program.is_file());
    has(CLIENT).and(has(INSTALL)).and(has(SERVER))
}

/// A data directory as it is installed. That takes seconds, and each test has a process of its own, so it is kept in the
/// target directory.
fn template(program: &Path) -> io::Result<PathBuf> {
    let version = Command::new(program).arg("--version").output()?.stdout;
    let version = String::from_utf8_lossy(&version).into_owned();
    let version = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let binary = std::env::current_exe()?;
    let target = binary.ancestors().nth(3).ok_or_else(|| io::Error::other("not run from a target directory"))?;
    let template = target.join(format!("mariadb-template-{}", version.unwrap_or_default()));
    if template.exists() {
        return Ok(template);
    }
    let mine = tempfile::Builder::new().prefix("mariadb-template").tempdir_in(target)?;
    let output = quiet(Path::new(INSTALL))
        .args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"])
        .arg("--innodb-log-file-size=8M")
        .arg(format!("--datadir={}", mine.path().display()))
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    match fs::rename(mine.path(), &template) {
        // Another process was quicker: its template is as good.
        Err(error) if !template.exists() => Err(error),
        _ => Ok(template),
    }
}

/// One of its programs, with nothing of this machine's settings and nothing of this process's environment but the path.
fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--no-defaults").stdin(Stdio::null()).env_clear().env("LC_ALL", "C").env("TZ", "UTC");
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    if geteuid().is_root() {
        command.arg("--user=root");
    }
    command
}

fn end(process: &mut Child) {
    // Whatever goes wrong here, it has ended or will not.
    let _ = process.kill();
    let _ = process.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_its_data_over_a_crash_and_refuses_a_wrong_password() {
        let Some(mut server) = Server::start() else { return };
        server.sql("mysql", "create database kept; create table kept.t(n int) engine=innodb; insert kept.t values (7)");
        let port = server.port();
        let pid = server.process.as_ref().unwrap().id();
        server.stop();
        assert!(!crate::process::is_running(pid));
        server.start_again();
        assert_eq!(server.port(), port);
        assert_eq!(server.sql("kept", "select n from t"), "7");
        let login = |password: &str| {
            let mut command = quiet(Path::new(CLIENT));
            command.args(["--host=127.0.0.1", "--execute=select 1", &format!("--port={port}")]);
            command.args(["--user=root"]).env("MYSQL_PWD", password).output().unwrap().status.success()
        };
        assert!(login(server.password()));
        assert!(!login("wrong"));
    }
}
