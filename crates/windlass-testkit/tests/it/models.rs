//! The scripted model as a program, asked by hand.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

struct Standin {
    process: Child,
    address: String,
}

impl Standin {
    fn start(name: &str, script: &Value) -> Self {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&file, script.to_string()).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_windlass-model-standin"))
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap().to_owned();
        Self { process, address }
    }

    fn send(&self, request: &str) -> String {
        let mut line = TcpStream::connect(&self.address).unwrap();
        line.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: standin\r\nconnection: close\r\n\r\n"))
    }

    fn post(&self, path: &str, body: &Value) -> String {
        let body = body.to_string();
        let head =
            "host: standin\r\nconnection: close\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01";
        self.send(&format!("POST {path} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    }

    /// Its exit code and its last words, after it was told to end.
    fn end(mut self) -> (Option<i32>, String) {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
        let code = self.process.wait().unwrap().code();
        let mut words = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        (code, words)
    }
}

fn question(messages: &Value) -> Value {
    json!({ "model": "m", "max_tokens": 100, "stream": true, "messages": messages })
}

#[test]
fn it_says_what_its_script_says() {
    let script = json!({ "turns": [{ "say": [{ "text": "It is blue." }] }] });
    let standin = Standin::start("says.json", &script);
    let hello = json!([{ "role": "user", "content": [{ "type": "text", "text": "hi" }] }]);
    let answer = standin.post("/v1/messages", &question(&hello));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-type: text/event-stream"), "{answer}");
    for part in ["event: message_start", r#""text":"It "#, r#""text":"blue."#, "event: message_stop"] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
    assert!(standin.get("/standin/violations").ends_with("\r\n\r\n[]"));
    assert!(standin.get("/standin/asked").contains(r#""wire":"anthropic""#));
    assert_eq!(standin.end(), (Some(0), String::new()));
}

#[test]
fn a_request_that_breaks_the_rules_fails_whoever_started_it() {
    let standin = Standin::start("breaks.json", &json!({ "turns": [{ "say": [{ "text": "Never said." }] }] }));
    let twice = json!([{ "role": "user", "content": [] }, { "role": "user", "content": [] }]);
    let answer = standin.post("/v1/messages", &question(&twice));
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("both of the user"), "{answer}");
    assert!(standin.get("/standin/violations").contains("request 1: messages 0 and 1 are both of the user"));
    let (code, words) = standin.end();
    assert!(code == Some(1) && words.contains("requests were wrong"), "{code:?} {words}");
}

#[test]
fn a_script_that_is_none_is_told() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("none.json");
    std::fs::write(&file, r#"{ "turns": [{ "sayy": [] }] }"#).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_windlass-model-standin")).arg(&file).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("sayy"), "{words}");
}
