//! These need npm, Node 18 or later, Python 3.11 or later, and the first time the network: see `tests/interop/setup.sh`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

const SERVER: &str = env!("CARGO_BIN_EXE_windlass-fixture-server");

/// The fixture server; ends with the test.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let mut child = Command::new(SERVER).args(options).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "the server did not start: {url}");
        Self { child, url: url.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has then seen otherwise.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(script: &str, arguments: &[&str]) {
    let interop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop");
    let output = Command::new(interop.join(script)).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{script} failed:\n{said}");
}

#[test]
fn conformance_2025_11_25() {
    run("conformance.sh", &[&Server::start(&[]).url, "2025-11-25"]);
}

#[test]
fn conformance_2026_07_28() {
    run("conformance.sh", &[&Server::start(&[]).url, "2026-07-28"]);
}

#[test]
fn foreign_clients_over_http_and_stdio() {
    let server = Server::start(&["--key", "a-token-only-this-test-knows"]);
    let http = ["--http", &server.url, "--token", "a-token-only-this-test-knows", "--not-strict"];
    run("run.sh", &[&http[..], &["--", SERVER, "--stdio"]].concat());
}

#[test]
fn without_the_key_no_client_gets_in() {
    let server = Server::start(&["--key", "a-token-only-this-test-knows"]);
    let interop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop");
    let output = Command::new(interop.join("run.sh")).args(["--http", &server.url]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("401"), "{said}");
}
