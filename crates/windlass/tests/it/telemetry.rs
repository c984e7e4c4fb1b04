//! Traces reach a collector, and continue the trace the client began.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
};

use serde_json::json;

use crate::house::{PATIENCE, Plan, SHELL};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// An OTLP collector: passes on path and body of each request.
fn collector() -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (heard, requests) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).is_ok_and(|read| read > 0) {}
            let length =
                head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).unwrap();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            if heard.send((path, body)).is_err() {
                return;
            }
        }
    });
    (address, requests)
}

#[test]
fn a_call_is_a_span_of_the_clients_trace() {
    let (collector, requests) = collector();
    let yaml = format!("telemetry: {{ otlp_endpoint: \"{collector}\" }}\n{SHELL}");
    let house = Plan::yaml(&yaml).env("WINDLASS_TRANSPORT", "http").start();
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "run_command", "arguments": { "command": "echo traced" } } });
    let traceparent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let answer = house.post(&call.to_string(), &[("traceparent", &traceparent)]);
    assert_eq!(answer.status, 200, "{answer:?}");
    // What is left to send is sent before the process ends.
    house.stop();
    let (path, body) = requests.recv_timeout(PATIENCE).unwrap();
    assert_eq!(path, "/v1/traces");
    let holds = |bytes: &[u8]| body.windows(bytes.len()).any(|window| window == bytes);
    let trace: Vec<u8> = (0..16).map(|i| u8::from_str_radix(&TRACE[2 * i..2 * i + 2], 16).unwrap()).collect();
    assert!(holds(&trace), "the span belongs to another trace");
    for attribute in ["tools/call run_command", "gen_ai.tool.name", "execute_tool", "mcp.method.name"] {
        assert!(holds(attribute.as_bytes()), "the span lacks {attribute}");
    }
    assert!(!holds(b"echo traced"), "arguments do not belong into traces");
}
