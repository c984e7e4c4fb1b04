//! Ways to an address that must not be reached.

use std::sync::atomic::Ordering;

use tokio::net::TcpListener;
use windlass_config::settings::FetchSettings;
use windlass_core::ErrorKind;
use windlass_fetch::{Fetcher, Request};

use crate::server::{Answers, Server, response};

/// A list as permissive as it can be made, so that what refuses is the guard.
fn permissive() -> FetchSettings {
    let hosts = [
        "good.example",
        "*.good.example",
        "localhost",
        "metadata.google.internal",
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "[::]",
        "[::1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::1]",
        "[2002:a9fe:a9fe::]",
        "[2001:0:a9fe:a9fe::]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[2001:db8::1]",
    ];
    FetchSettings { allowed_hosts: hosts.map(str::to_owned).to_vec(), ..FetchSettings::default() }
}

const URLS: [&str; 58] = [
    // The schemes.
    "file:///etc/passwd",
    "ftp://good.example/",
    "gopher://good.example:70/_x",
    "data:text/html,x",
    "javascript:alert(1)",
    "jar:http://good.example!/x",
    "ws://good.example/",
    "//good.example/",
    "good.example/page",
    "",
    // Who is the host?
    "http://good.example@evil.example/",
    "http://user:password@good.example/",
    "http://evil.example#@good.example/",
    "http://evil.example\\@good.example/",
    "http://evil.example/good.example",
    "http://good.example.evil.example/",
    "http://evilgood.example/",
    "http://good.example%00.evil.example/",
    "http://good.example\u{3002}evil.example/",
    "http:///evil.example/",
    "http://g\u{43e}od.example/",
    // The port.
    "http://good.example:22/",
    "http://good.example:6379/",
    "https://good.example:65536/",
    // IPv4, spelled in every way there is.
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
    "http://127.0.0.1./",
    "http://0/",
    "http://10.0.0.1/",
    "http://192.168.0.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    // Credentials.
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://169.254.170.2/v2/credentials/x",
    "http://169.254.170.23/v1/credentials",
    "http://100.100.100.200/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[::ffff:a9fe:a9fe]/",
    // IPv6.
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[2001:0:a9fe:a9fe::]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fc00::1]/",
];

#[tokio::test]
async fn no_url_gets_past_the_guard() {
    // Whatever name is asked for has the worst of addresses, should a name get that far.
    let fetcher =
        Fetcher::with_resolver(&permissive(), std::sync::Arc::new(Answers::new(&[&["169.254.169.254"]]))).unwrap();
    let mut seen = String::new();
    for url in URLS {
        let error = fetcher.fetch(Request::get(url)).await.expect_err(url);
        assert!(matches!(error.kind, ErrorKind::Denied | ErrorKind::InvalidArguments), "{url}: {error}");
        seen.push_str(&format!("{} -> {}\n", url.escape_debug(), error.message));
    }
    insta::assert_snapshot!(seen);
}

#[tokio::test]
async fn names_are_judged_by_where_they_lead() {
    for (answer, class) in [
        (&["169.254.169.254"][..], "hands out credentials"),
        (&["10.0.0.1"], "a private address"),
        (&["127.0.0.1"], "a loopback address"),
        (&["::1"], "a loopback address"),
        (&["::ffff:169.254.170.2"], "hands out credentials"),
        // One good address does not excuse a bad one, in whichever order they come.
        (&["93.184.215.14", "127.0.0.1"], "a loopback address"),
        (&["127.0.0.1", "93.184.215.14"], "a loopback address"),
    ] {
        let fetcher = Fetcher::with_resolver(&permissive(), std::sync::Arc::new(Answers::new(&[answer]))).unwrap();
        let error = fetcher.fetch(Request::get("http://a.good.example/")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.message.contains(class), "{answer:?}: {error}");
        let told = error.for_model();
        assert!(!told.contains(answer[0]), "the model must not learn the owner's addresses: {told}");
    }
}

#[tokio::test]
async fn a_name_cannot_change_its_mind_between_check_and_connection() {
    let page = |mut stream: tokio::net::TcpStream, _path: String| async move {
        let body = response("200 OK", "Content-Type: text/plain\r\n", "inside");
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &body).await;
    };
    let allowed = Server::streaming("127.0.0.1", page).await;
    let port = allowed.address.port();
    let forbidden = Server::on(TcpListener::bind(("127.0.0.2", port)).await.unwrap(), page);
    let resolver = Answers::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let asked = resolver.asked.clone();
    let fetcher = allowed.fetcher_with(resolver);
    let url = format!("http://rebind.test:{port}/");

    let first = fetcher.fetch(Request::get(&url)).await.unwrap();
    assert_eq!(
        (first.text.as_str(), asked.load(Ordering::SeqCst)),
        ("inside", 1),
        "one question for check and connection"
    );
    for _ in 0..3 {
        let error = fetcher.fetch(Request::get(&url)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4, "no connection is kept for the next call");
    assert_eq!((allowed.count(), forbidden.count()), (1, 0));
}

#[tokio::test]
async fn a_proxy_from_the_environment_is_not_asked() {
    // The variable is the child's only: this test starts itself.
    const INNER: &str = "WINDLASS_FETCH_TEST_PROXY";
    let Ok(url) = std::env::var(INNER) else {
        let proxy = Server::new(|_| response("200 OK", "", "from the proxy")).await;
        let server = Server::new(|_| response("200 OK", "Content-Type: text/plain\r\n", "direct")).await;
        let proxy_url = proxy.url("");
        let output = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "attacks::a_proxy_from_the_environment_is_not_asked", "--nocapture"])
            .env(INNER, server.address.to_string())
            .envs(["http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"].map(|name| (name, proxy_url.as_str())))
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!((proxy.count(), server.count()), (0, 1));
        return;
    };
    let settings = FetchSettings {
        allowed_hosts: vec![url.clone()],
        allowed_private: vec!["127.0.0.1".into()],
        ..FetchSettings::default()
    };
    let fetched = Fetcher::new(&settings).unwrap().fetch(Request::get(format!("http://{url}/"))).await.unwrap();
    assert_eq!(fetched.text, "direct");
}
