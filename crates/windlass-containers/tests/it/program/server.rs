//! What the tests put into a container: a server that keeps the contract, or breaks the part of it that `BREAK` names.
//! The standard library only, so that `rustc` alone can build it.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

static STOPPING: AtomicBool = AtomicBool::new(false);
static BUSY: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
}

extern "C" fn stop(_: i32) {
    STOPPING.store(true, Ordering::SeqCst);
}

fn broken(what: &str) -> bool {
    std::env::var("BREAK").is_ok_and(|list| list.split(',').any(|broken| broken == what))
}

fn main() {
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8080);
    if broken("start") {
        eprintln!("no configuration");
        std::process::exit(3);
    }
    if !broken("term") {
        // SAFETY: the handler does one atomic store.
        unsafe { signal(15, stop as *const () as usize) };
    }
    let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    if !broken("logs") {
        eprintln!("listening");
        println!("{}", if broken("audit") { "{\"audit\":1,oops" } else { "{\"audit\":1,\"seq\":0,\"method\":\"server.start\"}" });
    }
    while !STOPPING.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((stream, _)) => {
                BUSY.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    let _ = serve(stream);
                    BUSY.fetch_sub(1, Ordering::SeqCst);
                });
            }
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
    drop(listener);
    while !broken("drain") && BUSY.load(Ordering::SeqCst) > 0 {
        thread::sleep(Duration::from_millis(2));
    }
    std::process::exit(if broken("exit") { 7 } else { 0 });
}

/// One request, one answer.
fn serve(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (method, path) = {
        let mut words = line.split(' ');
        (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned())
    };
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let token = std::env::var("TOKEN").unwrap_or_default();
    let known = broken("auth") || token.is_empty() || headers.get("authorization") == Some(&format!("Bearer {token}"));
    if path == "/mcp" && !known {
        return answer(stream, "401 Unauthorized", "{}");
    }
    if headers.get("expect").is_some_and(|value| value == "100-continue") {
        (&stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body);
    let release = std::env::var("RELEASE").unwrap_or_default();
    match (method.as_str(), path.as_str()) {
        ("GET", "/health") => answer(stream, "200 OK", &format!("{{\"status\":\"healthy\",\"release\":\"{release}\"}}")),
        ("GET", "/ready") if broken("ready") => answer(stream, "503 Service Unavailable", "{}"),
        ("GET", "/ready") => answer(stream, "200 OK", "{\"status\":\"ready\"}"),
        ("GET", "/environment") => answer(stream, "200 OK", &std::env::var("ODD").unwrap_or_default()),
        ("GET", "/write") => {
            let refused = |path: &str| std::fs::write(path, "x").err().map_or("ok".into(), |error| error.to_string());
            let [root, tmp, shared] = ["/file", "/tmp/file", "/shared/file"].map(refused);
            answer(stream, "200 OK", &format!("root: {root}; tmp: {tmp}; shared: {shared}"))
        }
        ("GET", "/limits") => answer(stream, "200 OK", &std::fs::read_to_string("/proc/self/limits").unwrap_or_default()),
        ("GET", path) if path.starts_with("/peer/") => {
            // What another container answers, asked for by its name.
            let found = TcpStream::connect((&path["/peer/".len()..], 8080)).and_then(|mut peer| {
                peer.write_all(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")?;
                let mut text = String::new();
                peer.read_to_string(&mut text).map(|_| text)
            });
            answer(stream, "200 OK", &found.unwrap_or_else(|error| error.to_string()))
        }
        ("POST", "/mcp") if body.contains("initialize") => answer(
            stream,
            "200 OK",
            r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"test","version":"1"}}}"#,
        ),
        ("POST", "/mcp") => {
            if !broken("logs") {
                println!("{{\"audit\":1,\"method\":\"tools/list\"}}");
            }
            answer(stream, "200 OK", r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"one"},{"name":"two"}]}}"#)
        }
        _ => answer(stream, "404 Not Found", "{}"),
    }
}

fn answer(mut stream: TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
