//! A repository made with git itself, and a server of it that is git itself.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::web::{Answer, Asked, Server, answer};

/// A repository with a work tree, and a bare one that is served.
pub struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    /// `None` where there is no git, which is said as a skip.
    pub fn new(test: &str) -> Option<Self> {
        if Command::new("git").arg("--version").output().is_err() {
            windlass_testkit::skip(test, "there is no git");
            return None;
        }
        let this = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(this.work()).unwrap();
        this.git(&["init", "--quiet", "--initial-branch=main"]);
        this.git(&["init", "--quiet", "--bare", "--initial-branch=main", "../served.git"]);
        Some(this)
    }

    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub fn served(&self) -> PathBuf {
        self.folder.path().join("served.git")
    }

    /// What git prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, "")
    }

    pub fn git_with(&self, arguments: &[&str], input: &str) -> String {
        use std::io::Write;
        let mut child = git(&self.work()).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Commits everything and pushes it; the commit.
    pub fn publish(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=change"]);
        self.git(&["push", "--quiet", "--force", "../served.git", "HEAD"]);
        self.git(&["rev-parse", "HEAD"])
    }
}

fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(directory).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs([
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@example.com"),
        ("GIT_AUTHOR_DATE", "2026-03-01T12:00:00Z"),
        ("GIT_COMMITTER_NAME", "A"),
        ("GIT_COMMITTER_EMAIL", "a@example.com"),
        ("GIT_COMMITTER_DATE", "2026-03-02T12:00:00Z"),
    ]);
    command
}

/// A server of repositories: git's own program behind it.
pub struct Host {
    pub server: Server,
    /// Bytes of all packs that were sent.
    sent: Arc<AtomicU64>,
}

impl Host {
    /// Serves what is in `repository`, to whom says `login`.
    pub async fn of(repository: &Repository, login: Option<&str>) -> Self {
        let (answers, sent) = Self::answers(repository, login);
        Self { server: Server::start(answers).await, sent }
    }

    pub async fn with_tls(repository: &Repository, login: Option<&str>, tls: TlsAcceptor) -> Self {
        let (answers, sent) = Self::answers(repository, login);
        Self { server: Server::start_tls(tls, answers).await, sent }
    }

    fn answers(
        repository: &Repository,
        login: Option<&str>,
    ) -> (impl Fn(Asked) -> futures::future::BoxFuture<'static, Answer> + Send + Sync + 'static, Arc<AtomicU64>) {
        let root = repository.folder.path().to_owned();
        let wanted = login.map(|login| format!("Basic {}", STANDARD.encode(login)));
        let sent = Arc::new(AtomicU64::new(0));
        let counter = sent.clone();
        let answers = move |asked: Asked| -> futures::future::BoxFuture<'static, Answer> {
            let (root, wanted, counter) = (root.clone(), wanted.clone(), counter.clone());
            Box::pin(async move {
                if wanted.is_some() && asked.header("authorization") != wanted.as_deref() {
                    return answer(401, &[("www-authenticate", "Basic realm=\"git\"")], "who are you?");
                }
                let answer = backend(&root, &asked).await;
                if asked.path.ends_with("/git-upload-pack") {
                    let bytes = hyper::body::Body::size_hint(answer.body()).lower();
                    counter.fetch_add(bytes, Ordering::Relaxed);
                }
                answer
            })
        };
        (answers, sent)
    }

    pub fn url(&self) -> String {
        self.server.at("/served.git")
    }

    /// Bytes of packs that were sent since this was asked last.
    pub fn sent(&self) -> u64 {
        self.sent.swap(0, Ordering::Relaxed)
    }
}

/// What `git http-backend` says, which speaks CGI.
pub async fn backend(root: &Path, asked: &Asked) -> Answer {
    let mut command = tokio::process::Command::from(git(root));
    command.arg("http-backend").envs([
        ("GIT_PROJECT_ROOT", root.to_str().unwrap()),
        ("GIT_HTTP_EXPORT_ALL", "1"),
        ("PATH_INFO", &asked.path),
        ("QUERY_STRING", &asked.query),
        ("REQUEST_METHOD", asked.method.as_str()),
        ("CONTENT_TYPE", asked.header("content-type").unwrap_or_default()),
        ("CONTENT_LENGTH", &asked.body.len().to_string()),
        ("GIT_PROTOCOL", asked.header("git-protocol").unwrap_or_default()),
    ]);
    // It finds a repository of whoever runs the test.
    command.envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = asked.body.clone();
    let writing = tokio::spawn(async move {
        let _ = input.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap();
    writing.await.unwrap();
    let end = output.stdout.windows(4).position(|end| end == b"\r\n\r\n").expect("an answer has headers");
    let head = String::from_utf8(output.stdout[..end].to_vec()).unwrap();
    let mut status = 200;
    let mut headers = Vec::new();
    for line in head.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        match name {
            "Status" => status = value[..3].parse().unwrap(),
            _ => headers.push((name, value)),
        }
    }
    answer(status, &headers, output.stdout[end + 4..].to_vec())
}
