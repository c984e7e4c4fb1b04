//! What can be reached from inside, and what cannot.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, TcpListener},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use windlass_config::settings::EgressSettings;
use windlass_core::{AuditEvent, AuditSink, Decision};
use windlass_guard::Resolver;
use windlass_guest::client::{Command, GuestClient};
use windlass_sandbox::{backend::Spec, egress::Egress};

use crate::place::{PATIENCE, SPEC, namespaces, places_with, text};

/// How long `pip install` may take: on an emulated machine it takes a minute where nothing else runs.
const INSTALLING: Duration = Duration::from_secs(240);

/// Every name is here, but those that are elsewhere.
struct Names;

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let address = match host {
            "metadata.test" => "169.254.169.254",
            "private.test" => "10.0.0.1",
            "both.test" => return Ok(vec!["127.0.0.1".parse().unwrap(), "169.254.169.254".parse().unwrap()]),
            "gone.test" => return Err(io::ErrorKind::NotFound.into()),
            _ => "127.0.0.1",
        };
        Ok(vec![address.parse().unwrap()])
    }
}

#[derive(Default)]
struct Lines(Mutex<Vec<AuditEvent>>);

impl AuditSink for Lines {
    fn record(&self, event: AuditEvent) {
        self.0.lock().unwrap().push(event);
    }
}

/// A server that answers every request with what `reply` makes of its path, and keeps what it was told.
fn server(reply: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (telling, reply) = (told.clone(), Arc::new(reply));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (told, reply) = (telling.clone(), reply.clone());
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut request = vec![0; 8192];
                let count = stream.read(&mut request).unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..count]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
                told.lock().unwrap().push(request);
                let _ = stream.write_all(&reply(&path));
            });
        }
    });
    (port, told)
}

fn page(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn egress(allow: &[String]) -> (Arc<Egress>, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    let settings =
        EgressSettings { allow: allow.to_vec(), presets: Vec::new(), allowed_private: vec!["127.0.0.0/8".into()] };
    (Egress::new(&settings, Arc::new(Names), lines.clone()).unwrap().unwrap(), lines)
}

async fn python(guest: &GuestClient, code: &str) -> String {
    python_within(guest, code, PATIENCE).await
}

async fn python_within(guest: &GuestClient, code: &str, time: Duration) -> String {
    let mut command =
        Command::new("python3").arg("-c").arg(code).env("PATH", "/usr/bin:/bin").env("HOME", "/home/sandbox");
    for name in ["http_proxy", "https_proxy"] {
        command = command.env(name, "http://127.0.0.1:3128");
    }
    let running = guest.exec(command.timeout(time), PATIENCE).await.unwrap();
    text(&running.collect(1 << 20, time * 2).await.unwrap())
}

/// Opens a URL and prints what comes.
fn open(url: &str) -> String {
    format!(
        "import urllib.request as u, urllib.error as e
try: print(u.urlopen('{url}', timeout=20).read().decode())
except e.HTTPError as x: print(x.code, x.read().decode())
except Exception as x: print(repr(x))"
    )
}

/// Opens a tunnel to `host`, and begins TLS with `name`.
fn tunnel(host: &str, name: &str) -> String {
    format!(
        "import socket, ssl
s = socket.create_connection(('127.0.0.1', 3128), 20)
s.sendall(b'CONNECT {host} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n')
print(s.recv(4096).decode())
c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
try: c.wrap_socket(s, server_hostname='{name}')
except Exception as x: print(repr(x))"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_is_reached_and_nothing_else_is() {
    let (port, told) = server(|path| match path {
        "/away" => b"HTTP/1.1 302 Found\r\nlocation: http://elsewhere.test/\r\ncontent-length: 0\r\n\r\n".to_vec(),
        "/metadata" => b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n".to_vec(),
        _ => page("the page"),
    });
    let allow: Vec<_> = ["listed.test", "metadata.test", "both.test", "private.test", "gone.test"]
        .iter()
        .map(|host| format!("{host}:{port}"))
        .chain(["listed.test".into(), "metadata.test".into()])
        .collect();
    let (egress, lines) = egress(&allow);
    for place in places_with("what sandboxes reach", Some(egress.clone())).await {
        let machine = place.machine(&SPEC).await;
        machine.given_to("sbx_1", "key:alice");
        let guest = machine.guest();
        assert_eq!(python(guest, &open(&format!("http://listed.test:{port}/x"))).await, "the page\n");
        // Nothing of the proxy's goes on, and the name is the one that was judged.
        let lying = format!(
            "import socket
s = socket.create_connection(('127.0.0.1', 3128), 20)
s.sendall(b'GET http://listed.test:{port}/y HTTP/1.1\\r\\nHost: elsewhere.test\\r\\nProxy-Authorization: Basic x\\r\\n\\r\\n')
print(s.recv(4096).decode()[:15])"
        );
        assert_eq!(python(guest, &lying).await, "HTTP/1.1 200 OK\n");
        let last = told.lock().unwrap().last().unwrap().to_ascii_lowercase();
        assert!(
            last.starts_with("get /y http/1.1\r\n") && last.contains(&format!("host: listed.test:{port}")),
            "{last}"
        );
        assert!(!last.contains("elsewhere") && !last.contains("proxy-"), "{last}");

        let served = told.lock().unwrap().len();
        let refused = [
            ("another name", open("http://elsewhere.test/")),
            ("a name below", open(&format!("http://x.listed.test:{port}/"))),
            ("another port", open("http://listed.test:22/")),
            ("an address", open(&format!("http://127.0.0.1:{port}/"))),
            ("an address in other words", open(&format!("http://2130706433:{port}/"))),
            ("metadata", open("http://169.254.169.254/latest/meta-data/")),
            ("metadata by a listed name", open("http://metadata.test/")),
            ("metadata beside a good address", open(&format!("http://both.test:{port}/"))),
            ("a private address", open(&format!("http://private.test:{port}/"))),
            ("a tunnel to another name", tunnel("elsewhere.test:443", "elsewhere.test")),
            ("a tunnel to an address", tunnel("169.254.169.254:80", "x")),
            ("no whole URL", open("http://127.0.0.1:3128/")),
        ];
        for (what, code) in &refused {
            let said = python(guest, code).await;
            assert!(said.contains("403") && said.len() < 1000, "{what}: {said}");
        }
        // Without the proxy there is no way at all.
        let around = format!(
            "import socket\nfor a in [('127.0.0.1', {port}), ('1.1.1.1', 53)]:\n  try: socket.create_connection(a, 2); print('ESCAPED')\n  except OSError as x: pass\ntry: print(socket.getaddrinfo('listed.test', 80), 'ESCAPED')\nexcept OSError: pass"
        );
        assert_eq!(python(guest, &around).await, "");
        assert_eq!(told.lock().unwrap().len(), served, "something of what was refused arrived");
        for path in ["away", "metadata"] {
            let said = python(guest, &open(&format!("http://listed.test:{port}/{path}"))).await;
            assert!(said.contains("403"), "a redirect: {said}");
        }
        let said = python(guest, &open(&format!("http://gone.test:{port}/"))).await;
        assert!(said.contains("502"), "{said}");

        let lines = std::mem::take(&mut *lines.0.lock().unwrap());
        assert!(lines.iter().all(|line| line.principal.as_deref() == Some("key:alice")), "{lines:?}");
        let count = |decision| lines.iter().filter(|line| line.decision == decision).count();
        assert_eq!((count(Decision::Allowed), count(Decision::Denied)), (4, refused.len() + 2), "{lines:?}");
        let told = lines.iter().filter_map(|line| line.reason.as_deref()).collect::<Vec<_>>().join("\n");
        assert!(told.contains("sbx_1: GET elsewhere.test/: the host `elsewhere.test` is not on the list"), "{told}");
        machine.destroy().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_speaks_to_the_host_it_was_opened_for() {
    let (port, told) = server(|_| Vec::new());
    let (egress, lines) = egress(&[format!("listed.test:{port}"), "web.test".into()]);
    for place in places_with("tunnels", Some(egress.clone())).await {
        let machine = place.machine(&SPEC).await;
        let guest = machine.guest();
        let host = format!("listed.test:{port}");
        let said = python(guest, &tunnel(&host, "listed.test")).await;
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        assert!(
            told.lock().unwrap().last().is_some_and(|hello| hello.starts_with('\u{16}')),
            "the hello did not arrive"
        );
        let before = told.lock().unwrap().iter().filter(|told| !told.is_empty()).count();
        let said = python(guest, &tunnel(&host, "elsewhere.test")).await;
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        let after = told.lock().unwrap().iter().filter(|told| !told.is_empty()).count();
        assert_eq!(before, after, "a hello to another name arrived");
        let reasons = |lines: &Lines| {
            let lines = lines.0.lock().unwrap();
            lines
                .iter()
                .filter(|line| line.decision == Decision::Denied)
                .filter_map(|line| line.reason.clone())
                .collect::<Vec<_>>()
        };
        let told = reasons(&lines);
        assert!(told[0].contains("asked for `listed.test` and then speaks to `elsewhere.test`"), "{told:?}");
        machine.destroy().await;
    }
}

/// A wheel, written by hand.
fn wheel() -> Vec<u8> {
    let files = [
        ("smallpkg.py", "ANSWER = 42\n".to_owned()),
        ("smallpkg-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: smallpkg\nVersion: 1.0\n".into()),
        ("smallpkg-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n".into()),
        ("smallpkg-1.0.dist-info/RECORD", "smallpkg.py,,\nsmallpkg-1.0.dist-info/METADATA,,\nsmallpkg-1.0.dist-info/WHEEL,,\nsmallpkg-1.0.dist-info/RECORD,,\n".into()),
    ];
    let directory = tempfile::tempdir().unwrap();
    let script = "import sys, zipfile, json\nz = zipfile.ZipFile(sys.argv[1], 'w')\nfor name, text in json.load(sys.stdin): z.writestr(name, text)\nz.close()";
    let path = directory.path().join("w.whl");
    let mut python = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(serde_json::to_string(&files).unwrap().as_bytes()).unwrap();
    assert!(python.wait().unwrap().success());
    std::fs::read(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pip_installs_through_the_list() {
    let name = "smallpkg-1.0-py3-none-any.whl";
    let wheel = wheel();
    let (port, told) = server(move |path| match path {
        "/simple/smallpkg/" => {
            page(format!("<!DOCTYPE html><html><body><a href=\"/files/{name}\">{name}</a></body></html>"))
        }
        path if path.ends_with(".whl") => page(&wheel),
        _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
    });
    let (egress, lines) = egress(&[format!("index.test:{port}")]);
    let spec = Spec { memory: 512 << 20, ..SPEC };
    for place in places_with("pip", Some(egress.clone())).await {
        let machine = place.machine(&spec).await;
        let code = format!(
            "import subprocess, sys
subprocess.run([sys.executable, '-m', 'venv', '--without-pip', 'v'], check=True)
import ensurepip, glob, os
pip = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', 'pip-*.whl')) + glob.glob('/usr/share/python-wheels/pip-*.whl')
run = lambda *a: subprocess.run(['v/bin/python', *a], env={{**os.environ, 'PYTHONPATH': pip[0]}}, check=True)
run('-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--index-url', 'http://index.test:{port}/simple/', '--trusted-host', 'index.test', 'smallpkg')
print(subprocess.run(['v/bin/python', '-c', 'import smallpkg; print(smallpkg.ANSWER)'], capture_output=True, text=True).stdout)"
        );
        let said = python_within(machine.guest(), &code, INSTALLING).await;
        assert!(said.ends_with("42\n\n"), "{said}");
        assert!(told.lock().unwrap().iter().any(|request| request.contains(name)));
        assert!(lines.0.lock().unwrap().iter().all(|line| line.decision == Decision::Allowed));
        machine.destroy().await;
    }
}

/// A package of npm: a gzipped archive of two files.
fn package() -> Vec<u8> {
    let script = "import io, sys, tarfile
t = tarfile.open(fileobj=sys.stdout.buffer, mode='w|gz')
for name, text in [('package.json', '{\"name\": \"smallpkg\", \"version\": \"1.0.0\", \"main\": \"main.js\"}'), ('main.js', 'exports.answer = 42')]:
    i = tarfile.TarInfo('package/' + name); i.size = len(text); t.addfile(i, io.BytesIO(text.encode()))
t.close()";
    let made = std::process::Command::new("python3").args(["-c", script]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    made.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_installs_through_the_list() {
    if std::process::Command::new("npm").arg("--version").output().is_err() {
        return windlass_testkit::skip("npm in a sandbox", "npm is not installed");
    }
    let package = package();
    // The index names itself in what it says.
    let own = Arc::new(OnceLock::new());
    let known = own.clone();
    let (port, told) = server(move |path| match path {
        "/smallpkg" => page(format!(
            "{{\"name\":\"smallpkg\",\"dist-tags\":{{\"latest\":\"1.0.0\"}},\"versions\":{{\"1.0.0\":{{\"name\":\"smallpkg\",\"version\":\"1.0.0\",\"dist\":{{\"tarball\":\"http://index.test:{}/smallpkg.tgz\"}}}}}}}}",
            known.get().unwrap()
        )),
        "/smallpkg.tgz" => page(&package),
        _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
    });
    own.set(port).unwrap();
    let (egress, lines) = egress(&[format!("index.test:{port}")]);
    let spec = Spec { memory: 768 << 20, ..SPEC };
    // The image of virtual machines has no npm here; the way out of them is the same.
    if let Some(place) = namespaces("npm", Some(egress.clone())).await {
        let machine = place.machine(&spec).await;
        let line = format!(
            "npm install --no-audit --no-fund --registry http://index.test:{port}/ smallpkg 2>&1 && \
             node -e 'console.log(require(\"smallpkg\").answer)'"
        );
        let proxy = "http://127.0.0.1:3128";
        let command = Command::new("bash").arg("-c").arg(line.as_str()).env("HOME", "/home/sandbox");
        let command = command.env("PATH", "/usr/bin:/bin").env("http_proxy", proxy).env("https_proxy", proxy);
        let running = machine.guest().exec(command.cwd("/home/sandbox").timeout(PATIENCE), PATIENCE).await.unwrap();
        let said = text(&running.collect(1 << 20, PATIENCE * 2).await.unwrap());
        assert!(said.ends_with("42\n"), "{said}");
        assert!(told.lock().unwrap().iter().any(|request| request.contains("smallpkg.tgz")));
        assert!(lines.0.lock().unwrap().iter().all(|line| line.decision == Decision::Allowed));
        machine.destroy().await;
    }
}
