//! A root file system from S3 or the web: by hand, and when a server starts for the first time.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex},
};

use rustix::process::Signal;
use serde_json::json;
use windlass_testkit::aws::StandIn;

use crate::{
    house::{House, PATIENCE, Plan, eventually},
    wire::text,
};

const MIB: usize = 1 << 20;

/// Whether it may go on, and what was asked for.
type Shared = (Mutex<(bool, Vec<String>)>, Condvar);

/// A web server with one file of 8 MiB, that sends half of it and then waits until it may go on.
struct Half {
    address: SocketAddr,
    state: Arc<Shared>,
}

impl Half {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::default());
        let this = Self { address, state };
        let state = this.state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = state.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &state));
            }
        });
        this
    }

    fn bytes() -> Vec<u8> {
        (0..8 * MIB / 8).flat_map(|word: usize| word.to_be_bytes()).collect()
    }

    fn sum() -> String {
        let mut sum = Command::new("sha256sum");
        let mut child = sum.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&Self::bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()[..64].to_owned()
    }

    fn url(&self) -> String {
        format!("http://{}/root.ext4", self.address)
    }

    fn go_on(&self) {
        self.state.0.lock().unwrap().0 = true;
        self.state.1.notify_all();
    }

    /// The first byte of each request's stretch.
    fn asked(&self) -> Vec<String> {
        self.state.0.lock().unwrap().1.clone()
    }
}

fn serve(mut stream: TcpStream, state: &(Mutex<(bool, Vec<String>)>, Condvar)) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase()).collect();
    let range = head.iter().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-'));
    let (start, bytes) = (range.map_or(0, |range| range.parse().unwrap()), Half::bytes());
    state.0.lock().unwrap().1.push(start.to_string());
    let status = if start > 0 { "206 Partial Content" } else { "200 OK" };
    let head = format!(
        "HTTP/1.1 {status}\r\netag: \"1\"\r\ncontent-length: {}\r\ncontent-range: bytes {start}-{}/{}\r\nconnection: close\r\n\r\n",
        bytes.len() - start,
        bytes.len() - 1,
        bytes.len(),
    );
    let half = bytes.len() / 2;
    let _ = stream.write_all(head.as_bytes());
    if start < half {
        let _ = stream.write_all(&bytes[start..half]);
        let held = state.0.lock().unwrap();
        drop(state.1.wait_timeout_while(held, PATIENCE, |held| !held.0).unwrap());
    }
    let _ = stream.write_all(&bytes[start.max(half)..]);
}

/// `windlass sandbox image pull`, with this cache.
fn pull(cache: &Path, args: &[&str], env: &[(String, String)]) -> House {
    let args = [&["sandbox", "image", "pull"], args].concat();
    let plan = Plan::default().args(&args).env("XDG_CACHE_HOME", cache.to_str().unwrap());
    env.iter().fold(plan, |plan, (name, value)| plan.env(name, value)).spawn()
}

fn done(house: House) -> (Option<i32>, String, String) {
    (house.ended().code(), house.stdout.whole(), house.stderr.whole())
}

#[test]
fn an_interrupted_pull_is_gone_on_with() {
    let (server, cache) = (Half::start(), tempfile::tempdir().unwrap());
    let (url, sum) = (server.url(), Half::sum());
    let file = cache.path().join("windlass/sandbox-rootfs").join(format!("{}.ext4", &sum[..16]));
    let first = pull(cache.path(), &[&url, "--sha256", &sum], &[]);
    let part = file.with_extension("ext4.part");
    eventually("half of it", || fs::metadata(&part).is_ok_and(|part| part.len() >= 3 * MIB as u64));
    first.signal(Signal::INT);
    let (code, out, error) = done(first);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
    assert!(error.contains("0 %, 0 of 8 MiB\n"), "{error}");
    assert!(
        error.ends_with("windlass: interrupted\nhint: the same command goes on where this one stopped\n"),
        "{error}"
    );

    // Two at once, of which one fetches.
    server.go_on();
    let (one, other) =
        (pull(cache.path(), &[&url, "--sha256", &sum], &[]), pull(cache.path(), &[&url, "--sha256", &sum], &[]));
    for (code, out, error) in [done(one), done(other)] {
        assert_eq!(code, Some(0), "{error}");
        assert!(out.contains(&format!("{}\n", file.display())) && out.contains(&format!("sha256    {sum}\n")), "{out}");
    }
    let asked = server.asked();
    assert!(asked.len() == 2 && asked[1].parse::<usize>().unwrap() >= 3 * MIB, "{asked:?}");
    assert!(fs::read(&file).unwrap() == Half::bytes());
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);

    let (code, _, error) = done(pull(cache.path(), &[&url], &[]));
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("nothing says what it has to be") && error.contains("--sha256"), "{error}");
    let (code, _, error) = done(pull(cache.path(), &[&url, "--sha256", &"0".repeat(64), "--out", "here.ext4"], &[]));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains(&format!("its SHA-256 sum is {sum}, not {}", "0".repeat(64))), "{error}");
}

#[test]
fn a_server_fetches_what_it_needs_at_its_first_start() {
    let (server, cache) = (Half::start(), tempfile::tempdir().unwrap());
    let sum = Half::sum();
    let plan = || {
        Plan::default()
            .env("WINDLASS_TRANSPORT", "http")
            .env("XDG_CACHE_HOME", cache.path().to_str().unwrap())
            .env("PETTY_POOL_ENABLED", "0")
            .env("PETTY_ROOTFS_S3_URL", &server.url())
    };
    let refused = plan().spawn();
    assert_eq!(refused.ended().code(), Some(2));
    let said = refused.stderr.whole();
    assert!(
        said.contains("nothing says what the file from there has to be") && said.contains("PETTY_ROOTFS_SHA256"),
        "{said}"
    );

    let house = plan().env("PETTY_ROOTFS_SHA256", &sum).start();
    let check = || house.get("/ready");
    eventually("half of it", || check().text().contains("the root file system is being fetched: 50 % of 8 MiB"));
    assert_eq!(check().status, 503);
    let made = house.call("create_sandbox", json!({}));
    assert!(text(&made).starts_with("the root file system of sandboxes is being fetched: 50 %"), "{made}");
    server.go_on();
    let file = cache.path().join("windlass/sandbox-rootfs").join(format!("{}.ext4", &sum[..16]));
    eventually("all of it", || file.exists());
    // What it is no root file system of is another matter.
    eventually("something else to be said", || !check().text().contains("sandbox.rootfs"));
    house.stop();

    // The next start finds it there.
    let house = plan().env("PETTY_ROOTFS_SHA256", &sum).start();
    assert!(!house.get("/ready").text().contains("sandbox.rootfs"));
    house.stop();
    assert_eq!(server.asked(), ["0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_the_sum_that_s3_verified() {
    let Some(aws) = StandIn::ministack().await else { return };
    aws.create_bucket("sandbox-images").await;
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::new();
    let authorization =
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
    let put = client.put(format!("{}/sandbox-images/root.ext4", aws.endpoint())).header("authorization", authorization);
    let sum = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="; // of "hello"
    let put = put.header("x-amz-checksum-sha256", sum).body("hello").send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");
    let work = move || {
        let cache = tempfile::tempdir().unwrap();
        let (code, out, error) = done(pull(cache.path(), &["s3://sandbox-images/root.ext4"], &aws.environment()));
        assert_eq!(code, Some(0), "{error}");
        assert!(
            out.contains("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 (S3 verified it"),
            "{out}"
        );
        let (code, _, error) = done(pull(cache.path(), &["s3://sandbox-images/none.ext4"], &aws.environment()));
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains("s3://sandbox-images/none.ext4: there is no such file\nhint: "), "{error}");
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}
