//! HTTP and MCP by hand: nothing between the test and the bytes.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::{Value, json};

use crate::house::PATIENCE;

/// No revision is named: the documented request.
pub const PLAIN: &str = "";
pub const MODERN: &str = "2026-07-28";
pub const LEGACY: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];
pub const REVISIONS: [&str; 4] = ["2025-03-26", "2025-06-18", "2025-11-25", MODERN];

/// One connection, used again for every request.
pub struct Wire {
    stream: BufReader<TcpStream>,
    addr: SocketAddr,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Wire {
    pub fn connect(addr: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(addr)?)
    }

    pub fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let addr = stream.peer_addr()?;
        Ok(Self { stream: BufReader::new(stream), addr })
    }

    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
        self.write(method, path, headers, body)?;
        if method == "HEAD" { self.read_head() } else { self.read() }
    }

    pub fn write(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("host: {}\r\n", self.addr);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())
    }

    /// The whole next answer. An end of the connection before its first byte is `ConnectionAborted`, an end within it
    /// `UnexpectedEof`.
    pub fn read(&mut self) -> io::Result<Answer> {
        let mut answer = self.read_head()?;
        match answer.header("content-length") {
            Some(length) => {
                answer.body = vec![0; length.parse().map_err(|_| broken("content-length"))?];
                self.stream.read_exact(&mut answer.body)?;
            }
            None if answer.header("transfer-encoding") == Some("chunked") => loop {
                let size = usize::from_str_radix(&self.line()?, 16).map_err(|_| broken("chunk"))?;
                let mut chunk = vec![0; size + 2];
                self.stream.read_exact(&mut chunk)?;
                if size == 0 {
                    break;
                }
                answer.body.extend_from_slice(&chunk[..size]);
            },
            None => {}
        }
        Ok(answer)
    }

    fn read_head(&mut self) -> io::Result<Answer> {
        let first = self.stream.fill_buf();
        if first.map_or(true, <[u8]>::is_empty) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| broken(&status))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Ok(Answer { status, headers, body: Vec::new() })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        line.strip_suffix("\r\n").map(str::to_owned).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {what}"))
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The message: the body, or the last event of a stream.
    pub fn json(&self) -> Value {
        let text = self.text();
        let json = match self.header("content-type") {
            Some("text/event-stream") => {
                text.lines().rev().find_map(|line| line.strip_prefix("data:")).unwrap_or_default().trim()
            }
            _ => &text,
        };
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {self:?} {text}"))
    }
}

/// Speaks one revision, each message on a connection of its own: nothing may depend on one.
#[derive(Clone)]
pub struct Client {
    addr: SocketAddr,
    revision: &'static str,
    pub path: String,
    pub headers: Vec<(String, String)>,
}

impl Client {
    pub fn new(addr: SocketAddr, revision: &'static str) -> Self {
        Self { addr, revision, path: "/mcp".into(), headers: Vec::new() }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    #[must_use]
    pub fn bearer(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    /// What a client of this revision does first; the server's own name as it comes out of it.
    pub fn hello(&self) -> Value {
        if self.revision == MODERN {
            let answer = self.rpc("server/discover", json!({}));
            let versions = answer["result"]["supportedVersions"].as_array().unwrap_or_else(|| panic!("{answer}"));
            assert!(versions.contains(&json!(MODERN)), "{answer}");
            return answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"].clone();
        }
        let params = json!({ "protocolVersion": self.revision, "capabilities": {},
                             "clientInfo": { "name": "it", "version": "1" } });
        let answer = self.rpc("initialize", params);
        assert_eq!(answer["result"]["protocolVersion"], self.revision, "{answer}");
        let noted = self.answer(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assert_eq!((noted.status, noted.text().as_str()), (202, ""));
        answer["result"]["serverInfo"].clone()
    }

    /// Headers and body of a request in this revision.
    pub fn request(&self, method: &str, mut params: Value) -> (Vec<(String, String)>, Value) {
        let mut headers = self.headers.clone();
        if self.revision == MODERN {
            headers.push(("mcp-method".into(), method.into()));
            if let Some(name) = params["name"].as_str() {
                headers.push(("mcp-name".into(), name.into()));
            }
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientInfo": { "name": "it", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        if self.revision != PLAIN && method != "initialize" {
            headers.push(("mcp-protocol-version".into(), self.revision.into()));
        }
        (headers, json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
    }

    /// The whole reply to a request.
    pub fn rpc(&self, method: &str, params: Value) -> Value {
        let (headers, body) = self.request(method, params);
        self.exchange(&headers, &body).unwrap().json()
    }

    /// The answer to a message with this client's own headers alone.
    pub fn answer(&self, message: &Value) -> Answer {
        self.exchange(&self.headers, message).unwrap()
    }

    pub fn exchange(&self, headers: &[(String, String)], message: &Value) -> io::Result<Answer> {
        self.on(&mut Wire::connect(self.addr)?, headers, message)
    }

    pub fn on(&self, wire: &mut Wire, headers: &[(String, String)], message: &Value) -> io::Result<Answer> {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        wire.send("POST", &self.path, &all, message.to_string().as_bytes())
    }

    /// What the tool said, failures of its own included.
    pub fn call(&self, tool: &str, arguments: Value) -> Value {
        let mut answer = self.rpc("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].take()
    }

    pub fn tools(&self) -> Vec<String> {
        let answer = self.rpc("tools/list", json!({}));
        let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// The text a model reads.
pub fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}"))
}
