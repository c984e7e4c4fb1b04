//! A container registry, as people run one: the distribution project's, on a free port, with its storage in a temporary
//! directory, over TLS with an authority of its own and a password.

use std::{
    fs, io,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// How Debian and others name the program.
const PROGRAMS: [&str; 2] = ["docker-registry", "registry"];
/// It takes some 20 ms.
const PATIENCE: Duration = Duration::from_secs(30);
/// The least there is: the tests are about passwords, not about guessing them.
const COST: u32 = 4;

/// A registry that runs until this is dropped.
#[derive(Debug)]
pub struct TestRegistry {
    /// Where it listens: `127.0.0.1` and a port. Its certificate also names `localhost`.
    pub host: String,
    /// Who may use it.
    pub username: String,
    /// What they know.
    pub password: String,
    /// The authority that signed its certificate, as PEM. `None`: it speaks plain HTTP, and to everybody.
    pub ca: Option<PathBuf>,
    /// Where it keeps its images: blobs are at `docker/registry/v2/blobs/sha256/AB/ABCD.../data`.
    pub storage: PathBuf,
    process: Child,
    _directory: TempDir,
}

impl TestRegistry {
    /// One with TLS and a password. `None`, said loudly, where the program is not installed.
    pub fn secure(test: &str) -> Option<Self> {
        Self::start(test, true)
    }

    /// One without either, on loopback: to stand behind a proxy that has its own habits.
    pub fn plain(test: &str) -> Option<Self> {
        Self::start(test, false)
    }

    fn start(test: &str, secure: bool) -> Option<Self> {
        let Some(program) = PROGRAMS.into_iter().find(|program| runs(program)) else {
            crate::skip(test, "no docker-registry is installed (apt-get install docker-registry)");
            return None;
        };
        match Self::run(program, secure) {
            Ok(registry) => Some(registry),
            Err(error) => panic!("{program} does not start: {error}"),
        }
    }

    fn run(program: &str, secure: bool) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let at = directory.path();
        let storage = at.join("storage");
        let (username, password) = ("AWS".to_owned(), hex(rand::random()));
        let mut settings = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {:?}}}, delete: {{enabled: true}}}}\nhttp:\n  addr: 127.0.0.1:0\n",
            storage
        );
        let mut ca = None;
        if secure {
            ca = Some(crate::certify::certify(at, &["localhost", "127.0.0.1"])?);
            let hash = bcrypt::hash(&password, COST).map_err(io::Error::other)?;
            fs::write(at.join("htpasswd"), format!("{username}:{hash}\n"))?;
            settings +=
                &format!("  tls: {{certificate: {:?}, key: {:?}}}\n", at.join("server.pem"), at.join("server.key"));
            settings += &format!("auth: {{htpasswd: {{realm: test, path: {:?}}}}}\n", at.join("htpasswd"));
        }
        let file = at.join("config.yml");
        fs::write(&file, settings)?;
        let mut process = Command::new(program)
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Its settings could come from there as well.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .spawn()?;
        let host = listening(&mut process).inspect_err(|_| end(&mut process))?;
        Ok(Self { host, username, password, ca, storage, process, _directory: directory })
    }

    /// Where the bytes of the blob with this hexadecimal digest are stored.
    pub fn blob(&self, hex: &str) -> PathBuf {
        self.storage.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut Child) {
    // Whatever goes wrong here, it has ended or will not.
    let _ = process.kill();
    let _ = process.wait();
}

fn runs(program: &str) -> bool {
    let run = Command::new(program).arg("--version").stdout(Stdio::piped()).stderr(Stdio::null()).output();
    // Another program could have so common a name.
    run.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("distribution"))
}

/// Waits for the line that says which port it was given, and goes on reading, so that it never waits for us.
fn listening(process: &mut Child) -> io::Result<String> {
    let log = process.stderr.take().ok_or_else(|| io::Error::other("it has no log"))?;
    let (found, host) = mpsc::channel();
    thread::spawn(move || {
        let mut said = String::new();
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once("listening on ") {
                let host = rest.split([',', '"', ' ']).next().unwrap_or_default().to_owned();
                let _ = found.send(Ok(host));
            }
            if said.len() < 4096 {
                said += &line;
                said.push('\n');
            }
        }
        let _ = found.send(Err(io::Error::other(said)));
    });
    host.recv_timeout(PATIENCE).map_err(io::Error::other)?
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
